-- Grids of the published drug-control edition with everything counted in them but casework and findings. Parameters: @district, @today.
-- _looks is what the server knows of the looks over them, see live.Look.
with edition as (
  select edition_id from grid_edition where district_id = @district and family = 'drug-control' and state = 'published'),
status as (
  select distinct on (village_code) village_code, status
  from village_status
  where district_id = @district and valid_from <= @today::date and (valid_to is null or valid_to >= @today::date)
  order by village_code, valid_from desc, status_id),
certified as (
  select gv.grid_code, coalesce(sum(gv.area_m2) filter (where s.status in ('certified', 'advanced', 'model')), 0) / sum(gv.area_m2) as share
  from grid_village gv left join status s on s.village_code = gv.village_code
  where gv.district_id = @district and gv.edition_id = (select edition_id from edition) and exists (select from status)
  group by gv.grid_code),
round as (
  select round from survey_result where district_id = @district and on_day <= @today::date order by on_day desc, round desc limit 1),
latest as (
  select distinct on (grid_code, village_code) grid_code, village_code, completion
  from survey_result where district_id = @district and round = (select round from round) and on_day <= @today::date
  order by grid_code, village_code, on_day desc, result_id),
by_village as (
  select gv.grid_code, sum(l.completion * gv.area_m2) / sum(gv.area_m2) as done
  from grid_village gv join latest l on l.village_code = gv.village_code
  where gv.district_id = @district and gv.edition_id = (select edition_id from edition)
  group by gv.grid_code),
ended as ( -- the rounds of more than the twelve months up to today, as they are at each place by now: its latest result in each
  select distinct on (grid_code, village_code, round) grid_code, village_code, round, completion, on_day
  from survey_result
  where district_id = @district and on_day <= @today::date and on_day > @today::date - interval '1 year' - interval '92 days'
  order by grid_code, village_code, round, on_day desc, result_id),
look as ( -- a result of the twelve months tells what was done since that of the round before, within 92 days
  select * from (select *, least(greatest(lag(on_day) over (partition by grid_code, village_code order by on_day, round) + 1, on_day - 91), on_day) as since
    from ended) e
  where on_day > @today::date - interval '1 year'),
ground as (
  select grid_code, sum(area_m2) as m2 from grid_village
  where district_id = @district and edition_id = (select edition_id from edition) group by grid_code),
looked as ( -- its own, else those of its villages by their ground: what nobody looked at counts as nothing done
  select grid_code, round, since, on_day, completion from look where grid_code <> ''
  union all
  select gv.grid_code, l.round, l.since, l.on_day, least(sum(l.completion * gv.area_m2) / min(g.m2), 1)
  from grid_village gv join ground g using (grid_code) join look l on l.village_code = gv.village_code
  where gv.district_id = @district and gv.edition_id = (select edition_id from edition)
    and not exists (select from look o where o.grid_code = gv.grid_code and o.round = l.round)
  group by gv.grid_code, l.round, l.since, l.on_day),
looks as (
  select grid_code, json_agg(json_build_object('round', round, 'from', since - date '1970-01-01', 'on', on_day - date '1970-01-01',
    'completion', round(completion::numeric, 4)) order by on_day, round, since)::text as list
  from looked group by grid_code)
select ('x' || substr(md5(g.code), 1, 13))::bit(52)::bigint as fid, g.geom, g.code, g.name, t.name as town, g.town_code,
  round((g.area_m2 / 1e6)::numeric, 3)::float8 as area_km2,
  round(coalesce(l.completion, v.done)::numeric, 4)::float8 as survey, round(c.share::numeric, 4)::float8 as certified_share,
  o.list as _looks
from grid g join town t on t.district_id = g.district_id and t.code = g.town_code
left join certified c on c.grid_code = g.code left join latest l on l.grid_code = g.code
left join by_village v on v.grid_code = g.code left join looks o on o.grid_code = g.code
where g.district_id = @district and g.edition_id = (select edition_id from edition)
order by g.code;
