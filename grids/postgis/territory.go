package postgis

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"wangge/grids"
)

var errDryRun = errors.New("dry run")

// ImportAreas checks a level of territory inside PostGIS and, when nothing serious is found, replaces that level.
// Grids become a new published edition. Casework and findings are placed anew in the same transaction.
// Errors: Conflict when a constraint refuses, Forbidden, Unavailable. Flaws are no error: look at Stored.
func (s *Store) ImportAreas(ctx context.Context, actor grids.Actor, in grids.AreaImport) (res grids.AreaResult, err error) {
	defer wrap(&err, "import "+string(in.Level))
	sc, err := scopeInAll(actor, grids.Import)
	if err != nil {
		return res, err
	}
	c := &change{actor: actor, scope: sc, action: "import", subject: subjectOf(in.Level), detail: in.Batch, touches: grids.ContentSubjects()}
	err = s.write(ctx, c, nil, func(tx pgx.Tx) (bool, error) {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(310151, 1)"); err != nil { // one import of territory at a time
			return false, err
		}
		if err := s.stageAreas(ctx, tx, in.Areas); err != nil {
			return false, err
		}
		if res.Flaws, err = s.checkStage(ctx, tx, in.Level, in.ToleranceM2); err != nil {
			return false, err
		}
		if grids.Stops(res.Flaws) {
			return false, nil
		}
		if res.Unchanged, err = s.mergeAreas(ctx, tx, in); err != nil || res.Unchanged {
			return false, err
		}
		if err := s.replace(ctx, tx); err != nil {
			return false, err
		}
		if in.DryRun {
			return false, errDryRun
		}
		res.Stored = true
		return true, s.saveBatch(ctx, tx, actor, in.Batch)
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	res.Versions = c.versions
	return res, err
}

func subjectOf(l grids.Level) grids.Subject {
	if l == grids.LevelGrids {
		return grids.OnGrids
	}
	return grids.OnTerritory
}

// stageAreas copies the areas into a temporary table that ends with the transaction.
func (s *Store) stageAreas(ctx context.Context, tx pgx.Tx, areas []grids.Area) error {
	_, err := tx.Exec(ctx, `create temporary table stage (code text, town_code text, name text, name_en text, kind text,
		synthetic boolean, geom geometry(MultiPolygon, 4326)) on commit drop`)
	if err != nil {
		return err
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"stage"}, []string{"code", "town_code", "name", "name_en", "kind", "synthetic", "geom"},
		pgx.CopyFromSlice(len(areas), func(i int) ([]any, error) {
			a := areas[i]
			b, err := encode(a.Geometry)
			return []any{a.Code, a.TownCode, a.Name, a.NameEN, a.Kind, a.Synthetic, b}, err
		}))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "create index on stage using gist (geom); analyze stage")
	return err
}

// mergeAreas puts the checked stage in its place; it reports whether the very same content was there already.
func (s *Store) mergeAreas(ctx context.Context, tx pgx.Tx, in grids.AreaImport) (unchanged bool, err error) {
	var changed int64
	exec := func(sql string, args ...any) error {
		tag, err := tx.Exec(ctx, sql, append([]any{s.district}, args...)...)
		changed += tag.RowsAffected()
		return err
	}
	switch in.Level {
	case grids.LevelDistrict:
		err = exec(`insert into district as t (district_id, code, name, name_en, synthetic, geom) select $1, code, name, name_en, synthetic, geom from stage
			on conflict on constraint district_pk do update set (code, name, name_en, synthetic, geom) = (excluded.code, excluded.name, excluded.name_en, excluded.synthetic, excluded.geom)
			where (t.code, t.name, t.name_en, t.synthetic, ST_AsBinary(t.geom)) is distinct from (excluded.code, excluded.name, excluded.name_en, excluded.synthetic, ST_AsBinary(excluded.geom))`)
	case grids.LevelTowns:
		err = exec(`insert into town as t (district_id, code, name, kind, synthetic, area_m2, geom) select $1, code, name, kind, synthetic, ST_Area(geom::geography), geom from stage
			on conflict on constraint town_pk do update set (name, kind, synthetic, area_m2, geom) = (excluded.name, excluded.kind, excluded.synthetic, excluded.area_m2, excluded.geom)
			where (t.name, t.kind, t.synthetic, ST_AsBinary(t.geom)) is distinct from (excluded.name, excluded.kind, excluded.synthetic, ST_AsBinary(excluded.geom))`)
		if err == nil {
			err = exec(`delete from town where district_id = $1 and code not in (select code from stage)`)
		}
	case grids.LevelVillages:
		err = exec(`insert into village as t (district_id, code, town_code, name, kind, synthetic, area_m2, geom)
			select $1, code, town_code, name, kind, synthetic, ST_Area(geom::geography), geom from stage
			on conflict on constraint village_pk do update set (town_code, name, kind, synthetic, area_m2, geom) = (excluded.town_code, excluded.name, excluded.kind, excluded.synthetic, excluded.area_m2, excluded.geom)
			where (t.town_code, t.name, t.kind, t.synthetic, ST_AsBinary(t.geom)) is distinct from (excluded.town_code, excluded.name, excluded.kind, excluded.synthetic, ST_AsBinary(excluded.geom))`)
		if err == nil {
			err = exec(`delete from village where district_id = $1 and code not in (select code from stage)`)
		}
	case grids.LevelGrids:
		return s.publishGrids(ctx, tx, in)
	}
	return changed == 0, err
}

