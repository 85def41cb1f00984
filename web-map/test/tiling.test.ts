import { describe, expect, it } from 'vitest';
import type { Box } from '../src/api/types';
import { boxOf, boxOver, holds } from '../src/map/tiling';

const rounded = (box: Box | null) => box?.map((degrees) => Number(degrees.toFixed(4)));

describe('tiles and their ground', () => {
  it('is that of the XYZ scheme', () => {
    expect(boxOf({ z: 0, x: 0, y: 0 }).map((d) => Number(d.toFixed(3)))).toEqual([-180, -85.051, 180, 85.051]);
    expect(rounded(boxOf({ z: 12, x: 3430, y: 1665 }))).toEqual([121.4648, 31.8029, 121.5527, 31.8776]);
  });

  it('of several tiles is one box, in whatever order they come', () => {
    expect(boxOver([])).toBeNull();
    const tiles = [
      { z: 12, x: 3431, y: 1665 },
      { z: 12, x: 3430, y: 1666 },
    ];
    const [west, , , north] = boxOf({ z: 12, x: 3430, y: 1665 });
    const [, south, east] = boxOf({ z: 12, x: 3431, y: 1666 });
    expect(boxOver(tiles)).toEqual([west, south, east, north]);
    expect(boxOver(tiles.reverse())).toEqual([west, south, east, north]);
  });

  const tile = { z: 12, x: 3430, y: 1665 };
  const [w, s, e, n] = boxOf(tile);
  const [width, height] = [e - w, n - s];
  const at = (x: number, y: number): Box => [w + x * width, s + y * height, w + x * width, s + y * height];
  it.each<[string, Box, boolean]>([
    ['a point within', at(0.5, 0.5), true],
    ['a point in the overlap in the west', at(-1 / 33, 0.5), true],
    ['a point in the overlap in the north', at(0.5, 1 + 1 / 33), true],
    ['a point beyond the overlap in the east', at(1 + 1 / 25, 0.5), false],
    ['a point beyond the overlap in the south', at(0.5, -1 / 25), false],
    ['a box around it', [w - 1, s - 1, e + 1, n + 1], true],
    ['a box beside it', [w - 1, s, w - 0.5, n], false],
  ])('%s', (_, box, held) => expect(holds(tile, box)).toBe(held));
});
