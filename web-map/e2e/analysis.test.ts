// The analysis workspace: a question, its run, the map and the table of what came out of it.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { AnalysisCatalogue, AnalysisResult } from '../src/api/types';
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

/** Opens the form by its key. */
async function openForm(page: Page): Promise<void> {
  await page.keyboard.press('a');
  await page.getByRole('radio', { name: /哪里比偶然更集中/ }).waitFor({ state: 'attached', ...patience });
}

/** Asks for hot spots of findings of all times, every one that is significant by itself, and waits for the result. */
async function askHotspots(page: Page): Promise<{ id: string; result: AnalysisResult }> {
  await openForm(page);
  await page.getByLabel('看什么').selectOption('findings');
  await page.locator('.period-fields').getByRole('button', { name: '全部' }).click();
  await page.getByText('高级选项').click();
  await page.getByRole('switch', { name: /错误发现率/ }).uncheck();
  await page.getByRole('button', { name: '开始分析' }).click();
  await page.locator('.ranking').waitFor(patience);
  await idle(page);
  const id = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('run') ?? '';
  return { id, result: await api<AnalysisResult>(`/api/analysis/runs/${id}/result`) };
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

it('asks for hot spots of findings, and colours the map by their classes', async () => {
  const { page, complaints } = await openMap(district);
  await openForm(page);
  await expectAccessible(page, 'the form');
  await page.keyboard.press('Escape');
  const { result } = await askHotspots(page);
  expect(result.request).toMatchObject({ method: 'hotspots', indicator: 'findings', correct: false });
  const { classes } = await api<AnalysisCatalogue>('/api/analysis/catalogue');
  const hot = result.legend.find(({ id, n }) => id.startsWith('hot') && n > 0);
  if (hot === undefined) throw new Error('the demo has no hot spot of findings');
  const color = classes.find(({ id }) => id === hot.id)?.light ?? '';
  const screen = await pixels(page, mapOnly);
  expect(countColor(screen, color)).toBeGreaterThan(50);
  await page.getByText('斜线：检验后不显著').waitFor();
  await expectAccessible(page, 'the result');

  await page.locator('.legend-card .entry', { hasText: hot.title.zh }).click();
  expect(page.url()).toContain(`pick=${hot.id}`);
  await page.waitForFunction((n) => document.querySelectorAll('.ranking tbody tr').length === n, hot.n);
  await page.reload(); // the address alone brings everything back
  await page.locator('.ranking tbody tr').first().waitFor(patience);
  await idle(page);
  expect(await page.locator('.ranking tbody tr').count()).toBe(hot.n);
  expect(countColor(await pixels(page, mapOnly), color)).toBeGreaterThan(50);
  await page.getByRole('button', { name: '关闭' }).first().click();
  await page.locator('.legend-card').getByRole('button', { name: '从地图上移除' }).click();
  await idle(page);
  expect(page.url()).not.toContain('run=');
  await page.getByLabel('指标').waitFor();
  expect(complaints).toEqual([]);
});

it('ties the table and the map both ways, and says why a unit is as it is', async () => {
  const { page, complaints } = await openMap(district);
  const { result } = await askHotspots(page);
  const rows = page.locator('.ranking tbody tr');

  await page.locator('.ranking h3').hover();
  await idle(page);
  const before = countColor(await pixels(page, mapOnly), '#000000');
  await rows.first().hover();
  await page.waitForTimeout(300); // a frame of the map, which is never busy for it
  await idle(page);
  expect(countColor(await pixels(page, mapOnly), '#000000')).toBeGreaterThan(before);

  const at = await placeInView(page);
  await page.mouse.click(at.x, at.y);
  const current = page.locator('.ranking tr[aria-current]');
  await current.waitFor(patience);
  const code = await current.getAttribute('data-code');
  expect(decodeURIComponent(page.url())).toContain(`at=grids:${code}`);
  const box = await page.locator('.ranking .ranking-box').boundingBox();
  const row = await current.boundingBox();
  if (box === null || row === null) throw new Error('the row is not drawn');
  expect(row.y).toBeGreaterThanOrEqual(box.y - 1); // scrolled to within the table
  expect(row.y + row.height).toBeLessThanOrEqual(box.y + box.height + 1);
  const unit = result.units.find((u) => u.code === code);
  const why = page.locator('.why-unit');
  await why.getByText(unit?.name ?? '', { exact: true }).waitFor();
  expect(await why.locator('.why-figures > div').count()).toBe(result.columns.length);
  await why.getByText(/\d+ 个邻居|没有邻居/).waitFor();
  await expectAccessible(page, 'a unit of the result');

  const view = new URL(page.url()).hash;
  await rows.first().getByRole('button').click();
  await page.waitForFunction((hash) => location.hash !== hash && location.hash.includes('at=grids'), view, patience);
  await idle(page);
  expect(await rows.first().getAttribute('aria-current')).toBe('true');
  expect(complaints).toEqual([]);
});

it('shows how far a run is, ends it, and finds it in the history', async () => {
  const { page, complaints } = await openMap(district);
  await openForm(page);
  await page.getByLabel('看什么').selectOption('findings');
  await page.locator('.period-fields').getByRole('button', { name: '全部' }).click();
  await page.locator('.analysis-ask').getByText('六边形', { exact: true }).click();
  await page.getByText('高级选项').click();
  await page.getByRole('switch', { name: /错误发现率/ }).uncheck();
  await page.getByLabel('p 值如何得出').selectOption('permutation'); // exact p would be there at once
  await page.getByLabel('模拟次数').fill('99999'); // of thousands of units: slow
  await page.keyboard.press('Control+Enter');
  await page.getByRole('progressbar').waitFor(patience);
  await page.locator('.sending').getByRole('button', { name: '取消' }).click();
  await page.getByText('这次分析已取消').waitFor(patience);
  await page.getByText('历史', { exact: true }).click();
  const newest = page.locator('.runs li').first();
  await newest.getByText('已取消').waitFor(patience);
  await expectAccessible(page, 'the history');
  await newest.getByRole('button').first().click();
  await page.getByText('这次分析已取消').waitFor(patience);
  expect(complaints).toEqual([]);
});

it('is for nobody else', async () => {
  const { page } = await openMap(`${district}&panel=analysis`, { as: 'patrol' });
  await page.getByText(/您的角色没有“统计分析”的权限/).waitFor();
  expect(await page.getByRole('button', { name: '统计分析' }).count()).toBe(0);
});

it('is a sheet on a phone', async () => {
  const { page, complaints } = await openMap(`${district}&panel=analysis`, { phone: true });
  await page.getByRole('radio', { name: /哪里比偶然更集中/ }).waitFor({ state: 'attached', ...patience });
  const sheet = await page.locator('.drawer').boundingBox();
  expect(sheet?.width).toBe(390);
  expect(sheet?.y).toBeGreaterThan(300); // the map stays in view
  await page.getByRole('button', { name: '开始分析' }).click();
  await page.locator('.ranking').waitFor(patience);
  await idle(page);
  await expectAccessible(page, 'the result on a phone');
  expect(complaints).toEqual([]);
});
