import { expect, it } from 'vitest';
import { idle, openMap, pixelOf, useBrowser, villagePoints } from './browser';

useBrowser();

it('works on a phone: tabs, sheets, a tap on the map, marking at the crosshair', async () => {
  const village = villagePoints().get('四滧村村委会');
  if (village === undefined) throw new Error('the village is not in the demo');
  const { page, complaints } = await openMap(`#map=13/${village.lat}/${village.lon}&show=none`, { phone: true });
  for (const [tab, heading] of [
    ['图例', '图例'],
    ['时段', '时段'],
    ['图层', '图层'],
    ['更多', '更多'],
  ] as const) {
    await page.getByRole('navigation').getByRole('button', { name: tab }).tap();
    await page.locator('.drawer').getByRole('heading', { level: 2, name: heading }).waitFor();
  }
  await page.getByRole('button', { name: '深色主题' }).tap();
  await page.getByRole('button', { name: '关闭' }).tap();
  await idle(page);
  const at = await pixelOf(page, village.lon, village.lat);
  await page.touchscreen.tap(at.x, at.y);
  await page.locator('.drawer').getByRole('heading', { level: 2, name: '四滧村村委会' }).waitFor();
  await idle(page);
  const sheet = await page.locator('.drawer').boundingBox();
  expect(sheet?.y).toBeGreaterThan(844 * 0.4);
  expect(sheet?.width).toBe(390);

  await page.getByRole('button', { name: '标记' }).tap();
  await page.getByRole('button', { name: '取地图中心' }).tap();
  await page
    .getByText(/\d+\.\d+°N/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: '放弃' }).tap();
  expect(complaints).toEqual([]);
});
