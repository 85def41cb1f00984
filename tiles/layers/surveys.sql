-- How far the running survey round is, by grid: its own result, else that of the villages in it by their ground. A grid
-- that nobody looked at has no completion; without any survey there is no row. Parameters: @district, @today.
with edition as (
  select edition_id from grid_edition where district_id = @district and family = 'drug-control' and state = 'published'),
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
  group by gv.grid_code)
select ('x' || substr(md5(g.code), 1, 13))::bit(52)::bigint as fid, g.geom, g.code, g.name, r.round,
  round(coalesce(l.completion, v.done)::numeric, 4)::float8 as completion, 'grid' as level
from grid g cross join round r left join latest l on l.grid_code = g.code left join by_village v on v.grid_code = g.code
where g.district_id = @district and g.edition_id = (select edition_id from edition)
order by g.code;
