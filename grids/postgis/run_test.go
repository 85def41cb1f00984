package postgis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"wangge/grids"
)

func analyst(t testing.TB, s *Store) grids.Actor {
	t.Helper()
	return grids.Actor{ID: grids.NewID(), Name: "analyst", Way: grids.BySession, Grants: []grids.Grant{{Role: grids.Commander, Scope: grids.Scope{Level: grids.LevelDistrict}}}}
}

func someRun(method string) grids.Run {
	return grids.Run{ID: grids.NewID(), Class: grids.ClassCommand, Subject: grids.OnFindings, Request: []byte(`{"method":"` + method + `"}`)}
}

// workOff works runs off until the test ends.
func workOff(t *testing.T, s *Store, do Analyst) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.WorkOff(ctx, 1, slog.New(slog.DiscardHandler), do) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the queue ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func await(t *testing.T, s *Store, id grids.ID, want grids.RunState) grids.Run {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, err := s.Run(t.Context(), grids.Operator, "", id)
		if err != nil {
			t.Fatal(err)
		}
		if r.State == want {
			return r
		}
		if time.Now().After(end) || r.State.Over() {
			t.Fatalf("the run is %s (%s), want %s", r.State, r.Problem, want)
		}
	}
}

func TestARunGoesThroughTheQueue(t *testing.T) {
	s := open(t)
	who := analyst(t, s)
	run := someRun("lisa")
	stored, asked, err := s.AskRun(t.Context(), who, run)
	if err != nil || !asked || stored.State != grids.RunQueued || stored.Actor != "analyst" || stored.AskedAt.IsZero() {
		t.Fatalf("%+v, %v, %v", stored, asked, err)
	}
	if _, asked, err := s.AskRun(t.Context(), who, run); err != nil || asked {
		t.Errorf("sent again: %v, %v", asked, err)
	}
	run.Request = []byte(`{"method":"other"}`)
	if _, _, err := s.AskRun(t.Context(), who, run); grids.KindOf(err) != grids.Conflict {
		t.Errorf("another request under the id: %v", err)
	}
	if _, err := s.RunResult(t.Context(), who, grids.ClassCommand, run.ID); grids.KindOf(err) != grids.NotFound {
		t.Errorf("a result before it is there: %v", err)
	}
	want := bytes.Repeat([]byte(`{"units":[1,2,3]}`), 1000)
	workOff(t, s, func(_ context.Context, r grids.Run, progress func(float64)) ([]byte, string, error) {
		if !sameJSON(r.Request, []byte(`{"method":"lisa"}`)) || r.ID != run.ID {
			t.Errorf("asked for %s", r.Request)
		}
		progress(.5)
		return want, "data-1", nil
	})
	done := await(t, s, run.ID, grids.RunDone)
	if done.Data != "data-1" || done.Hash != HashOf(want) || done.BegunAt.IsZero() || done.EndedAt.Before(done.BegunAt) || done.Share != 1 {
		t.Errorf("%+v", done)
	}
	if got, err := s.RunResult(t.Context(), who, grids.ClassCommand, run.ID); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := s.RunResult(t.Context(), who, grids.ClassField, run.ID); grids.KindOf(err) != grids.NotFound {
		t.Errorf("another class reads it: %v", err)
	}
	if list, err := s.Runs(t.Context(), who, grids.ClassCommand, 10); err != nil || len(list) != 1 || list[0].ID != run.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := s.Runs(t.Context(), who, grids.ClassField, 10); err != nil || len(list) != 0 {
		t.Errorf("another class lists %+v, %v", list, err)
	}
	log, err := s.Audit(t.Context(), grids.Operator, grids.AuditQuery{Action: "analyse"})
	if err != nil || len(log) != 1 || log[0].Actor != "analyst" || log[0].Subject != "findings" {
		t.Errorf("in the audit log: %+v, %v", log, err)
	}
}

func TestWhoMayNotAnalyse(t *testing.T) {
	s := open(t)
	for _, a := range []grids.Actor{
		{Name: "a", Grants: []grids.Grant{{Role: grids.GridAdmin, Scope: grids.Scope{Level: grids.LevelDistrict}}}},
		{Name: "b", Grants: []grids.Grant{{Role: grids.Commander, Scope: grids.Scope{Level: grids.LevelTowns, Code: west}}}},
		{},
	} {
		_, _, ask := s.AskRun(t.Context(), a, someRun("lisa"))
		_, list := s.Runs(t.Context(), a, grids.ClassCommand, 1)
		_, one := s.Run(t.Context(), a, grids.ClassCommand, grids.NewID())
		_, result := s.RunResult(t.Context(), a, grids.ClassCommand, grids.NewID())
		_, cancel := s.CancelRun(t.Context(), a, grids.ClassCommand, grids.NewID())
		for what, err := range map[string]error{"ask": ask, "list": list, "one": one, "result": result, "cancel": cancel} {
			if grids.KindOf(err) != grids.Forbidden {
				t.Errorf("%s may %s: %v", a.Name, what, err)
			}
		}
	}
}

