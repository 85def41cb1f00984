import { render } from 'preact';
import { expect, it } from 'vitest';
import { patterns } from '../src/map/patterns';
import { ValueSymbol } from '../src/panels/value';

const states = ['number', 'zero', 'band', 'suppressed', 'nodata', 'notlooked'] as const;

it('every kind of value has a symbol of its own', () => {
  const shapes = states.map((state) => {
    const at = document.createElement('div');
    render(ValueSymbol({ state }), at);
    return at.querySelector('path')?.getAttribute('d');
  });
  expect(shapes.every(Boolean)).toBe(true);
  expect(new Set(shapes).size).toBe(states.length);
});

it('no two patterns look alike', () => {
  expect(new Set(Object.values(patterns).map(({ path }) => path)).size).toBe(Object.keys(patterns).length);
});
