import { expect, it } from 'vitest';
import { api, expectAccessible, idle, openMap, useBrowser } from './browser';
import { runOf, taken } from './steps';

useBrowser();

/** Hot spots of casework in the villages over a period. */
const run = (from: string, to: string): Promise<string> =>
  runOf({ method: 'hotspots', indicator: 'casework', level: 'villages', from, to });

/** What the log says was taken away of a run, the newest first. */
async function takenOf(run: string): Promise<string[]> {
  const log = await api<{ rows: { action: string; detail: Record<string, unknown> }[] }>(
    '/api/audit?action=export',
    {},
    'auditor',
  );
  return log.rows.filter(({ detail }) => detail.run === run).map(({ detail }) => `${detail.what} ${detail.form}`);
}

it('map and table of a result are taken away, and the log says so', async () => {
  const id = await run('2023-01', '2025-12');
  const { page, complaints } = await openMap(`#panel=analysis&run=${id}`);
  const png = await taken(page, 'PNG 图片');
  expect(png.name).toMatch(/^wangge-hotspots-villages-.*\.png$/);
  expect([...png.bytes.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  const [width, height] = [png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)];
  expect([width, height].sort((a, b) => a - b)).toEqual([1588, 2246]);
  const pdf = (await taken(page, 'PDF（一页 A4）')).bytes.toString('latin1');
  expect(pdf.startsWith('%PDF-1.4')).toBe(true);
  expect(pdf).toMatch(/\/MediaBox \[0 0 (595\.5 842\.25|842\.25 595\.5)\]/);
  const csv = (await taken(page, 'CSV 表')).bytes.toString('utf8');
  expect(csv.startsWith('\ufeffcode,name,town,class,class_title,')).toBe(true);
  expect((await taken(page, 'Excel 工作簿')).bytes.subarray(0, 2).toString()).toBe('PK');
  expect(await takenOf(id)).toEqual([
    'analysis-table xlsx',
    'analysis-table csv',
    'analysis-map pdf',
    'analysis-map png',
  ]);
  expect(complaints).toEqual([]);
});

it('two results are compared with a line that keys and the pointer move', async () => {
  const [shown, against] = [await run('2024-01', '2025-12'), await run('2022-01', '2023-12')];
  const { page, complaints } = await openMap(`#run=${shown}`);
  await page.goto(`${page.url().split('#')[0]}#panel=analysis&run=${shown}&against=${against}`);
  await page.waitForSelector('.compare-map[aria-busy=false]');
  const line = page.getByRole('slider', { name: '左右分隔线' });
  const at = async () => Number(await line.getAttribute('aria-valuenow'));
  const before = await at();
  await line.press('PageDown');
  expect(await at()).toBeLessThan(before);
  await line.press('Home');
  expect(await at()).toBe(Number(await line.getAttribute('aria-valuemin')));
  const box = await line.boundingBox();
  if (box === null) throw new Error('no line');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 100, y, { steps: 4 });
  await page.mouse.up();
  expect(await at()).toBe(Math.round(((x + 100) / 1440) * 100));
  await expectAccessible(page, 'two results compared');
  const png = await taken(page, 'PNG 图片');
  const short = (id: string) => id.slice(0, 8);
  expect(png.name).toMatch(
    new RegExp(`^wangge-hotspots-villages-${short(shown)}-vs-hotspots-villages-${short(against)}-[-0-9]+\\.png$`),
  );
  const sides = [png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)];
  expect(sides.sort((a, b) => a - b)).toEqual([1588, 2246]);
  expect(await takenOf(shown)).toEqual(['analysis-map png']);
  expect(await takenOf(against)).toEqual(['analysis-map png']);
  await idle(page); // both maps are as they were
  await page.getByRole('button', { name: '结束对比' }).click();
  await expect.poll(() => page.url()).not.toContain('against');
  expect(await page.locator('.compare-map').count()).toBe(0);
  expect(complaints).toEqual([]);
});
