-- What an event was before another batch changed it. What was told of it was told; it is taken back when enough is taken back with it.
create table wangge.casework_past (
  district_id int      not null,
  event_id    uuid     not null,
  until_batch uuid     not null,
  kind        smallint not null,
  on_day      date     not null,
  h3_12       bigint   not null,
  batch_id    uuid     not null,
  constraint casework_past_pk primary key (district_id, event_id, until_batch));

alter table wangge.casework_past enable row level security, force row level security;
create policy area on wangge.casework_past using (district_id = (select wangge.in_district()) and (select wangge.everywhere()));

-- The finest H3 cell that is known: of resolution 12 for a point, 7 for a village or grid, so that borders that change do not move events.
comment on column wangge.casework_event.h3_12 is 'H3 cell of the point at resolution 12, or of resolution 7 over most of the village or grid';

---- create above / drop below ----
-- Forward only: a mistake is mended by a further migration.
