package postgis

import (
	"context"
	"encoding/json"
	"iter"
	"time"

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

// caseColumns reads all events, or those of some batches, and with all of them what they were before they were changed. They come sorted
// by cell, as the releases want them.
func (s *Store) caseColumns(ctx context.Context, tx pgx.Tx, batches []grids.ID) (c grids.CaseColumns, err error) {
	n, err := s.countEvents(ctx, tx, batches)
	if err != nil {
		return c, err
	}
	c = grids.CaseColumns{Cells: make([]int64, 0, n), Months: make([]int32, 0, n), Kinds: make([]uint8, 0, n), Batches: make([]uint32, 0, n), Until: make([]uint32, 0, n)}
	rows, err := tx.Query(ctx, "select at from ("+batchesInOrder+") b order by n", s.district)
	if err != nil {
		return c, err
	}
	if c.At, err = pgx.CollectRows(rows, pgx.RowTo[time.Time]); err != nil {
		return c, err
	}
	rows, err = tx.Query(ctx, `with b as (`+batchesInOrder+`), e as (
		select h3_12, on_day, kind, batch_id, null::uuid as until_batch from casework_event where district_id = $1 and ($2::uuid[] is null or batch_id = any($2))
		union all
		select h3_12, on_day, kind, batch_id, until_batch from casework_past where district_id = $1 and $2::uuid[] is null)
		select e.h3_12, (extract(year from e.on_day) * 12 + extract(month from e.on_day) - 1)::int, e.kind, b.n, coalesce(u.n, $3)
		from e join b using (batch_id) left join b u on u.batch_id = e.until_batch order by e.h3_12`, s.district, batches, int64(grids.Still))
	if err != nil {
		return c, err
	}
	var cell, batch, until int64
	var month int32
	var kind int16
	_, err = pgx.ForEachRow(rows, []any{&cell, &month, &kind, &batch, &until}, func() error {
		c.Cells, c.Months, c.Kinds = append(c.Cells, cell), append(c.Months, month), append(c.Kinds, uint8(kind))
		c.Batches, c.Until = append(c.Batches, uint32(batch)), append(c.Until, uint32(until))
		return nil
	})
	return c, err
}

// batchesInOrder numbers the batches of district $1 from 0 in the order in which they were stored.
const batchesInOrder = `select batch_id, at, row_number() over (order by at, batch_id) - 1 as n from import_batch where district_id = $1`

// countEvents counts the events, or those of some batches.
func (s *Store) countEvents(ctx context.Context, tx pgx.Tx, batches []grids.ID) (n int, err error) {
	err = tx.QueryRow(ctx, `select count(*) from casework_event where district_id = $1 and ($2::uuid[] is null or batch_id = any($2))`, s.district, batches).Scan(&n)
	return n, err
}

var statusTable = table{"village_status", grids.OnVillages, tellsNothing, true, []string{"district_id", "status_id", "village_code", "status", "valid_from", "valid_to", "synthetic", "batch_id"}, nil}

// ImportVillageStatuses stores statuses, idempotent by id.
func (s *Store) ImportVillageStatuses(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.VillageStatus], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, statusTable, b, rows, func(v grids.VillageStatus, r *copyRow) error {
		r.int4(int32(s.district))
		r.uuid(v.ID)
		r.text(v.VillageCode)
		r.text(string(v.Status))
		r.date(v.ValidFrom)
		if v.ValidTo == 0 {
			r.null()
		} else {
			r.date(v.ValidTo)
		}
		r.bool(v.Synthetic)
		r.uuid(b.ID)
		return nil
	}, check, nil)
}

var surveyTable = table{"survey_result", grids.OnSurveys, tellsNothing, true, []string{"district_id", "result_id", "grid_code", "village_code", "round", "completion", "on_day", "answers", "synthetic", "batch_id"}, nil}

// ImportSurveys stores survey results, idempotent by id.
func (s *Store) ImportSurveys(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.SurveyResult], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, surveyTable, b, rows, func(v grids.SurveyResult, r *copyRow) error {
		answers := v.Answers
		if answers == nil {
			answers = map[string]float64{}
		}
		j, err := json.Marshal(answers)
		if err != nil {
			return err
		}
		r.int4(int32(s.district))
		r.uuid(v.ID)
		r.text(v.GridCode)
		r.text(v.VillageCode)
		r.text(v.Round)
		r.float(v.Completion)
		r.date(v.On)
		r.json(j)
		r.bool(v.Synthetic)
		r.uuid(b.ID)
		return nil
	}, check, nil)
}
