// Made by scripts/types.mjs from /api/openapi.json: run `make types`, do not edit.

export interface Account {
  demo: boolean;
  disabled: boolean;
  display: string;
  grants: Grant[] | null;
  id: string;
  last_seen: string | null;
  must_change: boolean;
  name: string;
}

export interface AccountList {
  accounts: Account[] | null;
}

export interface AddAccountRequest {
  display: string;
  name: string;
}

export interface AnalysisCatalogue {
  classes: AnalysisClass[] | null;
  defaults: AnalysisRequest;
  first: string;
  indicators: AnalysisIndicator[] | null;
  last: string;
  methods: AnalysisMethod[] | null;
  waiting: number;
}

export interface AnalysisCell {
  certain: boolean;
  expected: number | null;
  observed: number;
  p: number | null;
  ratio: number | null;
}

export interface AnalysisCircle {
  certain: boolean;
  codes: string[] | null;
  expected: number;
  from?: string;
  gumbel: number | null;
  lat: number;
  llr: number;
  lon: number;
  observed: number;
  p: number | null;
  radius_m: number;
  rank: number;
  ratio: number | null;
  recurs: number | null;
  to?: string;
}

export interface AnalysisClass {
  dark: string;
  id: string;
  light: string;
  pattern: string;
  title: Text;
}

export interface AnalysisColumn {
  decimals: number;
  hint: Text;
  id: string;
  title: Text;
  unit: string;
}

export interface AnalysisComposite {
  judgements: (number[] | null)[] | null;
  missing: string;
  normalise: string;
  species: string;
  weights: Record<string, number>;
}

export interface AnalysisContour {
  lines: ((number[] | null)[] | null)[] | null;
  value: number;
}

export interface AnalysisCurve {
  area: number[] | null;
  hits: number[] | null;
  id: string;
  points: AnalysisJudged[] | null;
  title: Text;
}

export interface AnalysisEntry {
  from?: number;
  id: string;
  n: number;
  title: Text;
  to?: number;
}

export interface AnalysisFact {
  decimals: number;
  id: string;
  text: Text;
  title: Text;
  unit: string;
  value: number | null;
}

export interface AnalysisIndicator {
  hint: Text;
  id: string;
  title: Text;
}

export interface AnalysisJudged {
  area: number;
  high: number | null;
  hit_rate: number | null;
  hits: number;
  low: number | null;
  of: number;
  pai: number | null;
  pei: number | null;
  rri: number | null;
  ser: number | null;
}

export interface AnalysisKernel {
  bandwidth: string;
  bandwidth_m: number;
  cell_m: number;
  edge: string;
  shape: string;
}

export interface AnalysisMatrix {
  cells: (AnalysisCell[] | null)[] | null;
  col_title: Text;
  cols: string[] | null;
  row_title: Text;
  rows: string[] | null;
}

export interface AnalysisMethod {
  about: Text;
  classes: string[] | null;
  id: string;
  indicators: string[] | null;
  levels: string[] | null;
  needs: Text;
  options: string[] | null;
  question: Text;
  source: string;
  title: Text;
}

export interface AnalysisNote {
  level: 'info' | 'warning';
  text: Text;
}

export interface AnalysisOther {
  crosswalk?: string;
  effective_from: string;
  id: string;
  interpolated: number;
  name: string;
  on_map: string;
  outside: number;
  state: string;
  units: number;
}

export interface AnalysisPairs {
  days: number[] | null;
  distances_m: number[] | null;
}

export interface AnalysisPart {
  contribution: number;
  title: Text;
  value: number | null;
}

export interface AnalysisPrint {
  form: 'png' | 'pdf';
  purpose: string;
}

export interface AnalysisRequest {
  alpha: number;
  areas: number[] | null;
  casework: string;
  composite: AnalysisComposite;
  correct: boolean;
  draw: string;
  edition: string;
  from: string;
  indicator: string;
  inference: string;
  kernel: AnalysisKernel;
  kinds: string[] | null;
  level: string;
  method: string;
  pairs: AnalysisPairs;
  replicates: number;
  scan: AnalysisScan;
  seed: number;
  smoothing: string;
  step: string;
  to: string;
  weights?: WeightsSpec;
}

