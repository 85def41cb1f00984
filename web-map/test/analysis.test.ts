import {
  type StyleSpecification,
  type VectorSourceSpecification,
  validateStyleMin,
} from '@maplibre/maplibre-gl-style-spec';
import { describe, expect, it } from 'vitest';
import type { AnalysisClass, AnalysisCurve, AnalysisResult } from '../src/api/types';
import { circleRing, type Drawing, fillColor, looks, ramp } from '../src/map/analysis';
import { shade, surfacePixels } from '../src/map/analysis-surface';
import { compose, type Overlay } from '../src/map/compose';
import { chartEnd, curveLine, hitsAt, spread } from '../src/state/analysis-chart';
import { type Draft, draftOf, faultsOf, fieldsOf, presetOf, requestOf, withMethod } from '../src/state/analysis-draft';
import {
  champion,
  entryTitle,
  figure,
  neighboursOf,
  provenBest,
  rowsWanted,
  shownRows,
  sparkLine,
  winners,
} from '../src/state/analysis-table';
import { defaults, method, text } from './analysis-form';

const unit = (code: string, of: string, ...values: (number | null)[]) => ({
  code,
  name: code,
  town: '',
  class: of,
  values,
});

const result: AnalysisResult = {
  method: 'hotspots',
  title: text('热点'),
  request: { ...defaults, method: 'hotspots' },
  level: 'grids',
  period: '2023-01..2025-12',
  edition: '',
  data: '',
  class: 'command',
  k: 3,
  synthetic: true,
  meta: [],
  legend: [
    { id: 'hot99', title: text('热点'), n: 2 },
    { id: 'ns', title: text('不显著'), n: 2 },
    { id: 'insufficient', title: text('数据不足'), n: 1 },
  ],
  columns: [
    { id: 'value', title: text('数量'), unit: '', decimals: 0, hint: text('') },
    { id: 'p', title: text('p'), unit: '', decimals: 4, hint: text('') },
  ],
  units: [
    unit('丙', 'ns', 3, 0.2),
    unit('甲', 'hot99', 9, 0.001),
    unit('丁', 'insufficient', null, null),
    unit('乙', 'hot99', 9, 0.004),
    unit('戊', 'ns', 0, 0.9),
  ],
  facts: [],
  notes: [],
};

const classes: AnalysisClass[] = [
  { id: 'hot99', title: text('热点'), light: '#b10026', dark: '#ff5a4d', pattern: '' },
  { id: 'ns', title: text('不显著'), light: '#00000000', dark: '#00000000', pattern: 'hatch' },
  { id: 'insufficient', title: text('数据不足'), light: '#00000000', dark: '#00000000', pattern: 'dots' },
];
const drawing: Drawing = { result, classes, picks: [] };

