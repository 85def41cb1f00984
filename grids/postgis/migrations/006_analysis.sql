-- Analyses that were asked for, with their results. Who may analyse does so for the whole district; a result is for readers of the
-- class by which it was asked, which the queries name. The queue of those that wait is river's, in a schema of its own.
create table wangge.analysis_run (
  district_id int   not null,
  run_id      uuid  not null,
  class       text  not null,
  account_id  uuid  not null,
  actor       text  not null,
  request     jsonb not null,
  subject     text  not null,
  state       text  not null constraint analysis_run_state check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  share       real  not null default 0,
  problem     text  not null default '',
  data        text  not null default '',
  hash        bytea constraint analysis_run_hash check (length(hash) = 32),  -- SHA-256 of the result
  result      bytea,                                                        -- JSON, compressed by gzip
  asked_at    timestamptz not null,
  begun_at    timestamptz,
  beat_at     timestamptz,                   -- when the server that works on it last said so
  ended_at    timestamptz,
  constraint analysis_run_result check ((state = 'done') = (result is not null) and (result is null) = (hash is null)),
  constraint analysis_run_pk primary key (district_id, run_id));
create index analysis_run_asked on wangge.analysis_run (district_id, class, asked_at desc);

alter table wangge.analysis_run enable row level security, force row level security;
create policy area on wangge.analysis_run using (district_id = (select wangge.in_district()) and (select wangge.everywhere()));

---- create above / drop below ----
-- Forward only: a mistake is mended by a further migration.
