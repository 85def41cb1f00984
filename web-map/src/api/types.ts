// The wire types of the server's HTTP interface, version 1: as described by the server (schema.ts), with the texts and
// numbers narrowed to what they can be.
import type * as schema from './schema';

export type Lang = 'zh' | 'en';
export type Theme = 'light' | 'dark';
export type Title = Record<Lang, string>;

/** A level the map can be coloured by; "none" colours nothing. */
export type Level = 'grids' | 'villages' | 'towns' | 'cells' | 'none';
export type Method = 'quantile' | 'jenks' | 'equal' | 'manual';

/** A count or measure that may be hidden or missing. "zero" carries no number. */
export interface Value {
  state: ValueState;
  n?: number;
}
export type ValueState = 'number' | 'zero' | 'suppressed' | 'nodata' | 'notlooked';

/** west, south, east, north in degrees. */
export type Box = [number, number, number, number];

export interface Named {
  id: string;
  title: Title;
}

export interface Indicator extends Named {
  unit: string;
  levels: Level[];
  kind: 'number' | 'category';
}

export interface Meta {
  version: string;
  generation: string;
  now: string;
  synthetic: boolean;
  k: number;
  district: { code: string; name: string; name_en: string; bbox: Box };
  edition?: { id: string; family: string; name: string; state: string; effective_from: string; grids: number };
  period?: { first: string; last: string };
  risk: {
    version: string;
    window_from: string;
    window_to: string;
    weights: { factor: string; weight: number; title: Title }[];
  };
  layers: { id: string; title: Title; version: number; subjects: string[] }[]; // subjects: what the layer is made of
  indicators: Indicator[];
  case_kinds: Named[];
  finding_kinds: Named[];
  finding_states: (Named & { color?: string })[];
  finding_sources: Named[];
  statuses: (Named & { color?: string })[];
  attribution: string[];
}

export interface Periods {
  months: { month: string; value: Value }[];
  k: number;
}

export interface LegendClass {
  from?: number;
  to?: number;
  value?: string;
  color: string;
  label: string;
  count: number;
}

export interface LegendSpecial {
  state: Exclude<ValueState, 'number'>;
  color: string;
  label: string;
  count: number;
  pattern?: string;
}

export interface Legend {
  level: Level;
  indicator: string;
  title: string;
  unit: string;
  method: Method;
  classes: LegendClass[];
  special: LegendSpecial[];
}

/** One factor of a composite risk value; contribution is in points of the 0–100 scale. */
export interface Part {
  factor: string;
  title: Title;
  raw: Value;
  unit: string;
  normalised: number | null;
  weight: number;
  contribution: number;
  note?: Title;
}

export interface Risk {
  value: Value;
  parts: Part[];
}

/** The figures of one town, village, grid or H3 cell. Casework is that of the server's window. */
export interface Unit {
  level: Level;
  code: string;
  name: string;
  town?: string;
  area_km2: number;
  bbox: Box;
  status?: string;
  status_title?: Title;
  cases: Value;
  density: Value;
  findings_open: number;
  findings_confirmed: number;
  survey_completion: Value;
  certified_share: Value;
  risk: Risk;
  res?: number; // H3 resolution of a cell
}

export interface Here {
  lon: number;
  lat: number;
  inside: boolean;
  town?: Unit;
  village?: Unit;
  grid?: Unit;
  cell?: Unit;
}

export interface Hit {
  level: 'town' | 'village' | 'grid' | 'cell' | 'finding' | 'point';
  code: string;
  name: string;
  detail: string;
  lon: number;
  lat: number;
  bbox?: Box;
}

export type Position = [number, number];
export type FindingGeometry = { type: 'Point'; coordinates: Position } | { type: 'Polygon'; coordinates: Position[][] };

/** What a new mark sends: the id is the client's, so that sending it twice stores it once. */
export interface NewFinding {
  id: string;
  geometry: FindingGeometry;
  kind: string;
  confidence: number;
  source: string;
  seen_at: string;
}

export interface StoredFinding {
  id: string;
  state: string;
  town_code?: string;
  village_code?: string;
  grid_code?: string;
  area_m2?: number;
  version: number;
}

export interface Finding {
  id: string;
  geometry: FindingGeometry;
  kind: string;
  confidence: number;
  state: string;
  source: string;
  seen_at: string;
  town?: string;
  village?: string;
  grid?: string;
  area_m2?: number;
  synthetic: boolean;
}

export interface ImportFinding {
  severity: 'error' | 'warning';
  row: number;
  column: string;
  value: string;
  code: string;
  message: Title;
}

export interface ImportReport {
  id: string;
  committed: boolean;
  file: string;
  format: string;
  encoding: string;
  crs: string;
  subject: string;
  rows: number;
  accepted: number;
  rejected: number;
  duplicates: number;
  unchanged: number;
  extent: Box | null;
  columns: { source: string; target: string }[];
  findings: ImportFinding[];
  findings_total: number;
  refused: boolean;
  refusal?: Title;
}

export interface ImportBatch {
  id: string;
  subject: string;
  file: string;
  at: string;
  rows: number;
  accepted: number;
  rejected: number;
}

/** Versions by subject (territory, grids, casework, village-status, surveys, findings). */
export interface Versions {
  layers: Record<string, number>;
  generation: string;
}

/** A layer whose tiles changed where they hold one of the boxes; without boxes, anywhere. */
export interface Touched {
  layer: string;
  bounds?: Box[];
}

/** A change of the store: the versions after it, and the layers it touched; no others changed on any tile. */
export interface Change extends Versions {
  changed: Touched[];
}

/** The server cannot follow its database: what it shows is as of an instant. */
export interface Trouble {
  since: string;
  detail: string;
}

/** Ground in whole tiles of a zoom. */
export interface Ground {
  box: Box;
  z: number;
}

/** Casework in the hexagons of a part of the map: a row of counts for each period asked for, a count for each id. */
export interface HeatValues {
  res: number; // H3 resolution of the finest
  periods: string[];
  ids: number[]; // of the features of the tile layer "hexagons"
  area_km2: number[];
  cases: number[][]; // 0: nothing to show
}

/** An error body, RFC 9457. */
export interface ProblemBody {
  status?: number;
  title?: string;
  detail?: string;
}

/** Does not compile when a type above reads a member that the server does not describe. */
type Served<Read, Described> = Exclude<keyof Read, keyof Described> extends never ? true : false;
type Holds<T extends true> = T;
export type Agreement = [
  Holds<Served<Meta, schema.Meta>>,
  Holds<Served<Meta['layers'][number], schema.MetaLayer>>,
  Holds<Served<Indicator, schema.Indicator>>,
  Holds<Served<Value, schema.Value>>,
  Holds<Served<Periods, schema.Periods>>,
  Holds<Served<HeatValues, schema.HeatValues>>,
  Holds<Served<Legend, schema.Legend>>,
  Holds<Served<LegendClass, schema.Class>>,
  Holds<Served<LegendSpecial, schema.Special>>,
  Holds<Served<Part, schema.RiskPart>>,
  Holds<Served<Risk, schema.RiskValue>>,
  Holds<Served<Unit, schema.Unit>>,
  Holds<Served<Here, schema.Here>>,
  Holds<Served<Hit, schema.Hit>>,
  Holds<Served<NewFinding, schema.NewFinding>>,
  Holds<Served<StoredFinding, schema.MarkedFinding>>,
  Holds<Served<Finding, schema.FindingDetail>>,
  Holds<Served<ImportFinding, schema.Finding>>,
  Holds<Served<ImportReport, schema.CommittedImport>>,
  Holds<Served<ImportBatch, schema.Batch>>,
];
