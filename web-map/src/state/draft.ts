// The mark that a patrol is about to send: pure steps from one draft to the next.
import type { FindingGeometry, NewFinding, Position } from '../api/types';

export type Shape = 'point' | 'plot';

export interface Draft {
  id: string; // the finding's UUID, kept over every attempt to send it
  shape: Shape;
  corners: readonly Position[]; // of a plot; one place of a point
  finished: boolean;
  kind: string;
  confidence: number;
  source: string;
  seenAt: string; // RFC 3339
}

/** Largest plot the server takes, m². */
export const maxPlotM2 = 1e6;

/** Starts a draft seen now. */
export function newDraft(id: string, kind: string, source: string, now: Date): Draft {
  const seenAt = now.toISOString();
  return { id, shape: 'point', corners: [], finished: false, kind, confidence: 2, source, seenAt };
}

/** Puts the point, or adds a corner to an unfinished plot. */
export function tap(draft: Draft, at: Position): Draft {
  if (draft.shape === 'point') return { ...draft, corners: [at], finished: true };
  return draft.finished ? draft : { ...draft, corners: [...draft.corners, at] };
}

/** Takes back the last corner; a finished plot is open again. */
export function untap(draft: Draft): Draft {
  return { ...draft, corners: draft.corners.slice(0, -1), finished: false };
}

/** Closes the plot when it has three corners and does not cross itself. */
export function finish(draft: Draft): Draft {
  const closed = draft.shape === 'point' ? draft.corners.length === 1 : fault(draft) === null;
  return closed ? { ...draft, finished: true } : draft;
}

/** Changes between point and plot; what was drawn is dropped, because it means something else. */
export const reshape = (draft: Draft, shape: Shape): Draft =>
  shape === draft.shape ? draft : { ...draft, shape, corners: [], finished: false };

export type Fault = 'no-place' | 'few-corners' | 'crosses' | 'too-large';

/** What keeps the draft from being sent, null when nothing does. */
export function fault(draft: Draft): Fault | null {
  if (draft.corners.length === 0) return 'no-place';
  if (draft.shape === 'point') return null;
  if (draft.corners.length < 3) return 'few-corners';
  if (crossesItself(draft.corners)) return 'crosses';
  return areaM2(draft.corners) > maxPlotM2 ? 'too-large' : null;
}

/** GeoJSON of the draft; a plot's ring runs counter-clockwise (RFC 7946) and is closed. Null while it has a fault. */
export function geometryOf(draft: Draft): FindingGeometry | null {
  const [first] = draft.corners;
  if (fault(draft) !== null || first === undefined) return null;
  if (draft.shape === 'point') return { type: 'Point', coordinates: round(first) };
  const ring = signedM2(draft.corners) < 0 ? [...draft.corners].reverse() : draft.corners;
  return { type: 'Polygon', coordinates: [[...ring, ring[0] as Position].map(round)] };
}

/** The body to send, null while the draft has a fault. */
export function bodyOf(draft: Draft): NewFinding | null {
  const geometry = geometryOf(draft);
  if (geometry === null) return null;
  const { id, kind, confidence, source, seenAt } = draft;
  return { id, geometry, kind, confidence, source, seen_at: seenAt };
}

/** About 0.1 m: finer than any device knows. */
const round = ([lon, lat]: Position): Position => [Math.round(lon * 1e6) / 1e6, Math.round(lat * 1e6) / 1e6];

const metresPerDegree = (6371008.8 * Math.PI) / 180;

/** Area of a small ring in m² (spherical earth, planar about its first corner; within 0.6 % of the ellipsoid). */
export const areaM2 = (ring: readonly Position[]): number => Math.abs(signedM2(ring));

/** As areaM2, positive when counter-clockwise. */
function signedM2(ring: readonly Position[]): number {
  const flat = flatten(ring);
  let twice = 0;
  flat.forEach(([x, y], i) => {
    const [nextX, nextY] = flat[(i + 1) % flat.length] as Position;
    twice += x * nextY - nextX * y;
  });
  return twice / 2;
}

function flatten(ring: readonly Position[]): Position[] {
  const [lon0, lat0] = ring[0] ?? [0, 0];
  const east = metresPerDegree * Math.cos((lat0 * Math.PI) / 180);
  return ring.map(([lon, lat]) => [(lon - lon0) * east, (lat - lat0) * metresPerDegree]);
}

/** Says whether two sides of the ring that are not neighbours meet. */
export function crossesItself(ring: readonly Position[]): boolean {
  const corner = (i: number) => ring[i % ring.length] as Position;
  for (let i = 0; i < ring.length; i++) {
    for (let j = i + 2; j < ring.length; j++) {
      const neighbours = i === 0 && j === ring.length - 1;
      if (!neighbours && meet(corner(i), corner(i + 1), corner(j), corner(j + 1))) return true;
    }
  }
  return false;
}

const turn = (a: Position, b: Position, c: Position): number =>
  Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));

const meet = (a: Position, b: Position, c: Position, d: Position): boolean =>
  turn(a, b, c) * turn(a, b, d) <= 0 && turn(c, d, a) * turn(c, d, b) <= 0;
