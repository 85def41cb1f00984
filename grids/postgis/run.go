package postgis

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wangge/grids"
)

const runColumns = `run_id, class, account_id, actor, request, subject, state, share, problem, data, coalesce(encode(hash, 'hex'), ''), asked_at, begun_at, ended_at`

func scanRun(row pgx.Row) (r grids.Run, err error) {
	var begun, ended *time.Time
	var share float32
	err = row.Scan(&r.ID, &r.Class, &r.Account, &r.Actor, &r.Request, &r.Subject, &r.State, &share, &r.Problem, &r.Data, &r.Hash, &r.AskedAt, &begun, &ended)
	r.Share = float64(share)
	if begun != nil {
		r.BegunAt = *begun
	}
	if ended != nil {
		r.EndedAt = *ended
	}
	return r, err
}

// AskRun stores a run that somebody asks for and puts it into the queue, in one transaction with its audit row. The same id with the same
// request is the same run (asked is false); with another request it is a Conflict. Errors: Forbidden for an actor without the right in
// the whole district, Conflict also when as many of the account wait as may.
func (s *Store) AskRun(ctx context.Context, actor grids.Actor, r grids.Run) (stored grids.Run, asked bool, err error) {
	defer wrap(&err, "store the analysis")
	sc, err := scopeInAll(actor, grids.Analyse)
	if err != nil {
		return stored, false, err
	}
	err = s.noted(ctx, sc, actor, "analyse", r.Subject, func(tx pgx.Tx) (detail any, err error) {
		tag, err := tx.Exec(ctx, `insert into analysis_run (district_id, run_id, class, account_id, actor, request, subject, state, asked_at)
			values ($1, $2, $3, $4, $5, $6, $7, 'queued', now()) on conflict on constraint analysis_run_pk do nothing`,
			s.district, r.ID, r.Class, actor.ID, actor.Name, r.Request, r.Subject)
		if err != nil {
			return nil, err
		}
		if stored, err = scanRun(tx.QueryRow(ctx, `select `+runColumns+` from analysis_run where district_id = $1 and run_id = $2`, s.district, r.ID)); err != nil {
			return nil, err
		}
		if asked = tag.RowsAffected() == 1; !asked {
			if stored.Class != r.Class || !sameJSON(stored.Request, r.Request) {
				return nil, grids.Errorf(grids.Conflict, "there is another analysis with the id %s: give this one an id of its own", r.ID)
			}
			return nil, nil
		}
		if err := s.roomForRun(ctx, tx, actor, r.Class); err != nil {
			return nil, err
		}
		return map[string]any{"run": r.ID, "request": r.Request}, s.enqueue(ctx, tx, r.ID)
	})
	return stored, asked && err == nil, err
}

// roomForRun refuses a run beyond the limit of its account, and forgets the oldest results of its class beyond theirs.
func (s *Store) roomForRun(ctx context.Context, tx pgx.Tx, actor grids.Actor, class grids.Class) error {
	var waiting int
	err := tx.QueryRow(ctx, `select count(*) from analysis_run where district_id = $1 and account_id = $2 and state in ('queued', 'running')`, s.district, actor.ID).Scan(&waiting)
	if err != nil {
		return err
	}
	if waiting > grids.MaxRunsWaiting {
		return grids.Errorf(grids.Conflict, "%d of your analyses are waiting or running: wait for one, or cancel one", grids.MaxRunsWaiting)
	}
	_, err = tx.Exec(ctx, `delete from analysis_run where district_id = $1 and class = $2 and state in ('done', 'failed', 'cancelled')
		and asked_at < (select asked_at from analysis_run where district_id = $1 and class = $2 order by asked_at desc offset $3 limit 1)`, s.district, class, grids.MaxRunsKept)
	return err
}

// sameJSON reports whether two texts are the same JSON value.
func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// CancelRun ends a run that is not over; one that is stays what it is. Errors: NotFound, Forbidden.
func (s *Store) CancelRun(ctx context.Context, actor grids.Actor, class grids.Class, id grids.ID) (r grids.Run, err error) {
	defer wrap(&err, "cancel the analysis")
	sc, err := scopeInAll(actor, grids.Analyse)
	if err != nil {
		return r, err
	}
	was := grids.Run{}
	err = s.noted(ctx, sc, actor, "cancel-analysis", "", func(tx pgx.Tx) (any, error) {
		was, err = scanRun(tx.QueryRow(ctx, `select `+runColumns+` from analysis_run where district_id = $1 and run_id = $2 and class = $3 for update`, s.district, id, class))
		if err != nil || was.State.Over() {
			return nil, noRun(err, id)
		}
		r, err = scanRun(tx.QueryRow(ctx, `update analysis_run set state = 'cancelled', ended_at = now() where district_id = $1 and run_id = $2 returning `+runColumns, s.district, id))
		return map[string]any{"run": id}, err
	})
	if err == nil && was.State.Over() {
		r = was
	}
	if err == nil {
		s.stopRun(id)
	}
	return r, err
}