describe('the form', () => {
  const draft = (part: Partial<Draft>, options: Record<string, string> = {}): Draft => {
    const start = draftOf(defaults);
    return { ...start, ...part, options: { ...start.options, ...options } };
  };

  it('asks for what its method takes, and for nothing else', () => {
    const hotspots = method('hotspots', ['weights', 'alpha', 'correct', 'seed']);
    expect(requestOf(withMethod(draft({}), hotspots), hotspots)).toEqual({
      method: 'hotspots',
      indicator: 'casework',
      level: 'grids',
      kinds: [],
      from: '2023-01',
      to: '2025-12',
      alpha: 0.05,
      correct: true,
      seed: 310151,
    });
  });

  it.each([
    ['queen', { kind: 'queen', order: 1, style: 'B', isolates: 'keep', self: true, snap_m: 1 }],
    ['knn', { kind: 'knn', order: 1, style: 'B', isolates: 'keep', self: true, k: 6 }],
    [
      'inverse',
      { kind: 'inverse', order: 1, style: 'B', isolates: 'keep', self: true, band_m: 900, power: 1, floor_m: 1 },
    ],
  ])('says who is whose neighbour by %s', (kind, weights) => {
    const hotspots = method('hotspots', ['weights']);
    const typed = draft({}, { 'weights.kind': kind, 'weights.k': '6', 'weights.band_m': '900' });
    expect(requestOf(withMethod(typed, hotspots), hotspots).weights).toEqual(weights);
  });

  it('writes shares as percent and reads them back', () => {
    const clusters = method('clusters', ['scan', 'areas']);
    const typed = draft({ method: 'clusters' }, { 'scan.max_share': '30', areas: '0.5, 5，10' });
    expect(draftOf(defaults).options).toMatchObject({ 'scan.max_share': '25', areas: '1, 5, 10, 20' });
    expect(requestOf(typed, clusters)).toMatchObject({
      scan: { time: 'space', max_share: 0.3, max_radius_m: 0, low: false },
      areas: [0.005, 0.05, 0.1],
    });
  });

  it('asks only for the fields that matter', () => {
    const clusters = method('clusters', ['scan']);
    const keys = (options: Record<string, string>) => fieldsOf(clusters, draft({}, options)).map((f) => f.key);
    expect(keys({})).not.toContain('scan.max_duration');
    expect(keys({ 'scan.time': 'prospective' })).toContain('scan.max_duration');
  });

  it('keeps the question where another method allows it', () => {
    const pairs = method('pairs', ['pairs'], ['grids']);
    expect(withMethod(draft({ level: 'cells' }), pairs)).toMatchObject({ level: 'grids', indicator: 'findings' });
    expect(withMethod(draft({}), method('emerging', ['step'])).options.step).toBe('quarter');
  });

  it('says what cannot be read', () => {
    const typed = draft({ from: '2023-13' }, { alpha: 'five', 'pairs.days': '7, x' });
    expect(faultsOf(typed, method('pairs', ['alpha', 'pairs']))).toEqual([
      { key: 'from', fault: 'month' },
      { key: 'pairs.days', fault: 'list' },
      { key: 'alpha', fault: 'number' },
    ]);
  });

  it.each([
    [{ first: '2020-05', last: '2026-10' }, 3, { from: '2023-01', to: '2025-12' }],
    [{ first: '2020-05', last: '2025-12' }, 3, { from: '2023-01', to: '2025-12' }],
    [{ first: '2020-05', last: '2026-10' }, 'all' as const, { from: '2020-05', to: '2026-10' }],
  ])('has periods of whole years: %j %s', (known, years, expected) => expect(presetOf(known, years)).toEqual(expected));
});

describe('figures in words', () => {
  it.each([
    [1234.5, '', 0, '1,235'],
    [0.00001, '', 4, '< 0.0001'],
    [0, '', 2, '0.00'],
    [-0.256, '', 2, '-0.26'],
    [0.425, '%', 1, '42.5%'],
    [3.1449, '/km²', 2, '3.14 /km²'],
    [null, '', 2, '—'],
    [Number.NaN, '', 2, '—'],
  ])('%s %s with %i decimals', (n, of, decimals, expected) => expect(figure(n, of, decimals, 'zh')).toBe(expected));

  it('names a class of numbers by its range', () => {
    const column = { id: 'd', title: text(''), unit: '/km²', decimals: 1, hint: text('') };
    expect(entryTitle({ id: 'q1', title: text('第 1 级'), n: 1, from: 0, to: 2.5 }, column, 'en')).toBe(
      '0.0 – 2.5 /km²',
    );
    expect(entryTitle({ id: 'ns', title: text('不显著'), n: 1 }, column, 'zh')).toBe('不显著');
  });
});

