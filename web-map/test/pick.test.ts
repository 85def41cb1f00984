import { featureFilter } from '@maplibre/maplibre-gl-style-spec';
import { describe, expect, it } from 'vitest';
import type { Legend } from '../src/api/types';
import { pickFilter, toggle } from '../src/state/pick';

const numbers = (indicator: string): Legend => ({
  level: 'grids',
  indicator,
  title: indicator,
  unit: '',
  method: 'quantile',
  classes: [
    { from: 1, to: 5, color: '#111111', label: '1–5', count: 1 },
    { from: 5, to: 10, color: '#222222', label: '5–10', count: 1 },
    { from: 10, to: 20, color: '#333333', label: '10–20', count: 1 },
  ],
  special: (['zero', 'suppressed', 'notlooked', 'nodata'] as const).map((state) => ({
    state,
    color: '#444444',
    label: state,
    count: 1,
  })),
});
const status: Legend = {
  ...numbers('status'),
  classes: ['none', 'certified'].map((value) => ({ value, color: '#111111', label: value, count: 1 })),
};

/** Which of the features a filter lets through. */
function through(legend: Legend, picks: string[], features: Record<string, unknown>[]): number[] {
  const filter = featureFilter(pickFilter(legend, picks) ?? undefined, 'filter');
  return features.flatMap((properties, i) =>
    filter.filter({ zoom: 10 }, { type: 3, properties } as never) ? [i] : [],
  );
}

describe('filtering to legend entries', () => {
  it('is off without a pick', () => {
    expect(pickFilter(numbers('risk'), [])).toBeNull();
    expect(pickFilter(undefined, ['0'])).toBeNull();
  });

  const values = [1, 4.99, 5, 9.99, 10, 20, 0].map((risk) => ({ risk }));
  it.each([
    [['0'], [0, 1]],
    [['1'], [2, 3]],
    [['2'], [4, 5]], // the last class holds its upper edge
    [
      ['0', '2'],
      [0, 1, 4, 5],
    ],
    [['zero'], [6]],
    [['9'], []],
  ])('classes %j', (picks, expected) => expect(through(numbers('risk'), picks, values)).toEqual(expected));

  const counts = [
    { cases: 7, cases_state: 'number' },
    { cases: 0, cases_state: 'zero' },
    { cases_state: 'suppressed' },
    {},
  ];
  it.each([
    [['zero'], [1]],
    [['suppressed'], [2]],
    [['nodata'], [3]],
    [
      ['1', 'suppressed'],
      [0, 2],
    ],
  ])('counts %j', (picks, expected) => expect(through(numbers('cases'), picks, counts)).toEqual(expected));

  it('counts in bands', () => {
    const banded = [{ cases: 5, cases_to: 9, cases_state: 'band' }, { cases: 7, cases_state: 'number' }, {}];
    const legend = numbers('cases');
    legend.special.push({ state: 'band', color: '#444444', label: 'band', count: 1 });
    expect(through(legend, ['band'], banded)).toEqual([0]);
    expect(through(legend, ['1'], banded)).toEqual([0, 1]); // and in the class of its beginning
  });

  it('findings that are missing are too few, when the legend says so', () => {
    expect(through(numbers('findings_open'), ['suppressed'], [{ findings_open: 5 }, {}])).toEqual([1]);
  });

  it('a survey that is missing was not made', () => {
    expect(through(numbers('survey'), ['notlooked'], [{ survey: 3 }, {}])).toEqual([1]);
  });

  it('categories by their value', () => {
    expect(through(status, ['1'], [{ status: 'none' }, { status: 'certified' }, {}])).toEqual([1]);
    expect(through(status, ['nodata'], [{ status: 'none' }, { status: 'certified' }, {}])).toEqual([2]);
  });
});

it('toggle adds and takes away', () => {
  expect(toggle(['a'], 'b')).toEqual(['a', 'b']);
  expect(toggle(['a', 'b'], 'a')).toEqual(['b']);
});
