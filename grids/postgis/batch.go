package postgis

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wangge/grids"
)

// Batches lists the imported files, newest first, at most limit. The error is Forbidden for an actor without the right to import.
func (s *Store) Batches(ctx context.Context, actor grids.Actor, limit int) (list []grids.Batch, err error) {
	defer wrap(&err, "list the imports")
	sc, err := scopeInAll(actor, grids.Import)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, sc, func(b *pgx.Batch) {
		b.Queue(`select batch_id, subject, file, rows, accepted, rejected, at, actor from import_batch
			where district_id = $1 order by at desc, batch_id limit $2`, s.district, limit).Query(func(rows pgx.Rows) (err error) {
			list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[grids.Batch])
			return err
		})
	})
	return list, err
}

func (s *Store) saveBatch(ctx context.Context, tx pgx.Tx, actor grids.Actor, b grids.Batch) error {
	if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(310151, 2)"); err != nil { // batches get their times in the order in which they commit
		return err
	}
	_, err := tx.Exec(ctx, `insert into import_batch (district_id, batch_id, subject, file, rows, accepted, rejected, actor, at) values ($1, $2, $3, $4, $5, $6, $7, $8,
		greatest(clock_timestamp(), (select max(at) + interval '1 microsecond' from import_batch where district_id = $1)))`,
		s.district, b.ID, b.Subject, b.File, b.Rows, b.Accepted, b.Rejected, actor.Name)
	return err
}

// table is where the rows of a subject go.
type table struct {
	name    string
	subject grids.Subject
	tells   tells
	joined  bool     // layers join it, so the planner must know its size at once
	columns []string // the primary key (district_id, id) first, batch_id last: a batch that brings nothing new changes nothing
	later   []string // those of the columns that are filled in after the copy: they do not make a row differ
}

// tells is what the outbox says of an import, so that readers need not read everything again.
type tells uint8

const (
	tellsNothing tells = iota // anything may have changed
	tellsRows                 // which rows, when they are at most maxTold
	tellsBatch                // the batch, when all that it changed is new rows
)

// maxTold is how many rows of an import the outbox names.
const maxTold = 1000

// touched is what the outbox says of a batch that stored st and these rows (more than maxTold of them may be cut off).
func (t table) touched(batch grids.ID, st grids.Stored, rows []grids.ID) []grids.ID {
	switch {
	case t.tells == tellsRows && len(rows) <= maxTold:
		return rows
	case t.tells == tellsBatch && st.Updated == 0:
		return []grids.ID{batch}
	}
	return nil
}

// importRows stores a stream of nouns, idempotent by id, in one transaction with versions, outbox and audit.
//
// The rows go straight into the table by COPY: that is as fast as PostgreSQL takes them. Only when some id is there
// already, or where row-level security stands in the way of COPY, does the whole batch go through a staging table and a merge. So rows is called once or twice and must
// give the same nouns each time. check, called when the stream has ended, tells whether what it gave may be stored.
func importRows[T any](ctx context.Context, s *Store, actor grids.Actor, t table, batch *grids.Batch, rows func() iter.Seq[T], row func(T, *copyRow) error, check func() error, after func(tx pgx.Tx) error) (st grids.Stored, err error) {
	defer wrap(&err, "import "+string(t.subject))
	sc, err := scopeInAll(actor, grids.Import)
	if err != nil {
		return st, err
	}
	c := &change{actor: actor, scope: sc, action: "import", subject: t.subject, detail: batch}
	var ids []grids.ID // of the rows that changed
	fill := func(ctx context.Context, tx pgx.Tx, into string) error {
		next, stop := iter.Pull(rows())
		defer stop()
		var err error
		if st.Inserted, ids, err = copyRows(ctx, tx, into, t.columns, next, row); err != nil {
			return err
		}
		return check()
	}
	err = s.write(ctx, c, nil, func(tx pgx.Tx) (bool, error) {
		direct := s.copies
		var err error
		if direct {
			err = pgx.BeginFunc(ctx, tx, func(sp pgx.Tx) error { return fill(ctx, sp, t.name) })
		}
		var pg *pgconn.PgError
		if !direct || errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == t.name+"_pk" {
			ids, err = s.merge(ctx, tx, t, batch.ID, &st, fill)
		}
		if err != nil || st.Inserted+st.Updated == 0 {
			return false, err
		}
		if after != nil {
			if err := after(tx); err != nil {
				return false, err
			}
		}
		if t.joined {
			if err := analyze(ctx, tx, t.name); err != nil {
				return false, err
			}
		}
		c.ids = t.touched(batch.ID, st, ids)
		return true, s.saveBatch(ctx, tx, actor, *batch)
	})
	st.Versions = c.versions
	return st, err
}

