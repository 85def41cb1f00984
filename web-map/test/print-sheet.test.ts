import { describe, expect, it } from 'vitest';
import type { AnalysisResult, AnalysisRun } from '../src/api/types';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';
import { type Printed, pairsIn, periodOf, sheetOf } from '../src/state/print';
import { pairSheetOf } from '../src/state/print-pair';

const text = (zh: string, en: string) => ({ zh, en });
const result = {
  method: 'hotspots',
  title: text('热点', 'Hot spots'),
  request: { indicator: 'findings' },
  level: 'grids',
  period: '2023-01..2025-12',
  edition: '2024',
  data: 'd1',
  class: 'command',
  k: 3,
  synthetic: true,
  legend: [
    { id: 'hot99', title: text('热点 99 %', 'hot spot, 99 %'), n: 2 },
    { id: 'ns', title: text('不显著', 'not significant'), n: 5 },
    { id: 'cold99', title: text('冷点 99 %', 'cold spot, 99 %'), n: 0 },
  ],
  columns: [],
  units: [],
  facts: [
    { id: 'i', title: text('莫兰 I', "Moran's I"), value: 0.25, unit: '', decimals: 2, text: text('', '') },
    {
      id: 'none',
      title: text('无', 'None'),
      value: null,
      unit: '',
      decimals: 2,
      text: text('不能算', 'cannot be told'),
    },
  ],
  notes: [
    { level: 'info', text: text('其次', 'second') },
    { level: 'warning', text: text('首先', 'first') },
  ],
  meta: [
    {
      method: 'gi',
      version: '1',
      source: 'Ord and Getis 1995',
      params: { alpha: 0.05, spec: { kind: 'queen', order: 1 }, areas: [0.1, 0.2] },
      seed: 310151,
      used: 7,
      dropped: { isolate: 1 },
      weights: '0123456789abcdef',
    },
  ],
} as unknown as AnalysisResult;

const printed = (patch: Partial<Printed> = {}): Printed => ({
  run: { id: '0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e', hash: 'beef' } as AnalysisRun,
  result,
  classes: [
    { id: 'hot99', title: text('', ''), light: '#b10026', dark: '#ff5a4d', pattern: '' },
    { id: 'ns', title: text('', ''), light: '#00000000', dark: '#00000000', pattern: 'hatch' },
  ],
  picks: [],
  findings: [],
  attribution: ['© OpenStreetMap contributors (ODbL)'],
  theme: 'light',
  lang: 'zh',
  t: zh,
  who: '指挥员',
  now: new Date('2026-05-01T02:03:04Z'),
  ...patch,
});

