import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type StyleSpecification,
  type VectorSourceSpecification,
  validateStyleMin,
} from '@maplibre/maplibre-gl-style-spec';
import { describe, expect, it } from 'vitest';
import type { AnalysisCatalogue, AnalysisMethod, AnalysisResult } from '../src/api/types';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';
import type { Drawing } from '../src/map/analysis';
import { linkLines } from '../src/map/analysis-links';
import { compose, type Overlay } from '../src/map/compose';
import { matrixOf, pairs, priorities, stepOf, stepsOf, timesOf } from '../src/state/analysis-ahp';
import { type Draft, draftOf, faultsOf, fieldsOf, requestOf, withMethod } from '../src/state/analysis-draft';
import { hasLinks, neighbourhoodOf } from '../src/state/analysis-links';
import { isolatesOf } from '../src/state/analysis-table';
import { defaults, method, text } from './analysis-form';

const draft = (of: AnalysisMethod, options: Record<string, string> = {}): Draft => {
  const start = draftOf(defaults);
  return withMethod({ ...start, options: { ...start.options, ...options } }, of);
};

describe('who is whose neighbour, in the form', () => {
  const lisa = method('lisa', ['weights']);
  const asked = (options: Record<string, string>) => requestOf(draft(lisa, options), lisa).weights;
  const keys = (options: Record<string, string>) => fieldsOf(lisa, draft(lisa, options)).map(({ key }) => key);

  it('has the fields that the kind uses, and no other', () => {
    expect(keys({})).toEqual(['weights.kind']);
    const shape = ['weights.order', 'weights.snap_m', 'weights.isolates', 'weights.bridges'];
    expect(keys({ 'weights.kind': 'rook' })).toEqual(['weights.kind', ...shape]);
    expect(keys({ 'weights.kind': 'queen', 'weights.order': '2' })).toContain('weights.cumulative');
    expect(keys({ 'weights.kind': 'knn' })).not.toContain('weights.snap_m');
    const distance = ['weights.kind', 'weights.band_m', 'weights.isolates', 'weights.bridges'];
    expect(keys({ 'weights.kind': 'band', 'weights.order': '2' })).toEqual(distance);
  });

  it.each([
    [
      { 'weights.kind': 'queen', 'weights.order': '2', 'weights.cumulative': 'true', 'weights.snap_m': '25' },
      { kind: 'queen', order: 2, cumulative: true, style: 'W', isolates: 'keep', self: false, snap_m: 25 },
    ],
    [
      { 'weights.kind': 'rook', 'weights.cumulative': 'true', 'weights.bridges': '甲1 - 乙2， 乙2-丙3' },
      {
        kind: 'rook',
        order: 1,
        style: 'W',
        isolates: 'keep',
        self: false,
        snap_m: 1,
        bridges: [
          ['甲1', '乙2'],
          ['乙2', '丙3'],
        ],
      },
    ],
    [
      { 'weights.kind': 'band', 'weights.order': '3', 'weights.snap_m': '9', 'weights.isolates': 'link' },
      { kind: 'band', order: 1, style: 'W', isolates: 'link', self: false, band_m: 2000 },
    ],
    [
      { 'weights.kind': 'knn', 'weights.k': '6', 'weights.order': '2', 'weights.isolates': 'refuse' },
      { kind: 'knn', order: 2, style: 'W', isolates: 'refuse', self: false, k: 6 },
    ],
  ])('asks for %j', (options, weights) => {
    expect(faultsOf(draft(lisa, options), lisa)).toEqual([]);
    expect(asked(options)).toEqual(weights);
    const again = draftOf({ ...defaults, method: 'lisa', weights } as AnalysisCatalogue['defaults']);
    expect(requestOf(again, lisa).weights).toEqual(weights);
  });

  it.each([
    [{ 'weights.order': 'two' }, { key: 'weights.order', fault: 'number' }],
    [{ 'weights.snap_m': '' }, { key: 'weights.snap_m', fault: 'number' }],
    [{ 'weights.bridges': 'A1' }, { key: 'weights.bridges', fault: 'pairs' }],
    [{ 'weights.bridges': 'A1-A1' }, { key: 'weights.bridges', fault: 'pairs' }],
    [{ 'weights.bridges': 'A1-B2-C3' }, { key: 'weights.bridges', fault: 'pairs' }],
  ])('cannot read %j', (options, fault) =>
    expect(faultsOf(draft(lisa, { 'weights.kind': 'queen', ...options }), lisa)).toEqual([fault]),
  );
});

