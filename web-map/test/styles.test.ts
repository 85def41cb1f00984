// The official style validator and expression engine read the styles that the server's tests wrote down
// (styles/testdata, made by `go test ./styles -update`).
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  createPropertyExpression,
  type FilterSpecification,
  featureFilter,
  latest,
  type StylePropertySpecification,
  type StyleSpecification,
  validateStyleMin,
} from '@maplibre/maplibre-gl-style-spec';
import { describe, expect, it } from 'vitest';

type Drawn = { properties: Record<string, unknown>; color: string; patterns: string[] };

// Vitest runs in the folder of its configuration.
const testdata = resolve(process.cwd(), '../styles/testdata');

function read<T>(name: string): Record<string, T> {
  return JSON.parse(readFileSync(resolve(testdata, `${name}.json`), 'utf8')) as Record<string, T>;
}

const globals = { zoom: 10 };

function colorOf(
  expression: unknown,
  feature: { type: 3; properties: Record<string, unknown> },
  state: Record<string, unknown> = {},
): string {
  const spec = latest.paint_fill['fill-color'] as StylePropertySpecification;
  const compiled = createPropertyExpression(expression, 'fill-color', spec);
  if (compiled.result === 'error') throw new Error(compiled.value.map(String).join('; '));
  const { r, g, b, a } = compiled.value.evaluate(globals, feature as never, state);
  if (a !== 1) return 'transparent';
  return `#${[r, g, b]
    .map((c: number) =>
      Math.round(c * 255)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

function patternsOf(
  style: StyleSpecification,
  level: string,
  feature: { type: 3; properties: Record<string, unknown> },
): string[] {
  const patterns: string[] = [];
  for (const layer of style.layers) {
    if (layer.type !== 'fill' || layer.source !== level || layer.paint?.['fill-pattern'] === undefined) continue;
    const filter = featureFilter(layer.filter as FilterSpecification, 'filter');
    if (filter.filter(globals, feature as never)) patterns.push(String(layer.paint['fill-pattern']));
  }
  return patterns;
}

describe.each(['light-zh', 'light-en', 'dark-zh', 'dark-en'])('styles %s', (name) => {
  const styles = read<StyleSpecification>(name);

  it('cover every level', () => {
    const levels = new Set(Object.keys(styles).map((key) => key.split('/')[0]));
    expect([...levels].sort()).toEqual(['cells', 'grids', 'none', 'towns', 'villages']);
  });

  it.each(Object.keys(styles))('%s is valid', (key) => {
    const errors = validateStyleMin(styles[key] as StyleSpecification);
    expect(errors.map((e) => e.message)).toEqual([]);
  });
});

describe.each(['light', 'dark'])('map and legend agree, %s', (theme) => {
  const styles = read<StyleSpecification>(`${theme}-zh`);
  const promises = read<Drawn[]>(`promises-${theme}`);

  it('heat/density, which is a feature state', () => {
    const fill = styles.none?.layers.find((l) => l.id === 'hexagons-fill');
    const expression = fill?.type === 'fill' ? fill.paint?.['fill-color'] : undefined;
    const promised = promises['heat/density'] ?? [];
    expect(promised.length).toBeGreaterThan(8);
    for (const { properties: state, color } of promised) {
      expect([state, colorOf(expression, { type: 3, properties: {} }, state)]).toEqual([state, color]);
    }
  });

  it.each(Object.keys(promises).filter((key) => !key.startsWith('heat/')))('%s', (key) => {
    const style = styles[key] as StyleSpecification;
    const level = key.split('/')[0] ?? '';
    const fill = style.layers.find((l) => l.id === `${level}-fill`);
    const expression = fill?.type === 'fill' ? fill.paint?.['fill-color'] : undefined;
    const promised = promises[key] ?? [];
    expect(promised.length).toBeGreaterThan(8);
    for (const { properties, color, patterns } of promised) {
      const feature = { type: 3 as const, properties };
      expect([properties, colorOf(expression, feature)]).toEqual([properties, color]);
      expect([properties, patternsOf(style, level, feature)]).toEqual([properties, patterns]);
    }
  });
});