// publishGrids makes the stage the family's published edition, unless its content is that edition already.
func (s *Store) publishGrids(ctx context.Context, tx pgx.Tx, in grids.AreaImport) (unchanged bool, err error) {
	hash := contentHash(in.Areas)
	err = tx.QueryRow(ctx, `select exists (select from grid_edition where district_id = $1 and family = $2 and state = 'published' and content_hash = $3)`,
		s.district, in.Family, hash).Scan(&unchanged)
	if err != nil || unchanged {
		return unchanged, err
	}
	if _, err := tx.Exec(ctx, `update grid_edition set state = 'superseded' where district_id = $1 and family = $2 and state = 'published'`, s.district, in.Family); err != nil {
		return false, err
	}
	id := grids.NewID()
	if _, err := tx.Exec(ctx, `insert into grid_edition (district_id, edition_id, family, name, state, effective_from, content_hash) values ($1, $2, $3, $4, 'published', $5, $6)`,
		s.district, id, in.Family, in.Edition, in.From.Date(), hash); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `insert into grid (district_id, edition_id, code, town_code, name, synthetic, area_m2, geom)
		select $1, $2, code, town_code, name, synthetic, ST_Area(geom::geography), geom from stage`, s.district, id)
	return false, err
}

// contentHash is the SHA-256 over the areas in the order of their codes: names, towns and every coordinate.
func contentHash(areas []grids.Area) []byte {
	sorted := slices.Clone(areas)
	slices.SortFunc(sorted, func(a, b grids.Area) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	h := sha256.New()
	for _, a := range sorted {
		b, _ := encode(a.Geometry) // a MultiPolygon always encodes
		h.Write([]byte(a.Code + "\x00" + a.TownCode + "\x00" + a.Name + "\x00"))
		h.Write(b)
	}
	return h.Sum(nil)
}

// territory reads the district, its towns and villages, and the grids of the family's published edition. A district
// that is not there yet gives a NotFound error; a family without an edition gives no grids.
func (s *Store) territory(ctx context.Context, tx pgx.Tx, family grids.Family) (t grids.Territory, err error) {
	var b []byte
	d := &t.District
	err = tx.QueryRow(ctx, `select code, name, name_en, synthetic, geom from district where district_id = $1`, s.district).Scan(&d.Code, &d.Name, &d.NameEN, &d.Synthetic, &b)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, grids.Errorf(grids.NotFound, "no territory is stored yet: import the district, its towns, villages and grids, or start with --demo")
	}
	if err != nil {
		return t, err
	}
	d.ID = s.district
	if d.Geometry, err = area(b); err != nil {
		return t, err
	}
	if t.Towns, err = s.towns(ctx, tx); err != nil {
		return t, err
	}
	if t.Villages, err = s.villages(ctx, tx); err != nil {
		return t, err
	}
	return t, s.grids(ctx, tx, family, &t)
}

func (s *Store) towns(ctx context.Context, tx pgx.Tx) ([]grids.Town, error) {
	rows, err := tx.Query(ctx, `select code, name, kind, synthetic, geom from town where district_id = $1 order by code`, s.district)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (v grids.Town, err error) {
		var b []byte
		if err = row.Scan(&v.Code, &v.Name, &v.Kind, &v.Synthetic, &b); err == nil {
			v.Geometry, err = area(b)
		}
		return v, err
	})
}

func (s *Store) villages(ctx context.Context, tx pgx.Tx) ([]grids.Village, error) {
	rows, err := tx.Query(ctx, `select code, town_code, name, kind, synthetic, geom from village where district_id = $1 order by code`, s.district)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (v grids.Village, err error) {
		var b []byte
		if err = row.Scan(&v.Code, &v.TownCode, &v.Name, &v.Kind, &v.Synthetic, &b); err == nil {
			v.Geometry, err = area(b)
		}
		return v, err
	})
}

