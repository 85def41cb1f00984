package postgis

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wangge/grids"
)

// Batches lists the imported files, newest first, at most limit.
func (s *Store) Batches(ctx context.Context, limit int) (list []grids.Batch, err error) {
	defer wrap(&err, "list the imports")
	rows, err := s.pool.Query(ctx, `select batch_id, subject, file, rows, accepted, rejected, at, actor from import_batch
		where district_id = $1 order by at desc, batch_id limit $2`, s.district, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[grids.Batch])
}

func (s *Store) saveBatch(ctx context.Context, tx pgx.Tx, actor grids.Actor, b grids.Batch) error {
	_, err := tx.Exec(ctx, `insert into import_batch (district_id, batch_id, subject, file, rows, accepted, rejected, actor) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		s.district, b.ID, b.Subject, b.File, b.Rows, b.Accepted, b.Rejected, actor.Name)
	return err
}

// table is where the rows of a subject go.
type table struct {
	name    string
	subject grids.Subject
	joined  bool     // layers join it, so the planner must know its size at once
	columns []string // the primary key (district_id, id) first, batch_id last: a batch that brings nothing new changes nothing
}

// importRows stores a stream of nouns, idempotent by id, in one transaction with versions, outbox and audit.
//
// The rows go straight into the table by COPY: that is as fast as PostgreSQL takes them. Only when some id is there
// already does the whole batch go again, through a staging table and a merge. So rows is called once or twice and must
// give the same nouns each time. check, called when the stream has ended, tells whether what it gave may be stored.
func importRows[T any](ctx context.Context, s *Store, actor grids.Actor, t table, batch *grids.Batch, rows func() iter.Seq[T], row func(T, *copyRow) error, check func() error, after func(tx pgx.Tx) error) (st grids.Stored, err error) {
	defer wrap(&err, "import "+string(t.subject))
	c := &change{actor: actor, action: "import", subject: t.subject, detail: batch}
	fill := func(ctx context.Context, tx pgx.Tx, into string) error {
		next, stop := iter.Pull(rows())
		defer stop()
		n, err := copyRows(ctx, tx, into, t.columns, next, row)
		if err != nil {
			return err
		}
		st.Inserted = n
		return check()
	}
	err = s.write(ctx, c, func(tx pgx.Tx) (bool, error) {
		err := pgx.BeginFunc(ctx, tx, func(sp pgx.Tx) error { return fill(ctx, sp, t.name) })
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == t.name+"_pk" {
			err = s.merge(ctx, tx, t, &st, fill)
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
		return true, s.saveBatch(ctx, tx, actor, *batch)
	})
	st.Versions = c.versions
	return st, err
}

// merge copies the batch into a staging table and merges it by id; rows that say what is stored already stay untouched.
func (s *Store) merge(ctx context.Context, tx pgx.Tx, t table, st *grids.Stored, fill func(context.Context, pgx.Tx, string) error) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf("create temporary table stage_rows (like wangge.%s) on commit drop", t.name)); err != nil {
		return err
	}
	if err := fill(ctx, tx, "stage_rows"); err != nil {
		return err
	}
	content := t.columns[2 : len(t.columns)-1]
	of := func(prefix string) string { return prefix + strings.Join(content, ", "+prefix) }
	all := strings.Join(t.columns, ", ")
	var same int64
	err := tx.QueryRow(ctx, fmt.Sprintf(`with merged as (
		insert into %[1]s as t (%[2]s) select %[2]s from stage_rows
		on conflict on constraint %[1]s_pk do update set (%[3]s) = row(%[4]s) where (%[5]s) is distinct from (%[6]s)
		returning (xmax = 0) as fresh)
		select count(*) filter (where fresh), count(*) filter (where not fresh), (select count(*) from stage_rows) - count(*) from merged`,
		t.name, all, strings.Join(t.columns[2:], ", "), "excluded."+strings.Join(t.columns[2:], ", excluded."), of("t."), of("excluded."))).
		Scan(&st.Inserted, &st.Updated, &same)
	st.Unchanged = same
	return err
}

// analyze brings the planner's statistics up to date in the same transaction: the layers are read the moment it ends, and
// plans for empty tables made that take 20 s instead of 30 ms.
func analyze(ctx context.Context, tx pgx.Tx, tables ...string) error {
	for _, t := range tables {
		if _, err := tx.Exec(ctx, "analyze wangge."+t); err != nil {
			return err
		}
	}
	return nil
}
