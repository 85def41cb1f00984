package postgis

import (
	"context"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// replace brings everything that hangs on territory up to date after a change of it: what part of each grid lies in
// which village, and the places of events and findings. A point on a shared border belongs to the area with the lowest
// code, as mesh.Locator decides it; an event given by village counts in the grid that holds most of the village.
func (s *Store) replace(ctx context.Context, tx pgx.Tx) error {
	if err := analyze(ctx, tx, "town", "village", "grid_edition", "grid"); err != nil {
		return err
	}
	for _, sql := range replaceSQL {
		if _, err := tx.Exec(ctx, sql, s.district, grids.DrugControl); err != nil {
			return err
		}
	}
	if err := analyze(ctx, tx, "grid_village"); err != nil {
		return err
	}
	return s.placeFindings(ctx, tx, nil)
}

var replaceSQL = [...]string{
	`delete from grid_village where district_id = $1 and $2::text is not null`,
	`insert into grid_village (district_id, edition_id, grid_code, village_code, area_m2)
	 select $1, g.edition_id, g.code, v.code, o.m2
	 from grid g join grid_edition e using (district_id, edition_id) join village v on v.district_id = $1 and g.geom && v.geom,
	 lateral (select ST_Area(ST_CollectionExtract(ST_Intersection(g.geom, v.geom), 3)::geography) as m2) o
	 where g.district_id = $1 and e.state = 'published' and o.m2 > 1 and $2::text is not null`,
	`update casework_event c set town_code = p.town, village_code = p.village, grid_code = p.grid
	 from (select c.event_id,
		coalesce((select code from town t where t.district_id = $1 and ST_Covers(t.geom, c.geom) order by code collate "C" limit 1), '') as town,
		coalesce((select code from village v where v.district_id = $1 and ST_Covers(v.geom, c.geom) order by code collate "C" limit 1), '') as village,
		coalesce((select g.code from grid g join grid_edition e using (district_id, edition_id) where g.district_id = $1 and e.state = 'published'
			and e.family = $2 and ST_Covers(g.geom, c.geom) order by g.code collate "C" limit 1), '') as grid
		from casework_event c where c.district_id = $1 and c.placed_by = 1) p
	 where c.district_id = $1 and c.event_id = p.event_id and (c.town_code, c.village_code, c.grid_code) is distinct from (p.town, p.village, p.grid)`,
	`update casework_event c set grid_code = p.grid
	 from (select distinct on (village_code) village_code, grid_code as grid from grid_village join grid_edition e using (district_id, edition_id)
		where district_id = $1 and e.family = $2 order by village_code, area_m2 desc, grid_code) p
	 where c.district_id = $1 and c.placed_by = 2 and c.village_code = p.village_code and c.grid_code <> p.grid`,
	`update casework_event c set town_code = p.town_code
	 from (select g.code, g.town_code from grid g join grid_edition e using (district_id, edition_id)
		where g.district_id = $1 and e.family = $2 and e.state = 'published') p
	 where c.district_id = $1 and c.placed_by = 3 and c.grid_code = p.code and c.town_code <> p.town_code`,
}

// gridOfVillage tells, for each village, the grid of the published drug-control edition that holds most of it.
func (s *Store) gridOfVillage(ctx context.Context, tx pgx.Tx) (map[grids.Code]grids.Code, error) {
	rows, err := tx.Query(ctx, `select distinct on (village_code) village_code, grid_code from grid_village join grid_edition e using (district_id, edition_id)
		where district_id = $1 and e.family = $2 and e.state = 'published' order by village_code, area_m2 desc, grid_code`, s.district, grids.DrugControl)
	if err != nil {
		return nil, err
	}
	m := map[grids.Code]grids.Code{}
	var v, g string
	_, err = pgx.ForEachRow(rows, []any{&v, &g}, func() error { m[v] = g; return nil })
	return m, err
}
