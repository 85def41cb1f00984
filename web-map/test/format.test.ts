import { describe, expect, it } from 'vitest';
import type { Value } from '../src/api/types';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';
import * as format from '../src/state/format';

describe('numbers', () => {
  it.each([
    [2.71234, '', '2.71'],
    [12345.6, '', '12,346'],
    [0.000123, '', '0.000123'],
    [0.714, '%', '71.4%'],
    [1, 'share', '100%'],
    [5, '/km²', '5 /km²'],
  ])('%d in %j', (n, unit, expected) => expect(format.measure(n, unit, 'en')).toBe(expected));

  it.each([
    [334, '334 m²'],
    [9_999, '9,999 m²'],
    [25_000, '2.5 ha'],
    [4_500_000, '4.5 km²'],
  ])('%d m²', (m2, expected) => expect(format.area(m2, 'en')).toBe(expected));
});

describe('the values that are not numbers', () => {
  const values: Value[] = [
    { state: 'zero' },
    { state: 'suppressed' },
    { state: 'nodata' },
    { state: 'notlooked' },
    { state: 'number', n: 7 },
  ];
  it.each([
    ['zh', zh],
    ['en', en],
  ] as const)('each reads differently (%s)', (lang, words) => {
    const texts = values.map((v) => format.value(v, '', words, lang, 3));
    expect(new Set(texts).size).toBe(5);
    expect(texts[1]).toContain('3');
    expect(texts[4]).toBe('7');
  });

  it.each([
    [{ cases: 7, cases_state: 'number' }, 'cases', { state: 'number', n: 7 }],
    [{ cases_state: 'suppressed' }, 'cases', { state: 'suppressed' }],
    [{ cases_state: 'suppressed' }, 'density', { state: 'suppressed' }],
    [{ cases_state: 'zero' }, 'cases', { state: 'zero' }],
    [{ cases_state: 'suppressed', risk: 3 }, 'risk', { state: 'number', n: 3 }],
    [{ risk: 0 }, 'risk', { state: 'zero' }],
    [{}, 'risk', { state: 'nodata' }],
    [{}, 'survey', { state: 'notlooked' }],
  ])('read from a tile: %j %s', (properties, indicator, expected) =>
    expect(format.valueFrom(properties, indicator)).toEqual(expected),
  );
});

describe('times', () => {
  it('are months', () => {
    expect(format.month('2025-03', 'zh')).toBe('2025年3月');
    expect(format.month('2025-03', 'en')).toBe('Mar 2025');
    expect(format.period('2025-03', '2025-03', 'zh')).toBe('2025年3月');
    expect(format.period('2024-12', '2025-03', 'en')).toBe('Dec 2024 – Mar 2025');
  });

  it('are on the clock of Shanghai', () => {
    expect(format.clockText('2026-03-31T18:30:00Z')).toBe('2026-04-01T02:30');
    expect(format.fromClockText('2026-04-01T02:30')).toBe('2026-03-31T18:30:00.000Z');
    expect(format.fromClockText('')).toBeNull();
    expect(format.instant('2026-03-31T18:30:00Z', 'en')).toBe('1 Apr 2026, 02:30');
  });
});

describe('since when', () => {
  const now = Date.parse('2025-06-01T17:30:00Z'); // 01:30 on the district's clock, the next day
  it.each([
    ['2025-06-01T16:05:00Z', '00:05'],
    ['2025-06-01T15:59:00Z', '1 Jun 2025, 23:59'],
  ])('%s', (iso, expected) => expect(format.since(iso, now, 'en')).toBe(expected));
});
