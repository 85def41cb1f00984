// The wire types of the server's HTTP interface, version 1: as described by the server (schema.ts), with the texts and
// numbers narrowed to what they can be.
import type * as schema from './schema';

export type Lang = 'zh' | 'en';
export type Theme = 'light' | 'dark';
export type Title = Record<Lang, string>;

/** A level the map can be coloured by; "none" colours nothing. */
export type Level = 'grids' | 'villages' | 'towns' | 'cells' | 'none';
export type Method = 'quantile' | 'jenks' | 'equal' | 'manual';

/** A count or measure that may be hidden or missing. "zero" carries no number; a band is n…to, without "to" n or more. */
export interface Value {
  state: ValueState;
  n?: number;
  to?: number;
}
export type ValueState = 'number' | 'zero' | 'band' | 'suppressed' | 'nodata' | 'notlooked';

/** A type of the server as it is read: its lists are never null, and its values narrowed. */
type Read<T> =
  NonNullable<T> extends readonly (infer Item)[]
    ? Read<Item>[]
    : string extends keyof T
      ? T // a map by name
      : Exclude<keyof schema.Value, keyof T> extends never
        ? Value
        : T extends object
          ? { [K in keyof T]: Read<T[K]> }
          : T;

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

/** A dated version of the grids; the published one is on the map. */
export interface Edition {
  id: string;
  family: string;
  name: string;
  state: string;
  effective_from: string;
  grids: number;
}

export interface Meta {
  version: string;
  now: string;
  synthetic: boolean;
  k: number;
  class: Class;
  bands: number[]; // where bands of counts begin; none where numbers are shown
  district: { code: string; name: string; name_en: string; bbox: Box };
  edition?: Edition;
  editions: Edition[]; // the newest first
  period?: { first: string; last: string };
  risk: {
    version: string;
    window_from: string;
    window_to: string;
    weights: { factor: string; weight: number; title: Title }[];
  };
  layers: { id: string; title: Title; revision: string; subjects: string[] }[]; // subjects: what the layer is made of
  indicators: Indicator[];
  case_kinds: Named[];
  finding_kinds: Named[];
  finding_states: (Named & { color?: string })[];
  finding_sources: Named[];
  statuses: (Named & { color?: string })[];
  attribution: string[];
}

export type Periods = Read<schema.Periods>;

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
export type Part = Read<schema.RiskPart>;
export type Risk = Read<schema.RiskValue>;

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
  findings_open: Value;
  findings_confirmed: Value;
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
  v: string; // names the store after it: nothing to be read
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

export type ImportBatch = schema.Batch;

/** A word for each layer: another one when the layer may look different. Another server has other words. */
export interface Revisions {
  layers: Record<string, string>;
}

/** A layer whose tiles changed where they hold one of the boxes; without boxes, anywhere. */
export interface Touched {
  layer: string;
  bounds?: Box[];
}