// merge copies the batch into a staging table and merges it by id; rows that say what is stored already stay untouched. It
// returns the ids of the others, at most maxTold + 1.
func (s *Store) merge(ctx context.Context, tx pgx.Tx, t table, batch grids.ID, st *grids.Stored, fill func(context.Context, pgx.Tx, string) error) (ids []grids.ID, err error) {
	if _, err := tx.Exec(ctx, fmt.Sprintf("create temporary table stage_rows (like wangge.%s including defaults) on commit drop", t.name)); err != nil {
		return nil, err
	}
	if err := fill(ctx, tx, "stage_rows"); err != nil {
		return nil, err
	}
	content := slices.DeleteFunc(slices.Clone(t.columns[2:len(t.columns)-1]), func(c string) bool { return slices.Contains(t.later, c) })
	of := func(prefix string) string { return prefix + strings.Join(content, ", "+prefix) }
	all := strings.Join(t.columns, ", ")
	if t.name == caseworkTable.name { // what was released of it was released: it is taken back by the release's own rules
		if _, err := tx.Exec(ctx, fmt.Sprintf(`insert into casework_past (district_id, event_id, kind, on_day, h3_12, batch_id, until_batch)
			select t.district_id, t.event_id, t.kind, t.on_day, t.h3_12, t.batch_id, $1 from casework_event t join stage_rows s using (district_id, event_id)
			where (%s) is distinct from (%s)`, of("t."), of("s.")), batch); err != nil {
			return nil, err
		}
	}
	err = tx.QueryRow(ctx, fmt.Sprintf(`with merged as (
		insert into %[1]s as t (%[2]s) select %[2]s from stage_rows
		on conflict on constraint %[1]s_pk do update set (%[3]s, batch_id) = row(%[4]s, excluded.batch_id) where (%[5]s) is distinct from (%[4]s)
		returning (xmax = 0) as fresh, %[6]s as id)
		select count(*) filter (where fresh), count(*) filter (where not fresh), (select count(*) from stage_rows) - count(*),
			array(select id from merged limit $1) from merged`,
		t.name, all, of(""), of("excluded."), of("t."), t.columns[1]), maxTold+1).
		Scan(&st.Inserted, &st.Updated, &st.Unchanged, &ids)
	return ids, err
}

// analyze brings the planner's statistics up to date in the same transaction: the layers are read the moment it ends, and
// plans for empty tables made that take 20 s instead of 30 ms.
func analyze(ctx context.Context, tx pgx.Tx, tables ...string) error {
	_, err := tx.Exec(ctx, "select take_stock($1)", tables)
	return err
}

// copyRow appends the fields of rows in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"): it
// spares what a driver spends on finding out each value's type, a third of the client's time in an import. Every field
// must be of its column's type; PostgreSQL refuses another length, the tests read every column back.
type copyRow struct{ b []byte }

// sized appends a field of n bytes for the caller to fill.
func (r *copyRow) sized(n int) []byte {
	r.b = binary.BigEndian.AppendUint32(r.b, uint32(n))
	r.b = append(r.b, make([]byte, n)...)
	return r.b[len(r.b)-n:]
}

