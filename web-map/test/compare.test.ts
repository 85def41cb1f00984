import { describe, expect, it } from 'vitest';
import { clamped, limits, moved } from '../src/state/compare-divider';

const desktop = { width: 1440, left: 340, right: 576 };
const phone = { width: 390, left: 16, right: 16 };

describe('the line between two maps', () => {
  it('stays where no panel is', () => {
    expect(clamped(0, desktop)).toBeCloseTo((340 + 48) / 1440);
    expect(clamped(1, desktop)).toBeCloseTo((1440 - 576 - 48) / 1440);
    expect(clamped(0.5, desktop)).toBe(0.5);
  });

  it('begins in the middle of what is free', () => {
    expect(clamped(Number.NaN, desktop)).toBeCloseTo((340 + (1440 - 576)) / 2 / 1440);
    expect(clamped(Number.NaN, phone)).toBeCloseTo(0.5);
  });

  it('takes the whole map when panels leave no room, and its middle when there is none at all', () => {
    expect(limits({ width: 600, left: 340, right: 240 })).toEqual({ from: 0.08, to: 0.92 });
    expect(limits({ width: 0, left: 0, right: 0 })).toEqual({ from: 0.5, to: 0.5 });
    expect(clamped(0.1, { width: Number.NaN, left: 0, right: 0 })).toBe(0.5);
  });

  it.each([
    ['ArrowLeft', 0.48],
    ['ArrowRight', 0.52],
    ['PageUp', 0.5666],
    ['PageDown', 0.4],
    ['Home', 0.2694],
    ['End', 0.5666],
  ])('goes by %s to %f', (key, to) => {
    expect(moved(0.5, key, desktop)).toBeCloseTo(to, 3);
  });

  it('leaves other keys alone', () => {
    expect(moved(0.5, 'Tab', desktop)).toBeNull();
    expect(moved(0.5, 'a', desktop)).toBeNull();
  });
});
