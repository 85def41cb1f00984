package postgis

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"wangge/grids"
)

// A plan of several parts is read by up to maxHelpers more connections at the same moment.
const (
	severalParts = 3
	maxHelpers   = 3
)

// Read looks at the store once: the versions first, with what the outbox says of the way from since to them, then all
// that plan asks for when it knows both. It sees one moment, so that what was read is exactly what the versions name.
//
// The changes come by subject in the order of [grids.Subjects], then by version; nil means that there is no way from since
// (the zero Versions, another generation). A layer that cannot be read is a fault of its own in the content. Errors:
// NotFound when the territory is asked for and there is none; Unavailable.
func (s *Store) Read(ctx context.Context, since grids.Versions, plan func(now grids.Versions, changes []grids.Change) grids.Query) (c grids.Content, err error) {
	defer wrap(&err, "read the store")
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	b.Queue(versionsSQL, s.district).Query(func(rows pgx.Rows) (err error) {
		c.Versions, err = scanVersions(rows)
		return err
	})
	s.queueScope(b, looking)
	var steps []grids.Change
	if since.Generation != "" {
		s.queueSteps(b, since, &steps)
	}
	b.Queue(openSavepoint)
	results := s.pool.SendBatch(ctx, b)
	tx := results.Tx()
	defer func() { _ = tx.Rollback(ctx) }() // there is nothing to commit
	if err := results.Close(); err != nil {
		return grids.Content{}, err
	}
	c.Tables, c.Faults = map[string]grids.Table{}, map[string]error{}
	l := &look{store: s, q: plan(c.Versions, changesBetween(since, c.Versions, steps)), content: &c}
	if len(l.q.Batches) == 0 {
		l.q.Batches = nil // null in SQL
	}
	if err := l.read(ctx, tx); err != nil {
		return grids.Content{}, err
	}
	return c, nil
}

const (
	// A prepared statement that ran some times without ids would go on reading the whole table when there are some.
	everyPlanAnew = "force_custom_plan"
	openSavepoint = "savepoint look" // a layer that fails goes back to it
)

// looking is the scope of a look: the server's own.
var looking = scope{areas: allAreas, plan: everyPlanAnew}

// look is one look at the store on its way.
type look struct {
	store   *Store
	q       grids.Query
	mu      sync.Mutex // guards the maps of content; its other fields have one writer each
	content *grids.Content
}

// part is one thing to read.
type part struct {
	name string
	read func(ctx context.Context, tx pgx.Tx) error
}

// parts are what the query asks for, what takes longest first.
func (l *look) parts() (list []part) {
	s, c := l.store, l.content
	if l.q.Cases {
		list = append(list, part{"cases", func(ctx context.Context, tx pgx.Tx) (err error) {
			c.Cases, err = s.caseColumns(ctx, tx, l.q.Batches)
			return err
		}})
	}
	if l.q.Territory {
		list = append(list, part{"territory", func(ctx context.Context, tx pgx.Tx) (err error) {
			if c.Territory, err = s.territory(ctx, tx, grids.DrugControl); err == nil {
				c.GridOf, err = s.gridOfVillage(ctx, tx)
			}
			return err
		}})
	}
	for _, q := range l.q.Layers {
		list = append(list, part{q.Name, func(ctx context.Context, tx pgx.Tx) error { return l.layer(ctx, tx, q) }})
	}
	return list
}

// read reads all parts: on tx, and when they are several on further connections that see what tx sees.
func (l *look) read(ctx context.Context, tx pgx.Tx) error {
	parts := l.parts()
	queue := make(chan part, len(parts))
	for _, p := range parts {
		queue <- p
	}
	close(queue)
	if len(parts) < severalParts {
		return l.work(ctx, tx, queue)
	}
	snapshot, err := export(ctx, tx)
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	waiting, enough := context.WithCancel(ctx) // for connections, as long as there is something left to read
	var helpers sync.WaitGroup
	for range min(maxHelpers, len(parts)-1) {
		helpers.Go(func() {
			if err := l.help(ctx, waiting, snapshot, queue); err != nil {
				fail(err)
			}
		})
	}
	if err := l.work(ctx, tx, queue); err != nil {
		fail(err)
	}
	enough()
	helpers.Wait() // tx holds the moment open for them
	return context.Cause(ctx)
}

// export names the moment that tx sees, so that other connections can see it too. It may not be done within a savepoint.
func export(ctx context.Context, tx pgx.Tx) (snapshot string, err error) {
	b := new(pgx.Batch)
	b.Queue("release " + openSavepoint)
	b.Queue("select pg_export_snapshot()").QueryRow(func(row pgx.Row) error { return row.Scan(&snapshot) })
	b.Queue(openSavepoint)
	return snapshot, tx.SendBatch(ctx, b).Close()
}

