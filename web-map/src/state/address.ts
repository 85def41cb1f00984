// Everything the map shows is in the address after the "#": a link reproduces the view. Kept behind the "#" so that
// the places looked at never reach a server's log.
import type { Lang, Level, Method, Theme } from '../api/types';

export interface View {
  lon: number;
  lat: number;
  zoom: number;
}

export type Selection =
  | { type: 'point'; lon: number; lat: number }
  | { type: 'area'; level: Exclude<Level, 'none'>; code: string }
  | { type: 'unit'; edition: string; code: string } // a grid of an edition that is not on the map
  | { type: 'finding'; id: string };

export const panels = [
  'legend',
  'period',
  'layers',
  'mark',
  'import',
  'analysis',
  'help',
  'account',
  'access',
  'users',
  'audit',
] as const;
export type Panel = (typeof panels)[number];

/** The panels that cover the map. */
export const isPage = (panel: Panel | null): boolean => panel === 'access' || panel === 'users' || panel === 'audit';

export const overlays = ['heat', 'findings', 'surveys', 'labels'] as const;
export type Overlay = (typeof overlays)[number];

export interface Address {
  view: View | null; // null: the whole district
  level: Level;
  indicator: string;
  method: Method;
  classes: number;
  breaks: readonly number[]; // inner breaks of the manual method, ascending
  from: string | null; // calendar months, null: open
  to: string | null;
  kinds: readonly string[]; // kinds of casework, empty: all
  show: readonly Overlay[];
  picks: readonly string[]; // legend entries the map is filtered to: class number, or state of a special
  theme: Theme | 'auto';
  lang: Lang;
  selection: Selection | null;
  panel: Panel | null;
  run: string | null; // the analysis that is shown, by its id
  against: string | null; // the one that it is compared with
  keys: boolean; // single-key shortcuts (WCAG 2.1.4: they can be turned off)
}

export const levels = ['grids', 'villages', 'towns', 'cells', 'none'] as const;
export const methods = ['quantile', 'jenks', 'equal', 'manual'] as const;
export const minClasses = 3;
export const maxClasses = 7;

export const home: Address = {
  view: null,
  level: 'grids',
  indicator: 'risk',
  method: 'quantile',
  classes: 6,
  breaks: [],
  from: null,
  to: null,
  kinds: [],
  show: ['findings', 'labels'],
  picks: [],
  theme: 'auto',
  lang: 'zh',
  selection: null,
  panel: null,
  run: null,
  against: null,
  keys: true,
};

const oneOf = <T extends string>(list: readonly T[], text: string | null, otherwise: T): T =>
  list.find((item) => item === text) ?? otherwise;

const words = (text: string | null): string[] => (text ?? '').split(',').filter((word) => /^[\w-]+$/.test(word));

const finite = (text: string | undefined): number => (text === undefined || text === '' ? Number.NaN : Number(text));

function parseView(text: string | null): View | null {
  const [zoom, lat, lon] = (text ?? '').split('/').map(finite);
  if (zoom === undefined || lat === undefined || lon === undefined) return null;
  const legal = zoom >= 0 && zoom <= 24 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return legal ? { zoom, lat, lon } : null;
}

const uuid = (text: string | null): string | null =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text ?? '') ? text : null;

