// The signals that the panels and the map share. The address is the state; everything else follows from it or is an
// answer of the server.
import { computed, effect, signal } from '@preact/signals';
import type { ImportReport, Lang, Level, Meta, Theme } from '../api/types';
import * as api from '../api/wangge';
import { en } from '../i18n/en';
import { type Dictionary, zh } from '../i18n/zh';
import { editionSource } from '../map/analysis';
import { type Address, formatAddress, isStep, parseAddress } from './address';
import { latest, resource } from './resource';
import { me, reader } from './session';

export const address = signal<Address>(parseAddress(location.hash));

/** Changes the address; a change of what is shown becomes a step for the browser's "Back". */
export function change(patch: Partial<Address>): void {
  const before = address.peek();
  const after = { ...before, ...patch };
  const hash = formatAddress(after);
  address.value = after;
  if (hash === (location.hash || '#')) return;
  if (isStep(before, after)) history.pushState(null, '', hash);
  else history.replaceState(null, '', hash);
}

/** Follows "Back", "Forward" and edits of the address line. */
export function followHistory(): void {
  const read = () => {
    address.value = parseAddress(location.hash);
  };
  addEventListener('popstate', read);
  addEventListener('hashchange', read);
}

const darkQuery = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(darkQuery.matches);
darkQuery.addEventListener('change', (event) => {
  systemDark.value = event.matches;
});

export const theme = computed<Theme>(() => {
  const wanted = address.value.theme;
  if (wanted !== 'auto') return wanted;
  return systemDark.value ? 'dark' : 'light';
});
export const lang = computed<Lang>(() => address.value.lang);
export const t = computed<Dictionary>(() => (lang.value === 'en' ? en : zh));

const phoneQuery = matchMedia('(max-width: 760px)');
export const phone = signal(phoneQuery.matches);
phoneQuery.addEventListener('change', (event) => {
  phone.value = event.matches;
});

export const meta = signal<Meta | null>(null);
export const startFault = signal<Error | null>(null);

/** Asks what the server holds for whoever reads: at the start, and again when something changed. */
export async function loadMeta(): Promise<void> {
  const whose = reader.peek();
  if (whose === null) return;
  startFault.value = null;
  try {
    const found = await api.meta();
    if (whose === reader.peek()) meta.value = found;
  } catch (error) {
    if (whose === reader.peek()) startFault.value = error as Error;
  }
}

/** Smallest count that is shown. */
export const smallest = computed(() => me.value?.k ?? meta.value?.k ?? 3);

/** Whoever reads sees the territory and nothing that was counted in it. */
export const groundOnly = computed(() => meta.value?.class === 'ground');

/** Whoever reads may see findings, where they are or by cells. */
export const seesFindings = computed(() => !['bands', 'ground'].includes(meta.value?.class ?? 'ground'));

/** Grows with every change of the store; what depends on it is then asked again. */
export const revision = signal(0);

/** Whether whoever reads is told anything of an indicator on a level. */
function told(id: string, level: Level): boolean {
  if (meta.value?.class !== 'bands') return true;
  return id !== 'risk' && (level === 'towns' || !id.startsWith('findings_'));
}

/** The level of the analysis that the map shows; null while it shows none. */
export const analysedLevel = signal<Exclude<Level, 'none'> | null>(null);

/** The level whose units are coloured: that of the analysis, else the one asked for. */
export const shownLevel = computed<Level>(() => analysedLevel.value ?? address.value.level);

/** The indicators that the level has for whoever reads. */
export const indicators = computed(() => {
  const level = shownLevel.value;
  return meta.value?.indicators.filter((i) => i.levels.includes(level) && told(i.id, level)) ?? [];
});

/** The indicator that is shown: the asked one, else the first. */
export const indicator = computed(
  () => indicators.value.find((i) => i.id === address.value.indicator) ?? indicators.value[0],
);

export const classing = computed<api.Classing>(() => {
  const a = address.value;
  const { classes, breaks } = a;
  const level = shownLevel.value;
  const method = a.method === 'manual' && breaks.length === 0 ? 'quantile' : a.method;
  return { level, indicator: indicator.value?.id ?? a.indicator, method, classes, breaks };
});

