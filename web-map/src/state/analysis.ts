// The analysis that is shown: the address names its run; how far it is and what came out of it are the server's
// answers.
import { computed, effect, signal, untracked } from '@preact/signals';
import * as api from '../api/analysis';
import type { AnalysisRequest, AnalysisResult, AnalysisRun } from '../api/types';
import { unitSource } from '../map/analysis';
import type { Selection } from './address';
import { type Draft, draftOf } from './analysis-draft';
import { boxOf, shownRows } from './analysis-table';
import { address, analysedLevel, area, change, meta, revision, shownLevel } from './app';
import { map, padding } from './commands';
import { latest, resource } from './resource';
import { mayAnalyse } from './session';
import { uuid } from './uuid';

/** The part of the panel that is open. */
export type Tab = 'ask' | 'result' | 'runs';
export const tab = signal<Tab>(address.peek().run === null ? 'ask' : 'result');

/** What is typed in the form; null before it is opened. */
export const draft = signal<Draft | null>(null);

/** Puts a question into the form. */
export function edit(request: AnalysisRequest): void {
  draft.value = draftOf(request);
  tab.value = 'ask';
}

const open = computed(() => address.value.panel === 'analysis' && mayAnalyse.value && meta.value !== null);

/** The run that the address names, for whoever may see it. */
const runId = computed(() => (mayAnalyse.value && meta.value !== null ? address.value.run : null));

/** The catalogue: for the form, and for the colours of a map. */
export const catalogue = resource(
  () => (open.value || runId.value !== null ? 'catalogue' : null),
  (_, abort) => api.catalogue(abort),
);

const listRound = signal(0);

/** The newest runs, while they are looked at. */
export const runs = resource(
  () => (open.value && tab.value === 'runs' ? `${listRound.value}#${revision.value}` : null),
  async (_, abort) => (await api.runs(abort)).runs,
);

/** Whether anything may still come of a run. */
export const underWay = ({ state }: AnalysisRun): boolean => state === 'queued' || state === 'running';

const lookMs = 300;

const waited = (ms: number, abort: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    abort.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('given up', 'AbortError'));
    });
  });

/** The run as last heard of; it is asked for until it is over. */
const heard = signal<AnalysisRun | null>(null);

/** Waits for the end of the run, and tells on the way how far it is. */
async function follow(id: string, abort: AbortSignal): Promise<AnalysisRun> {
  for (;;) {
    const is = await api.run(id, abort);
    if (abort.aborted) return is;
    heard.value = is;
    if (!underWay(is)) {
      listRound.value += 1;
      return is;
    }
    await waited(lookMs, abort);
  }
}

/** Asks how far the run is; again when the data change, because the result may be of old ones then. */
export const following = resource(
  () => (runId.value === null ? null : `${runId.value}#${revision.value}`),
  (key, abort) => follow(key.slice(0, key.indexOf('#')), abort),
);

/** The run that is shown; null before it is known. */
export const run = computed(() => (heard.value?.id === runId.value ? heard.value : null));

const doneId = computed(() => (run.value?.state === 'done' ? run.value.id : null));

/** What came out of the run. */
export const outcome = resource(
  () => doneId.value,
  async (id, abort) => ({ id, result: await api.result(id, abort) }),
);

/** The result that is shown, with its run; null while there is none. */
export const analysis = computed(() => {
  const known = latest(outcome.loaded.value);
  return known === undefined || known.id !== doneId.value ? null : known;
});

export const result = computed<AnalysisResult | null>(() => analysis.value?.result ?? null);

/** Whether a result has anything to draw, so that it takes the place of the coloured areas. */
export const drawsAnything = (r: AnalysisResult): boolean =>
  r.legend.length > 0 || r.surface !== undefined || (r.circles ?? []).length > 0;

/** The result that the map shows. */
export const mapped = computed(() => (result.value !== null && drawsAnything(result.value) ? result.value : null));

effect(() => {
  analysedLevel.value = mapped.value?.level ?? null;
});

/** The source of the units that are coloured on the map. */
export const units = computed(() => (mapped.value === null ? shownLevel.value : unitSource(mapped.value)));

/** A unit of a result as it is selected. */
const unitOf = ({ level, other_edition: other }: AnalysisResult, code: string): Selection =>
  other === undefined ? { type: 'area', level, code } : { type: 'unit', edition: other.id, code };

/** The place of a unit in the result, by its code. */
export const unitAt = computed(() => new Map(result.value?.units.map((u, i) => [u.code, i])));

/** The unit of the result that is selected, by its place; null for none. */
export const chosen = computed(() => {
  const { selection } = address.value;
  if (result.value === null || (selection?.type !== 'area' && selection?.type !== 'unit')) return null;
  const { level, other_edition: other } = result.value;
  const its = selection.type === 'unit' ? selection.edition === other?.id : selection.level === level && !other;
  return its ? (unitAt.value.get(selection.code) ?? null) : null;
});

/** The unit that the pointer or the focus is on, by its code: in the table, or on the map. */
export const pointed = signal<{ code: string; from: 'table' | 'map' } | null>(null);

export interface Order {
  column: string; // id of a column, or "name" or "class"
  down: boolean;
}
export const order = signal<Order | null>(null); // null: as the method ranks them

/** The rows of the table, by their places: those of the picked classes, in the order asked for. */
export const rows = computed(() =>
  result.value === null ? [] : shownRows(result.value, address.value.picks, order.value),
);

/** Shows a run; null shows the coloured areas again. */
export function showRun(id: string | null): void {
  order.value = null;
  pointed.value = null;
  change({ run: id, picks: [], against: id === null ? null : address.peek().against });
  if (id !== null) tab.value = 'result';
}

/** Asks for a run and shows it. */
export async function ask(request: api.Asked): Promise<void> {
  const started = await api.start(uuid(), request);
  heard.value = started;
  showRun(started.id);
}

export async function cancel(id: string): Promise<void> {
  const ended = await api.cancel(id);
  if (heard.peek()?.id === id) heard.value = ended;
  listRound.value += 1;
  following.reload();
}

/** Selects a unit of the result. */
export function choose(code: string): void {
  const shown = result.peek();
  if (shown !== null) change({ selection: unitOf(shown, code) });
}

const goingTo = signal<string | null>(null);

/** Selects a unit of the result and brings it into view. */
export function goTo(code: string): void {
  const box = boxOf(result.peek()?.units[unitAt.peek().get(code) ?? -1]);
  if (box === null) goingTo.value = code; // its box is the server's to say
  choose(code);
  if (box !== null) map.peek()?.fit(box, untracked(padding), 12);
}

effect(() => {
  const unit = latest(area.loaded.value);
  if (unit === undefined || unit.code !== goingTo.value) return;
  goingTo.value = null;
  map.peek()?.fit(unit.bbox, untracked(padding), 12);
});
