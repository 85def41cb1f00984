// The form of an analysis: what is typed in it, and the request that it makes.
import type { Asked } from '../api/analysis';
import type { AnalysisCatalogue, AnalysisMethod, AnalysisRequest, Edition } from '../api/types';
import type { Words } from '../i18n/analysis.zh';
import { factors, matrixOf, pairs, stepsOf } from './analysis-ahp';

/** What the form holds. Options are texts as typed, by the key of their field. */
export interface Draft {
  method: string;
  indicator: string;
  level: string;
  edition: string; // id of an edition of the grids, '' for the one on the map
  kinds: readonly string[];
  from: string;
  to: string;
  options: Readonly<Record<string, string>>;
}

export type OptionKey = keyof Words['options'] & string;

/** A field of the form for one member of the request. */
export interface Field {
  key: OptionKey;
  option: string; // as the method lists it
  kind: 'choice' | 'number' | 'list' | 'switch' | 'pairs' | 'weights' | 'judgements';
  choices?: readonly string[];
  scale?: number; // of a number on the screen to that of the request: 100 for percent
  unit?: string;
  when?: (draft: Draft) => boolean; // whether it matters, besides that the method takes it
}

const weighted =
  (...kinds: string[]) =>
  ({ options }: Draft): boolean =>
    kinds.includes(options['weights.kind'] ?? '');
const anyWeights = ({ options }: Draft): boolean => (options['weights.kind'] ?? '') !== '';
const composedBy =
  (how: string) =>
  ({ options }: Draft): boolean =>
    options['composite.by'] === how;
const timed = ({ options }: Draft): boolean => options['scan.time'] !== 'space';

const ofCasework = ({ indicator }: Draft): boolean => indicator === 'casework';

/** How many steps away neighbours are: one where the kind of weights has no steps. */
const stepsAway = (draft: Draft): number =>
  weighted('queen', 'rook', 'knn')(draft) ? Number(draft.options['weights.order']) : 1;