describe('the sheet of two results', () => {
  const patched = (patch: Record<string, unknown>): AnalysisResult =>
    ({ ...result, ...patch }) as unknown as AnalysisResult;
  const other = (patch: Record<string, unknown> = {}, of: Partial<Printed> = {}): Printed =>
    printed({
      run: { id: '0290b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e', hash: 'cafe' } as AnalysisRun,
      result: patched({ period: '2020-01..2022-12', ...patch }),
      ...of,
    });
  const counted = (counts: Record<string, number>) =>
    result.legend.map((entry) => ({ ...entry, n: counts[entry.id] ?? 0 }));
  const linesUnder = (sheet: ReturnType<typeof pairSheetOf>, title: string) =>
    sheet.sections.filter((section) => section.title === title).flatMap(({ lines }) => lines);

  it('has over each map its side, title, period, units and what was counted', () => {
    const other_edition = { id: '', name: '2023', units: 0, crosswalk: '', interpolated: 0 };
    const sheet = pairSheetOf(printed(), other({ title: text('聚集', 'Clusters'), other_edition }));
    expect(sheet.captions.map(({ title }) => title)).toEqual(['左：热点', '右：聚集']);
    expect(sheet.captions[0].subtitle).toContain('2025年12月');
    expect(sheet.captions[1].subtitle).toContain('2022年12月');
    expect(sheet.captions[1].subtitle).toContain('2023');
    expect(sheet.title).toBe('对比：热点 / 聚集');
    expect(pairSheetOf(printed(), other()).title).toBe('对比：热点');
  });

  it('has one legend with the counts of both where the classes are the same', () => {
    const sheet = pairSheetOf(printed(), other({ legend: counted({ hot99: 3, cold99: 1 }) }));
    expect(sheet.legends).toHaveLength(1);
    expect(sheet.legends[0]?.legendTitle).toBe('图例（左 · 右）');
    expect(sheet.legends[0]?.keys.map(({ label, count }) => `${label}: ${count}`)).toEqual([
      '热点 99 %: 2 · 3',
      '不显著: 5 · 0',
      '冷点 99 %: 0 · 1',
    ]);
    const picked = { picks: ['ns'] };
    expect(pairSheetOf(printed(picked), other({}, picked)).legends[0]?.keys.map(({ count }) => count)).toEqual([
      '5 · 5',
    ]);
  });

  it.each([
    ['title', { legend: [{ ...result.legend[0], title: text('很热', 'very hot') }, ...result.legend.slice(1)] }],
    ['id', { legend: [{ ...result.legend[0], id: 'hot95' }, ...result.legend.slice(1)] }],
    ['number', { legend: result.legend.slice(0, 2) }],
    ['range', { legend: [{ ...result.legend[0], from: 1, to: 2 }, ...result.legend.slice(1)] }],
  ])('has two legends where the classes differ by their %s', (_, patch) => {
    const sheet = pairSheetOf(printed(), other(patch));
    expect(sheet.legends.filter(({ keys }) => keys.length > 0).map(({ legendTitle }) => legendTitle)).toEqual([
      '左：图例',
      '右：图例',
    ]);
    expect(sheet.legends[0]?.keys.map(({ count }) => count)).toEqual(['2', '5']);
  });

  it('has two legends where the colours differ', () => {
    const classes = printed().classes.map((c) => (c.id === 'hot99' ? { ...c, light: '#123456' } : c));
    const { legends } = pairSheetOf(printed(), other({}, { classes }));
    expect(legends.slice(0, 2).map(({ keys }) => keys[0]?.color)).toEqual(['#b10026', '#123456']);
    expect(legends[0]?.keys[1]).toEqual(legends[1]?.keys[1]);
  });

  it('has the colours of each surface, and of no classes that it covers', () => {
    const surface = (most: number) => ({ unit: '/km²', most, nx: 1, ny: 1, cell_m: 250, corners: [], values: [1] });
    const [left, right] = pairSheetOf(
      printed({ result: patched({ surface: surface(3.5) }) }),
      other({ surface: surface(0.5) }),
    ).legends;
    expect([left?.gradient?.to, right?.gradient?.to]).toEqual(['3.5 /km²', '0.5 /km²']);
    expect([left?.keys, right?.keys]).toEqual([[], []]);
    const mixed = pairSheetOf(printed({ result: patched({ surface: surface(1) }) }), other()).legends;
    expect(mixed[0]?.gradient).not.toBeNull();
    expect(mixed[1]?.gradient).toBeNull();
    expect(mixed[1]?.keys).toHaveLength(2);
  });

  it('explains the symbols of findings once', () => {
    const findings = [{ id: 'spotted', title: text('待核', 'spotted'), color: '#f0f' }];
    const symbols = (patch: Record<string, unknown>) =>
      pairSheetOf(printed({ findings }), other(patch, { findings }))
        .legends.flatMap(({ keys }) => keys)
        .filter(({ symbol }) => symbol === 'spotted');
    expect(symbols({})).toHaveLength(1);
    expect(symbols({ legend: [] })).toHaveLength(1);
  });

  it('has the figures of each, and says once what both share', () => {
    const notes = [
      { level: 'info', text: text('其次', 'second') },
      { level: 'warning', text: text('另外', 'another') },
    ];
    const facts = [{ ...result.facts[0], value: 0.5 }];
    const meta = [{ ...result.meta[0], used: 8 }];
    const sheet = pairSheetOf(printed(), other({ notes, facts, meta }));
    const words = zh.analysis;
    expect(linesUnder(sheet, `左：${words.facts}`)).toEqual(['莫兰 I: 0.25', '无: 不能算']);
    expect(linesUnder(sheet, `右：${words.facts}`)).toEqual(['莫兰 I: 0.50']);
    expect(linesUnder(sheet, words.sure)).toEqual(['其次']);
    expect(linesUnder(sheet, `左：${words.sure}`)).toEqual(['首先']);
    expect(linesUnder(sheet, `右：${words.sure}`)).toEqual(['另外']);
    expect(linesUnder(sheet, words.method)).toEqual([
      `${words.meta.edition} 2024`,
      `${words.meta.data} d1`,
      'gi 1: Ord and Getis 1995',
    ]);
    expect(linesUnder(sheet, `左：${words.method}`).join()).toMatch(/^gi: alpha = 0.05; .* 7; /);
    expect(linesUnder(sheet, `右：${words.method}`).join()).toMatch(/^gi: alpha = 0.05; .* 8; /);
    const alike = pairSheetOf(printed(), other());
    expect(linesUnder(alike, words.method)).toHaveLength(4);
    expect(linesUnder(alike, `左：${words.method}`)).toEqual([]);
    expect(linesUnder(alike, `右：${words.sure}`)).toEqual([]);
  });

  it('has both runs at its foot, and says when either is of synthetic data', () => {
    const [owed, left, right, ...more] = pairSheetOf(printed({ lang: 'en', t: en }), other()).footer;
    expect(owed).toContain('OpenStreetMap');
    expect(left).toMatch(/^Left: .*0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e.*beef$/);
    expect(right).toMatch(/^Right: .*0290b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e.*cafe$/);
    expect(more).toEqual([]);
    const real = { result: patched({ synthetic: false }) };
    expect(pairSheetOf(printed(real), other()).flag).toBe(zh.syntheticShort);
    expect(pairSheetOf(printed(), other({ synthetic: false })).flag).toBe(zh.syntheticShort);
    expect(pairSheetOf(printed(real), other({ synthetic: false })).flag).toBeNull();
  });
});

