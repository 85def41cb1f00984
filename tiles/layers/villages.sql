-- Village units with their status and everything counted in them but casework and findings. Parameters: @district, @today.
-- _looks is what the server knows of the looks over them, see live.Look.
with status as (
  select distinct on (village_code) village_code, status
  from village_status
  where district_id = @district and valid_from <= @today::date and (valid_to is null or valid_to >= @today::date)
  order by village_code, valid_from desc, status_id),
round as (
  select round from survey_result where district_id = @district and on_day <= @today::date order by on_day desc, round desc limit 1),
latest as (
  select distinct on (grid_code, village_code) grid_code, village_code, completion
  from survey_result where district_id = @district and round = (select round from round) and on_day <= @today::date
  order by grid_code, village_code, on_day desc, result_id),
by_grid as ( -- surveyed by grid: what lies in the village counts by its ground
  select gv.village_code, sum(l.completion * gv.area_m2) / sum(gv.area_m2) as done
  from grid_village gv join grid_edition e using (district_id, edition_id) join latest l on l.grid_code = gv.grid_code
  where gv.district_id = @district and e.family = 'drug-control' and e.state = 'published'
  group by gv.village_code),
ended as ( -- the rounds of more than the twelve months up to today, as they are at each place by now: its latest result in each
  select distinct on (grid_code, village_code, round) grid_code, village_code, round, completion, on_day
  from survey_result
  where district_id = @district and on_day <= @today::date and on_day > @today::date - interval '1 year' - interval '92 days'
  order by grid_code, village_code, round, on_day desc, result_id),
look as ( -- a result of the twelve months tells what was done since that of the round before, within 92 days
  select * from (select *, least(greatest(lag(on_day) over (partition by grid_code, village_code order by on_day, round) + 1, on_day - 91), on_day) as since
    from ended) e
  where on_day > @today::date - interval '1 year'),
looked as ( -- its own, else those of the grids that it lies in, by its ground in them: what nobody looked at counts as nothing done
  select village_code, round, since, on_day, completion from look where village_code <> ''
  union all
  select v.code, l.round, l.since, l.on_day, least(sum(l.completion * gv.area_m2) / min(v.area_m2), 1)
  from grid_village gv join grid_edition e using (district_id, edition_id) join look l on l.grid_code = gv.grid_code
  join village v on v.district_id = gv.district_id and v.code = gv.village_code
  where gv.district_id = @district and e.family = 'drug-control' and e.state = 'published'
    and not exists (select from look o where o.village_code = gv.village_code and o.round = l.round)
  group by v.code, l.round, l.since, l.on_day),
looks as (
  select village_code, json_agg(json_build_object('round', round, 'from', since - date '1970-01-01', 'on', on_day - date '1970-01-01',
    'completion', round(completion::numeric, 4)) order by on_day, round, since)::text as list
  from looked group by village_code)
select v.code::bigint as fid, v.geom, v.code, v.name, v.kind, t.name as town, v.town_code, round((v.area_m2 / 1e6)::numeric, 3)::float8 as area_km2,
  s.status, -- without a record there is no status: "not declared" is a record of its own
  round(coalesce(l.completion, g.done)::numeric, 4)::float8 as survey, o.list as _looks
from village v join town t on t.district_id = v.district_id and t.code = v.town_code
left join status s on s.village_code = v.code left join latest l on l.village_code = v.code
left join by_grid g on g.village_code = v.code left join looks o on o.village_code = v.code
where v.district_id = @district
order by v.code;
