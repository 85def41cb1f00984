// What is printed of a result: its words, classes and figures, as the panel shows them.
import type { AnalysisClass, AnalysisResult, AnalysisRun, Lang, Theme, Title } from '../api/types';
import type { Dictionary } from '../i18n/zh';
import { looks } from '../map/analysis';
import { shade } from '../map/analysis-surface';
import type { Key, Legend, Sheet } from '../map/print-layout';
import { entryTitle, figure } from './analysis-table';
import * as format from './format';

/** Everything a printed page is made of. */
export interface Printed {
  run: AnalysisRun;
  result: AnalysisResult;
  classes: readonly AnalysisClass[]; // of the catalogue
  picks: readonly string[]; // classes that the map shows, all when empty
  findings: readonly { id: string; title: Title; color?: string | undefined }[]; // states, when the map shows findings
  attribution: readonly string[];
  theme: Theme;
  lang: Lang;
  t: Dictionary;
  who: string; // name of whoever prints
  now: Date;
}

/** The months of a result in words. */
export function periodOf({ period }: { period: string }, lang: Lang): string {
  const [from, to] = period.split('..');
  return from && to ? format.period(from, to, lang) : period;
}

/** Title, period, units and what was counted, in one line. */
export function subtitleOf({ result, lang, t }: Printed): string {
  const indicator = t.analysis.indicators[result.request.indicator] ?? result.request.indicator;
  return [periodOf(result, lang), t.levels[result.level], editionOf(result, t.analysis), indicator]
    .filter(Boolean)
    .join(' · ');
}

/** Of which edition the grids of a result are, and how many figures are interpolated; nothing for the grids on the map. */
export function editionOf({ other_edition: other }: AnalysisResult, words: Dictionary['analysis']): string {
  if (other === undefined) return '';
  return other.units > 0 ? words.onEditionInterpolated(other.name, other.units) : words.onEdition(other.name);
}

/** A class of a result, also one that no unit is in, and how it is told. */
export interface ClassKey {
  id: string;
  n: number;
  key: Key;
}

/** The classes that the map shows. */
export function classesOf({ result, classes, picks, theme, lang }: Printed): ClassKey[] {
  const look = looks(result.legend, classes, theme);
  return result.legend
    .filter(({ id }) => picks.length === 0 || picks.includes(id))
    .map((entry) => ({
      id: entry.id,
      n: entry.n,
      key: {
        color: look.get(entry.id)?.color ?? 'rgba(0, 0, 0, 0)',
        pattern: look.get(entry.id)?.pattern ?? null,
        label: entryTitle(entry, result.columns[0], lang),
        count: format.number(entry.n, lang),
      },
    }));
}

/** The symbols of findings, when the map shows them. */
export const symbolsOf = ({ findings, lang }: Printed): Key[] =>
  findings.map(({ id, title, color = '#8a9299' }) => ({
    color,
    pattern: null,
    symbol: id,
    label: title[lang],
    count: '',
  }));

/** The keys of the classes that any unit is in. */
export const keysIn = (classes: readonly ClassKey[]): Key[] => classes.flatMap(({ n, key }) => (n > 0 ? [key] : []));

const steps = 24;

/** The colours of a surface from nothing to its most. */
export function gradientOf({ result: { surface }, theme, lang }: Printed): Legend['gradient'] {
  if (surface === undefined) return null;
  const colors = Array.from({ length: steps + 1 }, (_, i) => `rgb(${shade(i / steps, theme).join(' ')})`);
  return { colors, from: '0', to: format.measure(surface.most, surface.unit, lang) };
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

/** A list of records by its columns; what is the same in all of them stands there once. */
function columnsOf(list: readonly Record<string, unknown>[]): Record<string, unknown> {
  const names = new Set(list.flatMap((item) => Object.keys(item)));
  const column = (name: string) => list.map((item) => item[name]);
  const told = (values: unknown[]) => (new Set(values).size === 1 ? values[0] : values);
  return Object.fromEntries([...names].map((name) => [name, told(column(name))]));
}

/** Names and values, those within others by their paths. */
export const pairsIn = (record: Record<string, unknown>, path = ''): string[] =>
  Object.entries(record).flatMap(([k, v]) => {
    if (isRecord(v)) return pairsIn(v, `${path}${k}.`);
    if (!Array.isArray(v)) return [`${path}${k} = ${String(v)}`];
    if (v.length === 0 || !v.every(isRecord)) return [`${path}${k} = ${v.join(', ')}`];
    return pairsIn(columnsOf(v), `${path}${k}.`);
  });

/** By what method and with which parameters, so that it can be done again. named: each line says of which method it is. */
export function methodLines({ result, t }: Printed, named = false): string[] {
  const words = t.analysis.meta;
  return [
    // first what must not be lost where there is too much for the page
    `${words.edition} ${result.edition}`,
    ...(result.other_edition?.crosswalk ? [`${words.crosswalk} ${result.other_edition.crosswalk}`] : []),
    `${words.data} ${result.data}`,
    ...result.meta.flatMap((m) => [
      `${m.method} ${m.version}: ${m.source}`,
      (named ? `${m.method}: ` : '') +
        [
          ...pairsIn(m.params),
          ...(m.seed ? [`${words.seed} ${m.seed}`] : []),
          `${words.used} ${m.used}`,
          ...(m.dropped && Object.keys(m.dropped).length > 0
            ? [`${words.dropped} ${pairsIn(m.dropped).join(', ')}`]
            : []),
          ...(m.weights ? [`${words.weights} ${m.weights.slice(0, 12)}`] : []),
        ].join('; '),
    ]),
  ];
}

/** The figures of the district as a whole. */
export function factLines({ result, lang }: Printed): string[] {
  return result.facts.map(({ title, value, unit, decimals, text }) => {
    const shown = value === null && text[lang] !== '' ? '' : figure(value, unit, decimals, lang);
    return `${title[lang]}: ${[shown, text[lang]].filter(Boolean).join(' ')}`;
  });
}

/** How sure it is, the warnings first. */
export const noteLines = ({ result, lang }: Printed): string[] =>
  [...result.notes]
    .sort((a, b) => Number(b.level === 'warning') - Number(a.level === 'warning'))
    .map(({ text }) => text[lang]);

/** Over the legend: what a surface is of. */
export const legendTitleOf = ({ result: { surface }, t }: Printed): string =>
  surface === undefined ? t.legend.title : t.analysis.surface(surface.unit);

/** Whom the page is owed to, and who took it when. */
export const owedLine = ({ attribution, lang, t, who, now }: Printed): string =>
  `${attribution.join(' · ')} · ${t.print.made(format.instant(now.toISOString(), lang), who)}`;

/** Which run it is, and how its result can be told from another. */
export const runLine = ({ run, t }: Printed): string => t.print.run(run.id, run.hash ?? '');

/** The page without its map. */
export function sheetOf(of: Printed): Sheet {
  const { result, lang, t } = of;
  return {
    title: result.title[lang],
    subtitle: subtitleOf(of),
    flag: result.synthetic ? t.syntheticShort : null,
    legendTitle: legendTitleOf(of),
    keys: [...keysIn(classesOf(of)), ...symbolsOf(of)],
    gradient: gradientOf(of),
    sections: [
      { title: t.analysis.facts, lines: factLines(of) },
      { title: t.analysis.sure, lines: noteLines(of) },
      { title: t.analysis.method, lines: methodLines(of), fine: true },
    ],
    footer: [owedLine(of), runLine(of)],
  };
}
