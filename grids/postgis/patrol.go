package postgis

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"wangge/grids"
)

var findingTable = table{"finding", grids.OnFindings, true, []string{"district_id", "finding_id", "kind", "confidence", "state", "source", "seen_at",
	"town_code", "village_code", "grid_code", "area_m2", "geom", "content_hash", "actor", "synthetic", "batch_id"}}

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
	}, check, func(tx pgx.Tx) error { return s.placeFindings(ctx, tx, nil) })
}

// findingHash is over what the client sent, not over what became of it: state and places may move on.
func findingHash(f grids.Finding, geom []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s|%d|%s|%d|", f.Kind, f.Confidence, f.Source, f.SeenAt.UnixMilli())
	h.Write(geom)
	return h.Sum(nil)
}

// placeFindings looks up town, village and grid of one finding (or of all): of the point, or of a point on the plot. A
// point on a shared border belongs to the area with the lowest code.
func (s *Store) placeFindings(ctx context.Context, tx pgx.Tx, id *grids.ID) error {
	_, err := tx.Exec(ctx, `update finding f set town_code = p.town, village_code = p.village, grid_code = p.grid, area_m2 = p.area_m2
		from (select f.finding_id,
			coalesce((select code from town t where t.district_id = $1 and ST_Covers(t.geom, q.at) order by code collate "C" limit 1), '') as town,
			coalesce((select code from village v where v.district_id = $1 and ST_Covers(v.geom, q.at) order by code collate "C" limit 1), '') as village,
			coalesce((select g.code from grid g join grid_edition e using (district_id, edition_id) where g.district_id = $1 and e.state = 'published'
				and e.family = $3 and ST_Covers(g.geom, q.at) order by g.code collate "C" limit 1), '') as grid,
			ST_Area(f.geom::geography) as area_m2
			from finding f, lateral (select ST_PointOnSurface(f.geom) as at) q
			where f.district_id = $1 and ($2::uuid is null or f.finding_id = $2)) p
		where f.district_id = $1 and f.finding_id = p.finding_id
			and (f.town_code, f.village_code, f.grid_code, f.area_m2) is distinct from (p.town, p.village, p.grid, p.area_m2)`, s.district, id, grids.DrugControl)
	return err
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
	b := f.Geometry.Bound()
	c := &change{actor: actor, action: "mark", subject: grids.OnFindings, detail: map[string]any{"finding": f.ID},
		bounds: &[4]float64{b.Min[0], b.Min[1], b.Max[0], b.Max[1]}}
	err = s.write(ctx, c, func(tx pgx.Tx) (bool, error) {
		tag, err := tx.Exec(ctx, `insert into finding (district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, geom, content_hash, actor, synthetic)
			values ($1, $2, $3, $4, $5, $6, $7, '', '', '', 0, $8, $9, $10, $11) on conflict on constraint finding_pk do nothing`,
			s.district, f.ID, f.Kind, f.Confidence, f.State, f.Source, f.SeenAt, geom, hash, actor.Name, f.Synthetic)
		if err != nil {
			return false, err
		}
		if created = tag.RowsAffected() == 1; !created {
			var was []byte
			err := tx.QueryRow(ctx, `select content_hash from finding where district_id = $1 and finding_id = $2`, s.district, f.ID).Scan(&was)
			if err == nil && !bytes.Equal(was, hash) {
				err = grids.Errorf(grids.Conflict, "a finding with the id %s is stored already and says something else: use a new id for a new finding", f.ID)
			}
			return false, err
		}
		if err := s.placeFindings(ctx, tx, &f.ID); err != nil {
			return false, err
		}
		var town string
		if err := tx.QueryRow(ctx, `select town_code from finding where district_id = $1 and finding_id = $2`, s.district, f.ID).Scan(&town); err != nil {
			return false, err
		}
		if town == "" {
			return false, grids.Errorf(grids.Invalid, "the finding lies outside the district: check the place on the map")
		}
		return true, nil
	})
	if err != nil {
		return stored, false, v, err
	}
	stored, err = s.Finding(ctx, f.ID)
	if v = c.versions; err == nil && !created {
		v, err = s.versions(ctx, s.pool)
	}
	return stored, created, v, err
}

// Withdraw dismisses a finding that was only just spotted: the undo of a mark. Withdrawing it again changes nothing.
// Errors: NotFound; Conflict when the finding has moved on.
func (s *Store) Withdraw(ctx context.Context, actor grids.Actor, id grids.ID) (f grids.Finding, v grids.Versions, err error) {
	defer wrap(&err, "withdraw the finding")
	if f, err = s.Finding(ctx, id); err != nil {
		return f, v, err
	}
	c := &change{actor: actor, action: "withdraw", subject: grids.OnFindings, detail: map[string]any{"finding": id}}
	err = s.write(ctx, c, func(tx pgx.Tx) (bool, error) {
		var state grids.FindingState
		if err := tx.QueryRow(ctx, `select state from finding where district_id = $1 and finding_id = $2 for update`, s.district, id).Scan(&state); err != nil {
			return false, err
		}
		switch state {
		case grids.Dismissed:
			return false, nil
		case grids.Spotted:
			_, err := tx.Exec(ctx, `update finding set state = $3 where district_id = $1 and finding_id = $2`, s.district, id, grids.Dismissed)
			return true, err
		}
		return false, grids.Errorf(grids.Conflict, "the finding is %s by now: only a spotted one can be withdrawn", state)
	})
	if err != nil {
		return f, v, err
	}
	f.State = grids.Dismissed
	if v = c.versions; len(v.Of) == 0 {
		v, err = s.versions(ctx, s.pool)
	}
	return f, v, err
}

// Finding reads one finding. The error is NotFound.
func (s *Store) Finding(ctx context.Context, id grids.ID) (f grids.Finding, err error) {
	defer wrap(&err, "read the finding")
	var geom []byte
	var seen time.Time
	err = s.pool.QueryRow(ctx, `select kind, confidence, state, source, seen_at, town_code, village_code, grid_code, geom, synthetic
		from finding where district_id = $1 and finding_id = $2`, s.district, id).
		Scan(&f.Kind, &f.Confidence, &f.State, &f.Source, &seen, &f.TownCode, &f.VillageCode, &f.GridCode, &geom, &f.Synthetic)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, grids.Errorf(grids.NotFound, "there is no finding with the id %s", id)
	}
	if err != nil {
		return f, err
	}
	f.ID, f.SeenAt = id, seen
	var g orb.Geometry
	g, err = decode(geom)
	f.Geometry = g
	return f, err
}