// grids reads the family's editions, the newest first, and the grids of the published one.
func (s *Store) grids(ctx context.Context, tx pgx.Tx, family grids.Family, t *grids.Territory) error {
	rows, err := tx.Query(ctx, `select edition_id, family, name, state, effective_from,
		(select count(*) from grid g where g.district_id = e.district_id and g.edition_id = e.edition_id)
		from grid_edition e where district_id = $1 and family = $2 order by effective_from desc, edition_id desc`, s.district, family)
	if err != nil {
		return err
	}
	t.Editions, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e grids.Edition, err error) {
		var from time.Time
		err = row.Scan(&e.ID, &e.Family, &e.Name, &e.State, &from, &e.Grids)
		e.EffectiveFrom = grids.DayOf(from)
		return e, err
	})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(t.Editions, func(e grids.Edition) bool { return e.State == grids.Published })
	if i < 0 {
		return nil
	}
	t.Edition = t.Editions[i]
	rows, err = tx.Query(ctx, gridsSQL, s.district, t.Edition.ID)
	if err != nil {
		return err
	}
	t.Grids, err = pgx.CollectRows(rows, scanGrid)
	return err
}

const gridsSQL = `select code, town_code, name, synthetic, geom from grid where district_id = $1 and edition_id = $2 order by code`

func scanGrid(row pgx.CollectableRow) (v grids.Grid, err error) {
	var b []byte
	if err = row.Scan(&v.Code, &v.TownCode, &v.Name, &v.Synthetic, &b); err == nil {
		v.Geometry, err = area(b)
	}
	return v, err
}

// EditionGrids reads the grids of one edition, whatever its state, in the order of their codes. Errors: NotFound for one without grids, as
// one that does not exist is; Forbidden for an actor who may not analyse the whole district.
func (s *Store) EditionGrids(ctx context.Context, actor grids.Actor, id grids.ID) (list []grids.Grid, err error) {
	defer wrap(&err, "read the grids of an edition")
	err = s.viewRuns(ctx, actor, func(b *pgx.Batch) {
		b.Queue(gridsSQL, s.district, id).Query(func(rows pgx.Rows) (err error) {
			list, err = pgx.CollectRows(rows, scanGrid)
			return err
		})
	})
	if err == nil && len(list) == 0 {
		err = grids.Errorf(grids.NotFound, "there is no edition of the grids with the id %s: /api/meta lists those that there are", id)
	}
	return list, err
}

func area(b []byte) (orb.MultiPolygon, error) {
	g, err := decode(b)
	if err != nil {
		return nil, err
	}
	return multi(g)
}

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

// placesOfPoint are the columns town, village and grid of the point q.at: the area that holds it, ” when none does, the
// one with the lowest code on a shared border. $1 district, $2 family of the grids.
const placesOfPoint = `coalesce((select code from town t where t.district_id = $1 and ST_Covers(t.geom, q.at) order by code collate "C" limit 1), '') as town,
	coalesce((select code from village v where v.district_id = $1 and ST_Covers(v.geom, q.at) order by code collate "C" limit 1), '') as village,
	coalesce((select g.code from grid g join grid_edition e using (district_id, edition_id) where g.district_id = $1 and e.state = 'published'
		and e.family = $2 and ST_Covers(g.geom, q.at) order by g.code collate "C" limit 1), '') as grid`

var replaceSQL = [...]string{
	`delete from grid_village where district_id = $1 and $2::text is not null`,
	`insert into grid_village (district_id, edition_id, grid_code, village_code, area_m2)
	 select $1, g.edition_id, g.code, v.code, o.m2
	 from grid g join grid_edition e using (district_id, edition_id) join village v on v.district_id = $1 and g.geom && v.geom,
	 lateral (select ST_Area(ST_CollectionExtract(ST_Intersection(g.geom, v.geom), 3)::geography) as m2) o
	 where g.district_id = $1 and e.state = 'published' and o.m2 > 1 and $2::text is not null`,
	`update casework_event c set town_code = p.town, village_code = p.village, grid_code = p.grid
	 from (select c.event_id, ` + placesOfPoint + ` from casework_event c, lateral (select c.geom as at) q where c.district_id = $1 and c.placed_by = 1) p
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

// CheckTerritory runs the same checks over what is stored: towns in the district, villages and grids in their towns. The error is
// Forbidden for an actor without the right to do so.
func (s *Store) CheckTerritory(ctx context.Context, actor grids.Actor, family grids.Family, toleranceM2 float64) (flaws map[grids.Level][]grids.Flaw, err error) {
	defer wrap(&err, "check the territory")
	if _, err := scopeOf(actor, grids.CheckTerritory); err != nil {
		return nil, err
	}
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