describe('the weights of the index, in the form', () => {
  const index = method('index', ['composite']);
  const composite = (options: Record<string, string>) => requestOf(draft(index, options), index).composite;
  const faults = (options: Record<string, string>) => faultsOf(draft(index, options), index);

  it('are those in force until somebody asks for others', () => {
    expect(draftOf(defaults).options['composite.by']).toBe('');
    expect(composite({})).toEqual({ normalise: 'index', missing: 'renormalise', species: 'opium_poppy' });
  });

  it('leave open whose plots are sought: poppy where nobody says, and any that has a season', () => {
    const field = fieldsOf(index, draft(index)).find(({ key }) => key === 'composite.species');
    expect(field?.choices).toEqual(['opium_poppy', 'cannabis', 'ephedra']);
    expect(composite({ 'composite.species': 'cannabis' })).toMatchObject({ species: 'cannabis' });
    const asked = (species?: string) =>
      draftOf({ ...defaults, composite: { ...defaults.composite, species } as typeof defaults.composite });
    expect(asked('ephedra').options['composite.species']).toBe('ephedra');
    expect(asked().options['composite.species']).toBe('opium_poppy'); // a run of before there was a choice
    for (const words of [zh, en])
      for (const choice of field?.choices ?? [])
        expect(words.analysis.choices['composite.species']?.[choice], choice).toBeTruthy();
  });

  it('by hand are one number for each factor', () => {
    const hand = (weights: string) => ({ 'composite.by': 'hand', 'composite.weights': weights });
    const weights = { casework: 3, findings_open: 0, findings_confirmed: 1, status: 0.5, survey: 0 };
    expect(faults(hand('3, 0, 1, 0.5, 0'))).toEqual([]);
    expect(composite(hand('3, 0, 1, 0.5, 0'))).toMatchObject({ weights });
    const request = { ...defaults, composite: { ...defaults.composite, weights } };
    expect(draftOf(request).options).toMatchObject(hand('3, 0, 1, 0.5, 0'));
    for (const wrong of ['', '3, 0, 1', '3, , 1, 1, 1', '3, x, 1, 1, 1', '3, -1, 1, 1, 1', '0, 0, 0, 0, 0'])
      expect(faults(hand(wrong)), wrong).toEqual([{ key: 'composite.weights', fault: 'weights' }]);
  });

  it('by comparison are a reciprocal matrix, and come back as they were typed', () => {
    const steps = [2, -4, 0, 8, 1, 3, -8, 0, 5, -1];
    const options = { 'composite.by': 'ahp', 'composite.judgements': steps.join(', ') };
    const asked = composite(options);
    const judgements = asked?.judgements ?? [];
    expect(judgements[0]).toEqual([1, 3, 1 / 5, 1, 9]);
    for (const [i, k] of pairs) expect((judgements[i]?.[k] ?? 0) * (judgements[k]?.[i] ?? 0)).toBeCloseTo(1, 12);
    const request = { ...defaults, composite: { ...defaults.composite, judgements } };
    expect(draftOf(request).options).toMatchObject(options);
    expect(asked?.weights).toBeUndefined();
    expect(composite({ 'composite.by': 'ahp' })?.judgements).toEqual(matrixOf([])); // nothing moved: all the same
  });
});

describe('pairwise comparison', () => {
  /** The rows of a file of the statistics' own tests, without its head. */
  const rows = (name: string): string[][] =>
    readFileSync(join(import.meta.dirname, '../../grids/risk/testdata/c25_ahp_fdr_small', name), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));

  it.each(rows('expected_ahp.csv'))('agrees with the server on %s', (name, n, lambdaMax, _, cr, weights = '') => {
    const matrix: number[][] = Array.from({ length: Number(n) }, () => []);
    for (const [of, i, k, a] of rows('input_ahp.csv'))
      if (of === name) (matrix[Number(i)] ?? [])[Number(k)] = Number(a);
    const is = priorities(matrix);
    expect(Math.abs(is.lambdaMax - Number(lambdaMax))).toBeLessThan(1e-9);
    expect(Math.abs(is.cr - Number(cr))).toBeLessThan(1e-9);
    for (const [i, w] of weights.split(' ').entries())
      expect(Math.abs((is.weights[i] ?? 0) - Number(w))).toBeLessThan(1e-9);
    expect(is.consistent).toBe(name !== 'saaty_house_8');
  });

  it('names the comparison to look at first', () => {
    expect(priorities(matrixOf([])).worst).toBeNull();
    const steps = pairs.map(() => 0);
    steps[3] = 8; // casework 9 times the survey, and all else the same
    const { worst, consistent, cr } = priorities(matrixOf(steps));
    expect(worst).toMatchObject({ row: 0, column: 4, given: 9 });
    expect(consistent).toBe(false);
    expect(cr).toBeGreaterThan(0.1);
  });

  it('has a step for every place of the scale', () => {
    expect([-8, -1, 0, 1, 8].map(timesOf)).toEqual([1 / 9, 1 / 2, 1, 2, 9]);
    for (let step = -8; step <= 8; step++) expect(stepOf(timesOf(step))).toBe(step);
    expect(stepOf(100)).toBe(8);
    expect(stepsOf(matrixOf([]))).toEqual(pairs.map(() => 0));
  });
});

