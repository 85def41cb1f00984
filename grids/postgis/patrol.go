package postgis

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paulmach/orb"

	"wangge/grids"
)

var findingTable = table{"finding", grids.OnFindings, tellsRows, true, []string{"district_id", "finding_id", "kind", "confidence", "state", "source", "seen_at",
	"town_code", "village_code", "grid_code", "area_m2", "geom", "content_hash", "actor", "synthetic", "batch_id"}, []string{"town_code", "village_code", "grid_code", "area_m2"}}

// ImportFindings stores findings, idempotent by id. Their places are looked up by PostGIS in the same transaction.
func (s *Store) ImportFindings(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.Finding], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, findingTable, b, rows, func(f grids.Finding, r *copyRow) error {
		geom, err := encode(f.Geometry)
		if err != nil {
			return err
		}
		r.int4(int32(s.district))
		r.uuid(f.ID)
		r.text(string(f.Kind))
		r.int2(int16(f.Confidence))
		r.text(string(f.State))
		r.text(string(f.Source))
		r.instant(f.SeenAt)
		for range 3 { // town, village and grid follow
			r.text("")
		}
		r.float(0)
		r.bytes(geom)
		r.bytes(findingHash(f, geom))
		r.text(actor.Name)
		r.bool(f.Synthetic)
		r.uuid(b.ID)
		return nil
	}, check, func(tx pgx.Tx) error { return s.placeFindings(ctx, tx, &b.ID) })
}

// findingHash is over what the client sent, not over what became of it: state and places may move on.
func findingHash(f grids.Finding, geom []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s|%d|%s|%d|", f.Kind, f.Confidence, f.Source, f.SeenAt.UnixMilli())
	h.Write(geom)
	return h.Sum(nil)
}

// placeFindings looks up town, village and grid of a batch's findings (or of all): of the point, or of a point on the plot.
func (s *Store) placeFindings(ctx context.Context, tx pgx.Tx, batch *grids.ID) error {
	_, err := tx.Exec(ctx, `update finding f set town_code = p.town, village_code = p.village, grid_code = p.grid, area_m2 = p.area_m2
		from (select f.finding_id, `+placesOfPoint+`, ST_Area(f.geom::geography) as area_m2
			from finding f, lateral (select ST_PointOnSurface(f.geom) as at) q
			where f.district_id = $1 and ($3::uuid is null or f.batch_id = $3)) p
		where f.district_id = $1 and f.finding_id = p.finding_id
			and (f.town_code, f.village_code, f.grid_code, f.area_m2) is distinct from (p.town, p.village, p.grid, p.area_m2)`, s.district, grids.DrugControl, batch)
	return err
}

// markSQL stores a finding with its places, unless there is one with its id. $1 and $2 are those of placesOfPoint.
const markSQL = `insert into finding (district_id, finding_id, kind, confidence, state, source, seen_at, geom, content_hash, actor, synthetic, marked_by,
		town_code, village_code, grid_code, area_m2)
	select $1, $3::uuid, $4::text, $5::smallint, $6::text, $7::text, $8::timestamptz, q.geom, $10::bytea, $11::text, $12::boolean, $13::uuid,
		` + placesOfPoint + `, ST_Area(q.geom::geography)
	from (select $9::geometry as geom, ST_PointOnSurface($9::geometry) as at) q
	on conflict on constraint finding_pk do nothing`

// findingSQL reads finding $2 of district $1, for scanFinding.
const findingSQL = `select finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, geom, synthetic, content_hash,
	coalesce(marked_by, '00000000-0000-0000-0000-000000000000') from finding where district_id = $1 and finding_id = $2`

// storedFinding is a finding with what is kept beside it.
type storedFinding struct {
	grids.Finding
	hash     []byte   // of what the client sent
	markedBy grids.ID // the account; zero for none
}

func (f *storedFinding) place() grids.Place {
	return grids.Place{Town: f.TownCode, Village: f.VillageCode, Grid: f.GridCode}
}

