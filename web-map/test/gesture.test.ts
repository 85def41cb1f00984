// The period bar and the heat together, with a server that is a function.
import { batch } from '@preact/signals';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { HeatValues, Meta, Periods } from '../src/api/types';
import { address, change, meta, periods } from '../src/state/app';
import { brushing, densities, ground, heatOf, reachFor, reachNothing, reachOn } from '../src/state/heat';
import { brush, brushes, monthsBetween, periodOf } from '../src/state/period';

const names = monthsBetween('2022-01', '2025-11'); // 47 months
const asked: string[] = [];
let hold: Promise<void> = Promise.resolve();

/** Counts as many cases as the period has months, in a cell of 1 km²; another has none. */
function valuesOf(url: URL): HeatValues {
  const texts = (url.searchParams.get('periods') ?? '').split(',');
  const months = texts.map((text) => {
    const [from, to] = text.split('..');
    return monthsBetween(from || '2022-01', to || '2025-11').length;
  });
  return { res: 8, periods: texts, ids: [1, 2], area_km2: [1, 1], cases: months.map((n) => [n, 0]) };
}

beforeEach(async () => {
  vi.stubGlobal('fetch', async (path: string) => {
    const url = new URL(path, 'http://127.0.0.1');
    const json = (body: unknown) => new Response(JSON.stringify(body));
    if (url.pathname === '/api/periods')
      return json({
        k: 3,
        wider: [],
        closed: '2025-11',
        months: names.map((month) => ({ month, value: { state: 'number', n: 1 } })),
      } satisfies Periods);
    if (url.pathname !== '/api/heat/values') return json({ classes: [], special: [] });
    asked.push(url.search);
    await hold;
    return json(valuesOf(url));
  });
  change({ show: ['heat'], level: 'none', from: '2024-01', to: '2024-03' });
  meta.value = {
    period: { first: '2022-01', last: '2025-11' },
    bands: [],
    indicators: [],
    layers: [],
  } as unknown as Meta;
  ground.value = { box: [121, 31, 122, 32], z: 9 };
  await vi.waitFor(() => expect(periods.loaded.value.state).toBe('ready'));
  await vi.waitFor(() => expect(shownMonths()).toBe(3));
  asked.length = 0;
});

afterEach(() => {
  batch(() => {
    brushing.value = ground.value = null;
    reachNothing();
  });
});

const shownMonths = () => densities.value?.of.get(1);
const count = names.length;
const drag = (from: number, to: number) =>
  batch(() => {
    brushing.value = brush(from, to, count);
    reachOn(() => brushes(from, count), brush(from, to, count));
  });
const letGo = () =>
  batch(() => {
    const range = brushing.value;
    brushing.value = null;
    reachNothing();
    if (range) change(periodOf(names, range));
  });

it('follows the finger from one answer', async () => {
  drag(10, 10);
  await vi.waitFor(() => expect(shownMonths()).toBe(1));
  for (const at of [11, 15, 30, 46, 9, 0]) {
    drag(10, at);
    expect(shownMonths()).toBe(Math.abs(at - 10) + 1);
  }
  letGo();
  expect(shownMonths()).toBe(11);
  expect(address.value.to).toBe('2022-11');
  expect(asked).toHaveLength(1);
  expect(asked[0]?.match(/\.\./g)).toHaveLength(47);
});

it('keeps the colours until the answer is there, and then shows where the finger is', async () => {
  let answer = () => {};
  hold = new Promise((resolve) => {
    answer = resolve;
  });
  drag(10, 10);
  drag(10, 12);
  expect(densities.value).toBeUndefined();
  drag(10, 20);
  letGo();
  answer();
  await vi.waitFor(() => expect(shownMonths()).toBe(11));
  expect(asked).toHaveLength(1);
});

it('says what is in the uppermost hexagon that has anything, as a band to whoever sees bands', async () => {
  expect(heatOf([99, 2, 1])).toEqual({ value: { state: 'number', n: 3 }, areaKm2: 1 });
  meta.value = { ...(meta.value as Meta), bands: [3, 10] };
  expect(heatOf([1])).toEqual({ value: { state: 'band', n: 3, to: 9 }, areaKm2: 1 });
  expect(heatOf([99, 2])).toBeNull();
});

it('no question names more than 64 periods', async () => {
  const range = { first: 20, last: 25 };
  const many = Array.from({ length: count }, (_, i) => ({ first: 0, last: i }));
  reachFor([...many, ...brushes(40, count)], range);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]?.match(/\.\./g)).toHaveLength(64);
});
