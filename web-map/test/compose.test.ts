import {
  type StyleSpecification,
  type VectorSourceSpecification,
  validateStyleMin,
} from '@maplibre/maplibre-gl-style-spec';
import { describe, expect, it } from 'vitest';
import { compose, type Overlay } from '../src/map/compose';
import { inkOn, symbols } from '../src/map/symbols';

const tiles: VectorSourceSpecification = { type: 'vector', tiles: ['http://127.0.0.1/{z}/{x}/{y}.mvt'] };
const served: StyleSpecification = {
  version: 8,
  sources: { grids: tiles, towns: tiles, cells: tiles },
  layers: [
    { id: 'grids-fill', type: 'fill', source: 'grids', 'source-layer': 'grids', paint: { 'fill-color': '#ff0000' } },
    { id: 'grids-hatch', type: 'fill', source: 'grids', 'source-layer': 'grids', filter: ['!', ['has', 'risk']] },
    { id: 'towns-line', type: 'line', source: 'towns', 'source-layer': 'towns' },
  ],
};
const nothing: Overlay = {
  level: 'grids',
  theme: 'light',
  filter: null,
  plain: false,
  outlined: null,
  point: null,
  draft: null,
  extent: null,
};
const everything: Overlay = {
  ...nothing,
  filter: ['==', ['get', 'risk'], 0],
  outlined: { level: 'towns', code: '310151101000' },
  point: [121.5, 31.6],
  draft: {
    shape: 'plot',
    finished: false,
    corners: [
      [121.5, 31.6],
      [121.6, 31.6],
      [121.6, 31.7],
    ],
  },
  extent: [121, 31, 122, 32],
};
const layer = (style: StyleSpecification, id: string) => style.layers.find((l) => l.id === id) as { filter?: unknown };

describe('composing the style', () => {
  it.each([
    ['nothing', nothing],
    ['everything', everything],
    ['in the dark', { ...everything, theme: 'dark' } satisfies Overlay],
  ])('is valid with %s', (_, overlay) => expect(validateStyleMin(compose(served, overlay))).toEqual([]));

  it('changes neither argument', () => {
    const before = JSON.stringify([served, everything]);
    compose(served, everything);
    expect(JSON.stringify([served, everything])).toBe(before);
  });

  it('filters the fills of the coloured level, and keeps their own filters', () => {
    const style = compose(served, everything);
    expect(layer(style, 'grids-fill').filter).toEqual(everything.filter);
    expect(layer(style, 'grids-hatch').filter).toEqual(['all', ['!', ['has', 'risk']], everything.filter]);
    expect(layer(style, 'towns-line').filter).toBeUndefined();
  });

  it('outlines a unit of another level, by its code or its cell', () => {
    expect(layer(compose(served, everything), 'client-outlined').filter).toEqual([
      '==',
      ['get', 'code'],
      '310151101000',
    ]);
    const cell = compose(served, { ...nothing, outlined: { level: 'cells', code: '8830991b39fffff' } });
    expect(layer(cell, 'client-outlined').filter).toEqual(['==', ['get', 'id'], '8830991b39fffff']);
    expect(
      layer(compose(served, { ...nothing, outlined: { level: 'villages', code: '1' } }), 'client-outlined'),
    ).toBeUndefined();
  });

  it('has the same layers whether or not something is drawn, so that drawing flickers nothing', () => {
    const ids = (overlay: Overlay) => compose(served, { ...overlay, outlined: null }).layers.map((l) => l.id);
    expect(ids(everything)).toEqual(ids(nothing));
  });
});

describe('the symbols of the finding states', () => {
  it('differ in shape', () => {
    const outlines = Object.values(symbols).map((s) => s.outline);
    expect(outlines).toHaveLength(8);
    expect(new Set(outlines).size).toBe(8);
  });

  it.each([
    ['#ffd21f', '#10161c'],
    ['#ffffff', '#10161c'],
    ['#b3123b', '#ffffff'],
    ['#000000', '#ffffff'],
  ])('ink on %s is %s', (color, ink) => expect(inkOn(color)).toBe(ink));
});

it('who sees the territory alone is not told of each unit that nothing is known', () => {
  const hatched: StyleSpecification = {
    ...served,
    layers: served.layers.map((layer) =>
      layer.id === 'grids-hatch' && layer.type === 'fill' ? { ...layer, paint: { 'fill-pattern': 'hatch' } } : layer,
    ),
  };
  const ids = (plain: boolean) => compose(hatched, { ...nothing, plain }).layers.map((layer) => layer.id);
  expect(ids(false)).toContain('grids-hatch');
  expect(ids(true)).not.toContain('grids-hatch');
  expect(ids(true)).toContain('grids-fill'); // to be pointed at
});
