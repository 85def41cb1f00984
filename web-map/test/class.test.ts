// What panels show to readers of different classes of disclosure.
import { h, render } from 'preact';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Class, Explanation, Meta, Periods, Unit, Value } from '../src/api/types';
import { Figures } from '../src/panels/here';
import { HoverPreview, hovered } from '../src/panels/hover';
import { PeriodBar } from '../src/panels/period';
import { RiskView } from '../src/panels/risk';
import { Why } from '../src/panels/why';
import { change, indicator, meta, periods } from '../src/state/app';

const at = document.createElement('div');
const text = () => at.textContent ?? '';
const reader = (of: Class, bands: number[] = []) => {
  meta.value = {
    class: of,
    bands,
    k: 5,
    now: '2026-03-10',
    layers: [],
    case_kinds: [],
    finding_states: [{ id: 'spotted', title: { zh: '发现', en: 'Spotted' } }],
    indicators: ['risk', 'density', 'findings_open'].map((id) => ({
      id,
      title: { zh: id, en: id },
      levels: ['grids', 'towns'],
    })),
    period: { first: '2024-10', last: '2026-01' },
    risk: { window_from: '2024-01', window_to: '2025-12', weights: [] },
  } as unknown as Meta;
};

const told: Periods = {
  k: 5,
  closed: '2026-02',
  months: Array.from({ length: 16 }, (_, i) => {
    const n = 2024 * 12 + 9 + i;
    const month = `${Math.floor(n / 12)}-${String((n % 12) + 1).padStart(2, '0')}`;
    return { month, value: i === 3 ? { state: 'number', n: 6 } : { state: 'suppressed' } };
  }),
  wider: [
    { from: '2025-01', to: '2025-12', value: { state: 'number', n: 24 } },
    { from: '2025-04', to: '2025-06', value: { state: 'number', n: 9 } },
  ],
};
const explanation: Explanation = {
  level: 'grids',
  code: 'G-1',
  value: { state: 'band', n: 5, to: 9 },
  rule: { zh: '因为', en: 'because' },
  class: 'field',
  k: 5,
  finest: 8,
  period: { from: '2024-01', to: '2025-12', closed: '2026-02' },
  release: 'abc',
  parts: [
    { res: 8, area_km2: 0.56, share: 0.9 },
    { res: 6, area_km2: 27, share: 0.1 },
  ],
  wider: false,
};

const asked: string[] = [];
beforeEach(() => {
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    const body = path.startsWith('/api/periods') ? told : path.startsWith('/api/explain') ? explanation : {};
    return new Response(JSON.stringify(body));
  });
  vi.stubGlobal('ResizeObserver', class {});
  change({ lang: 'en', level: 'grids', indicator: 'risk', show: [] });
  asked.length = 0;
});
afterEach(() => {
  render(null, at);
  meta.value = hovered.value = null;
});

it('the period bar shows what is told by quarter and year behind the months', async () => {
  reader('command');
  await vi.waitFor(() => expect(periods.loaded.value.state).toBe('ready'));
  render(h(PeriodBar, {}), at);
  const spans = [...at.querySelectorAll<HTMLElement>('.span')];
  expect(spans.map((s) => [s.style.left, s.style.width, s.style.height])).toEqual([
    ['18.75%', '75%', `${(2 / 6) * 100}%`], // 24 over 12 months, where the highest month has 6
    ['37.5%', '18.75%', '50%'],
  ]);
  const titles = [...at.querySelectorAll('.month')].map((m) => m.getAttribute('title') ?? '');
  expect(titles[7]).toBe(
    'May 2025: Fewer than 5, perhaps none\n2025: 24 more, told by year only\nQ2 2025: 9 more, told by quarter only',
  );
  expect(titles[0]).not.toContain('\n');
  expect(text()).toContain('Told up to Feb 2026');
  expect(text()).not.toContain('cuts through');
});

it('the period bar says so when the range cuts through a year that is told as a whole', async () => {
  reader('command');
  change({ from: '2025-02', to: '2025-08' });
  await vi.waitFor(() => expect(periods.loaded.value.state).toBe('ready'));
  render(h(PeriodBar, {}), at);
  expect(text()).toContain('cuts through');
  change({ from: null, to: null });
});

it('why: the rule, and the shares of the cells as bars', async () => {
  reader('field', [5, 10]);
  render(h(Why, { level: 'grids', code: 'G-1', name: 'G', filter: { from: '2024-01', to: '2025-12', kinds: [] } }), at);
  at.querySelector('button')?.click();
  await vi.waitFor(() => expect(text()).toContain('because'));
  expect(asked).toContain('/api/explain?level=grids&code=G-1&from=2024-01&to=2025-12');
  expect(text()).toContain('90% by cells of 0.56 km²');
  expect([...at.querySelectorAll<HTMLElement>('.part-bar i')].map((i) => i.style.width)).toEqual(['90%', '10%']);
  expect(text()).toContain('5–9');
});

const none: Value = { state: 'nodata' };
const unit = (patch: Partial<Unit> = {}): Unit => ({
  level: 'towns',
  code: 'T',
  name: 'T',
  area_km2: 2,
  bbox: [0, 0, 1, 1],
  cases: { state: 'band', n: 10, to: 19 },
  density: { state: 'number', n: 5 },
  findings_open: { state: 'suppressed' },
  findings_confirmed: { state: 'zero' },
  survey_completion: { state: 'number', n: 0.5 },
  certified_share: none,
  risk: { value: none, version: '1', parts: [] },
  ...patch,
});

it('the density of a band is a band, and few findings are some', () => {
  reader('village', [5, 10, 20]);
  render(h(Figures, { unit: unit() }), at);
  expect(text()).toContain('5–9.5 /km²');
  expect(text()).toContain('Fewer than 5');
  expect(text()).not.toContain('perhaps none');
});

it('no empty boxes for what the reader is not told', () => {
  reader('bands', [10, 20]);
  render(h(Figures, { unit: unit({ findings_open: none, findings_confirmed: none }) }), at);
  expect(text()).not.toContain('Open findings');
  render(h(RiskView, { risk: unit().risk, heading: 'Risk' }), at);
  expect(text()).toBe('');
});

it('the indicator that is shown first is one that the reader is told', () => {
  reader('command');
  expect(indicator.value?.id).toBe('risk');
  reader('bands', [10]);
  expect(indicator.value?.id).toBe('density');
  change({ indicator: 'findings_open' });
  expect(indicator.value?.id).toBe('density');
  change({ level: 'towns' });
  expect(indicator.value?.id).toBe('findings_open');
});

const hover = (properties: Record<string, unknown>) => {
  hovered.value = { layer: 'findings', properties, hexagons: [], x: 0, y: 0 };
  render(h(HoverPreview, {}), at);
  return text();
};

it.each([
  [{ findings: 5, findings_to: 9 }, '5–9'],
  [{ findings: 50 }, '≥ 50'],
  [{}, 'Fewer than 5'],
])('findings in a cell: %j', (told, expected) => {
  reader('field', [5, 10]);
  const line = hover({ cell: '88309b5a43fffff', state: 'spotted', ...told });
  expect(line).toContain('Findings in this cell of 0.56 km²');
  expect(line).toContain(expected);
  expect(line).not.toContain('perhaps none');
  expect(line).toContain('Spotted');
});
