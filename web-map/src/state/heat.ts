// The heat of casework: hexagons that stay on the map, and a small table of values by period that colours them. While
// the period is dragged, every period in reach is in memory, and nothing is asked for.
import { computed, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import type { Ground, HeatValues, Value } from '../api/types';
import * as api from '../api/wangge';
import { address, meta, periods } from './app';
import { banded } from './format';
import { nearest, periodOf, type Range } from './period';
import { latest } from './resource';

/** What is to be known: casework of some kinds (none = all) and periods, on some ground. */
export interface HeatQuestion {
  ground: Ground;
  kinds: readonly string[];
  periods: readonly string[];
  round: number; // grows when the casework changes
}

/** The answer to a question: a row of densities (cases per km², by hexagon) for each period. */
export interface HeatTable {
  question: HeatQuestion;
  rows: ReadonlyMap<string, ReadonlyMap<number, number>>;
  areaKm2: ReadonlyMap<number, number>; // of each hexagon
}

/** Turns counts into densities; what has nothing to show is left out. */
export function tableOf(question: HeatQuestion, values: HeatValues): HeatTable {
  const row = (cases: readonly number[]) =>
    new Map(
      values.ids.flatMap((id, i) => {
        const density = (cases[i] ?? 0) / (values.area_km2[i] ?? Number.NaN);
        return density > 0 ? [[id, density] as const] : [];
      }),
    );
  return {
    question,
    rows: new Map(question.periods.map((period, i) => [period, row(values.cases[i] ?? [])])),
    areaKm2: new Map(values.ids.map((id, i) => [id, values.area_km2[i] ?? 0])),
  };
}

const placeOf = ({ ground, kinds }: HeatQuestion): string => JSON.stringify([ground, kinds]);

const covers = (has: HeatQuestion, wanted: HeatQuestion): boolean =>
  placeOf(has) === placeOf(wanted) && wanted.periods.every((period) => has.periods.includes(period));

const answers = (has: HeatQuestion, wanted: HeatQuestion): boolean => covers(has, wanted) && has.round === wanted.round;

export interface HeatTables {
  table: ReadonlySignal<HeatTable | null>; // the last answer; null while nothing is wanted
  loading: ReadonlySignal<boolean>;
  fault: ReadonlySignal<Error | null>;
}

/**
 * Follows a question, null for none. It is asked only when neither the table nor the answer on its way knows what is
 * wanted; an answer that is not wanted any more is given up. One that only became old is awaited, and asked for again:
 * under a storm of changes there would be no answer otherwise.
 */
export function heatTables(
  question: () => HeatQuestion | null,
  ask: (question: HeatQuestion, signal: AbortSignal) => Promise<HeatValues>,
): HeatTables {
  const [table, loading, fault] = [signal<HeatTable | null>(null), signal(false), signal<Error | null>(null)];
  const answered = signal(0);
  let asking: { question: HeatQuestion; abort: AbortController } | null = null;
  let failed: HeatQuestion | null = null; // not asked again until something else is wanted, or it is asked for

  const giveUp = () => {
    asking?.abort.abort();
    asking = null;
    loading.value = false;
  };
  const start = (wanted: HeatQuestion) => {
    const abort = new AbortController();
    asking = { question: wanted, abort };
    loading.value = true;
    const done = (then: () => void) => {
      if (abort.signal.aborted) return;
      asking = null;
      loading.value = false;
      then();
    };
    ask(wanted, abort.signal).then(
      (values) =>
        done(() => {
          failed = fault.value = null;
          table.value = tableOf(wanted, values);
          answered.value += 1;
        }),
      (error: Error) =>
        done(() => {
          failed = wanted;
          fault.value = error;
        }),
    );
  };
  effect(() => {
    answered.value; // looks whether the answer is still new enough
    const wanted = question();
    untracked(() => {
      if (asking !== null && wanted !== null && covers(asking.question, wanted)) return;
      giveUp();
      if (wanted === null) {
        table.value = fault.value = failed = null;
        return;
      }
      const known = [table.value?.question, failed].some((has) => has && answers(has, wanted));
      if (!known) start(wanted);
    });
  });
  return { table, loading, fault };
}

/** The ground that the map shows, in whole tiles; null before there is a map. */
export const ground = signal<Ground | null>(null);

/** The range while it is dragged or played: shown at once, and in the address when it is let go. */
export const brushing = signal<Range | null>(null);

const names = computed(() => latest(periods.loaded.value)?.months.map((m) => m.month) ?? []);

const textOf = (range: Range): string => {
  const { from, to } = periodOf(names.value, range);
  return api.periodText(from, to);
};

const maxPeriods = 64; // in one question

/** The periods that what the reader is doing on the period bar can come to. */
const reach = signal<readonly string[]>([]);

/** The reader begins something that can come to those ranges: they are asked for at once, of too many the nearest. */
export function reachFor(ranges: readonly Range[], now: Range): void {
  reach.value = nearest(ranges, now, maxPeriods).map(textOf);
}

/** The reader has come to a range; only when it is out of reach, other ranges are asked for. */
export function reachOn(ranges: () => readonly Range[], now: Range): void {
  if (!reach.value.includes(textOf(now))) reachFor(ranges(), now);
}

/** The reader has let go. */
export function reachNothing(): void {
  reach.value = [];
}

const shownPeriod = computed(() => {
  if (brushing.value !== null) return textOf(brushing.value);
  return api.periodText(address.value.from, address.value.to);
});

const round = signal(0);

/** The casework changed, or the last question failed: asks again. */
export const askHeatAgain = (): void => {
  round.value = round.peek() + 1;
};

const shown = computed(() => meta.value !== null && address.value.show.includes('heat'));

export const heat = heatTables(
  () => {
    if (!shown.value || ground.value === null) return null;
    const wanted = new Set([shownPeriod.value, ...reach.value]);
    return {
      ground: ground.value,
      kinds: address.value.kinds,
      periods: [...wanted].slice(0, maxPeriods),
      round: round.value,
    };
  },
  (asked, abort) => api.heatValues(asked.ground, asked.kinds, asked.periods, abort),
);

/** What colours the hexagons; undefined while it is awaited: the old colours stay. */
export const densities = computed(() => {
  const table = heat.table.value;
  if (table === null) return { z: 0, of: new Map<number, number>() };
  const of = table.rows.get(shownPeriod.value);
  return of && { z: table.question.ground.z, of };
});

/** Casework in the uppermost of the hexagons that has any; null for none. */
export function heatOf(hexagons: readonly number[]): { value: Value; areaKm2: number } | null {
  for (const id of hexagons) {
    const [density, areaKm2] = [densities.value?.of.get(id), heat.table.value?.areaKm2.get(id)];
    if (!density || !areaKm2) continue;
    return { value: banded(Math.round(density * areaKm2), meta.value?.bands ?? []), areaKm2 };
  }
  return null;
}
