-- The whole schema of the first version. It runs unchanged on plain PostgreSQL + PostGIS and on Citus:
--  * district_id leads every primary, unique and foreign key of a growing table (a lint in the tests reads the catalogue)
--  * ids are UUIDs from the application: no sequence, no identity column, no trigger, no rule on growing tables
--  * territory (district, town, village, editions, grids) is small reference data
--  * SRID 4326, lon before lat; instants are timestamptz; calendar days are dates of Asia/Shanghai
create extension if not exists postgis;

-- One row. A new value after every restore or lossy failover, so that a version number that comes back never names
-- other content: it is part of every ETag.
create table wangge.generation (
  one boolean constraint generation_pk primary key default true constraint generation_one check (one),
  id  uuid not null);
insert into wangge.generation (id) values (gen_random_uuid());

-- territory -----------------------------------------------------------------------------------------------------
create table wangge.district (
  district_id int  constraint district_pk primary key,
  code        text not null constraint district_code check (code ~ '^[0-9]{12}$'),
  name        text not null,
  name_en     text not null default '',
  synthetic   boolean not null default false,
  geom        geometry(MultiPolygon, 4326) not null);

create table wangge.town (
  district_id int  not null,
  code        text not null constraint town_code check (code ~ '^[0-9]{9}000$'),
  name        text not null,
  kind        text not null default '',
  synthetic   boolean not null default false,
  area_m2     double precision not null,
  geom        geometry(MultiPolygon, 4326) not null,
  constraint town_pk primary key (district_id, code),
  constraint town_district foreign key (district_id) references wangge.district);
create index town_geom on wangge.town using gist (geom);

create table wangge.village (
  district_id int  not null,
  code        text not null constraint village_code check (code ~ '^[0-9]{12}$'),
  town_code   text not null,
  name        text not null,
  kind        text not null default '',
  synthetic   boolean not null default false,
  area_m2     double precision not null,
  geom        geometry(MultiPolygon, 4326) not null,
  constraint village_pk primary key (district_id, code),
  constraint village_town foreign key (district_id, town_code) references wangge.town (district_id, code));
create index village_geom on wangge.village using gist (geom);

create table wangge.grid_edition (
  district_id    int  not null,
  edition_id     uuid not null,
  family         text not null,
  name           text not null,
  state          text not null constraint grid_edition_state check (state in ('draft', 'audited', 'published', 'superseded')),
  effective_from date not null,
  content_hash   bytea not null,   -- of codes, names, towns and outlines: the same file twice makes one edition
  created_at     timestamptz not null default now(),
  constraint grid_edition_pk primary key (district_id, edition_id),
  constraint grid_edition_district foreign key (district_id) references wangge.district);
-- one published edition a family
create unique index grid_edition_published on wangge.grid_edition (district_id, family) where state = 'published';

create table wangge.grid (
  district_id int  not null,
  edition_id  uuid not null,
  code        text not null,
  town_code   text not null,
  name        text not null,
  synthetic   boolean not null default false,
  area_m2     double precision not null,
  geom        geometry(MultiPolygon, 4326) not null,
  constraint grid_pk primary key (district_id, edition_id, code),
  constraint grid_edition_of foreign key (district_id, edition_id) references wangge.grid_edition (district_id, edition_id),
  constraint grid_town foreign key (district_id, town_code) references wangge.town (district_id, code));
create index grid_geom on wangge.grid using gist (geom);

-- Grids and villages are not nested: what part of each lies in the other, in m².
create table wangge.grid_village (
  district_id  int  not null,
  edition_id   uuid not null,
  grid_code    text not null,
  village_code text not null,
  area_m2      double precision not null,
  constraint grid_village_pk primary key (district_id, edition_id, grid_code, village_code),
  constraint grid_village_grid foreign key (district_id, edition_id, grid_code) references wangge.grid (district_id, edition_id, code));

