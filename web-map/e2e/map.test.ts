import { expect, it } from 'vitest';
import type { Legend } from '../src/api/types';
import { api, base, countColor, idle, openMap, type Pixels, pixels, useBrowser } from './browser';

useBrowser();

const legendOf = (query = '') => api<Legend>(`/api/legend?level=grids&indicator=risk${query}`);

it('opens on the district, coloured by risk, without a complaint and without asking another host', async () => {
  const { page, requests, complaints } = await openMap();
  const screen = await pixels(page);
  for (const entry of (await legendOf()).classes) {
    if (entry.count > 20) expect(countColor(screen, entry.color), entry.color).toBeGreaterThan(500);
  }
  expect(await page.title()).toContain('崇明区');
  expect(await page.getByText('合成数据 Synthetic demo data').isVisible()).toBe(true);
  expect(await page.getByText('© OpenStreetMap contributors').isVisible()).toBe(true);
  expect(complaints).toEqual([]);
  const foreign = requests.filter((url) => !url.startsWith(base.origin) && !/^(blob|data):/.test(url));
  expect(foreign).toEqual([]);
});

it('shows the counts of the legend, and filters the map to an entry', async () => {
  const { page } = await openMap('#show=none');
  const { classes } = await legendOf();
  const [first, last] = [classes[0], classes.at(-1)];
  if (first === undefined || last === undefined) throw new Error('the demo has no classes');
  const entry = page.getByRole('button', { name: new RegExp(`^${first.label}\\s*${first.count}$`) });
  const map = { x: 330, y: 60, width: 980, height: 600 };
  const before = await pixels(page, map);
  await entry.click();
  await idle(page);
  const after = await pixels(page, map);
  expect(await entry.getAttribute('aria-pressed')).toBe('true');
  expect(page.url()).toContain('pick=0');
  expect(countColor(after, first.color)).toBeGreaterThan(countColor(before, first.color) * 0.9);
  expect(countColor(before, last.color)).toBeGreaterThan(1000);
  expect(countColor(after, last.color)).toBeLessThan(countColor(before, last.color) * 0.02);
  await page.getByRole('button', { name: '显示全部' }).click();
  await idle(page);
  expect(countColor(await pixels(page, map), last.color)).toBeGreaterThan(1000);
});

it('changes level, indicator, method and number of classes', async () => {
  const { page } = await openMap('#show=none');
  await page.getByText('村居', { exact: true }).click();
  await page.getByLabel('指标').selectOption({ label: '无毒村居状态' });
  await page.getByRole('button', { name: /^示范/ }).waitFor();
  await idle(page);
  const status = await api<Legend>('/api/legend?level=villages&indicator=status');
  const model = status.classes.find((c) => c.value === 'model');
  expect(countColor(await pixels(page), model?.color ?? '')).toBeGreaterThan(200);

  await page.getByText('乡镇', { exact: true }).click(); // status is of villages alone: the first indicator steps in
  await page.getByText('分级方法').click();
  await page.getByLabel('方法').selectOption('equal');
  await page.getByLabel('级数').selectOption('4');
  const equal = await api<Legend>('/api/legend?level=towns&indicator=risk&method=equal&classes=4');
  await page.getByRole('button', { name: new RegExp(`^${equal.classes[3]?.label}`) }).waitFor();
  expect(page.url()).toContain('method=equal');
  await page.getByLabel('方法').selectOption('manual');
  await page.getByLabel('分界值').fill('5, 20');
  await page.getByLabel('分界值').press('Enter');
  const manual = await api<Legend>('/api/legend?level=towns&indicator=risk&method=manual&breaks=5,20');
  await page.getByRole('button', { name: new RegExp(`^${manual.classes[1]?.label}`) }).waitFor();
  expect(page.url()).toContain('breaks=5,20');
});

const middle = { x: 330, y: 60, width: 980, height: 600 };
const differ = (a: Pixels, b: Pixels) => a.data.some((value, i) => Math.abs(value - (b.data[i] ?? 0)) > 40);
const toServer = (urls: readonly string[]) => urls.filter((url) => url.startsWith(base.origin));
const forValues = (urls: readonly string[]) => urls.filter((url) => url.includes('/api/heat/values'));

