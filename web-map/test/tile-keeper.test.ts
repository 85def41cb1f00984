import { beforeEach, describe, expect, it } from 'vitest';
import type { Box } from '../src/api/types';
import { type KeptTile, TileKeeper } from '../src/map/tile-keeper';
import { boxOf, type Tile } from '../src/map/tiling';

const tile = (x: number, y = 1665, z = 12): KeptTile => ({ z, x, y, drawnAt: z });
const inside = ({ z, x, y }: Tile): Box => {
  const [w, s, e, n] = boxOf({ z, x, y });
  return [(w + e) / 2, (s + n) / 2, (w + e) / 2, (s + n) / 2];
};
const [west, middle, east] = [tile(3430), tile(3431), tile(3432)];

/** A map that keeps what it is asked for. */
const screen = { visible: [] as KeptTile[], resting: new Set<string>(), loading: new Set<string>() };
let reloads: string[];
let keeper: TileKeeper;

beforeEach(() => {
  Object.assign(screen, { visible: [west, middle], resting: new Set(), loading: new Set() });
  reloads = [];
  keeper = new TileKeeper({
    visible: () => screen.visible,
    drawn: (source) => !screen.resting.has(source),
    settled: (source) => !screen.loading.has(source),
    reload: (source, tiles) => {
      screen.loading.add(source);
      reloads.push(`${source} ${tiles.map((t) => `${t.z}/${t.x}/${t.y}`).join(' ')}`);
    },
  });
  for (const source of ['findings', 'grids']) for (const t of [west, middle, east]) keeper.asked(source, t);
});

describe('reloading tiles', () => {
  it('reloads only the tiles at the place of the change, of the layer that changed', () => {
    expect(keeper.renew()).toBe(false);
    keeper.changed('findings', [inside(middle)]);
    expect(keeper.renew()).toBe(true);
    expect(reloads).toEqual(['findings 12/3431/1665']);
  });

  it('reloads all tiles of the view when the change may be anywhere', () => {
    keeper.changed('grids');
    keeper.renew();
    expect(reloads).toEqual(['grids 12/3430/1665 12/3431/1665']);
  });

  it('reloads a tile that was out of view when it is looked at again, and once', () => {
    keeper.changed('findings', [inside(east)]);
    expect(keeper.renew()).toBe(false);
    expect(reloads).toEqual([]);
    screen.visible = [middle, east];
    keeper.renew();
    screen.loading.clear();
    expect(keeper.renew()).toBe(false);
    expect(reloads).toEqual(['findings 12/3432/1665']);
  });

  it('does not reload a tile that the map has dropped and asks for again', () => {
    keeper.changed('findings', [inside(east)]);
    keeper.asked('findings', east);
    screen.visible = [east];
    expect(keeper.renew()).toBe(false);
    expect(reloads).toEqual([]);
  });

  it('waits for what is being loaded, and remembers what changes meanwhile', () => {
    keeper.changed('findings', [inside(west)]);
    keeper.renew();
    keeper.changed('findings', [inside(west)]);
    keeper.changed('findings', [inside(middle)]);
    expect(keeper.renew()).toBe(true);
    expect(reloads).toHaveLength(1);
    screen.loading.clear();
    expect(keeper.renew()).toBe(true);
    expect(reloads).toEqual(['findings 12/3430/1665', 'findings 12/3430/1665 12/3431/1665']);
    screen.loading.clear();
    expect(keeper.renew()).toBe(false);
  });

  it('a change while a tile is loaded for the first time is not lost', () => {
    screen.loading.add('findings');
    keeper.asked('findings', west); // may be answered as of before the change
    keeper.changed('findings', [inside(west)]);
    expect(keeper.renew()).toBe(true);
    screen.loading.clear();
    keeper.renew();
    expect(reloads).toEqual(['findings 12/3430/1665']);
  });

  it('leaves the tiles of a layer that is not drawn until it is', () => {
    screen.resting.add('findings');
    keeper.changed('findings');
    expect(keeper.renew()).toBe(false);
    screen.resting.clear();
    keeper.renew();
    expect(reloads).toEqual(['findings 12/3430/1665 12/3431/1665']);
  });

  it('keeps magnified tiles apart by the zoom they are drawn at', () => {
    const deep = { z: 16, x: 54880, y: 26640 };
    keeper.asked('findings', { ...deep, drawnAt: 17 });
    keeper.asked('findings', { ...deep, drawnAt: 18 });
    keeper.changed('findings', [inside(deep)]);
    for (const drawnAt of [18, 17]) {
      screen.visible = [{ ...deep, drawnAt }];
      screen.loading.clear();
      keeper.renew();
    }
    expect(reloads).toEqual(['findings 16/54880/26640', 'findings 16/54880/26640']);
  });
});
