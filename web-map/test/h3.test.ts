import { expect, it } from 'vitest';
import { cellKm2 } from '../src/map/h3';

it.each([
  ['88309b5a43fffff', 0.56],
  ['87309b5a4ffffff', 3.9],
  ['80309ffffffffff', undefined], // of a size that is never shown
  ['', undefined],
  ['zz309b5a43fffff', undefined],
])('a cell %s has about %s km²', (cell, expected) => expect(cellKm2(cell)).toBe(expected));
