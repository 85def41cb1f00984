// The arithmetic of the period bar. A month is "YYYY-MM"; a range is a pair of indices into the bar's months, closed.

export interface Range {
  first: number;
  last: number;
}

const clamp = (n: number, low: number, high: number): number => Math.min(Math.max(n, low), high);

/** The months from first to last, both included; none when they are the wrong way round. */
export function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  for (let at = numberOf(first); at <= numberOf(last); at++) months.push(monthOf(at));
  return months;
}

const numberOf = (month: string): number => Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7)) - 1;
const monthOf = (n: number): string => `${Math.floor(n / 12)}-${String((n % 12) + 1).padStart(2, '0')}`;

/** The range a period of the address stands for; open or outside ends go to the ends of the bar. */
export function rangeOf(months: readonly string[], from: string | null, to: string | null): Range {
  const first = from === null ? 0 : months.findIndex((m) => m >= from);
  const last = to === null ? months.length - 1 : months.findLastIndex((m) => m <= to);
  return { first: first < 0 ? months.length - 1 : first, last: Math.max(last, 0) };
}

/** The period of the address for a range; the whole bar is "open at both ends", so it grows with the data. */
export function periodOf(months: readonly string[], range: Range): { from: string | null; to: string | null } {
  if (range.first <= 0 && range.last >= months.length - 1) return { from: null, to: null };
  return { from: months[range.first] ?? null, to: months[range.last] ?? null };
}

/** Brushing from one month to another, in either direction. */
export function brush(anchor: number, at: number, count: number): Range {
  const [a, b] = [clamp(anchor, 0, count - 1), clamp(at, 0, count - 1)];
  return { first: Math.min(a, b), last: Math.max(a, b) };
}

/** Moves the range by some months, its length kept, stopping at the ends. */
export function shift(range: Range, by: number, count: number): Range {
  const step = clamp(by, -range.first, count - 1 - range.last);
  return { first: range.first + step, last: range.last + step };
}

/** Moves only the end of the range, never before its start. */
export function extend(range: Range, by: number, count: number): Range {
  return { first: range.first, last: clamp(range.last + by, range.first, count - 1) };
}

/** The months of one calendar year that the bar has. */
export function yearRange(months: readonly string[], year: string): Range {
  return { first: months.findIndex((m) => m.startsWith(year)), last: months.findLastIndex((m) => m.startsWith(year)) };
}

/** The last n calendar years that are over, as far as the bar reaches; null when none is. closed: the last month that is over. */
export function wholeYears(months: readonly string[], closed: string, n: number): Range | null {
  const year = Number(closed.slice(0, 4)) - (closed.endsWith('-12') ? 0 : 1);
  const last = months.findLastIndex((m) => m <= `${year}-12`);
  return last < 0 ? null : { first: months.findIndex((m) => m >= `${year - n + 1}-01`), last };
}

/** Whether a range of months has some but not all of a span. */
export const cuts = (span: { from: string; to: string }, first: string, last: string): boolean =>
  span.from <= last && span.to >= first && (span.from < first || span.to > last);

/** The last n months of the bar. */
export const lastMonths = (n: number, count: number): Range => ({ first: Math.max(0, count - n), last: count - 1 });

/** The next frame of the animation: one month on; from the end it starts again at the front. */
export function nextFrame(range: Range, count: number): Range {
  if (range.last < count - 1) return shift(range, 1, count);
  return { first: 0, last: range.last - range.first };
}

/** What a key does to the range; null when it does nothing. Shift moves only the end. */
export function keyMove(key: string, shifted: boolean, range: Range, count: number): Range | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    PageDown: -12,
    PageUp: 12,
    Home: -count,
    End: count,
  };
  const by = steps[key];
  if (by === undefined) return null;
  return shifted ? extend(range, by, count) : shift(range, by, count);
}

/** Every range that brushing from a month can come to. */
export const brushes = (anchor: number, count: number): Range[] =>
  Array.from({ length: count }, (_, at) => brush(anchor, at, count));

/** Every range of the same length. */
export function shifts(range: Range, count: number): Range[] {
  const length = range.last - range.first;
  return Array.from({ length: count - length }, (_, first) => ({ first, last: first + length }));
}

/** Every range that the keys can come to with one edge or the length kept. */
export const keyed = (range: Range, count: number): Range[] => [
  ...shifts(range, count),
  ...Array.from({ length: count - range.first }, (_, n) => ({ first: range.first, last: range.first + n })),
];

/** The ranges nearest to one, each once, no more than a number of them. */
export function nearest(ranges: readonly Range[], to: Range, most: number): Range[] {
  const once = [...new Map(ranges.map((r) => [`${r.first}-${r.last}`, r])).values()];
  const away = (r: Range) => Math.abs(r.first - to.first) + Math.abs(r.last - to.last);
  return once.sort((a, b) => away(a) - away(b)).slice(0, most);
}
