// The table of an analysis: its rows in order, its figures in words, and what a forecast is worth.
import type {
  AnalysisColumn,
  AnalysisCurve,
  AnalysisEntry,
  AnalysisResult,
  AnalysisUnit,
  Box,
  Lang,
} from '../api/types';
import type { Order } from './analysis';
import { locale } from './format';

/** A figure with so many decimals; "%" is a share 0…1. What is too small to be seen is said to be less. */
export function figure(n: number | null | undefined, unit: string, decimals: number, lang: Lang): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return '—';
  const share = unit === '%';
  const value = share ? n * 100 : n;
  const digits = Math.max(0, Math.min(6, decimals));
  const least = 10 ** -digits;
  const write = (v: number) =>
    new Intl.NumberFormat(locale(lang), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(v);
  const text = value > 0 && value < least / 2 ? `< ${write(least)}` : write(value);
  if (share) return `${text}%`;
  return unit === '' ? text : `${text} ${unit}`;
}

/** The same without its unit, which the head of the column has. */
export const bare = (n: number | null | undefined, { unit, decimals }: AnalysisColumn, lang: Lang): string =>
  figure(n, unit === '%' ? '%' : '', decimals, lang);

/** Whether a figure of a unit is interpolated: areas, lengths and ranks are what they are. */
export const approximate = (
  unit: AnalysisUnit,
  { id, unit: of }: AnalysisColumn,
  n: number | null | undefined,
): boolean => unit.interpolated === true && typeof n === 'number' && id !== 'rank' && !['km²', 'm'].includes(of);

/** The box of a unit that brings its outline along; null for the others. */
export function boxOf(unit: AnalysisUnit | undefined): Box | null {
  const corners = (unit?.outline ?? []).flat(2) as [number, number][];
  if (corners.length === 0) return null;
  const [x, y] = [corners.map(([lon]) => lon), corners.map(([, lat]) => lat)];
  return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
}

/** A class of the legend in words: a class of numbers by its range. */
export function entryTitle(entry: AnalysisEntry, of: AnalysisColumn | undefined, lang: Lang): string {
  const { from, to } = entry;
  if (from === undefined || to === undefined) return entry.title[lang];
  const [unit, decimals] = [of?.unit ?? '', of?.decimals ?? 2];
  if (from === to) return figure(from, unit, decimals, lang);
  const [low, high] = [figure(from, unit === '%' ? '%' : '', decimals, lang), figure(to, unit, decimals, lang)];
  return `${low} – ${high}`;
}

/** Whether nothing is known of a unit of that class. */
export const unknown = (id: string): boolean => id === 'insufficient';

type Key = string | number | null;

function keyOf(result: AnalysisResult, column: string): (unit: AnalysisUnit) => Key {
  if (column === 'name') return (u) => u.name || u.code;
  if (column === 'class') {
    const ranks = new Map(result.legend.map(({ id }, i) => [id, i]));
    return (u) => ranks.get(u.class) ?? null;
  }
  const at = result.columns.findIndex(({ id }) => id === column);
  return (u) => u.values[at] ?? null;
}

const collator = new Intl.Collator('zh-CN', { numeric: true });

function compare(a: Key, b: Key, down: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null); // what is not known comes last
  const way = typeof a === 'string' ? collator.compare(a, String(b)) : a - Number(b);
  return down ? -way : way;
}

/** The order that a reader would ask for first: by the first column, the largest first. */
export const usualOrder = (result: AnalysisResult): Order => ({ column: result.columns[0]?.id ?? 'name', down: true });

/** The places of the units of the picked classes, all when none is picked, in an order; equal ones stay as they come. */
export function shownRows(result: AnalysisResult, picks: readonly string[], order: Order | null): number[] {
  const { column, down } = order ?? usualOrder(result);
  const key = keyOf(result, column);
  return result.units
    .map((unit, at) => ({ at, key: key(unit), class: unit.class }))
    .filter((row) => picks.length === 0 || picks.includes(row.class))
    .sort((a, b) => compare(a.key, b.key, down) || a.at - b.at)
    .map(({ at }) => at);
}

/** How many rows are shown: those of the first page, and as far as the selected one. */
export function rowsWanted(rows: readonly number[], page: number, selected: number | null): number {
  const at = selected === null ? -1 : rows.indexOf(selected);
  return Math.min(rows.length, at < page ? page : at + 10);
}

/** The places of the neighbours of a unit. */
export const neighboursOf = (links: readonly (readonly number[])[], at: number): number[] =>
  links
    .flatMap(([a, b]) => (a === at ? [b] : b === at ? [a] : []))
    .filter((place): place is number => place !== undefined)
    .sort((a, b) => a - b);

/** The places of the units without neighbours, where the result has links. */
export function isolatesOf({ units, links = [] }: Pick<AnalysisResult, 'units' | 'links'>): number[] {
  const joined = new Set(links.flat());
  return units.flatMap((_, place) => (joined.has(place) ? [] : [place]));
}

/** The points of a line through a series, in a box of width × height; a series of one value lies at the bottom. */
export function sparkLine(series: readonly number[], width: number, height: number): string {
  const most = Math.max(...series, 0) || 1;
  const step = width / Math.max(1, series.length - 1);
  return series.map((v, i) => `${round(i * step)},${round(height - (v / most) * height)}`).join(' ');
}

const round = (n: number): number => Math.round(n * 100) / 100;

/** The forecasts that hit the most at a share of the area; none when it is not known of any. */
export interface Winner {
  area: number;
  rate: number;
  curves: AnalysisCurve[]; // more than one when they are equal
}

/** Who wins at each share of the area. */
export function winners(curves: readonly AnalysisCurve[]): Winner[] {
  const areas = [...new Set(curves.flatMap((c) => c.points.map((p) => p.area)))].sort((a, b) => a - b);
  return areas.flatMap((area) => {
    const rates = curves.flatMap((curve) => {
      const rate = curve.points.find((p) => p.area === area)?.hit_rate;
      return typeof rate === 'number' ? [{ curve, rate }] : [];
    });
    if (rates.length === 0) return [];
    const rate = Math.max(...rates.map((r) => r.rate));
    return [{ area, rate, curves: rates.filter((r) => r.rate === rate).map((r) => r.curve) }];
  });
}

/** The forecast that wins alone at the most shares of the area; null when there is no such one. */
export function champion(list: readonly Winner[]): AnalysisCurve | null {
  const wins = new Map<AnalysisCurve, number>();
  for (const { curves } of list) {
    const [only, second] = curves;
    if (only !== undefined && second === undefined) wins.set(only, (wins.get(only) ?? 0) + 1);
  }
  const sorted = [...wins].sort((a, b) => b[1] - a[1]);
  const [first, next] = sorted;
  if (first === undefined || (next !== undefined && next[1] === first[1])) return null;
  return first[0];
}

/** Whether a forecast is better than every other at some share of the area by more than the intervals are wide. */
export function provenBest(best: AnalysisCurve, curves: readonly AnalysisCurve[]): boolean {
  const others = curves.filter((c) => c.id !== best.id);
  return best.points.some(({ area, low }) =>
    others.every((c) => {
      const high = c.points.find((p) => p.area === area)?.high;
      return typeof low === 'number' && typeof high === 'number' && low > high;
    }),
  );
}
