import {
  type StyleSpecification,
  type VectorSourceSpecification,
  validateStyleMin,
} from '@maplibre/maplibre-gl-style-spec';
import { describe, expect, it } from 'vitest';
import type { AnalysisMethod, AnalysisRequest, AnalysisResult, Edition } from '../src/api/types';
import { en } from '../src/i18n/en';
import { editionSource, unitSource } from '../src/map/analysis';
import { compose, type Overlay } from '../src/map/compose';
import { formatAddress, home, parseAddress } from '../src/state/address';
import { draftOf, editionsFor, requestOf, takesEdition } from '../src/state/analysis-draft';
import { approximate, boxOf } from '../src/state/analysis-table';
import { editionOf } from '../src/state/print';

const older = '0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e';
const edition = (id: string, name: string, state: string, grids = 3): Edition => ({
  id,
  name,
  state,
  grids,
  family: 'drug-control',
  effective_from: '2023-01-01',
});
const editions = [edition('new', '2026', 'published'), edition(older, '2023', 'superseded')];

const request = {
  method: 'hotspots',
  indicator: 'casework',
  level: 'grids',
  edition: '',
  kinds: [],
  from: '2023-01',
  to: '2025-12',
  casework: 'located',
  composite: { weights: {}, judgements: [], normalise: 'index', missing: 'renormalise' },
} as unknown as AnalysisRequest;
const hotspots = { id: 'hotspots', levels: ['grids', 'villages'], options: ['edition', 'casework'] } as AnalysisMethod;
const pairs = { id: 'pairs', levels: ['grids'], options: ['pairs'] } as AnalysisMethod;

describe('the form', () => {
  it('offers editions of grids, the one on the map first and as none, where there is a choice', () => {
    const typed = draftOf(request);
    expect(editionsFor([...editions].reverse(), hotspots, typed).map(({ id }) => id)).toEqual(['', older]);
    expect(editionsFor(editions.slice(0, 1), hotspots, typed)).toEqual([]);
    expect(editionsFor([...editions.slice(0, 1), edition('x', 'empty', 'draft', 0)], hotspots, typed)).toEqual([]);
    expect(editionsFor(editions, hotspots, { ...typed, level: 'villages' })).toEqual([]);
    expect(editionsFor(editions, pairs, typed)).toEqual([]);
  });

  it('asks for an edition where the method takes one, and reads it back', () => {
    const typed = { ...draftOf(request), edition: older };
    expect(requestOf(typed, hotspots)).toMatchObject({ edition: older, casework: 'located' });
    expect(requestOf({ ...typed, level: 'villages' }, hotspots)).not.toHaveProperty('edition');
    expect(requestOf(typed, pairs)).not.toHaveProperty('edition');
    expect(takesEdition(hotspots, typed)).toBe(true);
    expect(draftOf({ ...request, edition: older }).edition).toBe(older);
    expect(requestOf({ ...typed, edition: '' }, hotspots)).not.toHaveProperty('edition');
  });
});

describe('a selected grid of an edition', () => {
  it('is in the address', () => {
    const selection = { type: 'unit', edition: older, code: '城桥-W01' } as const;
    expect(parseAddress(formatAddress({ ...home, selection })).selection).toEqual(selection);
  });

  it.each(['unit:W01', `unit:${older}`, `unit:${older}:`, `unit:${older}:a/b`, 'unit:../../etc:x'])(
    'is none in %s',
    (at) => expect(parseAddress(`#at=${at}`).selection).toBeNull(),
  );
});

const square = (x: number) => [
  [
    [
      [x, 31],
      [x + 0.1, 31],
      [x + 0.1, 31.1],
      [x, 31.1],
      [x, 31],
    ],
  ],
];
const other = {
  id: older,
  name: '2023',
  state: 'superseded',
  effective_from: '2023-01-01',
  on_map: '2026',
  units: 1,
  interpolated: 0.25,
  outside: 0,
};
const result = {
  method: 'hotspots',
  title: { zh: '热点', en: 'Hot spots' },
  request,
  level: 'grids',
  other_edition: other,
  legend: [
    { id: 'hot99', title: { zh: '', en: '' }, n: 1 },
    { id: 'ns', title: { zh: '', en: '' }, n: 1 },
  ],
  columns: [],
  units: [
    { code: 'W', name: 'west', town: '', class: 'hot99', values: [], outline: square(121), interpolated: true },
    { code: 'E', name: 'east', town: '', class: 'ns', values: [], outline: square(121.1) },
  ],
} as unknown as AnalysisResult;

