// What readers of different classes of disclosure see of the same store.
import { expect, it } from 'vitest';
import type { Meta, NewFinding, Periods } from '../src/api/types';
import { api, countColor, idle, openMap, pixelOf, pixels, useBrowser, villagePoints } from './browser';

useBrowser();

it('shows the territory, and one sentence for the rest, to whoever sees nothing else', async () => {
  const { page, complaints } = await openMap('#at=point:121.55,31.62', { as: 'system-admin' });
  const panel = page.locator('.drawer');
  await panel.getByText('您的角色只看辖区').waitFor();
  for (const absent of ['.figure', '.risk', '.why']) expect(await panel.locator(absent).count(), absent).toBe(0);
  expect(await page.getByRole('slider', { name: /时段/ }).count()).toBe(0);
  expect(await page.getByLabel('指标').count()).toBe(0);
  await page.keyboard.press('l');
  await page.getByRole('switch', { name: '地名' }).waitFor();
  expect(await page.getByRole('switch').count()).toBe(1);
  expect(complaints).toEqual([]);
});

it('shows counts as bands to whoever is not to know numbers', async () => {
  const { page } = await openMap('#level=towns&by=cases&show=none', { as: 'volunteer' });
  const first = page.locator('.entry-label').first();
  await first.waitFor();
  expect(await first.textContent()).toMatch(/^≥ \d+$|^\d+–\d+$|过少/);
  await page.getByRole('button', { name: /^过少，或没有/ }).waitFor();
  const choices = await page.getByLabel('指标').locator('option').allTextContents();
  expect(choices).not.toContain('综合风险指数'); // which is not told
  expect(choices).toContain('未结疑似点'); // by towns
});

it('shows in which cells there are findings outside of the own area, and asks for none of them', async () => {
  const village = villagePoints().get('四滧村村委会'); // far from the patrol's town
  if (village === undefined) throw new Error('the village is not in the demo');
  const { lon, lat } = village;
  const found: NewFinding = {
    id: crypto.randomUUID(),
    geometry: { type: 'Point', coordinates: [lon, lat] },
    kind: 'unknown',
    confidence: 1,
    source: 'hotline',
    seen_at: new Date().toISOString(),
  };
  const json = { 'Content-Type': 'application/json' };
  await api('/api/findings', { method: 'POST', body: JSON.stringify(found), headers: json });
  const { page, requests } = await openMap(`#map=13/${lat}/${lon}&level=none&show=findings`, { as: 'patrol' });
  const color = (await api<Meta>('/api/meta')).finding_states.find((s) => s.id === 'spotted')?.color ?? '';
  const at = await pixelOf(page, lon, lat);
  const around = { x: at.x - 90, y: at.y - 90, width: 180, height: 180 }; // a cell and its neighbours
  const screen = await pixels(page, around);
  expect(countColor(screen, color)).toBeGreaterThan(20);
  const symbol = placeOf(screen.data, screen.width, color);
  const preview = page.locator('.preview', { hasText: /此单元（0\.\d+ km²）内的疑似点.*(不足 5|\d+–\d+)/ });
  for (let i = 0; i < 40 && !(await preview.isVisible()); i++) {
    const [dx, dy] = [((i % 3) - 1) * 4, ((Math.floor(i / 3) % 3) - 1) * 4];
    await page.mouse.move(around.x + symbol.x + dx, around.y + symbol.y + dy);
    await page.waitForTimeout(250); // a busy machine draws the symbol later
  }
  await preview.waitFor();
  await page.mouse.click(around.x + symbol.x, around.y + symbol.y);
  await page.locator('.drawer .places').waitFor();
  expect(page.url()).toContain('at=point:');
  expect(requests.filter((url) => url.includes('/api/findings/'))).toEqual([]);
  await page.close();
  await api(`/api/findings/${found.id}/withdraw`, { method: 'POST' });
});

/** The first pixel of a colour. */
function placeOf(data: Uint8Array, width: number, color: string): { x: number; y: number } {
  const wanted = [1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16));
  for (let i = 0; i < data.length; i += 4) {
    if (wanted.every((c, k) => Math.abs((data[i + k] ?? 0) - c) <= 2)) {
      return { x: (i / 4) % width, y: Math.floor(i / 4 / width) };
    }
  }
  throw new Error(`${color} is not on the screen`);
}

it('draws what is told by quarter and year only behind the months, and says what a range cuts', async () => {
  const { wider, closed } = await api<Periods>('/api/periods');
  const { page } = await openMap('#show=none');
  await page.locator('.histogram').waitFor();
  expect(await page.locator('.histogram .span').count()).toBe(wider.length);
  const year = wider.find(({ from, to }) => from.endsWith('-01') && to.endsWith('-12'));
  if (year === undefined) throw new Error('the demo tells nothing by year only');
  const name = year.from.slice(0, 4);
  expect(await page.locator(`.month[title*="${name}年：另有"]`).count()).toBe(12);
  await page.getByText('未结束的月份不公布').waitFor();

  const cut = page.getByText('所选时段切开了');
  await page.getByRole('button', { name: '近三个整年' }).click();
  await idle(page);
  const last = Number(closed.slice(0, 4)) - (closed.endsWith('-12') ? 0 : 1);
  expect(page.url()).toContain(`period=${last - 2}-01..${last}-12`);
  expect(await cut.count()).toBe(0);
  await page.getByRole('slider', { name: /时段/ }).focus();
  await page.keyboard.press('ArrowLeft');
  await cut.waitFor();
});

it('says why by the shares of the cells, in the period of the figures', async () => {
  const { risk } = await api<Meta>('/api/meta');
  const { page } = await openMap('#at=towns:310151108000&show=none');
  const asked = page.waitForRequest((r) => r.url().includes('/api/explain'));
  await page.getByRole('button', { name: /^为什么这样显示/ }).click();
  expect((await asked).url()).toContain(`from=${risk.window_from}&to=${risk.window_to}`);
  const answer = page.locator('.explained');
  await answer.getByText('发布批次').waitFor();
  const shares = await answer.locator('.parts li').allTextContents();
  const sum = shares.reduce((all, text) => all + Number.parseFloat(text), 0);
  expect(shares.every((text) => /^[\d.]+% 按 [\d.]+ km² 的单元格$/.test(text))).toBe(true);
  expect(Math.abs(sum - 100)).toBeLessThan(3);
});
