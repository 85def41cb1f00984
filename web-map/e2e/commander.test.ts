// The commander's whole question, as one would play it: where is there more than chance, how sure is that, why here,
// where to go first, what has changed, did such maps predict, and a page to take along. With WANGGE_SHOTS=folder each
// stop leaves its picture there.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { AnalysisCatalogue, AnalysisResult } from '../src/api/types';
import { api, countColor, demoAccount, expectAccessible, idle, openMap, openPage, pixels, useBrowser } from './browser';
import { runOf, taken } from './steps';

useBrowser();

const patience = { timeout: 120_000 };
const long = 300_000; // of a test: a person would take longer
const mapOnly = { x: 330, y: 60, width: 520, height: 500 }; // what no panel covers on a desktop
const district = '#map=10.2/31.62/121.45&show=none&theme=light';
const years = { from: '2023-01', to: '2025-12' };

/** Leaves a picture of the screen where pictures are wanted. */
async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env.WANGGE_SHOTS;
  if (!folder) return;
  await idle(page);
  await page.waitForTimeout(500); // labels fade in
  await page.screenshot({ path: `${folder}/${name}.png` });
}

const method = (page: Page, question: RegExp) => page.getByRole('radio', { name: question });

/** Starts what the form asks, and waits for the result. */
async function start(page: Page): Promise<AnalysisResult> {
  const before = page.url();
  await page.getByRole('button', { name: '开始分析' }).click();
  await page.waitForFunction((old) => location.href !== old && location.hash.includes('run='), before, patience);
  return shown(page);
}

/** The result that the page shows. */
async function shown(page: Page): Promise<AnalysisResult> {
  await page.locator('.ranking').waitFor(patience);
  await idle(page);
  const id = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('run') ?? '';
  return api<AnalysisResult>(`/api/analysis/runs/${id}/result`);
}

/** The colour of a class on a light map. */
async function colourOf(id: string): Promise<string> {
  const { classes } = await api<AnalysisCatalogue>('/api/analysis/catalogue');
  return classes.find((c) => c.id === id)?.light ?? '';
}

it(
  'asks where findings and casework lie closer than chance would put them, how sure that is, and why here',
  async () => {
    const { page, complaints } = await openPage(district, { as: null });
    const { name } = await demoAccount('commander');
    await page.getByRole('button', { name: new RegExp(name) }).click();
    await page.keyboard.press('Enter'); // the account is filled in, and the focus is on the button
    await idle(page);
    await page.keyboard.press('a');
    await method(page, /哪里比偶然更集中/).waitFor({ state: 'attached', ...patience });

    // suspected cultivation, all times, each unit by itself: what stands out is there, and that it may be chance is said
    await page.getByLabel('看什么').selectOption('findings');
    await page.locator('.period-fields').getByRole('button', { name: '全部' }).click();
    await page.getByText('高级选项').click();
    await page.getByRole('switch', { name: /错误发现率/ }).uncheck();
    const findings = await start(page);
    expect(findings.request).toMatchObject({ method: 'hotspots', indicator: 'findings', correct: false });
    const hot = findings.legend.find(({ id, n }) => id.startsWith('hot') && n > 0);
    expect(countColor(await pixels(page, mapOnly), await colourOf(hot?.id ?? ''))).toBeGreaterThan(50);
    await page.getByText(/^未作多重检验校正/).waitFor();
    await page.getByText('斜线：检验后不显著').waitFor();

    // casework, corrected for many tests
    await page.getByRole('button', { name: '修改条件再算' }).click();
    await page.getByLabel('看什么').selectOption('casework');
    await page.locator('.period-fields').getByRole('button', { name: '近三个整年' }).click();
    await page.getByText('高级选项').click();
    await page.getByRole('switch', { name: /错误发现率/ }).check();
    await page.getByLabel('案件如何计入单元').selectOption('shared');
    const casework = await start(page);
    expect(casework.request).toMatchObject({ indicator: 'casework', casework: 'shared', correct: true, ...years });
    const certain = casework.legend.filter(({ id, n }) => /^(hot|cold)99$/.test(id) && n > 0);
    expect(certain.map(({ id }) => id)).toEqual(['hot99', 'cold99']);
    const screen = await pixels(page, mapOnly);
    for (const { id, n, title } of certain) {
      expect(countColor(screen, await colourOf(id)), id).toBeGreaterThan(50);
      await page.locator('.legend-card .entry', { hasText: `${title.zh}${n}` }).waitFor();
    }

    // why here: the figures of the unit that ranks first, and its neighbours
    const first = page.locator('.ranking tbody tr').first();
    const code = await first.getAttribute('data-code');
    await first.getByRole('button').click();
    const why = page.locator('.why-unit');
    await why.getByText(/\d+ 个邻居/).waitFor();
    const unit = casework.units.find((u) => u.code === code);
    await why.getByText(unit?.name ?? '', { exact: true }).waitFor();
    expect(await why.locator('.why-figures > div').count()).toBe(casework.columns.length);
    await page.locator('.drawer .ranking h3').hover();
    await expectAccessible(page, 'a hot spot explained');
    await shot(page, 'hot-spots');
    expect(complaints).toEqual([]);
  },
  long,
);

