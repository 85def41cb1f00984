import type { Request } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Finding, Meta, NewFinding } from '../src/api/types';
import { holds } from '../src/map/tiling';
import { api, countColor, idle, openMap, pixelOf, pixels, useBrowser, villagePoints } from './browser';

useBrowser();

const place = () => {
  const village = villagePoints().get('四滧村村委会');
  if (village === undefined) throw new Error('the village is not in the demo');
  return village;
};
const body = (request: Request) => request.postDataJSON() as NewFinding;

it('marks a point, shows it at once, and takes it back', async () => {
  const { lon, lat } = place();
  const { page } = await openMap(`#map=15/${lat}/${lon}&level=none&show=findings`);
  const spotted = (await api<Meta>('/api/meta')).finding_states.find((s) => s.id === 'spotted')?.color ?? '';
  const at = await pixelOf(page, lon, lat);
  const clip = { x: at.x - 100 - 16, y: at.y - 60 - 16, width: 32, height: 32 };
  expect(countColor(await pixels(page, clip), spotted)).toBe(0);

  await page.keyboard.press('m');
  await page.getByRole('heading', { name: '标记疑似点' }).waitFor();
  await page.mouse.click(at.x - 100, at.y - 60);
  await page.getByLabel('种类').selectOption('cannabis');
  await page.getByText('确定', { exact: true }).click();
  const posted = page.waitForRequest((r) => r.method() === 'POST' && r.url().endsWith('/api/findings'));
  await page.getByRole('button', { name: '保存标记' }).click();
  const { id } = body(await posted);
  await page.getByText('标记已保存').first().waitFor();
  await idle(page);
  expect(countColor(await pixels(page, clip), spotted)).toBeGreaterThan(30);
  expect(await api<Finding>(`/api/findings/${id}`)).toMatchObject({
    kind: 'cannabis',
    confidence: 3,
    state: 'spotted',
  });

  await page.mouse.click(at.x - 100, at.y - 60);
  await page.locator('.drawer').getByText('大麻').waitFor();
  expect(page.url()).toContain(`at=finding:${id}`);

  await page.getByRole('button', { name: '撤销' }).click();
  await page.getByText('标记已撤销').first().waitFor();
  await idle(page);
  expect(countColor(await pixels(page, clip), spotted)).toBe(0);
  expect((await api<Finding>(`/api/findings/${id}`)).state).toBe('dismissed');
});

it('draws a plot: undo a corner with Backspace, finish with Enter', async () => {
  const { lon, lat } = place();
  const { page } = await openMap(`#map=16/${lat}/${lon}&level=none&show=findings&panel=mark`);
  await page.getByText('地块', { exact: true }).click();
  const at = await pixelOf(page, lon, lat);
  const corners: [number, number][] = [
    [-60, -40],
    [20, -40],
    [20, 40],
    [-200, -200],
  ];
  for (const [dx, dy] of corners) {
    await page.mouse.click(at.x + dx, at.y + dy);
    await page.waitForTimeout(400); // two quick taps would be a double tap
  }
  await page.keyboard.press('Backspace');
  await page.mouse.click(at.x - 60, at.y + 40);
  await page.getByText(/4 个角 · [\d,.]+ (m²|ha)/).waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('已完成').waitFor();
  const posted = page.waitForRequest((r) => r.method() === 'POST' && r.url().endsWith('/api/findings'));
  await page.getByRole('button', { name: '保存标记' }).click();
  const { id, geometry } = body(await posted);
  expect(geometry.type).toBe('Polygon');
  await page.getByText('标记已保存').first().waitFor();
  expect((await api<Finding>(`/api/findings/${id}`)).area_m2).toBeGreaterThan(100);
  await page.getByRole('button', { name: '撤销' }).click();
  await page.getByText('标记已撤销').first().waitFor();
});

it('keeps the draft when the network is away, and sends the same id again', async () => {
  const { lon, lat } = place();
  const { page } = await openMap(`#map=15/${lat}/${lon}&level=none&show=none&panel=mark`);
  const ids: string[] = [];
  await page.route('**/api/findings', (route) => {
    ids.push(body(route.request()).id);
    return ids.length === 1 ? route.abort('connectionfailed') : route.continue();
  });
  const save = page.getByRole('button', { name: '保存标记' });
  await save.waitFor(); // the map takes marks now
  await page.keyboard.press('Enter'); // the crosshair
  await save.click();
  await page.getByText('网络不通，标记尚未保存').waitFor();
  await page.locator('form').getByRole('button', { name: '重试' }).click();
  await page.getByText('标记已保存').first().waitFor();
  expect(ids).toHaveLength(2);
  expect(ids[0]).toBe(ids[1]);
  await page.getByRole('button', { name: '撤销' }).click();
  await page.getByText('标记已撤销').first().waitFor();
});

it('says why the server refuses a place outside the district', async () => {
  const { page } = await openMap('#map=12/31.2/121.0&level=none&show=none&panel=mark');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: '保存标记' }).click();
  await page.locator('form').getByRole('alert').waitFor();
  expect(await page.getByRole('button', { name: '重试' }).isVisible()).toBe(true);
});