describe('neighbours on the map', () => {
  const unit = (code: string, at?: number[]) => ({
    code,
    name: code,
    town: '',
    class: 'hot99',
    values: [],
    ...(at && { at }),
  });
  const result: AnalysisResult = {
    method: 'hotspots',
    title: text('热点'),
    request: defaults,
    level: 'grids',
    period: '2023-01..2025-12',
    edition: '',
    data: '',
    class: 'command',
    k: 3,
    synthetic: true,
    meta: [
      {
        method: 'weights-queen',
        version: '1',
        source: '',
        params: { spec: { kind: 'queen', order: 1, snap_m: 1 } },
        used: 3,
        dropped: { isolate: 1 },
        weights: 'abc',
      },
    ],
    legend: [{ id: 'hot99', title: text('热点'), n: 4 }],
    columns: [],
    units: [unit('甲', [121, 31]), unit('乙', [122, 31]), unit('丙', [122, 32]), unit('丁', [121, 32])],
    facts: [],
    notes: [],
    links: [
      [0, 1],
      [1, 2],
    ],
  };
  const tiles: VectorSourceSpecification = { type: 'vector', tiles: ['http://127.0.0.1/{z}/{x}/{y}.mvt'] };
  const served: StyleSpecification = {
    version: 8,
    glyphs: 'http://127.0.0.1/{fontstack}/{range}.pbf',
    sources: { grids: tiles, findings: tiles },
    layers: [
      { id: 'grids-fill', type: 'fill', source: 'grids', 'source-layer': 'grids', paint: { 'fill-color': '#ff0000' } },
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
  const drawn = (links: Drawing['links'], theme: 'light' | 'dark' = 'light') =>
    compose(served, { ...overlay, theme, analysis: { result, classes: [], picks: [], ...(links && { links }) } });

  it('are off until they are asked for', () => {
    expect(drawn(null).sources['client-links']).toBeUndefined();
    expect(drawn(null).layers.some(({ id }) => id.startsWith('client-links'))).toBe(false);
  });

  it.each(['light', 'dark'] as const)('are lines below what was found, in %s', (theme) => {
    const style = drawn({ chosen: 1 }, theme);
    expect(validateStyleMin(style)).toEqual([]);
    const ids = style.layers.map(({ id }) => id);
    expect(ids.indexOf('client-links-own')).toBeGreaterThan(ids.indexOf('client-links'));
    expect(ids.indexOf('findings-plot')).toBeGreaterThan(ids.indexOf('client-links-own'));
  });

  it('emphasise those of the chosen unit, and ring who has none', () => {
    const source = drawn({ chosen: 1 }).sources['client-links'] as unknown as {
      data: { features: { properties: { kind: string }; geometry: { coordinates: unknown } }[] };
    };
    const of = (kind: string) =>
      source.data.features.find(({ properties }) => properties.kind === kind)?.geometry.coordinates;
    const [first, second, third] = result.units.map(({ at }) => at);
    expect(of('all')).toEqual([
      [first, second],
      [second, third],
    ]);
    expect(of('own')).toEqual([
      [second, first],
      [second, third],
    ]);
    expect(of('alone')).toEqual([[121, 32]]);
    expect(isolatesOf(result)).toEqual([3]);
  });

  it('are drawn only between units whose middle is told', () => {
    const dim = { ...result, units: result.units.map((u) => ({ ...unit(u.code) })) };
    expect(linkLines(dim, result.links ?? [])).toEqual([]);
    expect(hasLinks(dim)).toBe(false);
    expect(hasLinks(result)).toBe(true);
  });

  it('have weights with a kind, a number of links, isolates and a hash', () => {
    expect(neighbourhoodOf(result)).toEqual({
      spec: { kind: 'queen', order: 1, snap_m: 1 },
      links: 2,
      isolates: 1,
      hash: 'abc',
    });
    expect(neighbourhoodOf({ ...result, meta: [] })).toBeNull();
  });
});
