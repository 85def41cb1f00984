/** What the colours are set on: the map's hexagons, by their ids. */
export interface HexagonMap {
  /** Sets the density of a hexagon in cases per km²; null draws nothing. */
  set(id: number, density: number | null): void;
  /** Runs once when the map has loaded and drawn everything. */
  whenIdle(run: () => void): void;
}

/** The densities of casework, by hexagon, asked for at a tile zoom. */
export interface Densities {
  z: number;
  of: ReadonlyMap<number, number>;
}

/** Sets what differs from what is shown, and nothing else. */
export class HexagonColours {
  private readonly shown = new Map<number, number>();
  private wanted: Densities = { z: 0, of: new Map() };

  constructor(private readonly map: HexagonMap) {}

  /**
   * Shows those densities and no others. At another zoom the hexagons of the old one are on the screen until its tiles
   * are there: they keep their colours until then.
   */
  show(next: Densities): void {
    const zoomed = next.z !== this.wanted.z && next.of.size > 0;
    this.wanted = next;
    for (const [id, density] of next.of) {
      if (this.shown.get(id) === density) continue;
      this.shown.set(id, density);
      this.map.set(id, density);
    }
    if (zoomed) this.map.whenIdle(() => this.clear());
    else this.clear();
  }

  /** Takes the colour of every hexagon that has none now. */
  private clear(): void {
    for (const id of this.shown.keys()) {
      if (this.wanted.of.has(id)) continue;
      this.shown.delete(id);
      this.map.set(id, null);
    }
  }
}