/** Marks a place as another user would; returns the function that takes it back. */
async function markElsewhere([lon, lat]: [number, number]): Promise<() => Promise<unknown>> {
  const found: NewFinding = {
    id: crypto.randomUUID(),
    geometry: { type: 'Point', coordinates: [lon, lat] },
    kind: 'unknown',
    confidence: 1,
    source: 'hotline',
    seen_at: new Date().toISOString(),
  };
  const init = { method: 'POST', body: JSON.stringify(found), headers: { 'Content-Type': 'application/json' } };
  await api('/api/findings', init);
  return () => api(`/api/findings/${found.id}/withdraw`, { method: 'POST' });
}

const spottedColor = async () =>
  (await api<Meta>('/api/meta')).finding_states.find((s) => s.id === 'spotted')?.color ?? '';

it('draws what another user marked, and asks for the tiles at its place alone', async () => {
  const { lon, lat } = place();
  const { page, requests } = await openMap(`#map=15/${lat}/${lon}&level=none&show=findings`);
  const spotted = await spottedColor();
  const at = await pixelOf(page, lon, lat);
  const clip = { x: at.x - 16, y: at.y - 16, width: 32, height: 32 };
  expect(countColor(await pixels(page, clip), spotted)).toBe(0);
  const before = requests.length;
  const takeBack = await markElsewhere([lon, lat]);
  await expect.poll(async () => countColor(await pixels(page, clip), spotted), { timeout: 15_000 }).toBeGreaterThan(30);
  const tiles = requests.slice(before).flatMap((url) => {
    const [, layer, z, x, y] = /\/tiles\/(\w+)\/(\d+)\/(\d+)\/(\d+)\.mvt/.exec(url) ?? [];
    return layer === undefined ? [] : [{ layer, tile: { z: Number(z), x: Number(x), y: Number(y) } }];
  });
  const marks = tiles.filter(({ layer }) => layer === 'findings');
  expect(marks.length).toBeGreaterThan(0);
  for (const { tile } of marks) expect(holds(tile, [lon, lat, lon, lat]), JSON.stringify(tile)).toBe(true);
  const untouched = ['land', 'district', 'labels', 'surveys', 'hexagons']; // areas hold the number of their findings
  expect(tiles.filter(({ layer }) => untouched.includes(layer))).toEqual([]);
  await takeBack();
  await expect.poll(async () => countColor(await pixels(page, clip), spotted), { timeout: 15_000 }).toBe(0);
});

it('draws what was marked out of view when the place is looked at again', async () => {
  const { lon, lat } = place();
  const away = lon + 0.2;
  const hash = (at: number) => `#map=15/${lat}/${at}&level=none&show=findings`;
  const { page } = await openMap(hash(lon));
  const spotted = await spottedColor();
  const at = await pixelOf(page, lon, lat);
  const clip = { x: at.x - 16, y: at.y - 16, width: 32, height: 32 };
  const look = async (to: number) => {
    await page.evaluate((next) => location.replace(next), hash(to));
    await idle(page);
  };
  await look(away);
  const takeBack = await markElsewhere([lon, lat]);
  await page.waitForTimeout(2000); // the page hears of it, and has nothing to draw
  await look(lon);
  await expect.poll(async () => countColor(await pixels(page, clip), spotted), { timeout: 15_000 }).toBeGreaterThan(30);
  await page.close();
  await takeBack();
});

it('renews the panel of a selected finding that another user changes', async () => {
  const { lon, lat } = place();
  const takeBack = await markElsewhere([lon + 0.001, lat]);
  const { page } = await openMap(`#map=15/${lat}/${lon}&level=none&show=findings`);
  const at = await pixelOf(page, lon + 0.001, lat);
  await page.mouse.click(at.x, at.y);
  const state = page.locator('.finding-state');
  await state.waitFor();
  const before = await state.textContent();
  await takeBack();
  await expect.poll(() => state.textContent(), { timeout: 15_000 }).not.toBe(before);
});

it('says that the server has lost its database, until it has it again', async () => {
  const { page } = await openMap('#show=none');
  const since = new Date(Date.now() - 120_000).toISOString();
  const said = (event: string) => ({ contentType: 'text/event-stream', body: `retry: 300\n\n${event}` });
  let lost = true;
  await page.route('**/api/events', (route) =>
    route.fulfill(said(lost ? `event: problem\ndata: {"since":"${since}","detail":"away"}\n\n` : ': well\n\n')),
  );
  await page.reload();
  const notice = page.getByRole('alert').filter({ hasText: '暂时连不上数据库' });
  await notice.waitFor();
  lost = false;
  await expect.poll(() => notice.count(), { timeout: 15_000 }).toBe(0);
});

it('says that the server is gone, and goes on when it is back', async () => {
  const { page } = await openMap('#show=none');
  await page.route('**/*', (route) => route.abort('connectionfailed'));
  await page.getByText('乡镇', { exact: true }).click();
  await page.getByRole('alert').filter({ hasText: '与服务器的连接中断' }).waitFor();
  await page.unroute('**/*');
  await page.getByRole('alert').filter({ hasText: '与服务器的连接中断' }).getByRole('button', { name: '重试' }).click();
  await expect.poll(() => page.getByText('与服务器的连接中断').count(), { timeout: 15_000 }).toBe(0);
});
