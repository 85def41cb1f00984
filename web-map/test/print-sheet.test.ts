import { describe, expect, it } from 'vitest';
import type { AnalysisResult, AnalysisRun } from '../src/api/types';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';
import { type Printed, pairsIn, periodOf, sheetOf } from '../src/state/print';

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
    expect(method?.[0]).toBe('gi 1: Ord and Getis 1995');
    for (const part of [
      'alpha = 0.05',
      'spec.kind = queen',
      'areas = 0.1, 0.2',
      '310151',
      'isolate = 1',
      '0123456789ab',
    ])
      expect(method?.[1]).toContain(part);
    expect(method?.join()).toContain('d1');
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
});
