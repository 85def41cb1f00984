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
const whole = '#show=none&theme=light&panel=analysis'; // the district in what the panels leave free
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
    complaints.length = 0; // the browser's own of not being signed in yet
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

    // and who those neighbours are: lines on the map, what they go by, and the hash that names them
    const card = page.locator('.legend-card');
    const own = '#7a00c8';
    expect(countColor(await pixels(page, mapOnly), own)).toBe(0);
    await card.getByRole('switch', { name: '显示邻接' }).check();
    await idle(page);
    expect(countColor(await pixels(page, mapOnly), own)).toBeGreaterThan(50);
    const weights = casework.meta.find((m) => m.method === 'weights-queen')?.weights ?? '';
    const told = page.locator('.neighbourhoods');
    await told.getByText(/^共边或共点（Queen）/).waitFor();
    await told.getByText(String(casework.links?.length), { exact: true }).waitFor();
    await told.getByText(weights, { exact: true }).waitFor();
    await shot(page, 'neighbours');
    await card.getByRole('switch', { name: '显示邻接' }).uncheck();
    await page.locator('.drawer .ranking h3').hover();
    await why.scrollIntoViewIfNeeded();
    await expectAccessible(page, 'a hot spot explained');
    await shot(page, 'hot-spots');
    expect(complaints).toEqual([]);
  },
  long,
);

it(
  'asks where to go first, and sees what the index is made of',
  async () => {
    const { page, complaints } = await openMap(whole);
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
  'weighs the factors by pairs, is told when that contradicts itself, and sees the weights in the result',
  async () => {
    const { page, complaints } = await openMap(whole);
    await method(page, /先去哪里/).check({ force: true, ...patience });
    const by = page.getByLabel('各项权重如何得出');
    await by.selectOption('hand');
    expect(await page.locator('.hand-weights input').count()).toBe(5);
    await page.getByRole('button', { name: '开始分析' }).click();
    await page.getByText('五项都要填数').waitFor();
    await by.selectOption('ahp');
    const slide = async (pair: string, key: string, presses: number) => {
      const slider = page.getByRole('slider', { name: `${pair} 相比` });
      for (let n = 0; n < presses; n++) await slider.press(key);
      return slider.getAttribute('aria-valuetext');
    };
    expect(await slide('案件密度 与 未办结踏查发现', 'ArrowLeft', 2)).toBe('“案件密度”重要 3 倍');
    const ratio = page.locator('.ahp-outcome .ratio');
    await ratio.getByText('比较前后一致').waitFor();
    expect(await slide('案件密度 与 滚动调查未完成', 'ArrowRight', 8)).toBe('“滚动调查未完成”重要 9 倍');
    await ratio.getByText(/比较相互矛盾/).waitFor();
    await expectAccessible(page, 'comparisons that contradict each other');
    await page.getByRole('button', { name: '全部恢复为同等' }).click();
    await ratio.getByText('CR = 0.000').waitFor();
    await slide('案件密度 与 未办结踏查发现', 'ArrowLeft', 2);
    await slide('案件密度 与 未达标村居占比', 'ArrowLeft', 1);
    await slide('案件密度 与 滚动调查未完成', 'ArrowLeft', 4);
    await slide('未办结踏查发现 与 已确认踏查发现', 'ArrowRight', 1);
    await slide('已确认踏查发现 与 滚动调查未完成', 'ArrowLeft', 2);
    await slide('未达标村居占比 与 滚动调查未完成', 'ArrowLeft', 1);
    const said = (await ratio.textContent()) ?? '';
    await shot(page, 'ahp');
    const result = await start(page);
    const cr = result.facts.find(({ id }) => id === 'cr')?.value ?? Number.NaN;
    expect(said).toContain(`CR = ${cr.toFixed(3)}`); // the page and the server agree
    await page.getByText('一致性比率 CR').waitFor();
    await page.getByText(/^案件密度 \d+\.\d %；/).waitFor();
    await page.getByRole('button', { name: '修改条件再算' }).click();
    expect(await slide('案件密度 与 未办结踏查发现', 'ArrowLeft', 0)).toBe('“案件密度”重要 3 倍'); // it comes back
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
    const { page, complaints } = await openMap(`${whole}&run=${now}&against=${before}`);
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
    const { page, complaints } = await openMap(whole);
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
    const { page, complaints } = await openMap(`${whole}&run=${id}`);
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
    await dark.page.locator('.ranking tbody tr').first().getByRole('button').click();
    await dark.page.locator('.legend-card').getByRole('switch', { name: 'Show neighbours' }).check();
    await idle(dark.page);
    expect(countColor(await pixels(dark.page, mapOnly), '#ffd400')).toBeGreaterThan(50);
    await expectAccessible(dark.page, 'neighbours in the dark');
    await shot(dark.page, 'neighbours-dark-en');
    await dark.page.getByRole('button', { name: 'Change the question' }).click();
    await method(dark.page, /Where to go first/).check({ force: true });
    await dark.page.getByLabel('Where the weights come from').selectOption('ahp');
    await dark.page.getByRole('slider', { name: 'Casework density or Survey not done' }).press('Home');
    await dark.page.getByText(/the comparisons contradict each other/).waitFor();
    await expectAccessible(dark.page, 'comparisons in the dark');
    await shot(dark.page, 'ahp-dark-en');
    expect(dark.complaints).toEqual([]);
    const phone = await openMap(`#theme=light&panel=analysis&run=${id}`, { phone: true });
    await phone.page.locator('.ranking').waitFor(patience);
    await expectAccessible(phone.page, 'the result on a phone');
    await shot(phone.page, 'hot-spots-phone');
    expect(phone.complaints).toEqual([]);
  },
  long,
);
