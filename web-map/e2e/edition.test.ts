// An analysis on the grids of an older edition: the form, the map with that edition's outlines, the table with what is interpolated.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { AnalysisResult, Meta } from '../src/api/types';
import { ramp } from '../src/map/analysis';
import {
  api,
  countColor,
  expectAccessible,
  idle,
  openMap,
  pixelOf,
  pixels,
  useBrowser,
  villagePoints,
} from './browser';

useBrowser();

const patience = { timeout: 60_000 };
const district = '#map=10.2/31.62/121.45&show=none';
const mapOnly = { x: 330, y: 60, width: 520, height: 500 }; // what no panel covers on a desktop

type Answer = { result: AnalysisResult; older: Meta['editions'][number] };

/** Asks a question on the first edition that is not on the map. */
async function askOlder(page: Page, question: RegExp): Promise<Answer> {
  const { editions } = await api<Meta>('/api/meta');
  const older = editions.find(({ state }) => state === 'superseded');
  if (older === undefined) throw new Error('the demo has no older edition of the grids');
  await page.keyboard.press('a');
  const method = page.getByRole('radio', { name: question });
  await method.waitFor({ state: 'attached', ...patience });
  await method.check({ force: true });
  await page.locator('.analysis-ask').getByText('村居', { exact: true }).click();
  expect(await page.getByLabel('网格版本').count()).toBe(0); // an edition is of grids
  await page.locator('.analysis-ask').getByText('网格', { exact: true }).click();
  await page.getByLabel('网格版本').selectOption(older.id);
  await page.getByText(/切分之处标为插值/).waitFor();
  await expectAccessible(page, 'the form with an edition');
  await page.getByRole('button', { name: '开始分析' }).click();
  await page.locator('.ranking').waitFor(patience);
  await idle(page);
  const id = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('run') ?? '';
  return { result: await api<AnalysisResult>(`/api/analysis/runs/${id}/result`), older };
}

/** A pixel of the map that lies well inside of a village, and below no panel. */
async function placeInView(page: Page): Promise<{ x: number; y: number }> {
  for (const { lon, lat } of villagePoints().values()) {
    const at = await pixelOf(page, lon, lat);
    const inside = (v: number, from: number, length: number) => v > from + 40 && v < from + length - 40;
    if (inside(at.x, mapOnly.x, mapOnly.width) && inside(at.y, mapOnly.y, mapOnly.height)) return at;
  }
  throw new Error('no village of the demo is in view');
}

it('is asked for, drawn, and tied to its table on the grids of an older edition', async () => {
  const { page, complaints } = await openMap(district);
  const { result, older } = await askOlder(page, /去掉偶然起伏后/);
  const other = result.other_edition;
  if (other === undefined) throw new Error('the result is of the edition on the map');
  expect(other).toMatchObject({ id: older.id, name: older.name });
  expect(result.units.length).toBe(older.grids);
  expect(other.units).toBeGreaterThan(0);
  expect(other.units).toBeLessThan(older.grids);

  const said = `网格版本 ${older.name}，${other.units} 个单元为插值（≈）`;
  await page.locator('.legend-card').getByText(said).waitFor();
  const classes = result.legend.filter(({ id }) => /^q\d$/.test(id));
  const most = ramp(classes.length, 'light').at(-1) ?? '';
  expect(countColor(await pixels(page, mapOnly), most)).toBeGreaterThan(50);

  const interpolated = result.units.find((u) => u.interpolated);
  const exact = result.units.find((u) => !u.interpolated);
  await page.getByRole('button', { name: /显示全部/ }).click();
  const figures = (code: string | undefined) => page.locator(`.ranking tr[data-code="${code}"] abbr`);
  expect(await figures(interpolated?.code).first().getAttribute('title')).toContain('插值');
  expect(await figures(interpolated?.code).count()).toBeGreaterThan(0);
  expect(await figures(exact?.code).count()).toBe(0);
  await expectAccessible(page, 'the result on an older edition');

  await page.locator('.ranking h3').hover();
  await idle(page);
  const before = countColor(await pixels(page, mapOnly), '#000000');
  await page.locator('.ranking tbody tr').first().hover(); // the outline on the map
  await page.waitForTimeout(300); // a frame of the map, which is never busy for it
  await idle(page);
  expect(countColor(await pixels(page, mapOnly), '#000000')).not.toBe(before);

  const at = await placeInView(page);
  await page.mouse.move(at.x, at.y);
  await page
    .locator('.preview')
    .getByText(/平滑密度/)
    .waitFor(patience);
  await page.mouse.click(at.x, at.y);
  const current = page.locator('.ranking tr[aria-current]');
  await current.waitFor(patience);
  const code = await current.getAttribute('data-code');
  const unit = result.units.find((u) => u.code === code);
  expect(decodeURIComponent(page.url())).toContain(`at=unit:${older.id}:${code}`);
  await page
    .locator('.why-unit')
    .getByText(unit?.name ?? '', { exact: true })
    .waitFor();

  await page.reload(); // the address alone brings everything back
  await page.locator('.legend-card').getByText(said).waitFor(patience);
  await current.waitFor(patience);
  expect(await current.getAttribute('data-code')).toBe(code);
  await idle(page);
  expect(countColor(await pixels(page, mapOnly), most)).toBeGreaterThan(50);
  const view = new URL(page.url()).hash;
  await page.locator('.ranking tbody tr').first().getByRole('button').click(); // to where it lies
  await page.waitForFunction(
    (hash) => new URLSearchParams(location.hash.slice(1)).get('map') !== new URLSearchParams(hash.slice(1)).get('map'),
    view,
    patience,
  );
  await idle(page);

  await page.getByRole('button', { name: '关闭' }).first().click();
  await page.locator('.legend-card').getByRole('button', { name: '从地图上移除' }).click();
  await idle(page);
  await page.getByLabel('指标').waitFor();
  expect(complaints).toEqual([]);
});

it('weighs the grids of an older edition, and says what each value is made of', async () => {
  const { page, complaints } = await openMap(district);
  const { result, older } = await askOlder(page, /先去哪里/);
  expect(result.units.length).toBe(older.grids);
  expect(result.other_edition?.units).toBeGreaterThan(0);
  const first = page.locator('.ranking tbody tr').first();
  const code = await first.getAttribute('data-code');
  const unit = result.units.find((u) => u.code === code);
  await first.getByRole('button').click();
  const why = page.locator('.why-unit');
  await why.getByText(unit?.name ?? '', { exact: true }).waitFor(patience);
  for (const { title } of unit?.parts ?? []) await why.getByText(title.zh).first().waitFor();
  expect(unit?.parts?.length).toBe(5);
  await expectAccessible(page, 'the index on an older edition');
  expect(complaints).toEqual([]);
});
