package postgis

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// How a casework event was placed, as stored.
const (
	placedByPoint   = int16(1)
	placedByVillage = int16(2)
	placedByGrid    = int16(3)
)

var caseworkTable = table{"casework_event", grids.OnCasework, tellsBatch, false, []string{"district_id", "event_id", "kind", "on_day", "by_week", "placed_by",
	"town_code", "village_code", "grid_code", "h3_12", "geom", "synthetic", "batch_id"}, nil}

// ImportCasework stores events, idempotent by id: see importRows for rows and check. The batch's counts may grow while
// rows is read; they are stored at the end.
func (s *Store) ImportCasework(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.CaseEvent], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, caseworkTable, b, rows, func(e grids.CaseEvent, r *copyRow) error {
		r.int4(int32(s.district))
		r.uuid(e.ID)
		r.int2(e.Kind.Number())
		r.date(e.On)
		r.bool(e.Precision == grids.ByWeek)
		placed := placedByGrid
		switch {
		case e.Point != nil:
			placed = placedByPoint
		case e.VillageCode != "":
			placed = placedByVillage
		}
		r.int2(placed)
		r.text(e.TownCode)
		r.text(e.VillageCode)
		r.text(e.GridCode)
		r.int8(e.Cell)
		if e.Point == nil {
			r.null()
		} else {
			geom, err := encode(*e.Point)
			if err != nil {
				return err
			}
			r.bytes(geom)
		}
		r.bool(e.Synthetic)
		r.uuid(b.ID)
		return nil
	}, check, nil)
}

// caseColumns reads all events, or those of some batches; one without a point has the cell 0. They come sorted by cell, as
// the cube wants them.
func (s *Store) caseColumns(ctx context.Context, tx pgx.Tx, batches []grids.ID) (c grids.CaseColumns, err error) {
	n, err := s.countEvents(ctx, tx, batches)
	if err != nil {
		return c, err
	}
	c = grids.CaseColumns{Cells: make([]int64, 0, n), Months: make([]int32, 0, n), Kinds: make([]uint8, 0, n)}
	rows, err := tx.Query(ctx, `select h3_12, (extract(year from on_day) * 12 + extract(month from on_day) - 1)::int, kind
		from casework_event where district_id = $1 and ($2::uuid[] is null or batch_id = any($2)) order by h3_12`, s.district, batches)
	if err != nil {
		return c, err
	}
	var cell int64
	var month int32
	var kind int16
	_, err = pgx.ForEachRow(rows, []any{&cell, &month, &kind}, func() error {
		c.Cells, c.Months, c.Kinds = append(c.Cells, cell), append(c.Months, month), append(c.Kinds, uint8(kind))
		return nil
	})
	return c, err
}

// countEvents counts the events, or those of some batches.
func (s *Store) countEvents(ctx context.Context, tx pgx.Tx, batches []grids.ID) (n int, err error) {
	err = tx.QueryRow(ctx, `select count(*) from casework_event where district_id = $1 and ($2::uuid[] is null or batch_id = any($2))`, s.district, batches).Scan(&n)
	return n, err
}

// placeCounts counts the events of a window, or those of some batches in it, by grid, village and town.
func (s *Store) placeCounts(ctx context.Context, tx pgx.Tx, window grids.Period, batches []grids.ID) (c grids.PlaceCounts, err error) {
	c = grids.PlaceCounts{Grids: map[grids.Code]int{}, Villages: map[grids.Code]int{}, Towns: map[grids.Code]int{}}
	if c.Stored, err = s.countEvents(ctx, tx, batches); err != nil {
		return c, err
	}
	rows, err := tx.Query(ctx, `select coalesce(town_code, ''), coalesce(village_code, ''), coalesce(grid_code, ''), count(*)
		from casework_event where district_id = $1 and on_day between $2 and $3 and ($4::uuid[] is null or batch_id = any($4))
		group by grouping sets ((town_code), (village_code), (grid_code))`, s.district, window.From.First().Date(), window.To.Last().Date(), batches)
	if err != nil {
		return c, err
	}
	var town, village, grid string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&town, &village, &grid, &n}, func() error {
		switch {
		case town != "":
			c.Towns[town] = n
		case village != "":
			c.Villages[village] = n
		case grid != "":
			c.Grids[grid] = n
		}
		return nil
	})
	return c, err
}