// scanFinding reads a row of findingSQL. The error is NotFound when there is none, or none that may be seen.
func scanFinding(row pgx.Row, id grids.ID) (f storedFinding, err error) {
	var geom []byte
	err = row.Scan(&f.ID, &f.Kind, &f.Confidence, &f.State, &f.Source, &f.SeenAt, &f.TownCode, &f.VillageCode, &f.GridCode, &geom, &f.Synthetic, &f.hash, &f.markedBy)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, grids.Errorf(grids.NotFound, "there is no finding with the id %s in your area", id)
	}
	if err == nil {
		f.Geometry, err = decode(geom)
	}
	return f, err
}

// boundsOf is west, south, east and north of a geometry.
func boundsOf(g orb.Geometry) []float64 {
	b := g.Bound()
	return []float64{b.Min[0], b.Min[1], b.Max[0], b.Max[1]}
}

// Mark stores a finding that a patrol marked on the map. The same id with the same content is the same finding
// (created is false); with other content it is a Conflict. A finding outside the district is Invalid, one outside the area where
// the actor may mark is Forbidden.
func (s *Store) Mark(ctx context.Context, actor grids.Actor, f grids.Finding) (stored grids.Finding, created bool, v grids.Versions, err error) {
	defer wrap(&err, "mark the finding")
	sc, err := scopeOf(actor, grids.Mark)
	if err != nil {
		return stored, false, v, err
	}
	sc.plan = "force_generic_plan" // planning the look-ups would take longer than all the rest
	geom, err := encode(f.Geometry)
	if err != nil {
		return stored, false, v, err
	}
	hash := findingHash(f, geom)
	var was storedFinding
	c := &change{actor: actor, scope: sc, action: "mark", subject: grids.OnFindings, detail: map[string]any{"finding": f.ID},
		bounds: boundsOf(f.Geometry), ids: []grids.ID{f.ID}}
	insert := func(b *pgx.Batch) {
		b.Queue(markSQL, s.district, grids.DrugControl, f.ID, f.Kind, f.Confidence, f.State, f.Source, f.SeenAt, geom, hash, actor.Name, f.Synthetic, account(actor)).
			Exec(func(tag pgconn.CommandTag) error { created = tag.RowsAffected() == 1; return nil })
		b.Queue(findingSQL, s.district, f.ID).QueryRow(func(row pgx.Row) (err error) {
			was, err = scanFinding(row, f.ID)
			return err
		})
	}
	err = s.write(ctx, c, insert, func(tx pgx.Tx) (changed bool, err error) {
		switch {
		case !created && !bytes.Equal(was.hash, hash):
			return false, takenID(f.ID)
		case !created:
			v, err = s.versions(ctx, tx)
			return false, err
		case was.TownCode == "" || !actor.MayAt(grids.Mark, was.place()):
			return false, refuseMark(actor, was.place())
		}
		return true, nil
	})
	switch {
	case notAllowed(err): // the policy refused the place before we saw it
		err = s.refusedMark(ctx, actor, geom)
	case grids.KindOf(err) == grids.NotFound: // there is one, elsewhere
		err = takenID(f.ID)
	}
	if err != nil {
		return grids.Finding{}, false, v, err
	}
	if created {
		v = c.versions
	}
	return was.Finding, created, v, nil
}

// account is the actor's, null for one that has none.
func account(a grids.Actor) *grids.ID {
	if a.ID.IsZero() {
		return nil
	}
	return &a.ID
}

func takenID(id grids.ID) error {
	return grids.Errorf(grids.Conflict, "a finding with the id %s is stored already and says something else: use a new id for a new finding", id)
}

// refusedMark looks up the place that a policy refused, and says why.
func (s *Store) refusedMark(ctx context.Context, actor grids.Actor, geom []byte) error {
	var p grids.Place
	err := s.pool.QueryRow(ctx, `select `+placesOfPoint+` from (select ST_PointOnSurface($3::geometry) as at) q`, s.district, grids.DrugControl, geom).
		Scan(&p.Town, &p.Village, &p.Grid)
	if err != nil {
		return err
	}
	return refuseMark(actor, p)
}

