-- Grids of the published drug-control edition with everything counted in them but casework and findings. Parameters: @district, @today.
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
  select round from survey_result where district_id = @district order by on_day desc, round desc limit 1),
latest as (
  select distinct on (grid_code, village_code) grid_code, village_code, completion
  from survey_result where district_id = @district and round = (select round from round)
  order by grid_code, village_code, on_day desc, result_id),
by_village as (
  select gv.grid_code, sum(l.completion * gv.area_m2) / sum(gv.area_m2) as done
  from grid_village gv join latest l on l.village_code = gv.village_code
  where gv.district_id = @district and gv.edition_id = (select edition_id from edition)
  group by gv.grid_code)
select ('x' || substr(md5(g.code), 1, 13))::bit(52)::bigint as fid, g.geom, g.code, g.name, t.name as town, g.town_code,
  round((g.area_m2 / 1e6)::numeric, 3)::float8 as area_km2,
  round(coalesce(l.completion, v.done)::numeric, 4)::float8 as survey, round(c.share::numeric, 4)::float8 as certified_share
from grid g join town t on t.district_id = g.district_id and t.code = g.town_code
left join certified c on c.grid_code = g.code left join latest l on l.grid_code = g.code
left join by_village v on v.grid_code = g.code
where g.district_id = @district and g.edition_id = (select edition_id from edition)
order by g.code;
