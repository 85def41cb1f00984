import { expect, it } from 'vitest';
import { openMap, useBrowser, villagePoints } from './browser';

useBrowser();

const village = villagePoints().get('四滧村村委会');
const row = (id: string, day: string, kind = 'tipoff', lon = village?.lon, lat = village?.lat) =>
  `${id},${kind},${day},${lon},${lat}`;
const csv = (...rows: string[]) => ({
  name: 'cases.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from(['id,kind,date,lon,lat', ...rows].join('\n')),
});

it('reports bad rows by row and column, stores nothing before the commit, and draws the extent', async () => {
  const { page } = await openMap('#show=none&panel=import', { as: 'grid-admin' });
  await page
    .locator('input[type=file]')
    .setInputFiles(
      csv(
        row('e2e-1', '2026-03-01'),
        row('e2e-2', '2026-03-02', 'tipoff', (village?.lon ?? 0) + 0.02, village?.lat),
        row('e2e-3', '2099-01-01'),
        row('e2e-4', '2026-03-04', 'tipoff', 100, 20),
        row('e2e-5', 'not a day'),
      ),
    );
  await page.getByRole('button', { name: '检查文件' }).click();
  await page.getByRole('heading', { name: '检查结果（尚未保存）' }).waitFor();
  const table = page.getByRole('table');
  const text = (await table.textContent()) ?? '';
  for (const value of ['2099-01-01', 'not a day']) expect(text).toContain(value);
  expect(await table.locator('tbody tr').count()).toBeGreaterThanOrEqual(3);
  expect(await page.locator('.figure', { hasText: '拒绝' }).locator('dd').textContent()).toBe('3');
  expect(await page.locator('.figure', { hasText: '可接受' }).locator('dd').textContent()).toBe('2');
  const discarded = page.waitForRequest((r) => r.method() === 'DELETE' && r.url().includes('/api/imports/'));
  await page.getByRole('button', { name: '取消' }).click();
  await discarded;
  expect(await page.getByRole('button', { name: '检查文件' }).isVisible()).toBe(true);
});

// New ids: what is stored already would change nothing.
it('commits a clean file and refreshes the map', async () => {
  const { page, requests } = await openMap('#show=heat&level=none&panel=import', { as: 'grid-admin' });
  await page
    .locator('input[type=file]')
    .setInputFiles(csv(row(`e2e-${Date.now()}-a`, '2026-03-01'), row(`e2e-${Date.now()}-b`, '2026-03-02')));
  await page.getByRole('button', { name: '检查文件' }).click();
  const before = requests.length;
  await page.getByRole('button', { name: '保存 2 行' }).click({ timeout: 20_000 });
  await page.getByRole('heading', { name: '已保存' }).waitFor();
  await expect
    .poll(() => requests.slice(before).some((url) => url.includes('/api/heat/values')), { timeout: 15_000 })
    .toBe(true);
  await page.getByRole('button', { name: '再导入一个文件' }).click();
  expect(await page.getByText('拖入文件，或点击选择').isVisible()).toBe(true);
});

it('shows that a file with personal columns is refused, and offers no commit', async () => {
  const { page } = await openMap('#show=none&panel=import', { as: 'grid-admin' });
  const buffer = Buffer.from(
    `id,kind,date,lon,lat,身份证号\n1,tipoff,2026-03-01,${village?.lon},${village?.lat},310230199001011234\n`,
  );
  await page.locator('input[type=file]').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer });
  await page.getByRole('button', { name: '检查文件' }).click();
  const refusal = page.getByRole('alert');
  await refusal.waitFor();
  expect(await refusal.textContent()).toContain('身份证');
  expect(await page.getByRole('button', { name: /保存 \d+ 行/ }).count()).toBe(0);
});
