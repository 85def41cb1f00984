// Made by scripts/types.mjs from /api/openapi.json: run `make types`, do not edit.

export interface Batch {
  accepted: number;
  actor: string;
  at: string;
  file: string;
  id: string;
  rejected: number;
  rows: number;
  subject: string;
}

export interface Batches {
  batches: Batch[] | null;
}

export interface Category {
  color?: string;
  id: string;
  title: Text;
}

export interface Class {
  color: string;
  count: number;
  from?: number;
  label: string;
  to?: number;
  value?: string;
}

export interface Column {
  source: string;
  target: string;
}

export interface CommittedImport {
  accepted: number;
  columns: Column[] | null;
  committed: boolean;
  crs: string;
  duplicates: number;
  encoding: string;
  extent: number[] | null;
  file: string;
  findings: Finding[] | null;
  findings_total: number;
  format: string;
  id: string;
  refusal?: Text;
  refused: boolean;
  rejected: number;
  rows: number;
  subject: string;
  unchanged: number;
  v?: string;
}

export interface ErrorDetail {
  location?: string;
  message?: string;
  value?: unknown;
}

export interface ErrorModel {
  detail?: string;
  errors?: ErrorDetail[] | null;
  instance?: string;
  status?: number;
  title?: string;
  type?: string;
}

export interface Field {
  name: string;
  title: Text;
  type: string;
  unit: string;
}

export interface Finding {
  code: string;
  column: string;
  message: Text;
  row: number;
  severity: string;
  value: string;
}

export interface FindingDetail {
  area_m2: number;
  confidence: number;
  geometry: unknown;
  grid: string;
  id: string;
  kind: string;
  seen_at: string;
  source: string;
  state: string;
  synthetic: boolean;
  town: string;
  village: string;
}

export interface Flaw {
  area_m2: number;
  code: string;
  message: Text;
  place: string;
  severity: string;
  subject: string;
}

export interface Flaws {
  findings: Flaw[] | null;
}

export interface HeatValues {
  area_km2: number[] | null;
  cases: (number[] | null)[] | null;
  ids: number[] | null;
  periods: string[] | null;
  res: number;
}

export interface Here {
  cell?: Unit;
  grid?: Unit;
  inside: boolean;
  lat: number;
  lon: number;
  town?: Unit;
  village?: Unit;
}

export interface Hit {
  bbox: number[] | null;
  code: string;
  detail: string;
  lat: number;
  level: 'town' | 'village' | 'grid' | 'cell' | 'point';
  lon: number;
  name: string;
}

export interface Hits {
  hits: Hit[] | null;
}

export interface Indicator {
  decimals: number;
  id: string;
  kind: string;
  levels: string[] | null;
  title: Text;
  unit: string;
}

export interface Legend {
  classes: Class[] | null;
  indicator: string;
  level: string;
  method: string;
  special: Special[] | null;
  title: string;
  unit: string;
}

export interface MarkedFinding {
  area_m2: number;
  grid_code: string;
  id: string;
  state: string;
  town_code: string;
  v: string;
  version: number;
  village_code: string;
}

export interface Meta {
  attribution: string[] | null;
  case_kinds: Category[] | null;
  district: MetaDistrict;
  edition?: MetaEdition;
  finding_kinds: Category[] | null;
  finding_sources: Category[] | null;
  finding_states: Category[] | null;
  generation: string;
  indicators: Indicator[] | null;
  k: number;
  layers: MetaLayer[] | null;
  now: string;
  period?: MetaPeriod;
  risk: MetaRisk;
  statuses: Category[] | null;
  synthetic: boolean;
  version: string;
}

export interface MetaDistrict {
  bbox: number[] | null;
  code: string;
  name: string;
  name_en: string;
}

export interface MetaEdition {
  effective_from: string;
  family: string;
  grids: number;
  id: string;
  name: string;
  state: string;
}

export interface MetaLayer {
  fields: Field[] | null;
  geometry: string;
  id: string;
  maxzoom: number;
  minzoom: number;
  subjects: string[] | null;
  title: Text;
  version: number;
}

export interface MetaPeriod {
  first: string;
  last: string;
}

export interface MetaRisk {
  version: string;
  weights: MetaWeight[] | null;
  window_from: string;
  window_to: string;
}

export interface MetaWeight {
  factor: string;
  title: Text;
  weight: number;
}

export interface MonthCount {
  month: string;
  value: Value;
}

export interface NewFinding {
  confidence: number;
  geometry: unknown;
  id: string;
  kind: string;
  seen_at: string;
  source: string;
}

export interface Periods {
  k: number;
  months: MonthCount[] | null;
}

export interface RiskPart {
  contribution: number;
  factor: string;
  normalised: number | null;
  note: Text;
  raw: Value;
  title: Text;
  unit: string;
  weight: number;
}

export interface RiskValue {
  parts: RiskPart[] | null;
  value: Value;
  version: string;
}

export interface Special {
  color: string;
  count: number;
  label: string;
  pattern?: string;
  state: string;
}

export interface Text {
  en: string;
  zh: string;
}

export interface Unit {
  area_km2: number;
  bbox: number[] | null;
  cases: Value;
  certified_share: Value;
  code: string;
  density: Value;
  findings_confirmed: number;
  findings_open: number;
  level: string;
  name: string;
  res?: number;
  risk: RiskValue;
  status?: string;
  status_title?: Text;
  survey_completion: Value;
  town?: string;
}

export interface Value {
  n?: number;
  state: string;
}