func TestARunThatFailsSaysWhy(t *testing.T) {
	s := open(t)
	who := analyst(t, s)
	for request, c := range map[string]struct {
		err  error
		want string
	}{
		"told":   {grids.Errorf(grids.Invalid, "a sentence"), "a sentence"},
		"large":  {grids.Errorf(grids.TooLarge, "too much"), "too much"},
		"hidden": {errors.New("relation wangge.secret"), "the server could not compute this; the log has the cause"},
		"ours":   {grids.Errorf(grids.Internal, "cell 17 of wangge.secret"), "the server could not compute this; the log has the cause"},
		"panic":  {nil, "the server could not compute this; the log has the cause"},
	} {
		t.Run(request, func(t *testing.T) {
			run := someRun(request)
			if _, _, err := s.AskRun(t.Context(), who, run); err != nil {
				t.Fatal(err)
			}
			workOff(t, s, func(context.Context, grids.Run, func(float64)) ([]byte, string, error) {
				if c.err == nil {
					panic("a mistake")
				}
				return nil, "", c.err
			})
			if r := await(t, s, run.ID, grids.RunFailed); r.Problem != c.want || r.Hash != "" {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestARunIsCancelled(t *testing.T) {
	s := open(t)
	who := analyst(t, s)
	waits, works := someRun("waits"), someRun("works")
	for _, r := range []grids.Run{works, waits} {
		if _, _, err := s.AskRun(t.Context(), who, r); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.CancelRun(t.Context(), who, grids.ClassCommand, waits.ID); err != nil || r.State != grids.RunCancelled || r.EndedAt.IsZero() {
		t.Fatalf("%+v, %v", r, err)
	}
	begun, ended := make(chan struct{}), make(chan error, 2)
	workOff(t, s, func(ctx context.Context, r grids.Run, _ func(float64)) ([]byte, string, error) {
		if r.ID == waits.ID {
			t.Error("a cancelled run was begun")
		}
		close(begun)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, "", ctx.Err()
	})
	<-begun
	if _, err := s.CancelRun(t.Context(), who, grids.ClassField, works.ID); grids.KindOf(err) != grids.NotFound {
		t.Errorf("another class cancels: %v", err)
	}
	if _, err := s.CancelRun(t.Context(), who, grids.ClassCommand, works.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errRunEnded) {
		t.Errorf("the work ended by %v", err)
	}
	if r, err := s.CancelRun(t.Context(), who, grids.ClassCommand, works.ID); err != nil || r.State != grids.RunCancelled {
		t.Errorf("cancelled again: %+v, %v", r, err)
	}
}

// A server that stops or is killed leaves its runs to the next one.
func TestAnotherServerTakesOver(t *testing.T) {
	s := open(t)
	who := analyst(t, s)
	run := someRun("long")
	if _, _, err := s.AskRun(t.Context(), who, run); err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	var times atomic.Int32
	stop := workOff(t, s, func(ctx context.Context, _ grids.Run, _ func(float64)) ([]byte, string, error) {
		times.Add(1)
		close(begun)
		<-ctx.Done()
		return nil, "", ctx.Err()
	})
	<-begun
	stop()
	if r := await(t, s, run.ID, grids.RunQueued); r.Hash != "" {
		t.Errorf("%+v", r)
	}
	stop = workOff(t, s, func(context.Context, grids.Run, func(float64)) ([]byte, string, error) {
		times.Add(1)
		return []byte("{}"), "d", nil
	})
	await(t, s, run.ID, grids.RunDone)
	stop()
	if n := times.Load(); n != 2 {
		t.Errorf("it was worked on %d times", n)
	}

	killed := someRun("killed")
	if _, _, err := s.AskRun(t.Context(), who, killed); err != nil {
		t.Fatal(err)
	}
	own := owning(t, s)
	for _, sql := range []string{`delete from river.river_job`, fmt.Sprintf(`update analysis_run set state = 'running', beat_at = now() - interval '31 s' where run_id = '%s'`, killed.ID)} {
		if _, err := own.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	workOff(t, s, func(context.Context, grids.Run, func(float64)) ([]byte, string, error) { return []byte("{}"), "d", nil })
	await(t, s, killed.ID, grids.RunDone)
}

func TestTooManyRunsWait(t *testing.T) {
	s := open(t)
	who := analyst(t, s)
	for range grids.MaxRunsWaiting {
		if _, _, err := s.AskRun(t.Context(), who, someRun("lisa")); err != nil {
			t.Fatal(err)
		}
	}
	one := someRun("lisa")
	if _, _, err := s.AskRun(t.Context(), who, one); grids.KindOf(err) != grids.Conflict {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.Run(t.Context(), who, grids.ClassCommand, one.ID); grids.KindOf(err) != grids.NotFound {
		t.Errorf("what was refused is stored: %v", err)
	}
	if _, _, err := s.AskRun(t.Context(), analyst(t, s), someRun("lisa")); err != nil {
		t.Errorf("another account: %v", err)
	}
}

func TestOldResultsAreForgotten(t *testing.T) {
	s := open(t)
	who := analyst(t, s)
	own := owning(t, s)
	_, err := own.Exec(t.Context(), `insert into analysis_run (district_id, run_id, class, account_id, actor, request, subject, state, problem, asked_at)
		select $1, gen_random_uuid(), 'command', $2, 'x', '{}', 'findings', 'failed', '', now() - i * interval '1 minute' from generate_series(1, $3) i`, s.district, who.ID, grids.MaxRunsKept+20)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.AskRun(t.Context(), who, someRun("lisa")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `select count(*) from analysis_run`); n != grids.MaxRunsKept+1 {
		t.Errorf("%d runs are kept, want %d", n, grids.MaxRunsKept+1)
	}
}
