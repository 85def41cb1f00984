import { expect, it } from 'vitest';
import type { Hit } from '../src/api/types';
import { api, idle, openMap, pixelOf, useBrowser, villagePoints } from './browser';

useBrowser();

const villages = villagePoints();

it.each(['四滧村村委会', '滧东村村委会', '南门居委会'])('a click names the village: %s', async (name) => {
  const village = villages.get(name);
  if (village === undefined) throw new Error(`${name} is not in the demo`);
  const { page } = await openMap(`#map=13/${village.lat + 0.004}/${village.lon - 0.004}&show=none`);
  const at = await pixelOf(page, village.lon, village.lat);
  await page.mouse.click(at.x, at.y);
  const panel = page.locator('.drawer');
  await panel.getByRole('heading', { level: 2, name }).waitFor();
  expect(await panel.getByRole('row', { name: /案件密度/ }).isVisible()).toBe(true);
  expect(await panel.getByRole('img', { name: /各因子得分/ }).count()).toBeGreaterThan(0);
  expect(page.url()).toContain('at=point:');
  await page.keyboard.press('Escape');
  expect(await panel.count()).toBe(0);
});

it('explains a risk value: the points of its parts add up to it', async () => {
  const village = villages.get('南门居委会');
  const { page } = await openMap(`#at=point:${village?.lon},${village?.lat}&show=none&lang=en`);
  const risk = page.locator('.risk').first();
  await risk.waitFor();
  const points = (await risk.locator('tbody td:last-child').allTextContents()).map(Number);
  const value = Number(await risk.locator('.risk-value strong').textContent());
  expect(points.length).toBeGreaterThan(3);
  expect(Math.abs(points.reduce((a, b) => a + b, 0) - value)).toBeLessThan(0.2);
});

it('previews what is under the pointer', async () => {
  const village = villages.get('四滧村村委会');
  if (village === undefined) throw new Error('the village is not in the demo');
  const { page } = await openMap(`#map=13/${village.lat}/${village.lon}&show=none&level=villages`);
  const at = await pixelOf(page, village.lon, village.lat);
  await page.mouse.move(at.x - 3, at.y);
  await page.mouse.move(at.x, at.y);
  await page.locator('.preview', { hasText: '四滧村' }).waitFor();
});

it('says so when a place is outside the district', async () => {
  const { page } = await openMap('#at=point:121.0,31.0&show=none');
  await page.locator('.drawer').getByText('此点不在本区范围内').waitFor();
});

it('searches for 滧 by keyboard alone, and flies there', async () => {
  const { page } = await openMap('#show=none');
  await page.keyboard.press('/');
  await page.keyboard.type('滧');
  await page.locator('.answer-name').first().waitFor();
  const names = await page.locator('.answer-name').allTextContents();
  expect(names.length).toBeGreaterThanOrEqual(9);
  for (const name of names) expect(name).toContain('滧');
  await page.keyboard.press('ArrowDown');
  const chosen = names[1] ?? '';
  expect(await page.locator('.answers [aria-selected=true]').textContent()).toContain(chosen);
  await page.keyboard.press('Enter');
  await page.locator('.drawer').getByRole('heading', { level: 2, name: chosen }).waitFor();
  await idle(page);
  const { hits } = await api<{ hits: Hit[] }>(`/api/search?q=${encodeURIComponent(chosen)}`);
  const at = await pixelOf(page, hits[0]?.lon ?? 0, hits[0]?.lat ?? 0);
  expect(at.x).toBeGreaterThan(0);
  expect(at.x).toBeLessThan(1440);
  expect(at.y).toBeGreaterThan(0);
  expect(at.y).toBeLessThan(900);
});

it('finds codes and coordinates, and says when nothing is found', async () => {
  const { page } = await openMap('#show=none');
  const search = page.getByRole('combobox', { name: '搜索名称、代码或坐标' });
  await search.fill('310151102216');
  await page.getByRole('option', { name: /四滧村/ }).waitFor();
  await search.fill('121.5, 31.6');
  await page.getByRole('option', { name: /坐标/ }).waitFor();
  await search.fill('没有这个地方');
  await page.getByText('没有找到').waitFor();
  await page.keyboard.press('Escape');
  expect(await page.getByText('没有找到').count()).toBe(0);
});

it('can be walked by keyboard alone: map, crosshair, panel', async () => {
  const { page } = await openMap('#map=12/31.62/121.5&show=none');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter'); // the link that skips to the map
  expect(await page.evaluate(() => document.activeElement?.className)).toContain('maplibregl-canvas');
  expect(await page.locator('.crosshair').isVisible()).toBe(true);
  await page.keyboard.press('ArrowRight');
  await idle(page);
  await page.keyboard.press('Enter');
  await page.locator('.drawer .risk-value').first().waitFor();
  expect(page.url()).not.toContain('map=12.00/31.62000/121.50000');
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: '帮助与快捷键' }).waitFor();
  await page.getByRole('switch', { name: /单键快捷键/ }).uncheck();
  await page.keyboard.press('l');
  expect(await page.getByRole('heading', { name: '图层', exact: true }).count()).toBe(0);
});
