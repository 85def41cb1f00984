// How values are written on the screen.

import type { Lang, Title, Value, ValueState } from '../api/types';
import type { Dictionary } from '../i18n/zh';

const locale = (lang: Lang): string => (lang === 'zh' ? 'zh-CN' : 'en-GB');

/** A number with at most three significant digits below 100, thousands grouped above. */
export function number(n: number, lang: Lang): string {
  const options = Math.abs(n) < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 };
  return new Intl.NumberFormat(locale(lang), options).format(n);
}

/** A measure in its unit; "%" and "share" mean a share 0…1, written times 100. */
export function measure(n: number, unit: string, lang: Lang): string {
  if (unit === '%' || unit === 'share') return `${number(n * 100, lang)}%`;
  return unit === '' ? number(n, lang) : `${number(n, lang)} ${unit}`;
}

/** A value in words: the four states that are not numbers are spelled out. k is the smallest count shown. */
export function value(v: Value, unit: string, t: Dictionary, lang: Lang, k: number): string {
  if (v.state === 'number') return measure(v.n ?? 0, unit, lang);
  return v.state === 'suppressed' ? t.states.suppressedBelow(k) : t.states[v.state];
}

/** An area: m² for a yard, ha for a field, km² for a grid. */
export function area(m2: number, lang: Lang): string {
  if (m2 < 10_000) return `${number(Math.round(m2), lang)} m²`;
  return m2 < 1e6 ? `${number(m2 / 1e4, lang)} ha` : `${number(m2 / 1e6, lang)} km²`;
}

/** A calendar month "2025-03". */
export function month(iso: string, lang: Lang): string {
  const [year, m] = [iso.slice(0, 4), Number(iso.slice(5, 7))];
  if (lang === 'zh') return `${year}年${m}月`;
  return new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: 'UTC' }).format(
    new Date(`${iso}-01T00:00:00Z`),
  );
}

/** A range of months; one month alone is written once. */
export const period = (from: string, to: string, lang: Lang): string =>
  from === to ? month(from, lang) : `${month(from, lang)} – ${month(to, lang)}`;

/** An instant on the district's clock. */
export function instant(iso: string, lang: Lang): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const options = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Shanghai' } as const;
  return new Intl.DateTimeFormat(locale(lang), options).format(at);
}

/** The time of day of an instant on the district's clock, with its date when that is not today's. */
export function since(iso: string, now: number, lang: Lang): string {
  const day = (at: number) => new Date(at + clockMs).toISOString().slice(0, 10);
  const at = Date.parse(iso);
  return day(at) === day(now) ? clockText(iso).slice(11) : instant(iso, lang);
}

/** A place in degrees, lat before lon as people say it. */
export const place = (lon: number, lat: number): string => `${lat.toFixed(5)}°N ${lon.toFixed(5)}°E`;

/** A title that the server sends in both languages, or in the asked one already. */
export const title = (text: Title | string | undefined, lang: Lang): string =>
  typeof text === 'string' ? text : (text?.[lang] ?? '');

/** Reads the value of an indicator out of a tile's attributes. */
export function valueFrom(properties: Record<string, unknown>, indicator: string): Value {
  const state = properties.cases_state;
  if ((indicator === 'cases' || indicator === 'density') && typeof state === 'string' && state !== 'number') {
    return { state: state as ValueState };
  }
  const n = properties[indicator];
  if (typeof n !== 'number') return { state: indicator === 'survey' ? 'notlooked' : 'nodata' };
  return n === 0 ? { state: 'zero' } : { state: 'number', n };
}

/** The district's clock is this far ahead of UTC. */
const clockMs = 8 * 3600_000;

/** An instant as the text of a date-time field, on the district's clock. */
export const clockText = (iso: string): string => new Date(Date.parse(iso) + clockMs).toISOString().slice(0, 16);

/** The instant that such a text stands for; null when it is not one. */
export function fromClockText(text: string): string | null {
  const at = Date.parse(`${text}:00+08:00`);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}
