import { describe, expect, it } from 'vitest';
import type { Position } from '../src/api/types';
import {
  areaM2,
  bodyOf,
  crossesItself,
  type Draft,
  fault,
  finish,
  geometryOf,
  newDraft,
  reshape,
  tap,
  untap,
} from '../src/state/draft';

const start = newDraft('0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e', 'opium_poppy', 'foot', new Date('2026-04-01T02:03:04Z'));
const plot = (...corners: Position[]): Draft => corners.reduce(tap, reshape(start, 'plot'));

// About 100 m × 100 m at 31.5° N: 0.001054° of longitude, 0.000899° of latitude.
const [w, s, e, n] = [121.5, 31.5, 121.501054, 31.500899];
const square: Position[] = [
  [w, s],
  [e, s],
  [e, n],
  [w, n],
];
const bowTie: Position[] = [
  [w, s],
  [e, n],
  [e, s],
  [w, n],
];

describe('a point', () => {
  it('is where the last tap was', () => {
    const placed = tap(tap(start, [121.5, 31.5]), [121.6, 31.6]);
    expect(geometryOf(placed)).toEqual({ type: 'Point', coordinates: [121.6, 31.6] });
    expect(placed.finished).toBe(true);
  });

  it('has no body before it is placed', () => {
    expect(fault(start)).toBe('no-place');
    expect(bodyOf(start)).toBeNull();
  });

  it('is sent with the id it began with', () => {
    expect(bodyOf(tap(start, [121.5, 31.5]))).toEqual({
      id: start.id,
      geometry: { type: 'Point', coordinates: [121.5, 31.5] },
      kind: 'opium_poppy',
      confidence: 2,
      source: 'foot',
      seen_at: '2026-04-01T02:03:04.000Z',
    });
  });
});

describe('a plot', () => {
  it('needs three corners', () => {
    expect(fault(plot())).toBe('no-place');
    expect(fault(plot([w, s], [e, s]))).toBe('few-corners');
    expect(finish(plot([w, s], [e, s])).finished).toBe(false);
    expect(finish(plot([w, s], [e, s], [e, n])).finished).toBe(true);
  });

  it('takes no corner once it is finished, and is open again after undo', () => {
    const done = finish(plot(...square));
    expect(tap(done, [121.6, 31.6]).corners).toHaveLength(4);
    expect(untap(done)).toMatchObject({ finished: false, corners: square.slice(0, 3) });
  });

  it('is a closed ring that runs counter-clockwise either way it was drawn', () => {
    for (const corners of [square, [...square].reverse()]) {
      const geometry = geometryOf(plot(...corners));
      const ring = geometry?.type === 'Polygon' ? (geometry.coordinates[0] ?? []) : [];
      expect(ring).toHaveLength(5);
      expect(ring[0]).toEqual(ring[4]);
      const twice = ring.slice(1).reduce((sum, [x, y], i) => {
        const [px, py] = ring[i] as Position;
        return sum + (px - w) * (y - s) - (x - w) * (py - s);
      }, 0);
      expect(twice).toBeGreaterThan(0);
    }
  });

  it('knows its area', () => {
    expect(areaM2(square)).toBeGreaterThan(9_900);
    expect(areaM2(square)).toBeLessThan(10_100);
    expect(areaM2([...square].reverse()) / areaM2(square)).toBeCloseTo(1, 4);
  });

  it('is refused when it crosses itself or is larger than 1 km²', () => {
    expect(crossesItself(square)).toBe(false);
    expect(crossesItself(bowTie)).toBe(true);
    expect(fault(plot(...bowTie))).toBe('crosses');
    expect(finish(plot(...bowTie)).finished).toBe(false);
    expect(fault(plot([121.5, 31.5], [121.52, 31.5], [121.52, 31.52]))).toBe('too-large');
  });

  it('starts anew when the shape changes', () => {
    expect(reshape(plot(...square), 'point').corners).toEqual([]);
    expect(reshape(plot(...square), 'plot').corners).toHaveLength(4);
  });
});