export const caseFilter = computed<api.CaseFilter>(() => {
  const { from, to, kinds } = address.value;
  return { from: from ?? undefined, to: to ?? undefined, kinds };
});

/** The path of "path#revision": the revision only forces a new question. */
const path = (key: string): string => key.slice(0, key.lastIndexOf('#'));

const legendKey = computed(() => {
  if (meta.value === null || shownLevel.value === 'none' || analysedLevel.value !== null) return null;
  return `${api.legendPath(classing.value, theme.value, lang.value)}#${revision.value}`;
});
export const legend = resource(
  () => legendKey.value,
  (key, abort) => api.legend(path(key), abort),
);

const heatLegendKey = computed(() => {
  if (meta.value === null || !address.value.show.includes('heat')) return null;
  return `${api.heatLegendPath(caseFilter.value, theme.value, lang.value)}#${revision.value}`;
});
export const heatLegend = resource(
  () => heatLegendKey.value,
  (key, abort) => api.legend(path(key), abort),
);

const styleKey = computed(() => {
  if (meta.value === null) return null;
  return `${api.stylePath(classing.value, caseFilter.value, address.value.show, theme.value, lang.value)}#${revision.value}`;
});
export const style = resource(
  () => styleKey.value,
  (key, abort) => api.style(path(key), abort),
);

const periodKey = computed(() => (meta.value?.period ? `${address.value.kinds.join(',')}#${revision.value}` : null));
export const periods = resource(
  () => periodKey.value,
  (key, abort) => api.periods(path(key) === '' ? [] : path(key).split(','), abort),
);

/** What is asked about; nothing before there is a map. */
const asked = computed(() => (meta.value === null ? null : address.value.selection));

const hereKey = computed(() => {
  const s = asked.value;
  return s?.type === 'point' ? `${api.herePath(s.lon, s.lat)}#${revision.value}` : null;
});
export const here = resource(
  () => hereKey.value,
  (key, abort) => api.here(path(key), abort),
);

const areaKey = computed(() => {
  const s = asked.value;
  return s?.type === 'area' ? `${api.areaPath(s.level, s.code)}#${revision.value}` : null;
});
export const area = resource(
  () => areaKey.value,
  (key, abort) => api.area(path(key), abort),
);

const findingKey = computed(() => {
  const s = asked.value;
  return s?.type === 'finding' ? `${s.id}#${revision.value}` : null;
});
export const finding = resource(
  () => findingKey.value,
  (key, abort) => api.finding(path(key), abort),
);

/** The unit whose outline is drawn on the map, by its level or its source. */
export const outlined = computed<{ level: string; code: string } | null>(() => {
  const { selection } = address.value;
  const level = shownLevel.value;
  if (selection?.type === 'area') return { level: selection.level, code: selection.code };
  if (selection?.type === 'unit') return { level: editionSource(selection.edition), code: selection.code };
  const found = selection?.type === 'point' ? latest(here.loaded.value) : undefined;
  if (found === undefined) return null;
  const codes: Record<string, string | undefined> = {
    towns: found.town?.code,
    villages: found.village?.code,
    grids: found.grid?.code,
    cells: found.cell?.code,
  };
  const on = level === 'none' ? 'grids' : level;
  const code = codes[on];
  return code === undefined ? null : { level: on, code };
});

/** A report of an import under review: its extent is drawn on the map. */
export const report = signal<ImportReport | null>(null);

/** What went wrong, for the reader. */
export const sentence = (error: Error): string => (error.name === 'Away' ? t.value.away.short : error.message);

export interface Toast {
  text: string;
  action?: { label: string; run: () => void };
}
/** The one message at the bottom of the map. */
export const toast = signal<Toast | null>(null);

/** What a screen reader is told without moving the focus. */
export const spoken = signal('');

/** Keeps <html> in step with language and theme. */
export function dressDocument(): void {
  effect(() => {
    document.documentElement.lang = lang.value === 'zh' ? 'zh-CN' : 'en';
    document.documentElement.dataset.theme = theme.value;
    const name = meta.value?.district;
    const district = lang.value === 'zh' ? name?.name : name?.name_en || name?.name;
    document.title = district ? `${t.value.brand} · ${district}` : t.value.brand;
  });
}
