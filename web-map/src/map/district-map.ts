import {
  type GeoJSONFeature,
  ImageSource,
  Map as MapLibre,
  type MapMouseEvent,
  type PaddingOptions,
  type PointLike,
  prewarm,
  ScaleControl,
  setWorkerUrl,
} from 'maplibre-gl';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { StyleSpecification } from '@maplibre/maplibre-gl-style-spec';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import type { Box, Ground, Position, Touched } from '../api/types';
import type { View } from '../state/address';
import { fromSource, surfaceSource } from './analysis';
import { cjkFonts } from './fonts';
import { type Densities, HexagonColours } from './hexagons';
import { drawImage, pixelRatio } from './images';
import { type Snapshot, snapshotOf } from './print';
import type { Rect } from './print-layout';
import { Swipe, type SwipeStart } from './swipe';
import { type KeptTile, TileKeeper } from './tile-keeper';
import { boxOver, maxTileZoom } from './tiling';

setWorkerUrl(workerUrl);
prewarm(); // the worker loads while WebGL starts, not after it

/** What lies under the pointer: a unit of the coloured level, a finding or a cell of findings; and the hexagons of the heat. */
export interface Hover {
  layer: string; // 'hexagons' where there is nothing else
  properties: Record<string, unknown>;
  hexagons: readonly number[]; // ids, the uppermost first
  x: number;
  y: number;
}

const hexagons = { source: 'hexagons', sourceLayer: 'hexagons' } as const;

/** How often the map looks whether tiles on their way are there: not every answer makes it draw. */
const lookMs = 200;

/** Why a request of the map failed: nobody answered, nobody is signed in, or anything else. */
export type Failing = 'away' | 'unknown-reader' | 'other';

/** What was pointed out: a place in degrees, lon lat, with the finding and the unit of the coloured level that are there. */
export interface Spot {
  at: Position;
  finding: string | null;
  unit: string | null;
}

/** What the map tells. */
export interface Listener {
  moved(view: View): void;
  looked(ground: Ground): void;
  tapped(spot: Spot, again: boolean): void;
  keyed(key: 'Enter' | ' ', spot: Spot): void; // of the centre
  hovered(hover: Hover | null): void;
  failed(why: Failing): void;
}

/** The map on the screen. It knows MapLibre and nothing of the rest of the page. */
export class DistrictMap {
  private readonly map: MapLibre;
  private readonly listener: Listener;
  private units = 'none'; // the source of the coloured units
  private askable = new Map<string, string[]>(); // source → its layers that can be pointed at
  private hover: { source: string; sourceLayer?: string; id: string | number } | null = null;
  private waiting: StyleSpecification | null = null; // a style that came before the first was read
  private styled = false;
  private drawnFrom: { source: string; minzoom: number; maxzoom: number }[] = []; // of every layer
  private readonly keeper: TileKeeper;
  private readonly colours: HexagonColours;
  private uncoloured: Densities | null = null; // densities that came before the first style was read
  private looking: ReturnType<typeof setTimeout> | undefined;
  private ground = ''; // what was told last
  private surface: ImageData | null = null;
  private painted: { source: ImageSource; image: ImageData } | null = null;
  private lastTap = { at: 0, x: 0, y: 0 };
  private pendingMove: MapMouseEvent | null = null;