it(
  'asks where to go first, and sees what the index is made of',
  async () => {
    const { page, complaints } = await openMap(`${district}&panel=analysis`);
    await method(page, /先去哪里/).check({ force: true, ...patience });
    const result = await start(page);
    expect(result.legend.map(({ id }) => id)).toContain('q5');
    await page.locator('.ranking tbody tr').first().getByRole('button').click();
    const parts = page.locator('.why-unit .contributions li');
    await parts.first().waitFor();
    expect(await parts.count()).toBe(5);
    await page.getByText('权重 ±20 % 时前 20 名保留（平均）').waitFor();
    await expectAccessible(page, 'the composite index explained');
    await shot(page, 'index');
    expect(complaints).toEqual([]);
  },
  long,
);

it(
  'holds this year against the year before, on one map',
  async () => {
    const year = (y: number) =>
      runOf({ method: 'hotspots', casework: 'shared', from: `${y}-01`, to: `${y}-12`, correct: false });
    const [now, before] = [await year(2025), await year(2024)];
    const { page, complaints } = await openMap(`${district}&panel=analysis&run=${now}&against=${before}`);
    await page.waitForSelector('.compare-map[aria-busy=false]', patience);
    await page.locator('.compare-label.left', { hasText: '2025' }).waitFor();
    await page.locator('.compare-label.right', { hasText: '2024' }).waitFor();
    await expectAccessible(page, 'two years compared');
    await shot(page, 'compare');
    expect(complaints).toEqual([]);
  },
  long,
);

it(
  'asks whether such maps predicted before, and reads who did best',
  async () => {
    const { page, complaints } = await openMap(`${district}&panel=analysis`);
    await method(page, /以前预测得准吗/).check({ force: true, ...patience });
    const result = await start(page);
    const curves = result.curves ?? [];
    expect(curves.map(({ id }) => id)).toEqual(['index', 'counts', 'last', 'kde', 'chance']);
    const verdict = page.locator('.forecast .verdict');
    await verdict.getByText(/预测得最准|没有哪种方法/).waitFor();
    const judged = page.locator('.forecast table.figures');
    for (const { title } of curves) await judged.getByRole('rowheader', { name: title.zh }).first().waitFor();
    const [index] = curves;
    const at = index?.points.find(({ area }) => area === 0.05);
    await judged.getByText(`${at?.hits} / ${at?.of}`).first().waitFor();
    await expectAccessible(page, 'the forecasts judged');
    await shot(page, 'prediction');
    expect(complaints).toEqual([]);
  },
  long,
);

it(
  'takes the answer along, as a page and as a picture',
  async () => {
    const id = await runOf({ method: 'hotspots', casework: 'shared', ...years });
    const { page, complaints } = await openMap(`${district}&panel=analysis&run=${id}`);
    await shown(page);
    const pdf = await taken(page, 'PDF（一页 A4）');
    expect(pdf.bytes.subarray(0, 8).toString('latin1')).toBe('%PDF-1.4');
    const png = await taken(page, 'PNG 图片');
    expect([...png.bytes.subarray(1, 4)].map((c) => String.fromCharCode(c)).join('')).toBe('PNG');
    expect(complaints).toEqual([]);
  },
  long,
);

it(
  'reads the same in the dark, in English, and on a phone',
  async () => {
    const id = await runOf({ method: 'hotspots', casework: 'shared', ...years });
    const dark = await openMap(`#map=10.2/31.62/121.45&theme=dark&lang=en&panel=analysis&run=${id}`, {
      locale: 'en-GB',
    });
    await dark.page.getByText('hot spot, 99 %').first().waitFor(patience);
    await shot(dark.page, 'hot-spots-dark-en');
    expect(dark.complaints).toEqual([]);
    const phone = await openMap(`#theme=light&panel=analysis&run=${id}`, { phone: true });
    await phone.page.locator('.ranking').waitFor(patience);
    await expectAccessible(phone.page, 'the result on a phone');
    await shot(phone.page, 'hot-spots-phone');
    expect(phone.complaints).toEqual([]);
  },
  long,
);
