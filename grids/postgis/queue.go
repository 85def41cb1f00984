package postgis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"wangge/grids"
)

// queueSchema holds river's tables. They are no part of the schema that can be sharded: one database of a cluster has the queue.
const queueSchema = "river"

// queue is the queue of analyses as one server sees it.
type queue struct {
	insert *river.Client[pgx.Tx]

	mu      sync.Mutex
	running map[grids.ID]context.CancelCauseFunc
}

// newQueue is the side of the queue that puts runs in.
func newQueue(pool *pgxpool.Pool, log *slog.Logger) (*queue, error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: queueSchema, Logger: log})
	return &queue{insert: client, running: map[grids.ID]context.CancelCauseFunc{}}, err
}

// makeQueue brings river's tables up to date.
func (o owner) makeQueue(ctx context.Context) error {
	if _, err := o.conn.Exec(ctx, "create schema if not exists "+queueSchema); err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(o.conn.Config().ConnString())
	if err != nil {
		return err
	}
	config.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(ctx, config) // each of its steps is a transaction of its own
	if err != nil {
		return err
	}
	defer pool.Close()
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: queueSchema, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	return err
}

// openQueue lets a role work with the queue.
func (o owner) openQueue(ctx context.Context, role string) error {
	name := pgx.Identifier{role}.Sanitize()
	_, err := o.conn.Exec(ctx, "grant usage on schema "+queueSchema+" to "+name+";"+
		"grant select, insert, update, delete on all tables in schema "+queueSchema+" to "+name+";"+
		"grant usage on all sequences in schema "+queueSchema+" to "+name)
	return err
}

// runArgs is what the queue keeps of a run.
type runArgs struct {
	District grids.DistrictID `json:"district"`
	Run      grids.ID         `json:"run"`
}

// Kind names the jobs in the queue.
func (runArgs) Kind() string { return "analysis" }

func (s *Store) enqueue(ctx context.Context, tx pgx.Tx, id grids.ID) error {
	_, err := s.queue.insert.InsertTx(ctx, tx, runArgs{s.district, id}, &river.InsertOpts{Queue: s.queueName()})
	return err
}

// queueName is the queue of the district: a server works for its own.
func (s *Store) queueName() string { return fmt.Sprintf("analysis_%d", s.district) }

// stopRun ends the work on a run, if this server does it; another one notices at its next beat.
func (s *Store) stopRun(id grids.ID) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if stop := s.queue.running[id]; stop != nil {
		stop(errRunEnded)
	}
}

var errRunEnded = errors.New("the run was cancelled")

// How the queue is worked off.
const (
	runPoll    = 200 * time.Millisecond // how often a server looks for runs that wait
	runBeat    = 500 * time.Millisecond // how often it says how far it is
	runLost    = 30 * time.Second       // without a word for so long, another server takes a run over
	runForgot  = 5 * time.Minute        // a run that waits for so long is put into the queue again
	runTimeout = 10 * time.Minute       // no run takes longer
)

// Analyst computes the result of a run: JSON, and a word that names the data it is made of. It calls progress with the share of the work
// that is done, as often as it likes, and ends when ctx does. An error that is an *grids.Error of any kind but Internal is told to whoever asked.
type Analyst func(ctx context.Context, r grids.Run, progress func(share float64)) (result []byte, data string, err error)