// help reads parts of the queue on a connection of its own. One that cannot be had is no error: the others read all.
func (l *look) help(ctx, waiting context.Context, snapshot string, queue <-chan part) error {
	conn, err := l.store.pool.Acquire(waiting)
	if err != nil {
		return nil
	}
	defer conn.Release()
	if len(queue) == 0 {
		return nil
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: fmt.Sprintf(`begin isolation level repeatable read read only;
		set transaction snapshot '%s'; set local wangge.district = '%d'; set local wangge.areas = '%s'; set local plan_cache_mode = %s; %s`,
		snapshot, l.store.district, allAreas, everyPlanAnew, openSavepoint)})
	if err != nil {
		return nil
	}
	defer func() { _ = tx.Rollback(ctx) }()
	return l.work(ctx, tx, queue)
}

// work reads parts until the queue is empty or one fails.
func (l *look) work(ctx context.Context, tx pgx.Tx, queue <-chan part) error {
	for p := range queue {
		if err := p.read(ctx, tx); err != nil {
			return err
		}
		if l.q.Done != nil {
			l.q.Done(p.name)
		}
	}
	return nil
}

// layer reads a layer, or notes why it cannot be read. The error is of the connection or the server.
func (l *look) layer(ctx context.Context, tx pgx.Tx, q grids.LayerQuery) error {
	t, err := l.store.layer(ctx, tx, q, l.q.Today)
	if err != nil {
		if ofServer(err) {
			return errors.Unwrap(err)
		}
		if _, gone := tx.Exec(ctx, "rollback to "+openSavepoint); gone != nil {
			return fmt.Errorf("%w, after %v", gone, errors.Unwrap(err))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.content.Faults[q.Name] = err
	} else {
		l.content.Tables[q.Name] = t
	}
	return nil
}

// ofServer reports whether err is an answer of the server about itself, so that reading something else would fail as
// well. That a statement took too long is not.
func ofServer(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code == "57014" {
		return false
	}
	kind := grids.KindOf(fromPostgres(pg, err, "read a layer"))
	return kind == grids.Unavailable || kind == grids.Full
}

// layer reads one layer. The error is Internal and says which row it is; its cause may be of the driver.
func (s *Store) layer(ctx context.Context, tx pgx.Tx, q grids.LayerQuery, today grids.Day) (t grids.Table, err error) {
	rows, err := tx.Query(ctx, q.SQL, pgx.NamedArgs{"district": s.district, "today": today.Date(), "ids": q.IDs})
	if err != nil {
		return t, grids.Hide(grids.Internal, err, "the layer %s could not be read: its SQL failed", q.Name)
	}
	defer rows.Close()
	for _, f := range rows.FieldDescriptions() {
		t.Columns = append(t.Columns, f.Name)
	}
	if len(t.Columns) >= 2 {
		t.Columns = t.Columns[2:]
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return t, grids.Hide(grids.Internal, err, "the layer %s could not be read: row %d cannot be decoded", q.Name, len(t.Features)+1)
		}
		f, err := feature(values, t.Columns)
		if err != nil {
			return t, grids.Hide(grids.Internal, err, "the layer %s could not be read: row %d%s %s", q.Name, len(t.Features)+1, fidOf(f), err)
		}
		t.Features = append(t.Features, f)
	}
	if err := rows.Err(); err != nil {
		return t, grids.Hide(grids.Internal, err, "the layer %s could not be read: its SQL failed after row %d", q.Name, len(t.Features))
	}
	return t, nil
}

func fidOf(f grids.Feature) string {
	if f.ID == 0 {
		return ""
	}
	return fmt.Sprintf(" (fid %d)", f.ID)
}

// feature is a row of a layer. The error tells, as the rest of a sentence about the row, what is wrong with it.
func feature(values []any, columns []string) (f grids.Feature, err error) {
	if len(values) < 2 {
		return f, grids.Errorf(grids.Internal, "has no fid or no geometry: they are its first two columns")
	}
	id, ok := values[0].(int64)
	if !ok || id < 0 || id >= 1<<53 {
		return f, grids.Errorf(grids.Internal, "has no fid that is a bigint from 0 to 2^53")
	}
	f.ID, f.Values = uint64(id), values[2:]
	b, ok := values[1].([]byte)
	if !ok {
		return f, grids.Errorf(grids.Internal, "has no geometry")
	}
	if f.Geometry, err = decode(b); err != nil {
		return f, grids.Hide(grids.Internal, err, "has a geometry that cannot be read")
	}
	for i, v := range f.Values {
		if f.Values[i], err = plain(v); err != nil {
			return f, grids.Hide(grids.Internal, err, "has a %s of the type %T: cast it to text, bigint, float8 or boolean in the SQL", columns[i], v)
		}
	}
	return f, nil
}

var errType = errors.New("no type that a layer may hold")

// plain brings a driver's value to one of the types a layer may hold.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool, int64, float64:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case pgtype.Numeric:
		f, err := v.Float64Value()
		return f.Float64, err
	}
	return nil, errType
}
