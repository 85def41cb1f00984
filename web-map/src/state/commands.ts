// What panels ask of the map. The map registers itself when it is there; before that, asking does nothing.
import { signal } from '@preact/signals';
import type { Box, Hit, Touched } from '../api/types';
import type { Snapshot } from '../map/print';
import type { Rect } from '../map/print-layout';
import type { Swipe, SwipeStart } from '../map/swipe';
import { address, change, phone } from './app';

export interface Padding {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export interface MapCommands {
  fit(box: Box, padding: Padding, maxZoom?: number): void;
  fly(at: [number, number], zoom: number): void;
  zoomBy(steps: number): void;
  centre(): [number, number];
  focus(): void;
  refresh(changes: readonly Touched[]): void;
  snapshot(part: Rect): Promise<Snapshot | undefined>;
  beside(container: HTMLElement, start: SwipeStart): Swipe;
}

export const map = signal<MapCommands | null>(null);

/** The map on the right side while two results are compared. */
export const secondMap = signal<Pick<Swipe, 'snapshot'> | null>(null);

/** The part of the map that panels cover, in CSS pixels. */
export function padding(): Padding {
  if (phone.value) return { top: 120, right: 16, bottom: 90, left: 16 };
  const drawer = address.value.panel !== null || address.value.selection !== null;
  const wide = address.value.panel === 'analysis' ? 96 : 0;
  const [side, panel] = innerWidth > 1100 ? [340, 480 + wide] : [300, 420 + wide];
  return { top: 64, right: drawer ? panel : 80, bottom: wide > 0 ? 60 : 212, left: side };
}

/** Shows the whole district: an address without a view. */
export const goHome = (): void => change({ view: null });

/** Brings a search hit into view. */
export function flyToHit(hit: Hit): void {
  const { bbox } = hit;
  if (bbox && (bbox[2] > bbox[0] || bbox[3] > bbox[1])) map.value?.fit(bbox, padding());
  else map.value?.fly([hit.lon, hit.lat], 15);
}