-- versions, outbox, audit ------------------------------------------------------------------------------------------
create table wangge.district_version (   -- bumped in every writing transaction; readers compare it, nothing else
  district_id int    not null,
  subject     text   not null,
  version     bigint not null,
  constraint district_version_pk primary key (district_id, subject));

create table wangge.outbox (             -- dense by (subject, version): what changed, in order
  district_id int    not null,
  subject     text   not null,
  version     bigint not null,
  at          timestamptz not null default now(),
  bounds      double precision[],        -- west, south, east, north of the change; null = anywhere
  constraint outbox_pk primary key (district_id, subject, version));

create table wangge.audit (
  district_id int  not null,
  audit_id    uuid not null,
  at          timestamptz not null default now(),
  actor       text not null,
  role        text not null,
  action      text not null,
  subject     text not null,
  detail      jsonb not null,
  constraint audit_pk primary key (district_id, audit_id));

create table wangge.import_batch (
  district_id int  not null,
  batch_id    uuid not null,
  subject     text not null,
  file        text not null,
  rows        bigint not null,
  accepted    bigint not null,
  rejected    bigint not null,
  at          timestamptz not null default now(),
  actor       text not null,
  constraint import_batch_pk primary key (district_id, batch_id));

-- the four subjects ------------------------------------------------------------------------------------------------
-- Codes of places are not foreign keys: they are re-computed when territory changes, in the same transaction.
create table wangge.casework_event (
  district_id  int      not null,
  event_id     uuid     not null,
  kind         smallint not null constraint casework_event_kind check (kind between 1 and 7),
  on_day       date     not null,
  by_week      boolean  not null,        -- true: known to the ISO week, on_day is its Monday
  placed_by    smallint not null constraint casework_event_placed check (placed_by between 1 and 3), -- 1 point, 2 village, 3 grid
  town_code    text     not null,
  village_code text     not null,        -- '' = not known
  grid_code    text     not null,        -- '' = not known; of the published drug-control edition
  h3_12        bigint   not null,        -- 0 = no point
  geom         geometry(Point, 4326) constraint casework_event_place check ((geom is not null) = (placed_by = 1)),
  batch_id     uuid     not null,
  synthetic    boolean  not null,
  constraint casework_event_pk primary key (district_id, event_id));

create table wangge.village_status (
  district_id  int  not null,
  status_id    uuid not null,
  village_code text not null,
  status       text not null,
  valid_from   date not null,
  valid_to     date constraint village_status_range check (valid_to >= valid_from),
  batch_id     uuid not null,
  synthetic    boolean not null,
  constraint village_status_pk primary key (district_id, status_id));
create index village_status_village on wangge.village_status (district_id, village_code, valid_from);

create table wangge.survey_result (
  district_id  int  not null,
  result_id    uuid not null,
  grid_code    text not null,
  village_code text not null,
  round        text not null,
  completion   double precision not null constraint survey_result_completion check (completion between 0 and 1),
  on_day       date not null,
  answers      jsonb not null,
  batch_id     uuid not null,
  synthetic    boolean not null,
  constraint survey_result_place check ((grid_code = '') <> (village_code = '')),
  constraint survey_result_pk primary key (district_id, result_id));

create table wangge.finding (
  district_id  int  not null,
  finding_id   uuid not null,
  kind         text not null,
  confidence   smallint not null constraint finding_confidence check (confidence between 1 and 3),
  state        text not null,
  source       text not null,
  seen_at      timestamptz not null,
  town_code    text not null,
  village_code text not null,
  grid_code    text not null,
  area_m2      double precision not null, -- 0 for a point
  geom         geometry(Geometry, 4326) not null constraint finding_shape check (geometrytype(geom) in ('POINT', 'POLYGON')),
  content_hash bytea not null,            -- of what the client sent: the same id again is the same finding, or a conflict
  batch_id     uuid,
  actor        text not null,
  created_at   timestamptz not null default now(),
  synthetic    boolean not null,
  constraint finding_pk primary key (district_id, finding_id));
create index finding_geom on wangge.finding using gist (geom);

---- create above / drop below ----
-- Forward only: a mistake is mended by a further migration.
