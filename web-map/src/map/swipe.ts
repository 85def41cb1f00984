// A second map over the first, on the right of a line. It looks where the first one looks; whoever points at it points
// at the first, which lies below.
import type { StyleSpecification } from '@maplibre/maplibre-gl-style-spec';
import { ImageSource, Map as MapLibre } from 'maplibre-gl';
import { surfaceSource } from './analysis';
import { cjkFonts } from './fonts';
import { drawImage, pixelRatio } from './images';
import { type Snapshot, snapshotOf } from './print';
import type { Rect } from './print-layout';

export interface SwipeStart {
  style: StyleSpecification;
  label: string;
  colors: ReadonlyMap<string, string>; // finding state → "#rrggbb"
}

/** The map on the right side. */
export class Swipe {
  private readonly map: MapLibre;
  private image: ImageData | null = null;
  private given: { source: ImageSource; image: ImageData } | null = null;
  private readonly follow = () => {
    const { first } = this;
    this.map.jumpTo({ center: first.getCenter(), zoom: first.getZoom(), padding: first.getPadding() });
  };

  constructor(
    private readonly first: MapLibre,
    private readonly container: HTMLElement,
    { style, label, colors }: SwipeStart,
  ) {
    this.map = new MapLibre({
      container,
      style,
      center: first.getCenter(),
      zoom: first.getZoom(),
      minZoom: first.getMinZoom(),
      maxZoom: first.getMaxZoom(),
      maxPitch: 0,
      interactive: false,
      attributionControl: false,
      fadeDuration: 0,
      localIdeographFontFamily: cjkFonts,
      locale: { 'Map.Title': label },
    });
    this.map.setMissingStyleImageResolver((name) => {
      const image = drawImage(name, colors);
      if (image !== null) this.map.addImage(name, image, { pixelRatio });
    });
    this.map.on('styledata', () => this.paint());
    this.map.on('error', () => {}); // the first map asks the same server, and tells
    this.map.on('dataloading', () => this.busy(true));
    this.map.on('idle', () => this.busy(false));
    first.on('move', this.follow);
    this.follow();
  }

  show(style: StyleSpecification): void {
    this.map.setStyle(style, { diff: true });
    this.paint();
  }

  /** The picture of the surface, where the style has one. */
  picture(image: ImageData | null): void {
    this.image = image;
    this.paint();
  }

  /** A picture of a part of the map, also of what the first one shows in its place; CSS pixels from its upper left corner. */
  snapshot(part: Rect): Promise<Snapshot | undefined> {
    return snapshotOf(this.map, part);
  }

  remove(): void {
    this.first.off('move', this.follow);
    this.map.remove();
  }

  private paint(): void {
    const source = this.map.getSource(surfaceSource);
    const { image, given } = this;
    if (!(source instanceof ImageSource) || image === null) return;
    if (given?.source === source && given.image === image) return;
    this.given = { source, image };
    source.updateImage({ image });
  }

  private busy(on: boolean): void {
    this.container.setAttribute('aria-busy', String(on));
  }
}
