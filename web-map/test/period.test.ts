import { describe, expect, it } from 'vitest';
import {
  brush,
  extend,
  keyMove,
  lastMonths,
  monthsBetween,
  nextFrame,
  periodOf,
  type Range,
  rangeOf,
  shift,
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