describe('the table', () => {
  const codes = (places: number[]) => places.map((at) => result.units[at]?.code);

  it('begins with the largest, equal ones as they come, and what is not known last', () =>
    expect(codes(shownRows(result, [], null))).toEqual(['甲', '乙', '丙', '戊', '丁']));

  it('has what is not known last in either direction', () => {
    expect(codes(shownRows(result, [], { column: 'p', down: false })).at(-1)).toBe('丁');
    expect(codes(shownRows(result, [], { column: 'p', down: true }))).toEqual(['戊', '丙', '乙', '甲', '丁']);
  });

  it('sorts by class as the legend has them, and shows the picked ones alone', () => {
    expect(codes(shownRows(result, [], { column: 'class', down: false }))).toEqual(['甲', '乙', '丙', '戊', '丁']);
    expect(codes(shownRows(result, ['ns'], null))).toEqual(['丙', '戊']);
  });

  it('reaches as far as the selected row', () => {
    const rows = Array.from({ length: 400 }, (_, i) => i);
    expect(rowsWanted(rows, 100, null)).toBe(100);
    expect(rowsWanted(rows, 100, 5)).toBe(100);
    expect(rowsWanted(rows, 100, 250)).toBe(260);
    expect(rowsWanted(rows, 100, 399)).toBe(400);
  });

  it('knows neighbours from both ends of a link', () =>
    expect(
      neighboursOf(
        [
          [0, 1],
          [2, 0],
          [1, 3],
        ],
        0,
      ),
    ).toEqual([1, 2]));

  it('draws a series from nothing to its largest', () => {
    expect(sparkLine([0, 5, 10], 40, 20)).toBe('0,20 20,10 40,0');
    expect(sparkLine([0, 0], 40, 20)).toBe('0,20 40,20');
  });
});

describe('the map of an analysis', () => {
  it('has a class without a figure in no colour but a pattern', () => {
    const look = looks(result.legend, classes, 'dark');
    expect(look.get('hot99')).toEqual({ color: '#ff5a4d', pattern: null });
    expect(look.get('ns')?.pattern).toBe('hatch');
    expect(look.get('insufficient')).toEqual({ color: 'rgba(0, 0, 0, 0)', pattern: 'dots' });
  });

  it('spreads the ramp over the classes of numbers there are', () => {
    const [light, dark] = [ramp(5, 'light'), ramp(5, 'dark')];
    expect(ramp(3, 'light')).toEqual([light[0], light[2], light[4]]);
    expect(new Set([...light, ...dark]).size).toBe(10);
    expect(ramp(1, 'light')).toHaveLength(1);
  });

  it('colours the units of the picked classes alone', () => {
    expect(JSON.stringify(fillColor(drawing, 'light'))).toContain('#b10026');
    expect(fillColor({ ...drawing, picks: ['ns'] }, 'light')).toBe('rgba(0, 0, 0, 0)');
  });

  const tiles: VectorSourceSpecification = { type: 'vector', tiles: ['http://127.0.0.1/{z}/{x}/{y}.mvt'] };
  const served: StyleSpecification = {
    version: 8,
    glyphs: 'http://127.0.0.1/{fontstack}/{range}.pbf',
    sources: { grids: tiles, findings: tiles },
    layers: [
      { id: 'grids-fill', type: 'fill', source: 'grids', 'source-layer': 'grids', paint: { 'fill-color': '#ff0000' } },
      { id: 'grids-hatch', type: 'fill', source: 'grids', 'source-layer': 'grids', paint: { 'fill-pattern': 'hatch' } },
      { id: 'findings-plot', type: 'fill', source: 'findings', 'source-layer': 'findings' },
    ],
  };
  const overlay: Overlay = {
    level: 'grids',
    theme: 'light',
    filter: null,
    plain: false,
    outlined: null,
    point: null,
    draft: null,
    extent: null,
  };
  const circle = {
    rank: 1,
    lon: 121.5,
    lat: 31.6,
    radius_m: 2000,
    codes: ['甲'],
    observed: 9,
    expected: 2,
    ratio: 4.5,
    llr: 6,
    p: 0.001,
    gumbel: null,
    recurs: null,
    certain: true,
  };
  const surface = {
    nx: 2,
    ny: 2,
    cell_m: 250,
    unit: '/km²',
    values: [0, 1, null, 2],
    most: 2,
    corners: [
      [121, 32],
      [122, 32],
      [122, 31],
      [121, 31],
    ],
    contours: [
      {
        value: 1,
        lines: [
          [
            [121, 31],
            [122, 32],
          ],
        ],
      },
    ],
  };

  it('takes the place of the coloured areas and their patterns', () => {
    const style = compose(served, { ...overlay, analysis: drawing });
    const ids = style.layers.map((l) => l.id);
    expect(ids.slice(0, 4)).toEqual(['grids-fill', 'client-analysis-hatch', 'client-analysis-dots', 'findings-plot']);
    expect(validateStyleMin(style)).toEqual([]);
    expect(compose(served, { ...overlay, analysis: null }).layers.map((l) => l.id)).toContain('grids-hatch');
  });

  it('is a valid style with clusters and a surface, in light and dark', () => {
    const all = { ...drawing, result: { ...result, circles: [circle], surface } };
    for (const theme of ['light', 'dark'] as const) {
      const style = compose(served, { ...overlay, theme, analysis: all });
      expect(validateStyleMin(style)).toEqual([]);
      expect(style.layers.map((l) => l.id)).toContain('client-circles-rank');
      expect(style.sources['client-surface']).toMatchObject({ type: 'image' });
    }
  });

  it('draws a circle of the same radius on all sides, closed', () => {
    const ring = circleRing(121.5, 31.6, 5000, 36);
    expect(ring).toHaveLength(37);
    expect(ring[0]).toEqual(ring[36]);
    const metres = ring.map(([lon, lat]) => {
      const [x, y] = [(lon - 121.5) * Math.cos((31.6 * Math.PI) / 180), lat - 31.6];
      return Math.hypot(x, y) * 111_195;
    });
    for (const m of metres) expect(Math.abs(m - 5000)).toBeLessThan(5);
  });

  it('turns the rows of a surface upside down, and leaves the sea clear', () => {
    const pixels = surfacePixels(surface, 'light');
    const at = (i: number) => [...pixels.slice(i * 4, i * 4 + 4)];
    expect(at(0)).toEqual([0, 0, 0, 0]); // north-west: no value
    expect(at(1)).toEqual([...shade(1, 'light'), 255]);
    expect(at(2)[3]).toBe(0); // nothing
    expect(at(3)).toEqual([...shade(0.5, 'light'), 255]);
  });
});

