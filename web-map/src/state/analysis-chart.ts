// The chart of forecasts: lines in a box, and labels at their ends that keep clear of each other.
import type { AnalysisCurve } from '../api/types';

/** The share of the events that a forecast hits in a share of the area, between the points that are known. */
export function hitsAt({ area, hits }: Pick<AnalysisCurve, 'area' | 'hits'>, share: number): number {
  let [fromX, fromY] = [0, 0];
  for (const [i, x] of area.entries()) {
    const y = hits[i] ?? fromY;
    if (x >= share) return x === fromX ? y : fromY + ((y - fromY) * (share - fromX)) / (x - fromX);
    [fromX, fromY] = [x, y];
  }
  return fromY;
}

/** How much of the area the chart shows: twice the largest share that is judged, because beyond it all forecasts meet. */
export function chartEnd(curves: readonly AnalysisCurve[]): number {
  const judged = curves.flatMap((c) => c.points.map((p) => p.area));
  return judged.length === 0 ? 1 : Math.min(1, 2 * Math.max(...judged));
}

export interface Box {
  width: number;
  height: number;
}

const round = (n: number): number => Math.round(n * 10) / 10;

/** The line of a forecast from nothing to the end of the chart, as the points of an SVG polyline. */
export function curveLine(curve: Pick<AnalysisCurve, 'area' | 'hits'>, end: number, { width, height }: Box): string {
  const inside = curve.area.flatMap((x, i) => (x > 0 && x < end ? [[x, curve.hits[i] ?? 0] as const] : []));
  const all = [[0, 0] as const, ...inside, [end, hitsAt(curve, end)] as const];
  return all.map(([x, y]) => `${round((x / end) * width)},${round((1 - y) * height)}`).join(' ');
}

/** Moves places on a line apart until none is nearer to the next than the gap, within 0…end; the order stays. */
export function spread(places: readonly number[], gap: number, end: number): number[] {
  const sorted = places.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y || a.i - b.i);
  let least = 0;
  for (const place of sorted) {
    place.y = Math.max(place.y, least);
    least = place.y + gap;
  }
  let most = end;
  for (const place of sorted.reverse()) {
    place.y = Math.min(place.y, most);
    most = place.y - gap;
  }
  const out = [...places];
  for (const { y, i } of sorted) out[i] = y;
  return out;
}
