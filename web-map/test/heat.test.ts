import { type Signal, signal } from '@preact/signals';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Ground, HeatValues } from '../src/api/types';
import { periodText } from '../src/api/wangge';
import { type HeatQuestion, heatTables, tableOf } from '../src/state/heat';

const here: Ground = { box: [121, 31, 122, 32], z: 10 };
const there: Ground = { box: [122, 31, 123, 32], z: 10 };
const question = (patch: Partial<HeatQuestion> = {}): HeatQuestion => ({
  ground: here,
  kinds: [],
  periods: ['..'],
  round: 0,
  ...patch,
});
const values: HeatValues = { res: 8, periods: [], ids: [7, 8], area_km2: [2, 4], cases: [] };
const answerTo = ({ periods }: HeatQuestion, n = 3): HeatValues => ({
  ...values,
  periods: [...periods],
  cases: periods.map((_, i) => [n + i, 0]),
});

it('periods are written with open ends', () => {
  expect(periodText(null, null)).toBe('..');
  expect(periodText('2024-01', null)).toBe('2024-01..');
  expect(periodText('2024-01', '2024-03')).toBe('2024-01..2024-03');
});

it('counts become densities by period; what has nothing to show is left out', () => {
  const asked = question({ periods: ['a', 'b'] });
  const { rows, areaKm2 } = tableOf(asked, answerTo(asked));
  expect(areaKm2.get(8)).toBe(4);
  expect([...(rows.get('a') ?? [])]).toEqual([[7, 1.5]]);
  expect([...(rows.get('b') ?? [])]).toEqual([[7, 2]]);
});

describe('asking for values', () => {
  let wanted: Signal<HeatQuestion | null>;
  let asked: {
    question: HeatQuestion;
    signal: AbortSignal;
    answer: (v: HeatValues) => void;
    fail: (e: Error) => void;
  }[];
  let tables: ReturnType<typeof heatTables>;
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  const known = () => [...(tables.table.value?.rows.keys() ?? [])];

  beforeEach(() => {
    const question = signal<HeatQuestion | null>(null);
    wanted = question;
    asked = [];
    tables = heatTables(
      () => question.value,
      (of, signal) =>
        new Promise((answer, fail) => {
          asked.push({ question: of, signal, answer, fail });
        }),
    );
  });

  const answer = async (i: number, n?: number) => {
    const one = asked[i];
    if (one === undefined) throw new Error(`question ${i} was not asked`);
    one.answer(answerTo(one.question, n));
    await settle();
  };

  it('asks once, and for nothing that it knows', async () => {
    wanted.value = question({ periods: ['a', 'b', 'c'] });
    expect(tables.loading.value).toBe(true);
    await answer(0);
    expect(tables.loading.value).toBe(false);
    for (const period of ['b', 'c', 'a']) wanted.value = question({ periods: [period] });
    wanted.value = question({ periods: ['c', 'a', 'b'] });
    expect(asked).toHaveLength(1);
    expect(known()).toEqual(['a', 'b', 'c']);
  });

  it('lets go of the finger before the answer is there: the answer is awaited and not asked for again', async () => {
    wanted.value = question({ periods: ['a', 'b', 'c'] });
    wanted.value = question({ periods: ['b'] });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.signal.aborted).toBe(false);
    await answer(0);
    expect(known()).toEqual(['a', 'b', 'c']);
    expect(asked).toHaveLength(1);
  });

  it('the last question wins, and the table stays until its answer is there', async () => {
    wanted.value = question();
    await answer(0);
    wanted.value = question({ ground: there });
    wanted.value = question({ ground: there, kinds: ['tipoff'] });
    expect(asked).toHaveLength(3);
    expect(asked[1]?.signal.aborted).toBe(true);
    await answer(1); // too late
    expect(tables.table.value?.question.ground).toBe(here);
    await answer(2);
    expect(tables.table.value?.question).toMatchObject({ ground: there, kinds: ['tipoff'] });
  });

  it('asks again when the casework changed, but never gives up an answer for it', async () => {
    wanted.value = question();
    wanted.value = question({ round: 1 });
    wanted.value = question({ round: 2 });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.signal.aborted).toBe(false);
    await answer(0);
    expect(known()).toEqual(['..']);
    expect(asked).toHaveLength(2);
    expect(asked[1]?.question.round).toBe(2);
    await answer(1, 11);
    expect(tables.table.value?.rows.get('..')?.get(7)).toBe(5.5);
    expect(asked).toHaveLength(2);
  });

  it('a failure is told, keeps the table, and is not repeated until something else is wanted', async () => {
    wanted.value = question();
    await answer(0);
    wanted.value = question({ periods: ['a', 'b'] });
    asked[1]?.fail(new Error('no'));
    await settle();
    expect(tables.fault.value?.message).toBe('no');
    expect(known()).toEqual(['..']);
    wanted.value = question({ periods: ['b', 'a'] });
    expect(asked).toHaveLength(2);
    wanted.value = question({ periods: ['b', 'a'], round: 1 });
    await answer(2);
    expect(tables.fault.value).toBeNull();
    expect(known()).toEqual(['b', 'a']);
  });

  it('nothing is wanted: nothing is known, and nothing awaited', async () => {
    wanted.value = question();
    await answer(0);
    wanted.value = question({ ground: there });
    wanted.value = null;
    expect(asked[1]?.signal.aborted).toBe(true);
    expect([tables.table.value, tables.loading.value]).toEqual([null, false]);
  });
});