/** The fields in the order of the form. */
export const fields: readonly Field[] = [
  { key: 'step', option: 'step', kind: 'choice', choices: ['month', 'quarter', 'year'] },
  {
    key: 'casework',
    option: 'casework',
    kind: 'choice',
    choices: ['auto', 'located', 'shared'],
    when: ofCasework,
  },
  {
    key: 'weights.kind',
    option: 'weights',
    kind: 'choice',
    choices: ['', 'queen', 'rook', 'knn', 'band', 'inverse', 'ring'],
  },
  { key: 'weights.k', option: 'weights', kind: 'number', when: weighted('knn', 'ring') },
  { key: 'weights.band_m', option: 'weights', kind: 'number', unit: 'm', when: weighted('band', 'inverse') },
  { key: 'weights.order', option: 'weights', kind: 'number', when: weighted('queen', 'rook', 'knn') },
  { key: 'weights.cumulative', option: 'weights', kind: 'switch', when: (draft) => stepsAway(draft) > 1 },
  { key: 'weights.snap_m', option: 'weights', kind: 'number', unit: 'm', when: weighted('queen', 'rook') },
  { key: 'weights.isolates', option: 'weights', kind: 'choice', choices: ['keep', 'link', 'refuse'], when: anyWeights },
  { key: 'weights.bridges', option: 'weights', kind: 'pairs', when: anyWeights },
  {
    key: 'inference',
    option: 'inference',
    kind: 'choice',
    choices: ['auto', 'exact', 'permutation', 'normal'],
  },
  {
    key: 'draw',
    option: 'draw',
    kind: 'choice',
    choices: ['total', 'conditional'],
    when: ({ options }) => options.inference !== 'normal',
  },
  { key: 'smoothing', option: 'smoothing', kind: 'choice', choices: ['none', 'global', 'local'] },
  { key: 'kernel.shape', option: 'kernel', kind: 'choice', choices: ['gaussian', 'quartic'] },
  {
    key: 'kernel.bandwidth',
    option: 'kernel',
    kind: 'choice',
    choices: ['fixed', 'scott', 'arcgis', 'lscv', 'likelihood'],
  },
  {
    key: 'kernel.bandwidth_m',
    option: 'kernel',
    kind: 'number',
    unit: 'm',
    when: ({ options }) => options['kernel.bandwidth'] === 'fixed',
  },
  { key: 'kernel.edge', option: 'kernel', kind: 'choice', choices: ['none', 'uniform', 'diggle'] },
  { key: 'kernel.cell_m', option: 'kernel', kind: 'number', unit: 'm' },
  {
    key: 'scan.time',
    option: 'scan',
    kind: 'choice',
    choices: ['space', 'retrospective', 'prospective', 'permutation'],
  },
  { key: 'scan.max_share', option: 'scan', kind: 'number', scale: 100, unit: '%' },
  { key: 'scan.max_radius_m', option: 'scan', kind: 'number', unit: 'm' },
  { key: 'scan.max_duration', option: 'scan', kind: 'number', scale: 100, unit: '%', when: timed },
  { key: 'scan.low', option: 'scan', kind: 'switch' },
  { key: 'pairs.distances_m', option: 'pairs', kind: 'list', unit: 'm' },
  { key: 'pairs.days', option: 'pairs', kind: 'list' },
  { key: 'composite.species', option: 'composite', kind: 'choice', choices: ['opium_poppy', 'cannabis', 'ephedra'] },
  { key: 'composite.by', option: 'composite', kind: 'choice', choices: ['', 'hand', 'ahp'] },
  { key: 'composite.weights', option: 'composite', kind: 'weights', when: composedBy('hand') },
  { key: 'composite.judgements', option: 'composite', kind: 'judgements', when: composedBy('ahp') },
  {
    key: 'composite.normalise',
    option: 'composite',
    kind: 'choice',
    choices: ['index', 'z-score', 'min-max', 'percentile-rank', 'raw'],
  },
  { key: 'composite.missing', option: 'composite', kind: 'choice', choices: ['renormalise', 'null'] },
  { key: 'areas', option: 'areas', kind: 'list', scale: 100, unit: '%' },
  { key: 'alpha', option: 'alpha', kind: 'number' },
  { key: 'correct', option: 'correct', kind: 'switch' },
  { key: 'replicates', option: 'replicates', kind: 'number' },
  { key: 'seed', option: 'seed', kind: 'number' },
];

/** The fields that matter for a draft: those that its method takes. */
export const fieldsOf = (method: AnalysisMethod, draft: Draft): Field[] =>
  fields.filter((f) => method.options.includes(f.option) && (f.when === undefined || f.when(draft)));

/** The choices of a field: a ring is of cells alone. */
export const choicesOf = (field: Field, draft: Draft): readonly string[] =>
  (field.choices ?? []).filter((choice) => choice !== 'ring' || draft.level === 'cells');

/** Whether the units may be the grids of another edition than that on the map. */
export const takesEdition = (method: AnalysisMethod, { level }: Pick<Draft, 'level'>): boolean =>
  level === 'grids' && method.options.includes('edition');

/** The editions to choose from, the one on the map first, as ''; none where there is no choice. */
export const editionsFor = (editions: readonly Edition[], method: AnalysisMethod, draft: Draft): readonly Edition[] => {
  const usable = editions.filter((e) => e.grids > 0).sort((a, b) => Number(onMap(b)) - Number(onMap(a)));
  return usable.length > 1 && takesEdition(method, draft) ? usable.map((e) => (onMap(e) ? { ...e, id: '' } : e)) : [];
};

const onMap = ({ state }: Edition): boolean => state === 'published';

/** A number without the noise of binary fractions. */
const written = (n: number): string => String(Number(n.toPrecision(12)));

/** What a request has under "kernel.cell_m" and the like. */
function memberOf(request: AnalysisRequest, key: string): unknown {
  const [outer = '', inner] = key.split('.');
  const member: unknown = (request as unknown as Record<string, unknown>)[outer];
  if (inner === undefined) return member;
  return typeof member === 'object' && member !== null ? (member as Record<string, unknown>)[inner] : undefined;
}