// refuseMark says why a finding may not be marked at a place. The error is Invalid or Forbidden.
func refuseMark(actor grids.Actor, p grids.Place) error {
	if p.Town == "" {
		return grids.Errorf(grids.Invalid, "the finding lies outside the district: check the place on the map")
	}
	var areas []string
	for _, sc := range actor.Scopes(grids.Mark) {
		areas = append(areas, string(sc.Level)+" "+sc.Code)
	}
	return grids.Errorf(grids.Forbidden, "the finding lies in town %s (grid %s), outside the area where this account may mark (%s): the system administrator gives grants for other areas",
		p.Town, cmp.Or(p.Grid, "none"), strings.Join(areas, ", "))
}

// overseen is the areas where the actor may withdraw what others marked: those of reviewers and commanders. A token that may not
// mark may not withdraw either.
func overseen(a grids.Actor) (list []grids.Scope) {
	if a.Way == grids.ByCommand || a.Way == grids.ByServer {
		return a.Scopes(grids.Mark)
	}
	if a.Limits != nil && !slices.Contains(a.Limits, grids.Mark) {
		return nil
	}
	for _, g := range a.Grants {
		if g.Role == grids.Reviewer || g.Role == grids.Commander {
			list = append(list, g.Scope)
		}
	}
	return list
}

// mayWithdraw reports whether the actor marked the finding, or oversees its place.
func mayWithdraw(a grids.Actor, f *storedFinding) bool {
	own := !a.ID.IsZero() && f.markedBy == a.ID && a.MayAt(grids.Mark, f.place())
	return own || slices.ContainsFunc(overseen(a), func(s grids.Scope) bool { return s.Holds(f.place()) })
}

// Withdraw dismisses a finding that was only just spotted: the undo of a mark, for the one who marked it, and for reviewers and
// commanders of the area. Withdrawing it again changes nothing. Errors: NotFound (none in the actor's areas); Forbidden; Conflict
// when the finding has moved on.
func (s *Store) Withdraw(ctx context.Context, actor grids.Actor, id grids.ID) (f grids.Finding, v grids.Versions, err error) {
	defer wrap(&err, "withdraw the finding")
	areas := areasOf(append(actor.Scopes(grids.Mark), overseen(actor)...))
	if areas == "" {
		return f, v, grids.Errorf(grids.Forbidden, "this account may withdraw no findings: ask the system administrator for a role that may")
	}
	var was storedFinding
	c := &change{actor: actor, scope: scope{right: grids.Mark, areas: areas}, action: "withdraw", subject: grids.OnFindings, detail: map[string]any{"finding": id}, ids: []grids.ID{id}}
	lock := func(b *pgx.Batch) {
		b.Queue(findingSQL+" for update", s.district, id).QueryRow(func(row pgx.Row) (err error) {
			was, err = scanFinding(row, id)
			return err
		})
	}
	err = s.write(ctx, c, lock, func(tx pgx.Tx) (changed bool, err error) {
		switch {
		case !mayWithdraw(actor, &was):
			return false, grids.Errorf(grids.Forbidden, "somebody else marked this finding: only they, or a reviewer or commander of the area, can withdraw it")
		case was.State == grids.Dismissed:
			v, err = s.versions(ctx, tx)
			return false, err
		case was.State == grids.Spotted:
			was.State, c.bounds = grids.Dismissed, boundsOf(was.Geometry)
			_, err = tx.Exec(ctx, `update finding set state = $3 where district_id = $1 and finding_id = $2`, s.district, id, was.State)
			return true, err
		}
		return false, grids.Errorf(grids.Conflict, "the finding is %s by now: only a spotted one can be withdrawn", was.State)
	})
	if err != nil {
		return grids.Finding{}, v, err
	}
	if c.versions.Generation != "" {
		v = c.versions
	}
	return was.Finding, v, nil
}

// Finding reads one finding where it is. The error is NotFound when there is none in the areas where the actor may see them
// exactly, Forbidden when that is nowhere.
func (s *Store) Finding(ctx context.Context, actor grids.Actor, id grids.ID) (f grids.Finding, err error) {
	defer wrap(&err, "read the finding")
	sc, err := scopeOf(actor, grids.LookExact)
	if err != nil {
		return f, err
	}
	var found storedFinding
	err = s.view(ctx, sc, func(b *pgx.Batch) {
		b.Queue(findingSQL, s.district, id).QueryRow(func(row pgx.Row) (err error) {
			found, err = scanFinding(row, id)
			return err
		})
	})
	return found.Finding, err
}