it('follows the finger over the period bar: one question when it comes down, and no tile', async () => {
  const { page, requests } = await openMap('#level=none&show=heat');
  const whole = await pixels(page, middle);
  const bar = page.getByRole('slider', { name: /时段/ });
  const box = await bar.boundingBox();
  if (box === null) throw new Error('the period bar is not on the screen');
  const asked = requests.length;
  await page.mouse.move(box.x + box.width * 0.3, box.y + 20);
  await page.mouse.down();
  await expect.poll(() => forValues(requests.slice(asked)).length).toBe(1);
  await idle(page);
  const month = await pixels(page, middle);
  expect(differ(whole, month)).toBe(true);

  const inMemory = requests.length;
  await page.mouse.move(box.x + box.width * 0.55, box.y + 20, { steps: 10 });
  await idle(page);
  const range = await pixels(page, middle); // the pointer is still down
  expect(differ(month, range)).toBe(true);
  await page.mouse.move(box.x + box.width * 0.1, box.y + 20, { steps: 10 });
  await idle(page);
  expect(differ(range, await pixels(page, middle))).toBe(true);
  expect(toServer(requests.slice(inMemory))).toEqual([]);
  expect(page.url()).not.toContain('period=');

  await page.mouse.up();
  await idle(page);
  const [, from, to] = /period=(\d{4}-\d\d)\.\.(\d{4}-\d\d)/.exec(page.url()) ?? [];
  expect(from && to && from < to).toBe(true);
  expect(toServer(requests.slice(inMemory)).some((url) => url.includes('level=heat') && url.includes(`to=${to}`))).toBe(
    true, // the legend follows
  );
  expect(forValues(requests.slice(asked))).toHaveLength(1);
  expect(requests.slice(asked).filter((url) => url.includes('/tiles/'))).toEqual([]);
});

it('small moves of the map ask for no values, another zoom does', async () => {
  const { page, requests } = await openMap('#map=11.3/31.62/121.5&level=none&show=heat');
  const asked = requests.length;
  const view = (zoom: number, lon: number) =>
    page.evaluate((hash) => location.replace(hash), `#map=${zoom}/31.62/${lon}&level=none&show=heat`);
  await view(11.3, 121.501);
  await idle(page);
  expect(forValues(requests.slice(asked))).toEqual([]);
  await view(12.3, 121.501);
  await expect.poll(() => forValues(requests.slice(asked)).some((url) => url.includes('z=12'))).toBe(true);
});

it('moves the period by keys, by year, by preset and by kind', async () => {
  const { page, requests } = await openMap('#level=none&show=heat&period=2024-01..2024-03');
  const bar = page.getByRole('slider', { name: /时段/ });
  const text = () => bar.getAttribute('aria-valuetext');
  await bar.focus();
  await page.keyboard.press('ArrowRight');
  expect(await text()).toBe('2024年2月 – 2024年4月');
  await page.keyboard.press('Shift+ArrowRight');
  expect(await text()).toBe('2024年2月 – 2024年5月');
  await page.getByRole('button', { name: '选择 2023 年' }).click();
  expect(await text()).toBe('2023年1月 – 2023年12月');
  await page.getByRole('button', { name: '近 12 个月' }).click();
  expect(page.url()).toMatch(/period=\d{4}-\d\d\.\.\d{4}-\d\d/);
  await page.getByRole('button', { name: '举报线索' }).click();
  await idle(page);
  expect(forValues(requests).some((url) => url.includes('kind=tipoff'))).toBe(true);
  expect(requests.some((url) => url.includes('/tiles/') && /from=|kind=/.test(url))).toBe(false);
  await page.getByRole('button', { name: '播放' }).click();
  const before = await text();
  await page.waitForFunction(
    (old) => document.querySelector('.histogram')?.getAttribute('aria-valuetext') !== old,
    before,
  );
  await page.getByRole('button', { name: '暂停' }).click();
  const [from = ''] = /(?<=period=)\d{4}-\d\d/.exec(page.url()) ?? [];
  expect((await text())?.startsWith(`${from.slice(0, 4)}年${Number(from.slice(5))}月`)).toBe(true);
});

it('changes theme and language, and keeps both in the address', async () => {
  const { page } = await openMap('#show=none');
  const light = await pixels(page);
  await page.getByRole('button', { name: '深色主题' }).click();
  await page.getByRole('button', { name: 'EN English' }).click();
  await page.getByRole('button', { name: 'Show the whole district' }).waitFor();
  await idle(page);
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
  expect(page.url()).toContain('theme=dark');
  const dark = await pixels(page);
  const mean = (data: Uint8Array) => data.reduce((sum, v) => sum + v, 0) / data.length;
  expect(mean(dark.data)).toBeLessThan(mean(light.data) - 40);
  await page.reload();
  await idle(page);
  expect(await page.getByRole('button', { name: 'Light theme' }).isVisible()).toBe(true);
});

it('goes back and forward through what was chosen', async () => {
  const { page } = await openMap('#show=none');
  await page.getByText('乡镇', { exact: true }).click();
  await idle(page);
  await page.goBack();
  expect(await page.getByRole('radio', { name: '网格' }).isChecked()).toBe(true);
  await page.goForward();
  expect(await page.getByRole('radio', { name: '乡镇' }).isChecked()).toBe(true);
});

it('switches layers, with a legend of its own for the heat', async () => {
  const { page, requests } = await openMap('#show=none');
  await page.keyboard.press('l');
  for (const name of ['案件热图', '疑似点与地块', '调查完成率', '地名'])
    await page.getByRole('switch', { name }).check();
  await page.getByRole('region', { name: /热图/ }).waitFor();
  await idle(page);
  for (const layer of ['hexagons', 'findings', 'surveys', 'labels']) {
    expect(
      requests.some((url) => url.includes(`/tiles/${layer}/`)),
      layer,
    ).toBe(true);
  }
  expect(page.url()).toContain('show=heat,findings,surveys,labels');
});