export interface AnalysisResult {
  circles?: AnalysisCircle[] | null;
  class: string;
  columns: AnalysisColumn[] | null;
  curves?: AnalysisCurve[] | null;
  data: string;
  edition: string;
  facts: AnalysisFact[] | null;
  k: number;
  legend: AnalysisEntry[] | null;
  level: string;
  links?: (number[] | null)[] | null;
  matrix?: AnalysisMatrix;
  meta: StatMeta[] | null;
  method: string;
  notes: AnalysisNote[] | null;
  other_edition?: AnalysisOther;
  period: string;
  periods?: string[] | null;
  request: AnalysisRequest;
  surface?: AnalysisSurface;
  synthetic: boolean;
  title: Text;
  units: AnalysisUnit[] | null;
}

export interface AnalysisRun {
  actor: string;
  asked_at: string;
  current: boolean;
  data?: string;
  hash?: string;
  id: string;
  own: boolean;
  problem?: string;
  request: AnalysisRequest;
  share: number;
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  title: Text;
  took_ms?: number;
}

export interface AnalysisRuns {
  runs: AnalysisRun[] | null;
}

export interface AnalysisScan {
  low: boolean;
  max_duration: number;
  max_radius_m: number;
  max_share: number;
  time: string;
}

export interface AnalysisSurface {
  cell_m: number;
  contours: AnalysisContour[] | null;
  corners: (number[] | null)[] | null;
  most: number;
  nx: number;
  ny: number;
  unit: string;
  values: (number | null)[] | null;
}

export interface AnalysisUnit {
  at?: number[] | null;
  class: string;
  code: string;
  interpolated?: boolean;
  name: string;
  outline?: (((number[] | null)[] | null)[] | null)[] | null;
  parts?: AnalysisPart[] | null;
  series?: number[] | null;
  town: string;
  values: (number | null)[] | null;
  why?: string;
}

export interface Area {
  code: string;
  level: 'district' | 'towns' | 'villages' | 'grids';
  name: string;
}

export interface AskedAnalysis {
  id: string;
  request: Record<string, unknown>;
}

export interface AuditPage {
  next?: number;
  rows: AuditRow[] | null;
}

export interface AuditRow {
  action: 'sign-in' | 'sign-in-refused' | 'sign-out' | 'sign-out-everywhere' | 'end-session' | 'set-purpose' | 'view-as' | 'end-view-as' | 'look-exact' | 'look-audit' | 'export' | 'export-audit' | 'refused' | 'analyse' | 'cancel-analysis' | 'mark' | 'withdraw' | 'import' | 'add-account' | 'enable-account' | 'disable-account' | 'grant' | 'revoke' | 'change-password' | 'reset-password' | 'rehash-password' | 'link-identity' | 'make-token' | 'revoke-token';
  actor: string;
  address: string;
  at: string;
  behind: string;
  detail: unknown;
  purpose: string;
  role: string;
  seq: number;
  subject: 'territory' | 'grids' | 'casework' | 'village-status' | 'surveys' | 'findings' | 'accounts' | '';
  way: string;
}

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