describe('forecasts', () => {
  const point = (area: number, hit_rate: number, low: number, high: number) => ({
    area,
    hit_rate,
    low,
    high,
    hits: 1,
    of: 10,
    pai: 1,
    pei: 1,
    rri: 1,
    ser: 1,
  });
  const curve = (id: string, ...points: ReturnType<typeof point>[]): AnalysisCurve => ({
    id,
    title: text(id),
    area: [0, 0.1, 1],
    hits: [0, 0.6, 1],
    points,
  });
  const index = curve('index', point(0.05, 0.3, 0.2, 0.4), point(0.1, 0.4, 0.3, 0.5));
  const counts = curve('counts', point(0.05, 0.5, 0.35, 0.6), point(0.1, 0.6, 0.55, 0.7));

  it('are won by the most hits at each share, and on the whole by who wins the most', () => {
    const list = winners([index, counts]);
    expect(list.map((w) => [w.area, w.rate, w.curves.map((c) => c.id)])).toEqual([
      [0.05, 0.5, ['counts']],
      [0.1, 0.6, ['counts']],
    ]);
    expect(champion(list)?.id).toBe('counts');
    expect(provenBest(counts, [index, counts])).toBe(true);
    expect(provenBest(index, [index, counts])).toBe(false);
  });

  it('are won by nobody when they are equal', () => {
    const same = { ...index, id: 'same' };
    expect(champion(winners([index, same]))).toBeNull();
    expect(winners([index, same])[0]?.curves).toHaveLength(2);
    expect(champion([])).toBeNull();
  });

  it('are drawn as far as they differ', () => {
    expect(chartEnd([index, counts])).toBe(0.2);
    expect(chartEnd([])).toBe(1);
    expect(hitsAt(index, 0.05)).toBeCloseTo(0.3);
    expect(hitsAt(index, 0.55)).toBeCloseTo(0.8);
    expect(curveLine(index, 0.2, { width: 100, height: 100 })).toBe('0,100 50,40 100,35.6');
  });

  it('have labels that keep clear of each other', () => {
    expect(spread([10, 12, 11], 10, 100)).toEqual([10, 30, 20]);
    expect(spread([95, 99], 10, 100)).toEqual([90, 100]);
  });
});