describe('the sheet of a result', () => {
  it('has title, period, units and what was counted, and says that the data are synthetic', () => {
    const sheet = sheetOf(printed());
    expect(sheet.title).toBe('热点');
    expect(sheet.subtitle).toContain(periodOf(result, 'zh'));
    expect(sheet.subtitle).toContain('网格');
    expect(sheet.subtitle).not.toContain('网格版本');
    expect(sheet.flag).toBe(zh.syntheticShort);
    expect(sheetOf(printed({ result: { ...result, synthetic: false } })).flag).toBeNull();
  });

  it('has the classes that there are, as the map of the theme shows them', () => {
    expect(sheetOf(printed()).keys).toEqual([
      { color: '#b10026', pattern: null, label: '热点 99 %', count: '2' },
      { color: 'rgba(0, 0, 0, 0)', pattern: 'hatch', label: '不显著', count: '5' },
    ]);
    expect(sheetOf(printed({ theme: 'dark' })).keys[0]?.color).toBe('#ff5a4d');
    expect(sheetOf(printed({ picks: ['ns'] })).keys.map(({ label }) => label)).toEqual(['不显著']);
  });

  it('explains the symbols of findings when the map shows them', () => {
    const findings = [{ id: 'spotted', title: text('待核', 'spotted'), color: '#f0f' }];
    expect(sheetOf(printed({ findings })).keys.at(-1)).toEqual({
      color: '#f0f',
      pattern: null,
      symbol: 'spotted',
      label: '待核',
      count: '',
    });
  });

  it('has the figures, the warnings first, and how it was made', () => {
    const [facts, sure, method] = sheetOf(printed({ lang: 'en', t: en })).sections.map(({ lines }) => lines);
    expect(facts).toEqual(["Moran's I: 0.25", 'None: cannot be told']);
    expect(sure).toEqual(['first', 'second']);
    expect(method?.slice(0, 3)).toEqual(['Grid edition 2024', 'Data d1', 'gi 1: Ord and Getis 1995']);
    for (const part of [
      'alpha = 0.05',
      'spec.kind = queen',
      'areas = 0.1, 0.2',
      '310151',
      'isolate = 1',
      '0123456789ab',
    ])
      expect(method?.[3]).toContain(part);
    expect(sheetOf(printed()).sections.map(({ fine }) => fine ?? false)).toEqual([false, false, true]);
  });

  it('has whom it is owed to, who took it when, and which run it is', () => {
    const [owed, run] = sheetOf(printed()).footer;
    expect(owed).toContain('OpenStreetMap');
    expect(owed).toContain('指挥员');
    expect(owed).toContain('10:03');
    expect(run).toContain('0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e');
    expect(run).toContain('beef');
  });

  it('has the colours of a surface from nothing to the most', () => {
    const surface = { nx: 1, ny: 1, cell_m: 250, corners: [], unit: '/km²', values: [1], most: 3.5, contours: [] };
    const { gradient } = sheetOf(printed({ result: { ...result, surface } as unknown as AnalysisResult }));
    expect(gradient?.colors[0]).toBe('rgb(255 247 210)');
    expect(gradient?.from).toBe('0');
    expect(gradient?.to).toContain('3.5');
  });
});

it('the sheet of another edition of the grids says which, what is interpolated, and by which crosswalk', () => {
  const other_edition = { id: '', name: '2023', units: 12, crosswalk: 'c0ffee', interpolated: 0.4 };
  const of = { result: { ...result, other_edition } as unknown as AnalysisResult };
  const chinese = sheetOf(printed(of));
  expect(chinese.subtitle).toContain('网格版本 2023，12 个单元为插值');
  expect(chinese.sections.at(-1)?.lines.join()).toContain('c0ffee');
  expect(sheetOf(printed({ ...of, lang: 'en', t: en })).subtitle).toContain('on edition 2023, 12 units interpolated');
});

it('parameters within others are named by their paths', () => {
  expect(pairsIn({ a: 1, b: { c: { d: 'x' } }, e: [1, 2], f: null })).toEqual([
    'a = 1',
    'b.c.d = x',
    'e = 1, 2',
    'f = null',
  ]);
  const list = [
    { name: 'casework', weight: 0.35, rises: true },
    { name: 'survey', weight: 0.1, rises: true },
  ];
  expect(pairsIn({ list, none: [] })).toEqual([
    'list.name = casework, survey',
    'list.weight = 0.35, 0.1',
    'list.rises = true',
    'none = ',
  ]);
});