/** A change of the store: the layers it touched; no others changed on any tile. */
export interface Change {
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

/**
 * Casework in the hexagons of a part of the map: a row of counts for each period asked for, a count (or that which its
 * band begins with) for each id of the tile layer "hexagons"; 0 has nothing to show.
 */
export type HeatValues = Read<schema.HeatValues>;

/** What somebody may do. */
export type Right =
  | 'look'
  | 'look-exact'
  | 'mark'
  | 'export'
  | 'analyse'
  | 'import'
  | 'check-territory'
  | 'read-audit'
  | 'manage-accounts'
  | 'view-as'
  | 'operate';

/** How much of casework and places somebody sees, the most first. */
export type Class = 'command' | 'field' | 'village' | 'bands' | 'ground';
export type ScopeLevel = 'district' | 'towns' | 'villages' | 'grids';

/** The area of a role; the district needs no code. */
export interface Scope {
  level: ScopeLevel;
  code: string;
  name?: string;
}

/** A purpose to look for: it stands in the audit log. */
export type Purpose = schema.SignInPurpose;

/** A row of the table of roles. */
export interface RoleRules {
  role: string;
  title: Title;
  class: Class;
  rights: Right[];
  levels: ScopeLevel[]; // that it can be given for
}

export type DemoAccount = schema.SignInDemo;

/** What has to be known before anybody is signed in. */
export interface SignInfo {
  providers: Named[];
  demo_accounts?: DemoAccount[];
  purposes: Purpose[];
  roles: RoleRules[];
}

/** Who is signed in, and what that one may do now. */
export interface Me {
  account: schema.MeAccount;
  roles: schema.MeRole[];
  rights: Right[];
  class: Class;
  k: number; // smallest count shown
  purpose: string;
  expires_at: string;
  view_as: schema.MeViewAs | null;
  by_token: boolean;
}

export type OpenSession = schema.Session;

/** A key for a program. */
export interface Token extends Omit<schema.Token, 'rights'> {
  rights: Right[];
}

export interface NewToken {
  name: string;
  purpose: string;
  rights: Right[];
  scope: Scope;
  days: number;
}

export type Grant = schema.Grant;

export interface NewGrant {
  role: string;
  scope: Scope;
  from?: string;
  until?: string;
}

export type Account = Read<schema.Account>;

/** A row of the audit log; behind: who looked as the actor's role, "" for nobody. */
export type AuditRow = schema.AuditRow;

/** What the audit log says was done, and to what. */
export type AuditAction = AuditRow['action'];
export type AuditSubject = Exclude<AuditRow['subject'], ''>;

/** Rows of the audit log, the newest first; next: the number to go on before, 0 or nothing at the end. */
export type AuditPage = Read<schema.AuditPage>;

/** Why a value is shown as it is. */
export interface Explanation extends Omit<Read<schema.Explanation>, 'class'> {
  class: Class;
}

/** The tables that can be taken away. */
export type ExportTable = 'grids' | 'villages' | 'towns' | 'cells' | 'findings';

export type AnalysisCatalogue = Read<schema.AnalysisCatalogue>;
export type AnalysisMethod = Read<schema.AnalysisMethod>;
export type AnalysisRequest = Read<schema.AnalysisRequest>;
export type AnalysisRun = Read<schema.AnalysisRun>;
export type AnalysisUnit = Read<schema.AnalysisUnit>;
export type AnalysisColumn = Read<schema.AnalysisColumn>;
export type AnalysisEntry = Read<schema.AnalysisEntry>;
export type AnalysisClass = Read<schema.AnalysisClass>;
export type AnalysisCircle = Read<schema.AnalysisCircle>;
export type AnalysisSurface = Read<schema.AnalysisSurface>;
export type AnalysisCurve = Read<schema.AnalysisCurve>;
export type AnalysisMatrix = Read<schema.AnalysisMatrix>;
export type AnalysisPrint = Read<schema.AnalysisPrint>;

/** What came out of an analysis. */
export interface AnalysisResult extends Omit<Read<schema.AnalysisResult>, 'meta' | 'level'> {
  level: Exclude<Level, 'none'>;
  meta: schema.StatMeta[];
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
  Holds<Served<Legend, schema.Legend>>,
  Holds<Served<LegendClass, schema.Class>>,
  Holds<Served<LegendSpecial, schema.Special>>,
  Holds<Served<Unit, schema.Unit>>,
  Holds<Served<Here, schema.Here>>,
  Holds<Served<Hit, schema.Hit>>,
  Holds<Served<NewFinding, schema.NewFinding>>,
  Holds<Served<StoredFinding, schema.MarkedFinding>>,
  Holds<Served<Finding, schema.FindingDetail>>,
  Holds<Served<ImportFinding, schema.Finding>>,
  Holds<Served<ImportReport, schema.CommittedImport>>,
  Holds<Served<SignInfo, schema.SignIn>>,
  Holds<Served<RoleRules, schema.SignInRole>>,
  Holds<Served<Me, schema.Me>>,
  Holds<Served<NewToken, schema.MakeTokenRequest>>,
  Holds<Served<NewGrant, schema.GrantRequest>>,
];