export interface ChangePasswordRequest {
  new: string;
  old: string;
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

export interface ExplainedPart {
  area_km2: number;
  res: number;
  share: number;
}

export interface ExplainedPeriod {
  closed: string;
  from?: string;
  to?: string;
}

export interface Explanation {
  class: string;
  code: string;
  finest: number;
  k: number;
  level: string;
  parts: ExplainedPart[] | null;
  period: ExplainedPeriod;
  release: string;
  rule: Text;
  value: Value;
  wider: boolean;
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

export interface Grant {
  from: string;
  id: string;
  role: string;
  scope: Area;
  until: string | null;
}

export interface GrantRequest {
  from?: string;
  role: string;
  scope: Scope;
  until?: string;
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

export interface MadeToken {
  id: string;
  token: string;
}

export interface MakeTokenRequest {
  days: number;
  name: string;
  purpose: string;
  rights: string[] | null;
  scope: Scope;
}

export interface MarkedFinding {
  area_m2: number;
  grid_code: string;
  id: string;
  state: string;
  town_code: string;
  v: string;
  village_code: string;
}

export interface Me {
  account: MeAccount;
  by_token: boolean;
  class: string;
  expires_at: string;
  k: number;
  purpose: string;
  rights: string[] | null;
  roles: MeRole[] | null;
  view_as: MeViewAs;
}

export interface MeAccount {
  demo: boolean;
  display: string;
  id: string;
  must_change_password: boolean;
  name: string;
}

export interface MeRole {
  role: string;
  scope: Area;
  title: Text;
}

export interface MeViewAs {
  by: string;
  role: string;
  scope: Area;
}

export interface Meta {
  attribution: string[] | null;
  bands: number[] | null;
  case_kinds: Category[] | null;
  class: string;
  district: MetaDistrict;
  edition?: MetaEdition;
  editions: MetaEdition[] | null;
  finding_kinds: Category[] | null;
  finding_sources: Category[] | null;
  finding_states: Category[] | null;
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
  revision: string;
  subjects: string[] | null;
  title: Text;
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

export interface NewAccount {
  account: Account;
  password: string;
}

export interface NewFinding {
  confidence: number;
  geometry: unknown;
  id: string;
  kind: string;
  seen_at: string;
  source: string;
}

export interface NewPassword {
  password: string;
}

export interface Periods {
  closed: string;
  k: number;
  months: MonthCount[] | null;
  wider: SpanCount[] | null;
}

export interface Provider {
  id: string;
  title: Text;
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

export interface Scope {
  code: string;
  level: string;
}

export interface Session {
  address: string;
  agent: string;
  begun_at: string;
  current: boolean;
  id: string;
  purpose: string;
  used_at: string;
}

export interface Sessions {
  sessions: Session[] | null;
}

export interface SetPurposeRequest {
  purpose: string;
}

export interface SignInRequest {
  name: string;
  password: string;
  purpose: string;
}

export interface SignIn {
  demo_accounts?: SignInDemo[] | null;
  providers: Provider[] | null;
  purposes: SignInPurpose[] | null;
  roles: SignInRole[] | null;
}

export interface SignInDemo {
  area: string;
  name: string;
  password: string;
  role: string;
  title: Text;
}

export interface SignInPurpose {
  en: string;
  id: string;
  zh: string;
}

export interface SignInRole {
  class: string;
  levels: string[] | null;
  rights: string[] | null;
  role: string;
  title: Text;
}

export interface SpanCount {
  from: string;
  to: string;
  value: Value;
}

export interface Special {
  color: string;
  count: number;
  label: string;
  pattern?: string;
  state: string;
}

export interface StatMeta {
  dropped?: Record<string, number>;
  method: string;
  params: Record<string, unknown>;
  seed?: number;
  source: string;
  used: number;
  version: string;
  weights?: string;
}

export interface Text {
  en: string;
  zh: string;
}

export interface Token {
  expires_at: string;
  id: string;
  made_at: string;
  name: string;
  purpose: string;
  rights: string[] | null;
  scope: Area;
  used_at: string | null;
}

export interface Tokens {
  tokens: Token[] | null;
}

export interface Unit {
  area_km2: number;
  bbox: number[] | null;
  cases: Value;
  certified_share: Value;
  code: string;
  density: Value;
  findings_confirmed: Value;
  findings_open: Value;
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
  to?: number;
}

export interface Viewed {
  role: string;
  scope: Scope;
}

export interface WeightsSpec {
  band_m?: number;
  bridges?: (string[] | null)[] | null;
  cumulative?: boolean;
  floor_m?: number;
  isolates: string;
  k?: number;
  kind: string;
  lower_m?: number;
  order: number;
  power?: number;
  self?: boolean;
  snap_m?: number;
  style: string;
}