// WorkOff computes the runs that wait, so many at a time, until ctx ends. Runs that another server left are taken over.
func (s *Store) WorkOff(ctx context.Context, atOnce int, log *slog.Logger, do Analyst) (err error) {
	defer wrap(&err, "work off the analyses")
	workers := river.NewWorkers()
	river.AddWorker(workers, &analysisWorker{store: s, do: do, log: log})
	client, err := river.NewClient(riverpgxv5.New(s.pool), &river.Config{
		Schema: queueSchema, Workers: workers, Queues: map[string]river.QueueConfig{s.queueName(): {MaxWorkers: atOnce}},
		FetchPollInterval: runPoll, PollOnly: true, JobTimeout: runTimeout, RescueStuckJobsAfter: runTimeout + runLost, MaxAttempts: 3,
		CompletedJobRetentionPeriod: time.Hour, CancelledJobRetentionPeriod: time.Hour, DiscardedJobRetentionPeriod: 24 * time.Hour,
		ReindexerSchedule: river.NeverSchedule(), // it would need to own the tables
		Logger:            slog.New(quiet{log.Handler()}),
	})
	if err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	tick := time.NewTicker(runLost)
	defer tick.Stop()
	for {
		if err := s.takeOver(ctx); err != nil && ctx.Err() == nil {
			log.Warn("analyses that were left could not be taken over", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			return client.StopAndCancel(last)
		}
	}
}

// takeOver puts runs into the queue again that nobody works on: their server was killed, or the queue forgot them.
func (s *Store) takeOver(ctx context.Context) (err error) {
	defer wrap(&err, "take analyses over")
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		b := new(pgx.Batch)
		s.queueScope(b, whole)
		var lost []grids.ID
		b.Queue(`update analysis_run set state = 'queued', beat_at = now() where district_id = $1 and
			(state = 'running' and beat_at < now() - $2::interval or state = 'queued' and coalesce(beat_at, asked_at) < now() - $3::interval) returning run_id`,
			s.district, runLost, runForgot).Query(func(rows pgx.Rows) (err error) {
			lost, err = pgx.CollectRows(rows, pgx.RowTo[grids.ID])
			return err
		})
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		for _, id := range lost {
			if err := s.enqueue(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// analysisWorker works on one run after another.
type analysisWorker struct {
	river.WorkerDefaults[runArgs]
	store *Store
	do    Analyst
	log   *slog.Logger
}

// Work implements river.Worker. An error is the store's: river tries again.
func (w *analysisWorker) Work(ctx context.Context, job *river.Job[runArgs]) error {
	id := job.Args.Run
	taken, err := w.store.updateRun(ctx, `state = 'running', begun_at = now(), beat_at = now(), share = 0 where district_id = $1 and run_id = $2 and state = 'queued'`, id)
	if err != nil || !taken {
		return err // it was cancelled, or another server has it
	}
	r, err := w.store.Run(ctx, grids.Serving, "", id)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer w.store.began(id, stop)()
	result, data, err := w.compute(ctx, r, stop)
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, errRunEnded) {
			return nil
		}
		if !errors.Is(cause, context.DeadlineExceeded) { // the server stops: the next one begins anew
			again, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_, err = w.store.updateRun(again, `state = 'queued', beat_at = now() - $3::interval where district_id = $1 and run_id = $2 and state = 'running'`, id, runForgot)
			return err
		}
		err = grids.Errorf(grids.Invalid, "the analysis was ended after %v: ask for a smaller one", runTimeout)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err != nil {
		return w.store.endRun(last, id, "", nil, w.sentence(err))
	}
	return w.store.endRun(last, id, data, result, "")
}

// compute does the work on a run beside its beats.
func (w *analysisWorker) compute(ctx context.Context, r grids.Run, stop context.CancelCauseFunc) (result []byte, data string, err error) {
	var mu sync.Mutex
	share := 0.0
	done := make(chan struct{})
	var beats sync.WaitGroup
	beats.Go(func() {
		tick := time.NewTicker(runBeat)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			mu.Lock()
			now := share
			mu.Unlock()
			if still, err := w.store.updateRun(ctx, `share = $3, beat_at = now() where district_id = $1 and run_id = $2 and state = 'running'`, r.ID, now); err == nil && !still {
				stop(errRunEnded)
			}
		}
	})
	defer beats.Wait()
	defer close(done)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return w.do(ctx, r, func(s float64) {
		mu.Lock()
		defer mu.Unlock()
		share = min(max(s, 0), 1)
	})
}

// sentence is what whoever asked is told of an error.
func (w *analysisWorker) sentence(err error) string {
	var e *grids.Error
	if errors.As(err, &e) && e.Kind != grids.Internal {
		return e.Msg
	}
	w.log.Error("an analysis failed", "err", err)
	return "the server could not compute this; the log has the cause"
}

// began makes a run stoppable until it is over.
func (s *Store) began(id grids.ID, stop context.CancelCauseFunc) (over func()) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.queue.running[id] = stop
	return func() {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		delete(s.queue.running, id)
	}
}

// quiet lets warnings and errors of the queue through, as warnings: it tries again by itself.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (quiet) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelWarn
	return q.Handler.Handle(ctx, r)
}
