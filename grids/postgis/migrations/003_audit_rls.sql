-- Who may see which rows, and an audit log that shows when it was altered.
--
-- The server signs in as roles of its own that own nothing; its program grants them what they need (see the table in its source).
-- In every transaction it says for whom it works, by SET LOCAL alone:
--   wangge.district  the district
--   wangge.areas     'all', or one area a line: towns:<code>, villages:<code>, grids:<code>
--   wangge.right     the right that is used
-- Outside of such a transaction the settings read null or '', and nothing is seen. All that reads them stands in sub-selects
-- without a reference to the row: they are computed once a statement.

-- The logins of the server. Nobody but the owner reads it.
create table wangge.login (
  role     text constraint login_pk primary key,
  password text not null);
revoke all on wangge.login from public;

create function wangge.in_district() returns int language sql stable parallel safe
  return nullif(current_setting('wangge.district', true), '')::int;
create function wangge.everywhere() returns boolean language sql stable parallel safe
  return coalesce(current_setting('wangge.areas', true) = 'all', false);
create function wangge.areas() returns text[] language sql stable parallel safe
  return string_to_array(current_setting('wangge.areas', true), E'\n');

-- the account that marked a finding; null for what was imported, and for marks of the machine's own operator
alter table wangge.finding add column marked_by uuid;

do $$
declare t text;
begin
  foreach t in array array['casework_event', 'village_status', 'survey_result', 'finding', 'import_batch', 'outbox', 'audit'] loop
    execute format('alter table wangge.%I enable row level security, force row level security', t);
  end loop;
  foreach t in array array['casework_event', 'finding'] loop
    execute format($policy$create policy area on wangge.%I using (district_id = (select wangge.in_district()) and ((select wangge.everywhere())
      or 'towns:' || town_code = any ((select wangge.areas())::text[]) or 'villages:' || village_code = any ((select wangge.areas())::text[])
      or 'grids:' || grid_code = any ((select wangge.areas())::text[])))$policy$, t);
  end loop;
  foreach t in array array['import_batch', 'outbox'] loop  -- of the whole district
    execute format('create policy area on wangge.%I for select using (district_id = (select wangge.in_district()) and (select wangge.everywhere()))', t);
    execute format('create policy added on wangge.%I for insert with check (district_id = (select wangge.in_district()))', t);
  end loop;
end $$;
create policy area on wangge.village_status using (district_id = (select wangge.in_district()) and ((select wangge.everywhere())
  or 'villages:' || village_code = any ((select wangge.areas())::text[])
  or 'towns:' || left(village_code, 9) || '000' = any ((select wangge.areas())::text[])));
-- a survey of a grid is of that grid alone: its town would have to be looked up for every row
create policy area on wangge.survey_result using (district_id = (select wangge.in_district()) and ((select wangge.everywhere())
  or grid_code <> '' and 'grids:' || grid_code = any ((select wangge.areas())::text[])
  or village_code <> '' and ('villages:' || village_code = any ((select wangge.areas())::text[])
    or 'towns:' || left(village_code, 9) || '000' = any ((select wangge.areas())::text[]))));

-- The audit log is read by auditors alone, and nobody changes it: there is no policy for that.
create policy read on wangge.audit for select using (district_id = (select wangge.in_district()) and (select wangge.everywhere())
  and (select current_setting('wangge.right', true) = 'read-audit'));
create policy added on wangge.audit for insert with check (district_id = (select wangge.in_district()));

-- the chain: each row holds the hash of the one before it
alter table wangge.audit
  add column seq     bigint,
  add column way     text not null default '',
  add column purpose text not null default '',
  add column behind  text not null default '',  -- who looked as somebody else
  add column address text not null default '',
  add column prev    bytea,
  add column hash    bytea;

-- The hash of a row: SHA-256 over the hash before it and the fields, each as its length in octets, a colon, and its text. One
-- expression, so that it is inlined.
create function wangge.audit_hash(prev bytea, district_id int, seq bigint, audit_id uuid, at timestamptz, actor text, role text, way text,
    action text, subject text, purpose text, behind text, address text, detail jsonb) returns bytea language sql stable parallel safe as $$
  select sha256(prev || convert_to(concat(octet_length(district_id::text), ':', district_id, octet_length(seq::text), ':', seq, '36:', audit_id,
    octet_length(((extract(epoch from at) * 1000000)::bigint)::text), ':', (extract(epoch from at) * 1000000)::bigint,
    octet_length(actor), ':', actor, octet_length(role), ':', role, octet_length(way), ':', way, octet_length(action), ':', action,
    octet_length(subject), ':', subject, octet_length(purpose), ':', purpose, octet_length(behind), ':', behind,
    octet_length(address), ':', address, octet_length(detail::text), ':', detail), 'UTF8'))
$$;

-- Where the chain of a district ends. Its row is locked while a link is added, so that they are dense and in order.
create table wangge.audit_head (
  district_id int    not null,
  seq         bigint not null,
  prev        bytea  not null,
  hash        bytea  not null,
  constraint audit_head_pk primary key (district_id));

do $$
declare
  r record;
  link wangge.audit_head;  -- the last link
begin
  perform set_config('wangge.areas', 'all', true), set_config('wangge.right', 'read-audit', true);
  alter table wangge.audit no force row level security; -- the owner reads and writes all districts here
  for r in select * from wangge.audit order by district_id, at, audit_id loop
    if link.district_id is distinct from r.district_id then
      link := row(r.district_id, 0, '', decode(repeat('00', 32), 'hex'));
    end if;
    link.seq := link.seq + 1;
    link.prev := link.hash;
    update wangge.audit a set seq = link.seq, prev = link.prev, hash = wangge.audit_hash(link.prev, r.district_id, link.seq, r.audit_id, r.at, r.actor, r.role,
      '', r.action, r.subject, '', '', '', r.detail) where a.district_id = r.district_id and a.audit_id = r.audit_id returning hash into link.hash;
    insert into wangge.audit_head values (link.district_id, link.seq, link.prev, link.hash)
      on conflict on constraint audit_head_pk do update set (seq, prev, hash) = (excluded.seq, excluded.prev, excluded.hash);
  end loop;
  alter table wangge.audit force row level security;
end $$;

alter table wangge.audit
  alter column seq set not null, alter column prev set not null, alter column hash set not null,
  alter column way drop default, alter column purpose drop default, alter column behind drop default, alter column address drop default,
  drop constraint audit_pk,
  add constraint audit_pk primary key (district_id, seq);

-- The planner's figures of tables that an import filled: only their owner may ask for them.
create function wangge.take_stock(names text[]) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare t text;
begin
  foreach t in array names loop
    if t <> all (array['town', 'village', 'grid_edition', 'grid', 'grid_village', 'casework_event', 'village_status', 'survey_result', 'finding']) then
      raise exception 'no figures are taken of %', t;
    end if;
    execute format('analyze wangge.%I', t);
  end loop;
end $$;
revoke all on function wangge.take_stock from public;

---- create above / drop below ----
-- Forward only: a mistake is mended by a further migration.
