import type { Box } from '../api/types';
import { holds, type Tile } from './tiling';

/** A tile as the map keeps it: one zoomed in beyond its own zoom is kept apart for each zoom it is drawn at. */
export interface KeptTile extends Tile {
  drawnAt: number; // whole zoom
}

/** What the keeper asks of the map. */
export interface TileMap {
  /** The tiles of the present view. */
  visible(): KeptTile[];
  /** False while a source has no layer that is drawn at the present zoom: its tiles rest. */
  drawn(source: string): boolean;
  /** True when nothing of a source is being loaded. */
  settled(source: string): boolean;
  /** Asks again for tiles of the view; the old ones stay until the new are there. */
  reload(source: string, tiles: Tile[]): void;
}

const keyOf = ({ drawnAt, x, y }: KeptTile): string => `${drawnAt}/${x}/${y}`;

/**
 * Knows which tiles were asked for before something on them changed, and has them asked for again when they are in
 * view: the map also keeps tiles that are out of view, and shows them again as they are. A source is reloaded only when
 * nothing of it is being loaded (a tile that is asked for twice at once may never say that it is there); what changes
 * meanwhile waits.
 */
export class TileKeeper {
  private readonly known = new Map<string, Map<string, Tile>>();
  private readonly stale = new Map<string, Set<string>>();
  private readonly reloading = new Set<string>();

  constructor(private readonly map: TileMap) {}

  /** The map asks for a tile that it does not have: it will be as new as anything heard. */
  asked(source: string, tile: KeptTile): void {
    const key = keyOf(tile);
    const tiles = this.known.get(source) ?? new Map();
    this.known.set(source, tiles.set(key, { z: tile.z, x: tile.x, y: tile.y }));
    this.forget(source, key);
  }

  /** Something changed on a source's tiles that hold one of the boxes; without boxes, on any. */
  changed(source: string, boxes?: readonly Box[]): void {
    const old = [...(this.known.get(source) ?? [])].filter(
      ([, tile]) => boxes === undefined || boxes.some((box) => holds(tile, box)),
    );
    if (old.length === 0) return;
    const stale = this.stale.get(source) ?? new Set();
    for (const [key] of old) stale.add(key);
    this.stale.set(source, stale);
  }

  /** Reloads what is stale and in view. Says whether something of it is still to be reloaded or on its way. */
  renew(): boolean {
    for (const source of this.reloading) if (this.map.settled(source)) this.reloading.delete(source);
    const visible = this.stale.size === 0 ? [] : this.map.visible();
    let waiting = false;
    for (const [source, stale] of this.stale) {
      const due = visible.filter((tile) => stale.has(keyOf(tile)));
      if (due.length === 0 || !this.map.drawn(source)) continue;
      waiting = true;
      if (!this.map.settled(source)) continue;
      this.reloading.add(source);
      this.map.reload(source, due);
      for (const tile of due) this.forget(source, keyOf(tile));
    }
    return waiting || this.reloading.size > 0;
  }

  /** The tile is not stale any more. */
  private forget(source: string, key: string): void {
    const stale = this.stale.get(source);
    stale?.delete(key);
    if (stale?.size === 0) this.stale.delete(source);
  }
}
