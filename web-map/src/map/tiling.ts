// Tiles and the ground they cover. XYZ numbering, row 0 in the north; boxes are west, south, east, north in degrees.
import type { Box } from '../api/types';

export interface Tile {
  z: number;
  x: number;
  y: number;
}

/** The deepest zoom of the server's tiles; they are magnified beyond. */
export const maxTileZoom = 16;

/** What a tile holds beyond its edges, as a share of its side: the server's buffer and what rounds into it. */
const overlap = 1 / 32 + 1 / 1024;

const lon = (x: number, z: number): number => (x / 2 ** z) * 360 - 180;
const lat = (y: number, z: number): number => (Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / 2 ** z))) * 180) / Math.PI;

/** The ground of a tile, its overlap left out. */
export const boxOf = ({ z, x, y }: Tile): Box => [lon(x, z), lat(y + 1, z), lon(x + 1, z), lat(y, z)];

/** The ground of whole tiles, all of one zoom; null without tiles. */
export function boxOver(tiles: readonly Tile[]): Box | null {
  const [first] = tiles;
  if (first === undefined) return null;
  const [xs, ys] = [tiles.map((t) => t.x), tiles.map((t) => t.y)];
  const [west, , , north] = boxOf({ z: first.z, x: Math.min(...xs), y: Math.min(...ys) });
  const [, south, east] = boxOf({ z: first.z, x: Math.max(...xs), y: Math.max(...ys) });
  return [west, south, east, north];
}

/** Says whether what lies in the box can be part of the tile; a box may be a point. */
export function holds({ z, x, y }: Tile, [w, s, e, n]: Box): boolean {
  const [west, east] = [lon(x - overlap, z), lon(x + 1 + overlap, z)];
  const [south, north] = [lat(y + 1 + overlap, z), lat(y - overlap, z)];
  return w <= east && e >= west && s <= north && n >= south;
}
