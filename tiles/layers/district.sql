-- The outline of the district. Parameter: @district.
select code::bigint as fid, geom, code, name, name_en, synthetic
from district where district_id = @district;
