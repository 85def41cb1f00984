-- Drone and patrol findings: points, and the outlines of plots. Dismissed ones stay visible: work done. What begins with an
-- underscore is for counting by place and in no tile: the areas, and the point by which they were found. Parameters: @district, @ids (only these; null for all).
select ('x' || substr(md5(finding_id::text), 1, 13))::bit(52)::bigint as fid, geom, finding_id::text as id, kind, state, confidence,
  to_char(seen_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as seen, source, round(area_m2)::bigint as area_m2,
  geometrytype(geom) = 'POLYGON' as plot, town_code as _town, village_code as _village, grid_code as _grid,
  ST_X(ST_PointOnSurface(geom)) as _lon, ST_Y(ST_PointOnSurface(geom)) as _lat
from finding where district_id = @district and (@ids::uuid[] is null or finding_id = any(@ids))
order by finding_id;
