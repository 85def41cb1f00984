package postgis

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"

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
const markSQL = `insert into finding (district_id, finding_id, kind, confidence, state, source, seen_at, geom, content_hash, actor, synthetic,
		town_code, village_code, grid_code, area_m2)
	select $1, $3::uuid, $4::text, $5::smallint, $6::text, $7::text, $8::timestamptz, q.geom, $10::bytea, $11::text, $12::boolean,
		` + placesOfPoint + `, ST_Area(q.geom::geography)
	from (select $9::geometry as geom, ST_PointOnSurface($9::geometry) as at) q
	on conflict on constraint finding_pk do nothing`

// findingSQL reads finding $2 of district $1, for scanFinding.
const findingSQL = `select finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, geom, synthetic, content_hash
	from finding where district_id = $1 and finding_id = $2`

// scanFinding reads a row of findingSQL. The error is NotFound when there is none.
func scanFinding(row pgx.Row, id grids.ID) (f grids.Finding, hash []byte, err error) {
	var geom []byte
	err = row.Scan(&f.ID, &f.Kind, &f.Confidence, &f.State, &f.Source, &f.SeenAt, &f.TownCode, &f.VillageCode, &f.GridCode, &geom, &f.Synthetic, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, nil, grids.Errorf(grids.NotFound, "there is no finding with the id %s", id)
	}
	if err == nil {
		f.Geometry, err = decode(geom)
	}
	return f, hash, err
}

// boundsOf is west, south, east and north of a geometry.
func boundsOf(g orb.Geometry) []float64 {
	b := g.Bound()
	return []float64{b.Min[0], b.Min[1], b.Max[0], b.Max[1]}
}

// Mark stores a finding that a patrol marked on the map. The same id with the same content is the same finding
// (created is false); with other content it is a Conflict. A finding outside the district is Invalid.
func (s *Store) Mark(ctx context.Context, actor grids.Actor, f grids.Finding) (stored grids.Finding, created bool, v grids.Versions, err error) {
	defer wrap(&err, "mark the finding")
	geom, err := encode(f.Geometry)
	if err != nil {
		return stored, false, v, err
	}
	hash := findingHash(f, geom)
	var was []byte
	c := &change{actor: actor, action: "mark", subject: grids.OnFindings, detail: map[string]any{"finding": f.ID},
		bounds: boundsOf(f.Geometry), ids: []grids.ID{f.ID}}
	insert := func(b *pgx.Batch) {
		b.Queue("set local plan_cache_mode = force_generic_plan") // planning the look-ups would take longer than all the rest
		b.Queue(markSQL, s.district, grids.DrugControl, f.ID, f.Kind, f.Confidence, f.State, f.Source, f.SeenAt, geom, hash, actor.Name, f.Synthetic).
			Exec(func(tag pgconn.CommandTag) error { created = tag.RowsAffected() == 1; return nil })
		b.Queue(findingSQL, s.district, f.ID).QueryRow(func(row pgx.Row) (err error) {
			stored, was, err = scanFinding(row, f.ID)
			return err
		})
	}
	err = s.write(ctx, c, insert, func(tx pgx.Tx) (changed bool, err error) {
		switch {
		case !created && !bytes.Equal(was, hash):
			return false, grids.Errorf(grids.Conflict, "a finding with the id %s is stored already and says something else: use a new id for a new finding", f.ID)
		case !created:
			v, err = s.versions(ctx, tx)
			return false, err
		case stored.TownCode == "":
			return false, grids.Errorf(grids.Invalid, "the finding lies outside the district: check the place on the map")
		}
		return true, nil
	})
	if err != nil {
		return grids.Finding{}, false, v, err
	}
	if created {
		v = c.versions
	}
	return stored, created, v, nil
}

// Withdraw dismisses a finding that was only just spotted: the undo of a mark. Withdrawing it again changes nothing.
// Errors: NotFound; Conflict when the finding has moved on.
func (s *Store) Withdraw(ctx context.Context, actor grids.Actor, id grids.ID) (f grids.Finding, v grids.Versions, err error) {
	defer wrap(&err, "withdraw the finding")
	c := &change{actor: actor, action: "withdraw", subject: grids.OnFindings, detail: map[string]any{"finding": id}, ids: []grids.ID{id}}
	lock := func(b *pgx.Batch) {
		b.Queue(findingSQL+" for update", s.district, id).QueryRow(func(row pgx.Row) (err error) {
			f, _, err = scanFinding(row, id)
			return err
		})
	}
	err = s.write(ctx, c, lock, func(tx pgx.Tx) (changed bool, err error) {
		switch f.State {
		case grids.Dismissed:
			v, err = s.versions(ctx, tx)
			return false, err
		case grids.Spotted:
			f.State, c.bounds = grids.Dismissed, boundsOf(f.Geometry)
			_, err = tx.Exec(ctx, `update finding set state = $3 where district_id = $1 and finding_id = $2`, s.district, id, f.State)
			return true, err
		}
		return false, grids.Errorf(grids.Conflict, "the finding is %s by now: only a spotted one can be withdrawn", f.State)
	})
	if c.versions.Generation != "" {
		v = c.versions
	}
	return f, v, err
}

// Finding reads one finding. The error is NotFound.
func (s *Store) Finding(ctx context.Context, id grids.ID) (f grids.Finding, err error) {
	defer wrap(&err, "read the finding")
	f, _, err = scanFinding(s.pool.QueryRow(ctx, findingSQL, s.district, id), id)
	return f, err
}