func (r *copyRow) null()           { r.b = binary.BigEndian.AppendUint32(r.b, math.MaxUint32) }
func (r *copyRow) int2(v int16)    { binary.BigEndian.PutUint16(r.sized(2), uint16(v)) }
func (r *copyRow) int4(v int32)    { binary.BigEndian.PutUint32(r.sized(4), uint32(v)) }
func (r *copyRow) int8(v int64)    { binary.BigEndian.PutUint64(r.sized(8), uint64(v)) }
func (r *copyRow) float(v float64) { binary.BigEndian.PutUint64(r.sized(8), math.Float64bits(v)) }
func (r *copyRow) uuid(v grids.ID) { copy(r.sized(16), v[:]) }
func (r *copyRow) bytes(v []byte)  { copy(r.sized(len(v)), v) } // bytea, and geometry as EWKB
func (r *copyRow) text(v string)   { copy(r.sized(len(v)), v) }

func (r *copyRow) bool(v bool) {
	b := r.sized(1)
	if v {
		b[0] = 1
	}
}

// json is a jsonb field: its version, then the text.
func (r *copyRow) json(v []byte) {
	b := r.sized(1 + len(v))
	b[0] = 1
	copy(b[1:], v)
}

// date is a calendar day: PostgreSQL counts from 2000-01-01.
func (r *copyRow) date(d grids.Day) { r.int4(int32(d - grids.DayFrom(2000, time.January, 1))) }

// instant is a timestamptz: microseconds since 2000-01-01 UTC.
func (r *copyRow) instant(t time.Time) {
	r.int8(t.UnixMicro() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
}

// copyReader turns a stream of nouns into the bytes of a COPY.
type copyReader[T any] struct {
	next    func() (T, bool)
	row     func(T, *copyRow) error
	columns int
	buf     copyRow
	at      int // how much of buf is read
	rows    int64
	ids     []grids.ID // of the first maxTold + 1 rows
	ended   bool
	err     error // of row: PostgreSQL's answer to it says less
}

// Read implements io.Reader.
func (c *copyReader[T]) Read(p []byte) (int, error) {
	if c.at == len(c.buf.b) {
		if c.ended {
			return 0, io.EOF
		}
		c.at, c.buf.b = 0, c.buf.b[:0]
		if c.err = c.fill(); c.err != nil {
			return 0, c.err
		}
	}
	n := copy(p, c.buf.b[c.at:])
	c.at += n
	return n, nil
}

// fill encodes the next 64 KiB of rows; the head before the first, the mark of the end after the last.
func (c *copyReader[T]) fill() error {
	const enough = 64 << 10
	if c.rows == 0 {
		c.buf.b = append(c.buf.b, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	}
	for len(c.buf.b) < enough {
		item, ok := c.next()
		if !ok {
			c.ended = true
			c.buf.b = append(c.buf.b, 0xff, 0xff)
			return nil
		}
		c.rows++
		c.buf.b = binary.BigEndian.AppendUint16(c.buf.b, uint16(c.columns))
		from := len(c.buf.b)
		if err := c.row(item, &c.buf); err != nil {
			return err
		}
		if len(c.ids) <= maxTold {
			c.ids = append(c.ids, rowID(c.buf.b[from:]))
		}
	}
	return nil
}

// rowID is the id in an encoded row: its second field, after district_id (an int4); each has its length in front.
func rowID(fields []byte) grids.ID { return grids.ID(fields[4+4+4 : 4+4+4+16]) }

// copyRows sends the nouns that next gives into a table and returns how many, and the ids of the first maxTold + 1.
func copyRows[T any](ctx context.Context, tx pgx.Tx, into string, columns []string, next func() (T, bool), row func(T, *copyRow) error) (int64, []grids.ID, error) {
	c := &copyReader[T]{next: next, row: row, columns: len(columns)}
	_, err := tx.Conn().PgConn().CopyFrom(ctx, c, "copy "+into+" ("+strings.Join(columns, ", ")+") from stdin (format binary)")
	if c.err != nil {
		err = errors.Join(c.err, err)
	}
	return c.rows, c.ids, err
}

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
