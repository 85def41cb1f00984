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
    { state: 'band', n: 5, to: 9 },
  ];
  it.each([
    ['zh', zh],
    ['en', en],
  ] as const)('each reads differently (%s)', (lang, words) => {
    const texts = values.map((v) => format.value(v, '', words, lang, 3));
    expect(new Set(texts).size).toBe(6);
    expect(texts[1]).toContain('3');
    expect(texts[4]).toBe('7');
  });

  it('too few of casework may be none, of findings it is some', () => {
    expect(format.value({ state: 'suppressed' }, '', en, 'en', 5)).toBe('Fewer than 5, perhaps none');
    expect(format.value({ state: 'suppressed' }, '', zh, 'zh', 5)).toBe('不足 5，或没有');
    expect(format.value({ state: 'suppressed' }, '', en, 'en', 5, true)).toBe('Fewer than 5');
  });

  it.each([
    [{ cases: 7, cases_state: 'number' }, 'cases', { state: 'number', n: 7 }],
    [{ cases_state: 'suppressed' }, 'cases', { state: 'suppressed' }],
    [{ cases_state: 'suppressed' }, 'density', { state: 'suppressed' }],
    [{ cases_state: 'suppressed', risk: 3 }, 'risk', { state: 'number', n: 3 }],
    [{ cases_state: 'band', cases: 5, cases_to: 9 }, 'cases', { state: 'band', n: 5, to: 9 }],
    [{ cases_state: 'band', cases: 50 }, 'cases', { state: 'band', n: 50 }],
    [{ cases_state: 'band' }, 'density', { state: 'nodata' }],
    [{ cases_state: 'band', cases: 5, cases_to: 9, density: 2.5 }, 'density', { state: 'band', n: 2.5, to: 4.5 }],
    [{ cases_state: 'band', cases: 50, density: 2.5 }, 'density', { state: 'band', n: 2.5 }],
    [{ findings_open: 10 }, 'findings_open', { state: 'band', n: 10, to: 49 }],
    [{ findings_open: 0 }, 'findings_open', { state: 'zero' }],
    [{ risk: 10 }, 'risk', { state: 'number', n: 10 }],
    [{ risk: 0 }, 'risk', { state: 'zero' }],
    [{}, 'risk', { state: 'nodata' }],
    [{}, 'cases', { state: 'nodata' }],
  ])('read from a tile: %j %s', (properties, indicator, expected) =>
    expect(format.valueFrom(properties, indicator, { bands: [5, 10, 50], missing: 'nodata' })).toEqual(expected),
  );

  it('what is missing in a tile is what the legend says', () => {
    expect(format.valueFrom({}, 'survey', { bands: [], missing: 'notlooked' })).toEqual({ state: 'notlooked' });
    expect(format.valueFrom({}, 'findings_open', { bands: [5], missing: 'suppressed' })).toEqual({
      state: 'suppressed',
    });
  });
});

it.each([
  [{ n: 5, to: 9 }, '', '5–9'],
  [{ n: 50 }, '', '≥ 50'],
  [{ n: 0.5, to: 0.75 }, '%', '50–75%'],
  [{ n: 1, to: 2.5 }, '/km²', '1–2.5 /km²'],
  [{ n: 1200 }, '', '≥ 1,200'],
])('a band %j in %j', (v, unit, expected) => expect(format.band({ state: 'band', ...v }, unit, 'en')).toBe(expected));

it.each([
  [5, [5, 10, 50], { state: 'band', n: 5, to: 9 }],
  [50, [5, 10, 50], { state: 'band', n: 50 }],
  [7, [], { state: 'number', n: 7 }],
  [0, [5, 10], { state: 'zero' }],
])('%d among bands %j', (n, bands, expected) => expect(format.banded(n, bands)).toEqual(expected));

it('the density of a band is one, that of a number stays', () => {
  const density = { state: 'number', n: 2 } as const;
  expect(format.densityOf({ state: 'band', n: 5, to: 9 }, density)).toEqual({ state: 'band', n: 2, to: 3.6 });
  expect(format.densityOf({ state: 'band', n: 50 }, density)).toEqual({ state: 'band', n: 2 });
  expect(format.densityOf({ state: 'number', n: 5 }, density)).toBe(density);
  expect(format.densityOf({ state: 'suppressed' }, { state: 'suppressed' })).toEqual({ state: 'suppressed' });
});

describe('times', () => {
  it.each([
    ['2025-01', '2025-12', '2025年', '2025'],
    ['2025-04', '2025-06', '2025年第二季度', 'Q2 2025'],
    ['2025-02', '2025-04', '2025年2月 – 2025年4月', 'Feb 2025 – Apr 2025'],
    ['2024-01', '2025-12', '2024年1月 – 2025年12月', 'Jan 2024 – Dec 2025'],
  ])('spans: %s to %s', (from, to, inZh, inEn) => {
    expect(format.span(from, to, zh, 'zh')).toBe(inZh);
    expect(format.span(from, to, en, 'en')).toBe(inEn);
  });

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