function textOf({ kind, scale = 1 }: Field, value: unknown): string {
  if (kind === 'weights') {
    const weights = (value ?? {}) as Record<string, number>;
    return Object.keys(weights).length === 0 ? '' : factors.map((f) => written(weights[f] ?? 0)).join(', ');
  }
  if (kind === 'judgements') return Array.isArray(value) && value.length > 0 ? stepsOf(value).join(', ') : '';
  if (kind === 'pairs') return Array.isArray(value) ? value.map((pair: string[]) => pair.join('-')).join(', ') : '';
  if (kind === 'number') return typeof value === 'number' ? written(value * scale) : '';
  if (kind === 'list') return Array.isArray(value) ? value.map((n) => written(Number(n) * scale)).join(', ') : '';
  return value === undefined ? '' : String(value);
}

/** What the form offers where a request says nothing of its weights, or one of before says nothing of a species. */
const usualOptions: Record<string, string> = {
  'weights.k': '4',
  'weights.band_m': '2000',
  'weights.order': '1',
  'weights.snap_m': '1',
  'weights.isolates': 'keep',
  'composite.species': 'opium_poppy',
};

/** The form of a request. */
export function draftOf(request: AnalysisRequest): Draft {
  const { method, indicator, level, edition, kinds, from, to } = request;
  const options = Object.fromEntries(fields.map((f) => [f.key, textOf(f, memberOf(request, f.key))]));
  for (const [key, usual] of Object.entries(usualOptions)) if (options[key] === '') options[key] = usual;
  const { weights, judgements } = request.composite;
  const compared = judgements !== null && judgements.length > 0;
  options['composite.by'] = compared ? 'ahp' : Object.keys(weights).length > 0 ? 'hand' : '';
  return { method, indicator, level, edition, kinds, from, to, options };
}

const oneOf = (list: readonly string[], wanted: string): string =>
  list.includes(wanted) ? wanted : (list[0] ?? wanted);

/** The same question by another method: what that one does not know takes its usual value. */
export function withMethod(draft: Draft, method: AnalysisMethod): Draft {
  const level = oneOf(method.levels, draft.level);
  const step = method.id === 'emerging' && draft.options.step === 'year' ? 'quarter' : draft.options.step;
  return {
    ...draft,
    method: method.id,
    level,
    indicator: oneOf(method.indicators, draft.indicator),
    options: { ...draft.options, ...(step !== undefined && { step }) },
  };
}

export type DraftFault = { key: OptionKey | 'from' | 'to'; fault: 'number' | 'list' | 'month' | 'pairs' | 'weights' };

/** The parts of a text that commas separate, also empty ones. */
export const parts = (text: string): string[] => (text === '' ? [] : text.split(/[,，;；]/).map((part) => part.trim()));

const numbers = (text: string): number[] =>
  text
    .split(/[,，;；\s]+/)
    .filter(Boolean)
    .map(Number);

/** Pairs of units as they are typed, "code-code, code-code"; null when they cannot be read. */
function unitPairs(text: string): [string, string][] | null {
  const typed = parts(text).filter(Boolean);
  const read = typed.map((pair) => /^([^\s–—-]+)\s*[–—-]\s*([^\s–—-]+)$/.exec(pair));
  return read.every((match) => match !== null && match[1] !== match[2])
    ? read.map((match) => [match?.[1] ?? '', match?.[2] ?? ''])
    : null;
}

/** Whether weights by hand are five numbers, none below 0, and not all 0. */
function weighing(text: string): boolean {
  const typed = parts(text);
  const list = typed.map(Number);
  const full = typed.length === factors.length && typed.every(Boolean);
  return full && list.every((n) => Number.isFinite(n) && n >= 0) && list.some((n) => n > 0);
}

const month = /^\d{4}-(0[1-9]|1[0-2])$/;

