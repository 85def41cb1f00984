-- Towns with everything counted in them but casework and findings, which the server adds from one count that all levels share.
-- Parameters: @district, @today. A share is of the ground: village units and grids weigh by their area.
with status as (
  select distinct on (village_code) village_code, status
  from village_status
  where district_id = @district and valid_from <= @today::date and (valid_to is null or valid_to >= @today::date)
  order by village_code, valid_from desc, status_id),
certified as ( -- never an average of percentages: certified ground over all ground
  select v.town_code, sum(v.area_m2) filter (where s.status in ('certified', 'advanced', 'model')) / sum(v.area_m2) as share
  from village v left join status s on s.village_code = v.code
  where v.district_id = @district and exists (select from status)
  group by v.town_code),
round as ( -- the round that is running: that of the latest result
  select round from survey_result where district_id = @district and on_day <= @today::date order by on_day desc, round desc limit 1),
grid_survey as (
  select g.town_code, g.area_m2, r.completion
  from grid g join grid_edition e using (district_id, edition_id)
  left join lateral (select completion from survey_result r where r.district_id = @district and r.grid_code = g.code
    and r.round = (select round from round) and r.on_day <= @today::date order by on_day desc, result_id limit 1) r on true
  where g.district_id = @district and e.family = 'drug-control' and e.state = 'published'),
survey as ( -- ground not looked at counts as nothing done, but a town where nobody looked has no value
  select town_code, sum(completion * area_m2) / sum(area_m2) as done from grid_survey
  group by town_code having count(completion) > 0)
select t.code::bigint as fid, t.geom, t.code, t.name, t.kind, round((t.area_m2 / 1e6)::numeric, 3)::float8 as area_km2,
  round(s.done::numeric, 4)::float8 as survey, round(coalesce(c.share, case when exists (select from status) then 0 end)::numeric, 4)::float8 as certified_share
from town t left join certified c on c.town_code = t.code left join survey s on s.town_code = t.code
where t.district_id = @district
order by t.code;