  constructor(
    private readonly container: HTMLElement,
    start: {
      style: StyleSpecification;
      units: string; // the source of the coloured units
      view: View | null;
      bounds: Box;
      padding: PaddingOptions;
      label: string;
    },
    colors: ReadonlyMap<string, string>,
    listener: Listener,
  ) {
    this.listener = listener;
    const camera = start.view
      ? { center: [start.view.lon, start.view.lat] as Position, zoom: start.view.zoom }
      : { bounds: start.bounds, fitBoundsOptions: { padding: start.padding } };
    this.map = new MapLibre({
      container,
      style: start.style,
      ...camera,
      minZoom: 7,
      maxZoom: 20,
      maxPitch: 0,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 120,
      localIdeographFontFamily: cjkFonts,
      locale: { 'Map.Title': start.label },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new ScaleControl({ maxWidth: 96 }), 'bottom-left');
    this.map.setMissingStyleImageResolver((name) => {
      const image = drawImage(name, colors);
      if (image !== null) this.map.addImage(name, image, { pixelRatio });
    });
    this.keeper = new TileKeeper({
      visible: () => this.visible(),
      drawn: (source) => this.drawn(source),
      settled: (source) => this.map.isSourceLoaded(source),
      reload: (source, tiles) => this.map.refreshTiles(source, tiles),
    });
    this.colours = new HexagonColours({
      set: (id, density) => this.map.setFeatureState({ ...hexagons, id }, { density }),
      whenIdle: (run) => this.map.once('idle', run),
    });
    this.remember(start.style, start.units);
    this.listen();
  }

  /** Shows a style; only the differences to the one on the screen are applied. */
  show(style: StyleSpecification, units: string): void {
    this.unhover();
    this.remember(style, units);
    this.busy(true);
    if (!this.styled) {
      this.waiting = style;
      return;
    }
    this.map.setStyle(style, { diff: true });
    this.paint();
    this.map.triggerRepaint(); // an equal style changes nothing, and without a frame the map would never be idle
  }

  /** Asks again for the tiles that hold what changed: those in view at once, the others when they are looked at. */
  refresh(changes: readonly Touched[]): void {
    for (const { layer, bounds } of changes) this.keeper.changed(layer, bounds);
    this.map.triggerRepaint(); // tiles are reloaded after a frame, when the style and the view are applied
  }

  /** Colours the hexagons by those densities, and no others. */
  colour(densities: Densities): void {
    if (!this.styled) {
      this.uncoloured = densities;
      return;
    }
    this.colours.show(densities);
  }

  /** The picture of the surface, where the style has one. */
  picture(image: ImageData | null): void {
    this.surface = image;
    this.paint();
  }

  /** Marks a unit of the coloured level as if the pointer were on it; null marks none. */
  highlight(code: string | null): void {
    this.clearMark();
    if (code === null || !this.styled || this.map.getSource(this.units) === undefined) return;
    this.hover = markOf(this.units, code);
    this.map.setFeatureState(this.hover, { hover: true });
  }

  /** A picture of a part of the map as it is on the screen, CSS pixels from its upper left corner. */
  snapshot(part: Rect): Promise<Snapshot | undefined> {
    return snapshotOf(this.map, part);
  }

  /** A second map in a container over this one, which looks where this one looks. */
  beside(container: HTMLElement, start: SwipeStart): Swipe {
    return new Swipe(this.map, container, start);
  }

  /** Says what the map is, in the reader's language. */
  relabel(label: string): void {
    this.map.getCanvas().setAttribute('aria-label', label);
  }

  fit(box: Box, padding: PaddingOptions, maxZoom = 15): void {
    this.map.fitBounds(box, { padding, maxZoom, duration: 700 });
  }

  /** Brings a place to the centre, shifted by CSS pixels. */
  fly(at: Position, zoom: number, offset: [number, number]): void {
    this.map.flyTo({ center: at, zoom: Math.max(zoom, this.map.getZoom()), offset, duration: 700 });
  }

  jump(view: View): void {
    this.map.jumpTo({ center: [view.lon, view.lat], zoom: view.zoom });
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: 250 });
  }

  centre(): Position {
    const { lng, lat } = this.map.getCenter();
    return [lng, lat];
  }

  focus(): void {
    this.map.getCanvas().focus();
  }

  /** Keeps the centre clear of a sheet that covers the lower part of the map: its height in CSS pixels. */
  cover(bottom: number): void {
    if (this.map.getPadding().bottom !== bottom) this.map.easeTo({ padding: { bottom }, duration: 250 });
  }

  /** While drawing, a double tap ends the plot and does not zoom. */
  drawing(on: boolean): void {
    if (on) this.map.doubleClickZoom.disable();
    else this.map.doubleClickZoom.enable();
    this.map.getCanvas().style.cursor = on ? 'crosshair' : '';
  }

  remove(): void {
    clearTimeout(this.looking);
    this.map.remove();
  }

  /** Reloads the stale tiles of the view, and looks again while there are any. */
  private renew(): void {
    if (!this.keeper.renew()) return;
    this.busy(true);
    clearTimeout(this.looking);
    this.looking = setTimeout(() => this.map.triggerRepaint(), lookMs);
  }

  /** Gives the picture to its source, once. */
  private paint(): void {
    const source = this.map.getSource(surfaceSource);
    const image = this.surface;
    if (!(source instanceof ImageSource) || image === null) return;
    if (this.painted?.source === source && this.painted.image === image) return;
    this.painted = { source, image };
    source.updateImage({ image });
  }

  private visible(): KeptTile[] {
    const drawnAt = Math.floor(this.map.getZoom());
    return this.map
      .coveringTiles({ tileSize: 512, maxzoom: maxTileZoom })
      .map(({ canonical: { z, x, y } }) => ({ z, x, y, drawnAt }));
  }

  private drawn(source: string): boolean {
    const zoom = this.map.getZoom();
    return this.drawnFrom.some((l) => l.source === source && l.minzoom <= zoom && zoom < l.maxzoom);
  }

  /** Tells what ground the tiles cover when it is another. */
  private look(): void {
    const tiles = this.visible();
    const box = boxOver(tiles);
    const z = tiles[0]?.z ?? 0;
    const ground = [z, ...(box ?? [])].join();
    if (box === null || ground === this.ground) return;
    this.ground = ground;
    this.listener.looked({ box, z });
  }

  private remember(style: StyleSpecification, units: string): void {
    this.units = units;
    this.askable = new Map();
    this.drawnFrom = [];
    for (const layer of style.layers) {
      if (!('source' in layer)) continue;
      this.drawnFrom.push({ source: layer.source, minzoom: layer.minzoom ?? 0, maxzoom: layer.maxzoom ?? 99 });
      if (layer.type === 'line') continue;
      this.askable.set(layer.source, [...(this.askable.get(layer.source) ?? []), layer.id]);
    }
  }

  private listen(): void {
    const { map, listener } = this;
    map.once('style.load', () => {
      this.styled = true;
      if (this.waiting !== null) this.show(this.waiting, this.units);
      this.waiting = null;
      if (this.uncoloured !== null) this.colours.show(this.uncoloured);
      this.uncoloured = null;
      this.paint();
      this.look();
    });
    map.on('styledata', () => this.paint());
    map.on('move', () => this.look());
    map.on('render', () => this.renew());
    map.on('sourcedataloading', ({ sourceId, coord }) => {
      if (coord === undefined) return;
      const { z, x, y } = coord.canonical;
      this.keeper.asked(sourceId, { z, x, y, drawnAt: coord.overscaledZ });
    });
    map.on('moveend', () => {
      const [lon, lat] = this.centre();
      listener.moved({ lon, lat, zoom: map.getZoom() });
    });
    map.on('click', (event) => this.tap(event));
    map.on('mousemove', (event) => this.trackPointer(event));
    map.on('mouseout', () => this.unhover());
    map.on('movestart', () => this.busy(true));
    map.on('dataloading', () => this.busy(true));
    map.on('idle', () => this.busy(false));
    map.on('error', (event) => listener.failed(failingOf(event.error)));
    map.getCanvas().addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      const centre = this.centre();
      const unit = this.unitUnder(this.map.project(centre));
      listener.keyed(event.key, { at: centre, finding: null, unit });
    });
  }

  private tap(event: MapMouseEvent): void {
    const { x, y } = event.point;
    const near = Math.hypot(x - this.lastTap.x, y - this.lastTap.y) < 24;
    const again = near && performance.now() - this.lastTap.at < 350;
    this.lastTap = { at: performance.now(), x, y };
    const reach: [PointLike, PointLike] = [
      [x - 6, y - 6],
      [x + 6, y + 6],
    ];
    const found = this.under(reach, ['findings']).map(({ properties }) => properties.id);
    const finding = found.find((id) => typeof id === 'string') ?? null; // a cell with findings has none
    const unit = this.unitUnder(event.point);
    this.listener.tapped({ at: [event.lngLat.lng, event.lngLat.lat], finding, unit }, again);
  }

  /** The code of the unit of the coloured level at a pixel. */
  private unitUnder(where: PointLike): string | null {
    const [found] = this.under(where, [this.units]);
    const code: unknown = found?.properties[this.units === 'cells' ? 'id' : 'code'];
    return typeof code === 'string' ? code : null;
  }

  /** Looks under the pointer once a frame. */
  private trackPointer(event: MapMouseEvent): void {
    if (this.pendingMove === null) requestAnimationFrame(() => this.lookUnderPointer());
    this.pendingMove = event;
  }

  private lookUnderPointer(): void {
    const point = this.pendingMove?.point;
    this.pendingMove = null;
    if (point === undefined || this.map.isMoving()) return;
    const all = this.under(point, ['findings', this.units, hexagons.source]);
    const found = all.find(({ source }) => source !== hexagons.source);
    const ids = all.flatMap(({ source, id }) => (source === hexagons.source ? [Number(id)] : []));
    if (found === undefined && ids.length === 0) return this.unhover();
    if (found === undefined) this.clearMark();
    else if (found.id !== this.hover?.id || found.source !== this.hover?.source) this.mark(found);
    const { source: layer, properties } = found ?? { source: hexagons.source, properties: {} };
    this.listener.hovered({ layer, properties, hexagons: ids, x: point.x, y: point.y });
  }

  /** The drawn features of those sources, the topmost first. */
  private under(where: PointLike | [PointLike, PointLike], sources: string[]): (GeoJSONFeature & { source: string })[] {
    const layers = sources.flatMap((source) => this.askable.get(source) ?? []).filter((id) => this.map.getLayer(id));
    return layers.length === 0 ? [] : this.map.queryRenderedFeatures(where, { layers });
  }

  private mark(found: GeoJSONFeature & { source: string }): void {
    this.clearMark();
    if (found.source !== this.units || found.id === undefined) return;
    this.hover = markOf(found.source, found.id);
    this.map.setFeatureState(this.hover, { hover: true });
  }

  private clearMark(): void {
    if (this.hover !== null && this.map.getSource(this.hover.source))
      this.map.setFeatureState(this.hover, { hover: false });
    this.hover = null;
  }

  private unhover(): void {
    this.clearMark();
    this.listener.hovered(null);
  }

  /** aria-busy on the container: true while anything moves or loads. */
  private busy(on: boolean): void {
    this.container.setAttribute('aria-busy', String(on));
  }
}

/** A unit by its source, as states of features are set. */
function markOf(from: string, id: string | number) {
  const { source, 'source-layer': sourceLayer } = fromSource(from);
  return { source, id, ...(sourceLayer !== undefined && { sourceLayer }) };
}

/** A request that got no answer has no status; one that did has. */
function failingOf(error: unknown): Failing {
  if (error instanceof Error && 'status' in error && error.status === 401) return 'unknown-reader';
  const silent = error instanceof Error && /Failed to fetch|NetworkError|status: 0/i.test(error.message);
  return silent || error instanceof TypeError ? 'away' : 'other';
}