const tiles: VectorSourceSpecification = { type: 'vector', tiles: ['http://127.0.0.1/{z}/{x}/{y}.mvt'] };
const of = (source: string) => ({ source, 'source-layer': source });
const served: StyleSpecification = {
  version: 8,
  glyphs: 'http://127.0.0.1/{fontstack}/{range}.pbf',
  sources: { grids: tiles, towns: tiles, labels: tiles },
  layers: [
    { id: 'grids-fill', type: 'fill', ...of('grids'), paint: { 'fill-color': '#ff0000' } },
    { id: 'grids-hatch', type: 'fill', ...of('grids'), paint: { 'fill-pattern': 'hatch' } },
    { id: 'grids-line', type: 'line', ...of('grids') },
    { id: 'towns-line', type: 'line', ...of('towns') },
    { id: 'labels-grid', type: 'symbol', ...of('labels') },
    { id: 'labels-town', type: 'symbol', ...of('labels') },
  ],
};
const overlay: Overlay = {
  level: 'grids',
  theme: 'light',
  filter: null,
  plain: false,
  outlined: { level: editionSource(older), code: 'W' },
  point: null,
  draft: null,
  extent: null,
  analysis: {
    result,
    classes: [
      { id: 'hot99', title: { zh: '', en: '' }, light: '#b10026', dark: '#ff5a4d', pattern: '' },
      { id: 'ns', title: { zh: '', en: '' }, light: '#00000000', dark: '#00000000', pattern: 'hatch' },
    ],
    picks: [],
  },
};

describe('the map of a result on another edition', () => {
  const style = compose(served, overlay);
  const layers = style.layers as { id: string; source?: string; 'source-layer'?: string; paint?: object }[];

  it('is a valid style', () => expect(validateStyleMin(style)).toEqual([]));

  it('draws the grids of that edition by their outlines, and none of those on the map', () => {
    const source = unitSource(result);
    expect(style.sources[source]).toMatchObject({ type: 'geojson', promoteId: 'code' });
    const { data } = style.sources[source] as { data: { features: { properties: object; geometry: object }[] } };
    expect(data.features[1]).toMatchObject({
      properties: { code: 'E', name: 'east' },
      geometry: { type: 'MultiPolygon', coordinates: square(121.1) },
    });
    expect(layers.filter((l) => l.source === 'grids')).toEqual([]);
    expect(layers.some(({ id }) => id === 'labels-grid')).toBe(false);
    for (const id of ['grids-fill', 'grids-line', 'client-analysis-hatch', 'client-outlined']) {
      const layer = layers.find((l) => l.id === id);
      expect(layer?.source, id).toBe(source);
      expect(layer, id).not.toHaveProperty('source-layer');
    }
    expect(JSON.stringify(layers.find(({ id }) => id === 'grids-fill')?.paint)).toContain('#b10026');
    expect(layers.find(({ id }) => id === 'towns-line')?.source).toBe('towns');
  });

  it('outlines a grid of that edition only where it is drawn', () => {
    const elsewhere = { ...overlay, outlined: { level: editionSource('another'), code: 'W' } };
    expect(compose(served, elsewhere).layers.some(({ id }) => id === 'client-outlined')).toBe(false);
  });

  it('leaves the grids of a result on the map to their tiles', () => {
    const { other_edition: _, ...plain } = result;
    expect(unitSource(plain as AnalysisResult)).toBe('grids');
  });
});

it('the box of a unit is that of its outline', () => {
  expect(boxOf(result.units[0])).toEqual([121, 31, 121.1, 31.1]);
  expect(boxOf({ ...result.units[0], outline: undefined } as never)).toBeNull();
  expect(boxOf(undefined)).toBeNull();
});

it('areas and ranks of an interpolated unit are exact', () => {
  const column = (id: string, unit: string) => ({ id, unit, decimals: 1, title: other as never, hint: other as never });
  const [cut, whole] = result.units as [AnalysisResult['units'][number], AnalysisResult['units'][number]];
  expect(approximate(cut, column('value', '/km²'), 3)).toBe(true);
  expect(approximate(cut, column('value', '/km²'), null)).toBe(false);
  expect(approximate(cut, column('area', 'km²'), 3)).toBe(false);
  expect(approximate(cut, column('rank', ''), 1)).toBe(false);
  expect(approximate(whole, column('value', '/km²'), 3)).toBe(false);
});

it('legend and sheet say which edition it is, and what is interpolated', () => {
  expect(editionOf(result, en.analysis)).toBe('on edition 2023, 1 unit interpolated (≈)');
  expect(editionOf({ ...result, other_edition: { ...other, units: 0 } }, en.analysis)).toBe('on edition 2023');
  expect(editionOf({ ...result, other_edition: undefined } as never, en.analysis)).toBe('');
});
