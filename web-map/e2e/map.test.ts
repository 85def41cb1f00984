import { expect, it } from 'vitest';
import type { Legend } from '../src/api/types';
import { api, base, countColor, idle, openMap, pixels, useBrowser } from './browser';

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

it('asks for other heat tiles when the period is dragged', async () => {
  const { page, requests } = await openMap('#level=none&show=heat');
  const before = await pixels(page, { x: 330, y: 60, width: 980, height: 600 });
  const bar = page.getByRole('slider', { name: /时段/ });
  const box = await bar.boundingBox();
  if (box === null) throw new Error('the period bar is not on the screen');
  const whole = await bar.getAttribute('aria-valuetext');
  await page.mouse.move(box.x + box.width * 0.3, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.45, box.y + 20, { steps: 5 });
  await page.mouse.up();
  await idle(page);
  expect(await bar.getAttribute('aria-valuetext')).not.toBe(whole);
  const [, from, to] = /period=(\d{4}-\d\d)\.\.(\d{4}-\d\d)/.exec(page.url()) ?? [];
  expect(from && to && from < to).toBe(true);
  expect(requests.some((url) => url.includes('/tiles/heat/') && url.includes(`from=${from}&to=${to}`))).toBe(true);
  const after = await pixels(page, { x: 330, y: 60, width: 980, height: 600 });
  expect(after.data.some((value, i) => Math.abs(value - (before.data[i] ?? 0)) > 40)).toBe(true);
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
  expect(requests.some((url) => url.includes('/tiles/heat/') && url.includes('kind=tipoff'))).toBe(true);
  await page.getByRole('button', { name: '播放' }).click();
  const before = await text();
  await page.waitForFunction(
    (old) => document.querySelector('.histogram')?.getAttribute('aria-valuetext') !== old,
    before,
  );
  await page.getByRole('button', { name: '暂停' }).click();
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
  for (const layer of ['heat', 'findings', 'surveys', 'labels']) {
    expect(
      requests.some((url) => url.includes(`/tiles/${layer}/`)),
      layer,
    ).toBe(true);
  }
  expect(page.url()).toContain('show=heat,findings,surveys,labels');
});
