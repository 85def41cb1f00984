// How values are written on the screen.

import type { Lang, Title, Value, ValueState } from '../api/types';
import type { Dictionary } from '../i18n/zh';

export const locale = (lang: Lang): string => (lang === 'zh' ? 'zh-CN' : 'en-GB');

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

/** A band: "5–9", or "≥ 50" when it has no end. */
export function band({ n = 0, to }: Value, unit: string, lang: Lang): string {
  if (to === undefined) return `≥ ${measure(n, unit, lang)}`;
  const low = unit === '%' || unit === 'share' ? n * 100 : n;
  return `${number(low, lang)}–${measure(to, unit, lang)}`;
}

/**
 * A value in words: the states that are not numbers are spelled out. k is the smallest count shown; of casework, too few
 * may be none, of findings it is some.
 */
export function value(v: Value, unit: string, t: Dictionary, lang: Lang, k: number, some = false): string {
  if (v.state === 'number') return measure(v.n ?? 0, unit, lang);
  if (v.state === 'band') return band(v, unit, lang);
  if (v.state !== 'suppressed') return t.states[v.state];
  return some ? t.states.below(k) : t.states.suppressedBelow(k);
}

/** A count by where its band begins; the number itself for whoever sees numbers, who has no bands. */
export function banded(n: number, bands: readonly number[]): Value {
  const at = bands.indexOf(n);
  if (at < 0) return n === 0 ? { state: 'zero' } : { state: 'number', n };
  const next = bands[at + 1];
  return { state: 'band', n, ...(next !== undefined && { to: next - 1 }) };
}

/** The density of a count: a band's is one too, from that of its beginning, which is all the server sends, to that of its end. */
export function densityOf(cases: Value, density: Value): Value {
  if (cases.state !== 'band' || density.n === undefined || !cases.n) return density;
  const { n } = density;
  return { state: 'band', n, ...(cases.to !== undefined && { to: (n * cases.to) / cases.n }) };
}

/** An area: m² for a yard, ha for a field, km² for a grid. */
export function area(m2: number, lang: Lang): string {
  if (m2 < 10_000) return `${number(Math.round(m2), lang)} m²`;
  return m2 < 1e6 ? `${number(m2 / 1e4, lang)} ha` : `${number(m2 / 1e6, lang)} km²`;
}

/** What a month, a quarter, a year, or any other range of months is called. */
export function span(from: string, to: string, t: Dictionary, lang: Lang): string {
  const [year, first, last] = [from.slice(0, 4), Number(from.slice(5, 7)), Number(to.slice(5, 7))];
  if (year === to.slice(0, 4) && first === 1 && last === 12) return t.period.wholeYear(year);
  if (year === to.slice(0, 4) && first % 3 === 1 && last === first + 2) return t.period.quarter(year, last / 3);
  return period(from, to, lang);
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

/** An instant on the district's clock, to the minute or ("medium") the second. */
export function instant(iso: string, lang: Lang, timeStyle: 'short' | 'medium' = 'short'): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const options = { dateStyle: 'medium', timeStyle, timeZone: 'Asia/Shanghai' } as const;
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

/** What a tile does not say of itself: where bands of findings begin, and what it means that a value is not there. */
export interface Reading {
  bands: readonly number[];
  missing: ValueState;
}

/** Reads the value of an indicator out of a tile's attributes. */
export function valueFrom(properties: Record<string, unknown>, indicator: string, { bands, missing }: Reading): Value {
  const { cases, cases_to: to, cases_state: state } = properties;
  const n = properties[indicator];
  const ofCases = indicator === 'cases' || indicator === 'density';
  if (ofCases && state === 'suppressed') return { state };
  if (typeof n !== 'number') return { state: ofCases ? 'nodata' : missing };
  if (ofCases && state === 'band' && typeof cases === 'number') {
    const counted: Value = { state, n: cases, ...(typeof to === 'number' && { to }) };
    return indicator === 'cases' ? counted : densityOf(counted, { state: 'number', n });
  }
  return banded(n, indicator.startsWith('findings_') ? bands : []);
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

const browsers = [
  /(Edg)\/(\d+)/,
  /(Firefox)\/(\d+)/,
  /(Chrome)\/(\d+)/,
  /(Version)\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari/,
  /(QGIS)\/(\d+)/,
];
const systems: [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
];
const browserNames: Record<string, string> = { Edg: 'Edge', Version: 'Safari' };

/** The program and the system of a User-Agent header: "Chrome 140 · Windows"; what is not known stays as it is. */
export function agent(header: string): string {
  const [, name = '', version = ''] = browsers.map((pattern) => pattern.exec(header)).find(Boolean) ?? [];
  const system = systems.find(([pattern]) => pattern.test(header))?.[1];
  if (name === '') return header.slice(0, 60);
  return [`${browserNames[name] ?? name} ${version}`, system].filter(Boolean).join(' · ');
}
