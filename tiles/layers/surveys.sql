-- How far the running survey round is, by grid; a grid that nobody looked at has no row here. Parameter: @district.
with edition as (
  select edition_id from grid_edition where district_id = @district and family = 'drug-control' and state = 'published'),
round as (
  select round from survey_result where district_id = @district order by on_day desc, round desc limit 1),
latest as (
  select distinct on (grid_code, village_code) grid_code, village_code, round, completion
  from survey_result where district_id = @district and round = (select round from round)
  order by grid_code, village_code, on_day desc, result_id)
select ('x' || substr(md5(g.code), 1, 13))::bit(52)::bigint as fid, g.geom, g.code, g.name, l.round,
  round(l.completion::numeric, 4)::float8 as completion, 'grid' as level
from grid g join latest l on l.grid_code = g.code
where g.district_id = @district and g.edition_id = (select edition_id from edition)
union all
select v.code::bigint, v.geom, v.code, v.name, l.round, round(l.completion::numeric, 4)::float8, 'village'
from village v join latest l on l.village_code = v.code
where v.district_id = @district
order by code;
