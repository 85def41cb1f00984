-- Village units with their status and everything counted in them but casework and findings. Parameters: @district, @today.
with status as (
  select distinct on (village_code) village_code, status
  from village_status
  where district_id = @district and valid_from <= @today::date and (valid_to is null or valid_to >= @today::date)
  order by village_code, valid_from desc, status_id),
round as (
  select round from survey_result where district_id = @district order by on_day desc, round desc limit 1),
latest as (
  select distinct on (grid_code, village_code) grid_code, village_code, completion
  from survey_result where district_id = @district and round = (select round from round)
  order by grid_code, village_code, on_day desc, result_id),
by_grid as ( -- surveyed by grid: what lies in the village counts by its ground
  select gv.village_code, sum(l.completion * gv.area_m2) / sum(gv.area_m2) as done
  from grid_village gv join grid_edition e using (district_id, edition_id) join latest l on l.grid_code = gv.grid_code
  where gv.district_id = @district and e.family = 'drug-control' and e.state = 'published'
  group by gv.village_code)
select v.code::bigint as fid, v.geom, v.code, v.name, v.kind, t.name as town, v.town_code, round((v.area_m2 / 1e6)::numeric, 3)::float8 as area_km2,
  s.status, -- without a record there is no status: "not declared" is a record of its own
  round(coalesce(l.completion, g.done)::numeric, 4)::float8 as survey
from village v join town t on t.district_id = v.district_id and t.code = v.town_code
left join status s on s.village_code = v.code left join latest l on l.village_code = v.code
left join by_grid g on g.village_code = v.code
where v.district_id = @district
order by v.code;
