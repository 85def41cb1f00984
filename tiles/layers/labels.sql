-- One label point an area, as far inside as can be, so that a name is drawn once and not in every tile. Parameter: @district.
select code::bigint as fid, (ST_MaximumInscribedCircle(geom)).center as geom, code, name, 'town' as level,
  (row_number() over (order by area_m2 desc))::int as rank, 8 as minzoom
from town where district_id = @district
union all
select code::bigint, (ST_MaximumInscribedCircle(geom)).center, code, name, 'village', (row_number() over (order by area_m2 desc))::int, 11
from village where district_id = @district
union all
select ('x' || substr(md5(g.code), 1, 13))::bit(52)::bigint, (ST_MaximumInscribedCircle(g.geom)).center, g.code, g.name, 'grid', (row_number() over (order by g.area_m2 desc))::int, 11
from grid g join grid_edition e using (district_id, edition_id)
where g.district_id = @district and e.family = 'drug-control' and e.state = 'published'
order by code;
