// What is printed of a result: its words, classes and figures, as the panel shows them.
import type { AnalysisClass, AnalysisResult, AnalysisRun, Lang, Theme, Title } from '../api/types';
import type { Dictionary } from '../i18n/zh';
import { looks } from '../map/analysis';
import { shade } from '../map/analysis-surface';
import type { Key, Sheet } from '../map/print-layout';
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

function keysOf({ result, classes, picks, findings, theme, lang }: Printed): Key[] {
  const look = looks(result.legend, classes, theme);
  const areas = result.legend
    .filter(({ id, n }) => n > 0 && (picks.length === 0 || picks.includes(id)))
    .map((entry) => ({
      color: look.get(entry.id)?.color ?? 'rgba(0, 0, 0, 0)',
      pattern: look.get(entry.id)?.pattern ?? null,
      label: entryTitle(entry, result.columns[0], lang),
      count: format.number(entry.n, lang),
    }));
  const symbols = findings.map(({ id, title, color = '#8a9299' }) => ({
    color,
    pattern: null,
    symbol: id,
    label: title[lang],
    count: '',
  }));
  return [...areas, ...symbols];
}

const steps = 24;

function gradientOf({ result: { surface }, theme, lang }: Printed): Sheet['gradient'] {
  if (surface === undefined) return null;
  const colors = Array.from({ length: steps + 1 }, (_, i) => `rgb(${shade(i / steps, theme).join(' ')})`);
  return { colors, from: '0', to: format.measure(surface.most, surface.unit, lang) };
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Names and values, those within others by their paths. */
export const pairsIn = (record: Record<string, unknown>, path = ''): string[] =>
  Object.entries(record).flatMap(([k, v]) => {
    if (isRecord(v)) return pairsIn(v, `${path}${k}.`);
    return [`${path}${k} = ${Array.isArray(v) ? v.join(', ') : String(v)}`];
  });

/** By what method and with which parameters, so that it can be done again. */
function methodLines({ result, t }: Printed): string[] {
  const words = t.analysis.meta;
  return [
    ...result.meta.flatMap((m) => [
      `${m.method} ${m.version}: ${m.source}`,
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
    `${words.edition} ${result.edition}`,
    ...(result.other_edition?.crosswalk ? [`${words.crosswalk} ${result.other_edition.crosswalk}`] : []),
    `${words.data} ${result.data}`,
  ];
}

function factLines({ result, lang }: Printed): string[] {
  return result.facts.map(({ title, value, unit, decimals, text }) => {
    const shown = value === null && text[lang] !== '' ? '' : figure(value, unit, decimals, lang);
    return `${title[lang]}: ${[shown, text[lang]].filter(Boolean).join(' ')}`;
  });
}

/** The page without its map. */
export function sheetOf(of: Printed): Sheet {
  const { run, result, attribution, lang, t, who, now } = of;
  const { surface } = result;
  const notes = [...result.notes].sort((a, b) => Number(b.level === 'warning') - Number(a.level === 'warning'));
  return {
    title: result.title[lang],
    subtitle: subtitleOf(of),
    flag: result.synthetic ? t.syntheticShort : null,
    legendTitle: surface === undefined ? t.legend.title : t.analysis.surface(surface.unit),
    keys: keysOf(of),
    gradient: gradientOf(of),
    sections: [
      { title: t.analysis.facts, lines: factLines(of) },
      { title: t.analysis.sure, lines: notes.map(({ text }) => text[lang]) },
      { title: t.analysis.method, lines: methodLines(of) },
    ],
    footer: [
      `${attribution.join(' · ')} · ${t.print.made(format.instant(now.toISOString(), lang), who)}`,
      t.print.run(run.id, run.hash ?? ''),
    ],
  };
}
