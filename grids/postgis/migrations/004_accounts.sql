-- Who may sign in, and what each may do. Of passwords there is an argon2id hash, of the secrets of sessions and tokens the SHA-256.
create table wangge.account (
  district_id int  not null,
  account_id  uuid not null,
  name        text not null,
  folded      text not null,               -- the name by which accounts are told apart
  display     text not null,
  password    text,                        -- PHC string; null = signs in elsewhere only
  disabled    boolean not null default false,
  must_change boolean not null default false, -- the password is one that somebody else knows
  demo        boolean not null default false,
  made_at     timestamptz not null default now(),
  constraint account_pk primary key (district_id, account_id),
  constraint account_name unique (district_id, folded));

create table wangge.grant_of (
  district_id int  not null,
  account_id  uuid not null,
  grant_id    uuid not null,
  role        text not null,
  level       text not null,
  code        text not null,               -- '' = the district
  valid_from  timestamptz not null,
  valid_until timestamptz constraint grant_range check (valid_until > valid_from),
  constraint grant_pk primary key (district_id, account_id, grant_id),
  constraint grant_account foreign key (district_id, account_id) references wangge.account (district_id, account_id));

create table wangge.session (
  district_id int  not null,
  secret_hash bytea not null constraint session_secret_hash check (length(secret_hash) = 32),
  session_id  uuid not null,
  account_id  uuid not null,
  begun_at    timestamptz not null,
  used_at     timestamptz not null,        -- to the minute; no version grows with it
  ends_at     timestamptz not null,
  address     text not null,
  agent       text not null,
  purpose     text not null,
  view_role   text not null default '',    -- as what an administrator looks; '' = himself
  view_level  text not null default '',
  view_code   text not null default '',
  constraint session_pk primary key (district_id, secret_hash),
  constraint session_account foreign key (district_id, account_id) references wangge.account (district_id, account_id));
create index session_of on wangge.session (district_id, account_id);

create table wangge.token (
  district_id int  not null,
  secret_hash bytea not null constraint token_secret_hash check (length(secret_hash) = 32),
  token_id    uuid not null,
  account_id  uuid not null,
  name        text not null,
  rights      text[] not null,
  level       text not null,
  code        text not null,
  purpose     text not null,
  made_at     timestamptz not null,
  expires_at  timestamptz not null constraint token_life check (expires_at > made_at and expires_at <= made_at + interval '365 days'),
  used_at     timestamptz,                 -- to the minute
  constraint token_pk primary key (district_id, secret_hash),
  constraint token_account foreign key (district_id, account_id) references wangge.account (district_id, account_id));
create index token_of on wangge.token (district_id, account_id);

create table wangge.identity (             -- somebody as another provider of sign-ins knows him
  district_id int  not null,
  issuer      text not null,
  subject     text not null,
  account_id  uuid not null,
  linked_at   timestamptz not null default now(),
  constraint identity_pk primary key (district_id, issuer, subject),
  constraint identity_account foreign key (district_id, account_id) references wangge.account (district_id, account_id));

---- create above / drop below ----
-- Forward only: a mistake is mended by a further migration.
