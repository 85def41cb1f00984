import { describe, expect, it } from 'vitest';
import {
  brush,
  brushes,
  cuts,
  extend,
  keyed,
  keyMove,
  lastMonths,
  monthsBetween,
  nearest,
  nextFrame,
  periodOf,
  type Range,
  rangeOf,
  shift,
  shifts,
  wholeYears,
  yearRange,
} from '../src/state/period';

const months = monthsBetween('2024-11', '2026-02');
const range = (first: number, last: number): Range => ({ first, last });

describe('the months of the bar', () => {
  it('run over the year', () => {
    expect(monthsBetween('2024-11', '2025-02')).toEqual(['2024-11', '2024-12', '2025-01', '2025-02']);
    expect(monthsBetween('2025-02', '2024-11')).toEqual([]);
    expect(months).toHaveLength(16);
  });

  it.each([
    [null, null, range(0, 15)],
    ['2025-01', '2025-03', range(2, 4)],
    ['2025-01', null, range(2, 15)],
    [null, '2025-03', range(0, 4)],
    ['2020-01', '2030-01', range(0, 15)], // outside the bar: its ends
    ['2030-01', '2031-01', range(15, 15)],
    ['2019-01', '2020-01', range(0, 0)],
  ])('%s..%s', (from, to, expected) => expect(rangeOf(months, from, to)).toEqual(expected));

  it('leave the whole bar open', () => {
    expect(periodOf(months, range(0, 15))).toEqual({ from: null, to: null });
    expect(periodOf(months, range(1, 15))).toEqual({ from: '2024-12', to: '2026-02' });
  });

  it('come back from an address', () => {
    for (let first = 0; first < 16; first++) {
      for (let last = first; last < 16; last++) {
        const { from, to } = periodOf(months, range(first, last));
        expect(rangeOf(months, from, to)).toEqual(range(first, last));
      }
    }
  });
});

describe('moving the range', () => {
  it.each([
    ['forwards', brush(3, 7, 16), range(3, 7)],
    ['backwards', brush(7, 3, 16), range(3, 7)],
    ['one month', brush(5, 5, 16), range(5, 5)],
    ['beyond the ends', brush(-4, 99, 16), range(0, 15)],
    ['shift', shift(range(3, 5), 2, 16), range(5, 7)],
    ['shift stops at the end', shift(range(12, 14), 9, 16), range(13, 15)],
    ['shift stops at the start', shift(range(2, 4), -9, 16), range(0, 2)],
    ['extend', extend(range(3, 5), 2, 16), range(3, 7)],
    ['extend never turns over', extend(range(3, 5), -9, 16), range(3, 3)],
    ['a year', yearRange(months, '2025'), range(2, 13)],
    ['a year cut by the bar', yearRange(months, '2026'), range(14, 15)],
    ['the last twelve', lastMonths(12, 16), range(4, 15)],
    ['the last twelve of five', lastMonths(12, 5), range(0, 4)],
    ['a frame', nextFrame(range(3, 5), 16), range(4, 6)],
    ['the frame after the last', nextFrame(range(13, 15), 16), range(0, 2)],
  ])('%s', (_, got, expected) => expect(got).toEqual(expected));

  it.each([
    ['ArrowRight', false, range(4, 6)],
    ['ArrowLeft', false, range(2, 4)],
    ['ArrowRight', true, range(3, 6)],
    ['ArrowLeft', true, range(3, 4)],
    ['PageUp', false, range(13, 15)],
    ['Home', false, range(0, 2)],
    ['End', true, range(3, 15)],
    ['a', false, null],
  ])('%s (shift: %s)', (key, shifted, expected) => expect(keyMove(key, shifted, range(3, 5), 16)).toEqual(expected));
});

describe('what is in reach', () => {
  it('of a brush: every range from the month it began at', () => {
    const reach = brushes(2, 5);
    expect(reach).toEqual([range(0, 2), range(1, 2), range(2, 2), range(2, 3), range(2, 4)]);
    for (let at = 0; at < 5; at++) expect(reach).toContainEqual(brush(2, at, 5));
  });

  it('of playing: every range of the same length', () => {
    const reach = shifts(range(1, 3), 5);
    expect(reach).toEqual([range(0, 2), range(1, 3), range(2, 4)]);
    let frame = range(1, 3);
    for (let i = 0; i < 7; i++) {
      frame = nextFrame(frame, 5);
      expect(reach).toContainEqual(frame);
    }
  });

  it('of the keys: one press of any of them', () => {
    for (const key of ['ArrowLeft', 'ArrowRight', 'PageUp', 'PageDown', 'Home', 'End'])
      for (const shifted of [false, true])
        expect(keyed(range(3, 5), 16), key).toContainEqual(keyMove(key, shifted, range(3, 5), 16));
  });

  it('is cut to the nearest, each once', () => {
    const near = nearest(keyed(range(3, 5), 16), range(3, 5), 5);
    expect(near[0]).toEqual(range(3, 5));
    expect(near).toHaveLength(5);
    expect(near).toContainEqual(range(3, 6));
    expect(near).toContainEqual(range(2, 4));
    expect(nearest([range(0, 1), range(0, 1)], range(0, 1), 5)).toEqual([range(0, 1)]);
  });
});

describe('whole years', () => {
  const long = monthsBetween('2021-03', '2026-02');
  it.each([
    ['2026-02', 3, '2023-01', '2025-12'],
    ['2025-12', 3, '2023-01', '2025-12'],
    ['2025-11', 3, '2022-01', '2024-12'],
    ['2026-02', 9, '2021-03', '2025-12'], // as far as the bar reaches
  ])('told up to %s, %d years', (closed, n, from, to) => {
    const { first, last } = wholeYears(long, closed, n) ?? range(-1, -1);
    expect([long[first], long[last]]).toEqual([from, to]);
  });

  it('are none before one is over', () => {
    expect(wholeYears(monthsBetween('2025-02', '2025-06'), '2025-06', 3)).toBeNull();
  });

  it.each([
    ['2025-01', '2025-12', false],
    ['2024-01', '2026-12', false],
    ['2025-02', '2025-12', true],
    ['2024-06', '2025-06', true],
    ['2024-01', '2024-12', false],
  ])('%s to %s cuts through 2025: %s', (first, last, expected) =>
    expect(cuts({ from: '2025-01', to: '2025-12' }, first, last)).toBe(expected),
  );
});