/** What cannot be read in the form; the ranges of what can are the server's to say. */
export function faultsOf(draft: Draft, method: AnalysisMethod): DraftFault[] {
  const list: DraftFault[] = [];
  for (const key of ['from', 'to'] as const) if (!month.test(draft[key])) list.push({ key, fault: 'month' });
  for (const { key, kind } of fieldsOf(method, draft)) {
    const text = draft.options[key] ?? '';
    if (kind === 'number' && (text.trim() === '' || !Number.isFinite(Number(text))))
      list.push({ key, fault: 'number' });
    const read = kind === 'list' ? numbers(text) : [1];
    if (read.length === 0 || !read.every(Number.isFinite)) list.push({ key, fault: 'list' });
    if (kind === 'pairs' && unitPairs(text) === null) list.push({ key, fault: 'pairs' });
    if (kind === 'weights' && !weighing(text)) list.push({ key, fault: 'weights' });
  }
  return list;
}

function parsed({ kind, scale = 1 }: Field, text: string): unknown {
  if (kind === 'weights') return Object.fromEntries(factors.map((factor, i) => [factor, Number(parts(text)[i])]));
  if (kind === 'judgements') return matrixOf(pairs.map((_, i) => Number(parts(text)[i] ?? 0)));
  if (kind === 'number') return Number(written(Number(text) / scale));
  if (kind === 'list') return numbers(text).map((n) => Number(written(n / scale)));
  return kind === 'switch' ? text === 'true' : text;
}

const stars = ['hotspots', 'emerging']; // whose statistic counts the unit itself
const sums = [...stars, 'rates']; // that add their neighbours up, rather than take their mean

/** Who is whose neighbour; nothing when the server is to choose. */
function weightsOf(draft: Draft): AnalysisRequest['weights'] {
  const { method, options } = draft;
  const kind = options['weights.kind'] ?? '';
  if (kind === '') return undefined;
  const [style, self] = [sums.includes(method) ? 'B' : 'W', stars.includes(method)];
  const order = stepsAway(draft);
  const bridges = unitPairs(options['weights.bridges'] ?? '') ?? [];
  const usual = {
    kind,
    order,
    style,
    isolates: options['weights.isolates'] ?? 'keep',
    self,
    ...(order > 1 && options['weights.cumulative'] === 'true' && { cumulative: true }),
    ...(bridges.length > 0 && { bridges }),
  };
  const [k, band_m] = [Number(options['weights.k']), Number(options['weights.band_m'])];
  if (kind === 'knn' || kind === 'ring') return { ...usual, k };
  if (kind === 'band') return { ...usual, band_m };
  return kind === 'inverse'
    ? { ...usual, band_m, power: 1, floor_m: 1 }
    : { ...usual, snap_m: Number(options['weights.snap_m']) };
}

/** The request of a form without faults: what its method does not take stays with the defaults. */
export function requestOf(draft: Draft, method: AnalysisMethod): Asked {
  const { indicator, level, from, to } = draft;
  const kinds = indicator === 'casework' ? [...draft.kinds] : [];
  const request: Record<string, unknown> = { method: method.id, indicator, level, kinds, from, to };
  if (draft.edition !== '' && takesEdition(method, draft)) request.edition = draft.edition;
  for (const field of fieldsOf(method, draft)) {
    if (field.option === 'weights' || field.key === 'composite.by') continue;
    const [outer = '', inner] = field.key.split('.');
    const value = parsed(field, draft.options[field.key] ?? '');
    request[outer] = inner === undefined ? value : { ...(request[outer] as object | undefined), [inner]: value };
  }
  const weights = method.options.includes('weights') ? weightsOf(draft) : undefined;
  if (weights !== undefined) request.weights = weights;
  return request as unknown as Asked;
}

/** The last n whole years of a catalogue, or everything. */
export function presetOf({ first, last }: Pick<AnalysisCatalogue, 'first' | 'last'>, years: number | 'all') {
  if (years === 'all') return { from: first, to: last };
  const end = Number(last.slice(0, 4)) - (last.endsWith('-12') ? 0 : 1);
  return { from: `${end - years + 1}-01`, to: `${end}-12` };
}