func noRun(err error, id grids.ID) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return grids.Errorf(grids.NotFound, "there is no analysis with the id %s that you may see: it may have been forgotten, since only the newest %d are kept", id, grids.MaxRunsKept)
	}
	return err
}

// Run reads one run of a class, or of any for "". Errors: NotFound, Forbidden.
func (s *Store) Run(ctx context.Context, actor grids.Actor, class grids.Class, id grids.ID) (r grids.Run, err error) {
	defer wrap(&err, "read the analysis")
	err = s.viewRuns(ctx, actor, func(b *pgx.Batch) {
		b.Queue(`select `+runColumns+` from analysis_run where district_id = $1 and run_id = $2 and $3 in (class, '')`, s.district, id, class).QueryRow(func(row pgx.Row) (err error) {
			r, err = scanRun(row)
			return noRun(err, id)
		})
	})
	return r, err
}

// Runs reads the newest runs of a class, the newest first. The error is Forbidden.
func (s *Store) Runs(ctx context.Context, actor grids.Actor, class grids.Class, limit int) (list []grids.Run, err error) {
	defer wrap(&err, "list the analyses")
	err = s.viewRuns(ctx, actor, func(b *pgx.Batch) {
		b.Queue(`select `+runColumns+` from analysis_run where district_id = $1 and class = $2 order by asked_at desc, run_id limit $3`, s.district, class, limit).Query(func(rows pgx.Rows) (err error) {
			list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (grids.Run, error) { return scanRun(row) })
			return err
		})
	})
	return list, err
}

// RunResult reads the result of a run of a class, as JSON. Errors: NotFound, also while there is none, Forbidden.
func (s *Store) RunResult(ctx context.Context, actor grids.Actor, class grids.Class, id grids.ID) (result []byte, err error) {
	defer wrap(&err, "read the result")
	var packed []byte
	var state grids.RunState
	err = s.viewRuns(ctx, actor, func(b *pgx.Batch) {
		b.Queue(`select result, state from analysis_run where district_id = $1 and run_id = $2 and class = $3`, s.district, id, class).QueryRow(func(row pgx.Row) error {
			return noRun(row.Scan(&packed, &state), id)
		})
	})
	switch {
	case err != nil:
		return nil, err
	case packed == nil:
		return nil, grids.Errorf(grids.NotFound, "the analysis has no result: it is %s", state)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func (s *Store) viewRuns(ctx context.Context, actor grids.Actor, queue func(*pgx.Batch)) error {
	sc, err := scopeInAll(actor, grids.Analyse)
	if err != nil {
		return err
	}
	return s.view(ctx, sc, queue)
}

// noted runs f in a transaction that ends with an audit row of what f returns; nil leaves no trace. No version grows.
func (s *Store) noted(ctx context.Context, sc scope, actor grids.Actor, action string, subject grids.Subject, f func(tx pgx.Tx) (detail any, err error)) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		b := new(pgx.Batch)
		s.queueScope(b, sc)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		detail, err := f(tx)
		if err != nil || detail == nil {
			return err
		}
		b = new(pgx.Batch)
		if err := s.queueAudit(b, actor, action, subject, detail); err != nil {
			return err
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

// update changes one run on the server's own account; ok is false when it is not in one of the states that the statement asks for.
func (s *Store) updateRun(ctx context.Context, sql string, id grids.ID, args ...any) (ok bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		b := new(pgx.Batch)
		s.queueScope(b, whole)
		b.Queue("update analysis_run set "+sql, append([]any{s.district, id}, args...)...).Exec(func(tag pgconn.CommandTag) error {
			ok = tag.RowsAffected() == 1
			return nil
		})
		return tx.SendBatch(ctx, b).Close()
	})
	return ok, err
}

// endRun stores what came of a run, unless it was cancelled meanwhile. The result is nil when problem says why there is none.
func (s *Store) endRun(ctx context.Context, id grids.ID, data string, result []byte, problem string) error {
	const end = ` ended_at = now(), share = 1 where district_id = $1 and run_id = $2 and state = 'running'`
	if result == nil {
		_, err := s.updateRun(ctx, `state = 'failed', problem = $3,`+end, id, problem)
		return err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed) // without a time, so equal results are equal bytes
	_, _ = z.Write(result)       // a buffer takes everything
	_ = z.Close()
	sum := sha256.Sum256(result)
	_, err := s.updateRun(ctx, `state = 'done', data = $3, hash = $4, result = $5,`+end, id, data, sum[:], packed.Bytes())
	return err
}

// HashOf is the hash of a result as a run names it.
func HashOf(result []byte) string {
	sum := sha256.Sum256(result)
	return hex.EncodeToString(sum[:])
}
