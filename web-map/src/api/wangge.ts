import type { StyleSpecification } from '@maplibre/maplibre-gl-style-spec';
import { ask, post, withQuery } from './http';
import type {
  Explanation,
  ExportTable,
  Finding,
  Ground,
  HeatValues,
  Here,
  Hit,
  Lang,
  Legend,
  Meta,
  NewFinding,
  Periods,
  StoredFinding,
  Theme,
  Unit,
} from './types';

/** What a period filter asks for: calendar months, and kinds of casework (none = all). */
export interface CaseFilter {
  from?: string | undefined;
  to?: string | undefined;
  kinds: readonly string[];
}

/** How the choropleth is cut into classes. */
export interface Classing {
  level: string;
  indicator: string;
  method: string;
  classes: number;
  breaks: readonly number[];
}

const classQuery = (c: Classing) => ({
  level: c.level,
  indicator: c.indicator,
  method: c.method,
  classes: c.classes,
  breaks: c.method === 'manual' ? c.breaks.join(',') : undefined,
});

export const meta = (): Promise<Meta> => ask('/api/meta');

/** 200 when every layer can be served. */
export const ready = (): Promise<unknown> => ask('/readyz');

export const periods = (kinds: readonly string[], signal: AbortSignal): Promise<Periods> =>
  ask(withQuery('/api/periods', { kind: kinds.join(',') }), { signal });

export const legendPath = (c: Classing, theme: Theme, lang: Lang): string =>
  withQuery('/api/legend', { ...classQuery(c), theme, lang });

export const stylePath = (c: Classing, f: CaseFilter, show: readonly string[], theme: Theme, lang: Lang): string =>
  withQuery(`/styles/${theme}-${lang}.json`, {
    ...(c.level === 'none' ? { level: 'none' } : classQuery(c)),
    from: f.from,
    to: f.to,
    kind: f.kinds.join(','),
    show: show.join(',') || 'none', // an empty list would mean the server's choice
  });

export const legend = (path: string, signal: AbortSignal): Promise<Legend> => ask(path, { signal });
export const style = (path: string, signal: AbortSignal): Promise<StyleSpecification> => ask(path, { signal });

export const heatLegendPath = (f: CaseFilter, theme: Theme, lang: Lang): string =>
  withQuery('/api/legend', { level: 'heat', from: f.from, to: f.to, kind: f.kinds.join(','), theme, lang });

/** A period as a text: "2024-01..2024-03", an open end is empty. */
export const periodText = (from: string | null, to: string | null): string => `${from ?? ''}..${to ?? ''}`;

/** Asks for the heat of several periods (1 to 64) within a box, at a tile zoom; kinds: none = all. */
export const heatValues = (
  { box, z }: Ground,
  kinds: readonly string[],
  periods: readonly string[],
  signal: AbortSignal,
): Promise<HeatValues> => {
  const bbox = box.map((degrees) => Number(degrees.toFixed(6))).join(',');
  return ask(withQuery('/api/heat/values', { bbox, z, kind: kinds.join(','), periods: periods.join(',') }), { signal });
};

export const herePath = (lon: number, lat: number): string => withQuery('/api/here', { lon, lat });
export const here = (path: string, signal: AbortSignal): Promise<Here> => ask(path, { signal });

export const areaPath = (level: string, code: string): string => `/api/area/${level}/${encodeURIComponent(code)}`;
export const area = (path: string, signal: AbortSignal): Promise<Unit> => ask(path, { signal });

export const search = (text: string, signal: AbortSignal): Promise<{ hits: Hit[] }> =>
  ask(withQuery('/api/search', { q: text }), { signal });

export const finding = (id: string, signal: AbortSignal): Promise<Finding> => ask(`/api/findings/${id}`, { signal });
export const mark = (found: NewFinding): Promise<StoredFinding> => post('/api/findings', found);
export const withdraw = (id: string): Promise<StoredFinding> => post(`/api/findings/${id}/withdraw`);

export const explainPath = (level: string, code: string, { from, to, kinds }: CaseFilter): string =>
  withQuery('/api/explain', { level, code, from, to, kind: kinds.join(',') });
export const explain = (path: string, signal: AbortSignal): Promise<Explanation> => ask(path, { signal });

export const exportPath = (what: ExportTable, purpose: string): string =>
  withQuery(`/api/export/${what}.csv`, { purpose });
