package postgis

import (
	"context"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// stageChecks are the checks of a staged level against its parents, in the order in which they run. Each returns
// severity, code, place, other, m². $1 district, $2 tolerance in m². The parents stand in the temporary view "parent"
// (code, geom); areas are geodesic.
var stageChecks = [...]string{
	// the repair is done by the time this runs: it tells what it changed
	`select case when abs(changed_m2) > $2 then 'error' else 'warning' end, case when abs(changed_m2) > $2 then 'broken' else 'repaired' end,
		code, '', abs(changed_m2) from repair where $1::int is not null order by code`,
	`select 'error', 'empty', code, '', 0::float8 from stage where (ST_IsEmpty(geom) or ST_Area(geom) = 0) and $1::int is not null and $2::float8 is not null order by code`,
	`select 'error', 'duplicate', code, '', 0::float8 from stage where $1::int is not null and $2::float8 is not null group by code having count(*) > 1 order by code`,
	`select 'error', 'unknown-parent', code, town_code, 0::float8 from stage
		where town_code not in (select code from parent) and $1::int is not null and $2::float8 is not null order by code`,
	`select 'error', 'overlap', a.code, b.code, o.m2 from stage a join stage b on a.code < b.code and a.geom && b.geom,
		lateral (select ST_Area(ST_CollectionExtract(ST_Intersection(a.geom, b.geom), 3)::geography) as m2) o
		where o.m2 > $2 and $1::int is not null order by 3, 4`,
	`select 'error', 'outside', s.code, p.code, o.m2 from stage s join parent p on p.code = s.town_code,
		lateral (select ST_Area(ST_CollectionExtract(ST_Difference(s.geom, p.geom), 3)::geography) as m2) o
		where o.m2 > $2 and $1::int is not null order by 3`,
	// each hole on its own; its nearest area tells where it is
	`select 'error', 'gap', p.code, coalesce((select s.code from stage s order by s.geom <-> g.geom, s.code limit 1), ''), ST_Area(g.geom::geography)
		from parent p, lateral (select coalesce(ST_Union(s.geom), ST_GeomFromText('POLYGON EMPTY', 4326)) as geom from stage s where s.geom && p.geom) u,
		lateral ST_Dump(ST_CollectionExtract(ST_Difference(p.geom, u.geom), 3)) g
		where ST_Area(g.geom::geography) > $2 and $1::int is not null order by 3, 5 desc`,
	// the rounding of every part may add up
	`select 'error', 'sum', p.code, '', abs(p.m2 - coalesce(s.m2, 0)) from (select code, ST_Area(geom::geography) as m2 from parent) p
		left join (select town_code, sum(ST_Area(geom::geography)) as m2, count(*) as n from stage group by town_code) s on s.town_code = p.code
		where abs(p.m2 - coalesce(s.m2, 0)) > $2 * (coalesce(s.n, 0) + 1) and $1::int is not null order by 3`,
}

// parentView is the SQL of the parents of a level.
func parentView(l grids.Level) string {
	switch l {
	case grids.LevelTowns:
		return `select code, geom from wangge.district where district_id = `
	case grids.LevelVillages, grids.LevelGrids:
		return `select code, geom from wangge.town where district_id = `
	}
	return ""
}

// checkStage repairs what can be repaired in the table "stage" and returns every flaw of it.
func (s *Store) checkStage(ctx context.Context, tx pgx.Tx, level grids.Level, toleranceM2 float64) ([]grids.Flaw, error) {
	if err := s.repairStage(ctx, tx); err != nil {
		return nil, err
	}
	flaws, err := s.checkCodes(ctx, tx, level)
	if err != nil {
		return nil, err
	}
	checks := stageChecks[:]
	if view := parentView(level); view == "" { // a district has no parent: only its own outline is checked
		checks = stageChecks[:3]
	} else {
		if level == grids.LevelTowns { // towns belong to the district by their code
			if _, err := tx.Exec(ctx, `update stage set town_code = (select code from district where district_id = $1)`, s.district); err != nil {
				return nil, err
			}
		}
		if _, err := tx.Exec(ctx, `create temporary table parent on commit drop as `+view+`$1`, s.district); err != nil {
			return nil, err
		}
	}
	for _, sql := range checks {
		rows, err := tx.Query(ctx, sql, s.district, toleranceM2)
		if err != nil {
			return nil, err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[grids.Flaw])
		if err != nil {
			return nil, err
		}
		flaws = append(flaws, found...)
	}
	return flaws, nil
}

// repairStage makes invalid outlines valid, keeping in the table "repair" what that changed.
func (s *Store) repairStage(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `create temporary table repair on commit drop as
		select code, geom as before, ST_Multi(ST_CollectionExtract(ST_MakeValid(geom), 3)) as after, 0::float8 as changed_m2 from stage where not ST_IsValid(geom);
		-- the even-odd area of the outline as it was drawn is what a repair must keep
		update repair set changed_m2 = ST_Area(after::geography) - ST_Area(ST_Multi(ST_CollectionExtract(ST_MakeValid(before, 'method=structure'), 3))::geography);
		update stage s set geom = r.after from repair r where r.code = s.code`)
	return err
}

// checkCodes finds codes that no place of this district can have.
func (s *Store) checkCodes(ctx context.Context, tx pgx.Tx, level grids.Level) ([]grids.Flaw, error) {
	pattern := map[grids.Level]string{
		grids.LevelDistrict: `^%s000000$`, grids.LevelTowns: `^%s[0-9]{3}000$`, grids.LevelVillages: `^%s[0-9]{6}$`, grids.LevelGrids: `^.{1,32}$`,
	}[level]
	rows, err := tx.Query(ctx, `select 'error', 'code-form', code, '', 0::float8 from stage where code !~ replace($1, '%s', $2::int::text) order by code`, pattern, s.district)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[grids.Flaw])
}

// CheckTerritory runs the same checks over what is stored: towns in the district, villages and grids in their towns.
func (s *Store) CheckTerritory(ctx context.Context, family grids.Family, toleranceM2 float64) (flaws map[grids.Level][]grids.Flaw, err error) {
	defer wrap(&err, "check the territory")
	flaws = map[grids.Level][]grids.Flaw{}
	stored := map[grids.Level]string{
		grids.LevelDistrict: `select code, '' as town_code, name, name_en, '' as kind, synthetic, geom from district where district_id = $1 and $2::text is not null`,
		grids.LevelTowns:    `select code, '' as town_code, name, '' as name_en, kind, synthetic, geom from town where district_id = $1 and $2::text is not null`,
		grids.LevelVillages: `select code, town_code, name, '' as name_en, kind, synthetic, geom from village where district_id = $1 and $2::text is not null`,
		grids.LevelGrids: `select g.code, town_code, g.name, '' as name_en, '' as kind, synthetic, geom from grid g
			join grid_edition e using (district_id, edition_id) where district_id = $1 and e.family = $2 and e.state = 'published'`,
	}
	for level, sql := range stored {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `create temporary table stage (code text, town_code text, name text, name_en text, kind text,
				synthetic boolean, geom geometry(MultiPolygon, 4326)) on commit drop`)
			if err != nil {
				return err
			}
			if _, err = tx.Exec(ctx, `insert into stage `+sql, s.district, family); err != nil {
				return err
			}
			var n int
			if err := tx.QueryRow(ctx, `select count(*) from stage`).Scan(&n); err != nil || n == 0 {
				return err // a level that is not there yet is not damage
			}
			flaws[level], err = s.checkStage(ctx, tx, level, toleranceM2)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return flaws, nil
}