function parseSelection(text: string | null): Selection | null {
  const [type, rest] = [text?.split(':')[0] ?? '', text?.split(':').slice(1).join(':') ?? ''];
  if (type === 'point') {
    const [lon, lat] = rest.split(',').map(finite);
    return Math.abs(lon ?? 999) <= 180 && Math.abs(lat ?? 999) <= 90
      ? { type, lon: lon as number, lat: lat as number }
      : null;
  }
  if (type === 'unit') {
    const [edition, code] = [uuid(rest.slice(0, 36)), rest.slice(37)];
    return edition !== null && rest[36] === ':' && /^[^\s/?#&]{1,64}$/.test(code) ? { type, edition, code } : null;
  }
  if (!/^[^\s/?#&]{1,64}$/.test(rest)) return null;
  if (type === 'finding') return { type, id: rest };
  const level = levels.find((l) => l === type);
  return level && level !== 'none' ? { type: 'area', level, code: rest } : null;
}

const month = (text: string | null): string | null => (/^\d{4}-(0[1-9]|1[0-2])$/.test(text ?? '') ? text : null);

function parsePeriod(text: string | null): Pick<Address, 'from' | 'to'> {
  const [from, to] = (text ?? '').split('..');
  const period = { from: month(from ?? null), to: month(to ?? null) };
  return period.from && period.to && period.from > period.to ? { from: period.to, to: period.from } : period;
}

function parseClasses(text: string | null): number {
  const n = Math.round(finite(text ?? undefined));
  return n >= minClasses && n <= maxClasses ? n : home.classes;
}

function parseBreaks(text: string | null): number[] {
  const numbers = (text ?? '').split(',').map(finite).filter(Number.isFinite);
  return [...new Set(numbers)].sort((a, b) => a - b).slice(0, maxClasses - 1);
}

/** Reads an address; what is missing or not legal takes its value of the start view. */
export function parseAddress(hash: string): Address {
  const get = new URLSearchParams(hash.replace(/^#/, ''));
  const level = oneOf(levels, get.get('level'), home.level);
  return {
    view: parseView(get.get('map')),
    level,
    indicator: words(get.get('by'))[0] ?? home.indicator,
    method: oneOf(methods, get.get('method'), home.method),
    classes: parseClasses(get.get('classes')),
    breaks: parseBreaks(get.get('breaks')),
    ...parsePeriod(get.get('period')),
    kinds: words(get.get('kind')),
    show: get.has('show') ? overlays.filter((o) => words(get.get('show')).includes(o)) : home.show,
    picks: words(get.get('pick')),
    theme: oneOf(['light', 'dark', 'auto'], get.get('theme'), home.theme),
    lang: oneOf(['zh', 'en'], get.get('lang'), home.lang),
    selection: parseSelection(get.get('at')),
    panel: panels.find((p) => p === get.get('panel')) ?? null,
    run: uuid(get.get('run')),
    against: uuid(get.get('against')),
    keys: get.get('keys') !== 'off',
  };
}

function formatSelection(s: Selection | null): string {
  if (s === null) return '';
  if (s.type === 'point') return `point:${s.lon.toFixed(6)},${s.lat.toFixed(6)}`;
  if (s.type === 'unit') return `unit:${s.edition}:${s.code}`;
  return s.type === 'finding' ? `finding:${s.id}` : `${s.level}:${s.code}`;
}

const formatView = (v: View | null): string =>
  v === null ? '' : `${v.zoom.toFixed(2)}/${v.lat.toFixed(5)}/${v.lon.toFixed(5)}`;

/** Writes an address, "#…"; what is as in the start view is left out. */
export function formatAddress(a: Address): string {
  const fields: Record<string, string> = {
    map: formatView(a.view),
    level: a.level === home.level ? '' : a.level,
    by: a.indicator === home.indicator ? '' : a.indicator,
    method: a.method === home.method ? '' : a.method,
    classes: a.classes === home.classes ? '' : String(a.classes),
    breaks: a.breaks.join(','),
    period: a.from || a.to ? `${a.from ?? ''}..${a.to ?? ''}` : '',
    kind: a.kinds.join(','),
    pick: a.picks.join(','),
    theme: a.theme === home.theme ? '' : a.theme,
    lang: a.lang === home.lang ? '' : a.lang,
    at: formatSelection(a.selection),
    panel: a.panel ?? '',
    run: a.run ?? '',
    against: a.against ?? '',
    keys: a.keys ? '' : 'off',
  };
  if (a.show.join() !== home.show.join()) fields.show = a.show.join(',') || 'none';
  const pairs = Object.entries(fields).filter(([, text]) => text !== '');
  return pairs.length === 0 ? '#' : `#${pairs.map(([key, text]) => `${key}=${encodePart(text)}`).join('&')}`;
}

const encodePart = (text: string): string =>
  encodeURIComponent(text).replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':');

/** Says whether going from one address to the other is a step a reader would want to take back with "Back". */
export function isStep(before: Address, after: Address): boolean {
  const still = (a: Address) => formatAddress({ ...a, view: null, from: null, to: null });
  return still(before) !== still(after);
}
