package postgis

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"wangge/geoserver/localpg"
	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

// since reads what changed since v, and the versions of now.
func since(t *testing.T, s *Store, v grids.Versions) (changes []grids.Change, now grids.Versions) {
	t.Helper()
	_, err := s.Read(t.Context(), v, func(n grids.Versions, c []grids.Change) grids.Query {
		now, changes = n, c
		return grids.Query{}
	})
	if err != nil {
		t.Fatal(err)
	}
	return changes, now
}

func versionsOf(t *testing.T, s *Store) grids.Versions {
	t.Helper()
	v, err := s.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sortedIDs(list []grids.ID) []grids.ID {
	return slices.SortedFunc(slices.Values(list), func(a, b grids.ID) int { return bytes.Compare(a[:], b[:]) })
}

func TestEveryWriteTellsWhatItTouched(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	p := orb.Point{121.405, 31.605}
	found := func(n byte) grids.Finding { f := mark(n, p); f.Source = grids.FromFlight; return f }
	many := make([]grids.Finding, maxTold+1)
	for i := range many {
		many[i] = found(0)
		many[i].ID = grids.ID{1: 7, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
	}
	changed := found(2)
	changed.Confidence = 1
	altered := event(2, &p, "")
	altered.Kind = grids.Premises
	batch := &grids.Batch{ID: grids.ID{0xaa}}
	next := func() *grids.Batch { batch.ID[15]++; return batch }
	imported := func(st grids.Stored, err error) (grids.Versions, error) { return st.Versions, err }
	findings := func(list ...grids.Finding) func() (grids.Versions, error) {
		return func() (grids.Versions, error) {
			return imported(s.ImportFindings(t.Context(), grids.Operator, next(), seq(list...), fine))
		}
	}
	cases := func(list ...grids.CaseEvent) func() (grids.Versions, error) {
		return func() (grids.Versions, error) {
			return imported(s.ImportCasework(t.Context(), grids.Operator, next(), seq(list...), fine))
		}
	}
	const batchIs = 0xff // the batch of the import, which has no fixed id
	for _, c := range []struct {
		name    string
		subject grids.Subject
		do      func() (grids.Versions, error)
		ids     []byte // the last byte of ids; nil for "anything"
	}{
		{"a mark", grids.OnFindings, func() (grids.Versions, error) {
			_, _, v, err := s.Mark(t.Context(), grids.Operator, mark(9, p))
			return v, err
		}, []byte{9}},
		{"a withdrawal", grids.OnFindings, func() (grids.Versions, error) {
			_, v, err := s.Withdraw(t.Context(), grids.Operator, mark(9, p).ID)
			return v, err
		}, []byte{9}},
		{"new findings", grids.OnFindings, findings(found(1), found(2)), []byte{1, 2}},
		{"one same, one changed, one new", grids.OnFindings, findings(found(1), changed, found(3)), []byte{2, 3}},
		{"too many to name", grids.OnFindings, findings(many...), nil},
		{"new events", grids.OnCasework, cases(event(1, &p, ""), event(2, &p, "")), []byte{batchIs}},
		{"one same, one new", grids.OnCasework, cases(event(1, &p, ""), event(3, &p, "")), []byte{batchIs}},
		{"a changed event", grids.OnCasework, cases(altered, event(4, &p, "")), nil},
		{"statuses", grids.OnVillages, func() (grids.Versions, error) {
			return imported(s.ImportVillageStatuses(t.Context(), grids.Operator, next(), seq(grids.VillageStatus{ID: grids.ID{1}, Status: grids.Certified}), fine))
		}, nil},
		{"surveys", grids.OnSurveys, func() (grids.Versions, error) {
			return imported(s.ImportSurveys(t.Context(), grids.Operator, next(), seq(grids.SurveyResult{ID: grids.ID{1}, GridCode: "g"}), fine))
		}, nil},
	} {
		before := versionsOf(t, s)
		made, err := c.do()
		if err != nil {
			t.Fatalf("%s: %v (%v)", c.name, err, errors.Unwrap(err))
		}
		changes, now := since(t, s, before)
		if made.Generation != now.Generation || len(made.Of) != 1 || made.Of[c.subject] != now.Of[c.subject] {
			t.Errorf("%s: it says it made %v of %v", c.name, made, now)
		}
		if len(changes) != 1 || changes[0].Subject != c.subject || changes[0].Version != before.Of[c.subject]+1 {
			t.Errorf("%s: changes %v", c.name, changes)
			continue
		}
		var got []byte
		for _, id := range sortedIDs(changes[0].IDs) {
			if id == batch.ID {
				id[15] = batchIs
			}
			got = append(got, id[15])
		}
		if !bytes.Equal(got, c.ids) {
			t.Errorf("%s: it touched %v, want %v", c.name, got, c.ids)
		}
	}
	if n := count(t, s, `select count(*) from outbox where bounds = array[121.405, 31.605, 121.405, 31.605]::float8[]`); n != 2 {
		t.Errorf("%d outbox rows have the bounds of the mark and the withdrawal, want 2", n)
	}
	before := versionsOf(t, s)
	four[0].Name = "又名"
	if v := store(t, s, grids.LevelGrids, four).Versions; len(v.Of) != len(grids.ContentSubjects()) || v.Generation != before.Generation {
		t.Errorf("territory made %v", v)
	}
}

func TestTheWayBetweenVersions(t *testing.T) {
	v := func(generation string, casework, findings int64) grids.Versions {
		return grids.Versions{Generation: generation, Of: map[grids.Subject]int64{grids.OnCasework: casework, grids.OnFindings: findings}}
	}
	step := func(sub grids.Subject, from, to int64) (list []grids.Change) {
		for n := from; n <= to; n++ {
			list = append(list, grids.Change{Subject: sub, Version: n, IDs: []grids.ID{{byte(n)}}})
		}
		return list
	}
	anything := func(sub grids.Subject, n int64) grids.Change { return grids.Change{Subject: sub, Version: n} }
	c, f := grids.OnCasework, grids.OnFindings
	for name, w := range map[string]struct {
		since, now grids.Versions
		steps      []grids.Change
		want       []grids.Change
	}{
		"none":                {v("g", 1, 1), v("g", 1, 1), nil, []grids.Change{}},
		"two subjects":        {v("g", 1, 1), v("g", 3, 2), append(step(f, 2, 2), step(c, 2, 3)...), append(step(c, 2, 3), step(f, 2, 2)...)},
		"another generation":  {v("g", 1, 1), v("h", 3, 1), step(c, 2, 3), nil},
		"from nothing":        {grids.Versions{}, v("g", 3, 1), step(c, 1, 3), nil},
		"a gap":               {v("g", 1, 1), v("g", 4, 2), append(append(step(c, 2, 2), step(c, 4, 4)...), step(f, 2, 2)...), append([]grids.Change{anything(c, 4)}, step(f, 2, 2)...)},
		"the end is missing":  {v("g", 1, 1), v("g", 4, 1), step(c, 2, 3), []grids.Change{anything(c, 4)}},
		"beyond now":          {v("g", 1, 1), v("g", 3, 1), step(c, 3, 4), []grids.Change{anything(c, 3)}},
		"since is ahead":      {v("g", 5, 1), v("g", 4, 1), nil, []grids.Change{anything(c, 4)}},
		"as many as are told": {v("g", 0, 1), v("g", maxChanges, 1), step(c, 1, maxChanges), step(c, 1, maxChanges)},
		"too many":            {v("g", 0, 1), v("g", maxChanges+1, 1), step(c, 1, maxChanges+1), []grids.Change{anything(c, maxChanges+1)}},
	} {
		if got := changesBetween(w.since, w.now, w.steps); !reflect.DeepEqual(got, w.want) {
			t.Errorf("%s: %d changes from %v on, want %d from %v on", name, len(got), got[:min(1, len(got))], len(w.want), w.want[:min(1, len(w.want))])
		}
	}
}

func TestAReaderTooFarBehindIsToldSo(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	before := versionsOf(t, s)
	for n := range byte(3) {
		if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(n, orb.Point{121.405, 31.605})); err != nil {
			t.Fatal(err)
		}
	}
	if changes, _ := since(t, s, before); len(changes) != 3 {
		t.Errorf("changes %v, want three", changes)
	}
	if changes, _ := since(t, s, grids.Versions{}); changes != nil {
		t.Errorf("changes since nothing: %v", changes)
	}
	if _, err := owning(t, s).Exec(t.Context(), `delete from outbox where subject = 'findings' and version = $1`, before.Of[grids.OnFindings]+2); err != nil {
		t.Fatal(err)
	}
	changes, now := since(t, s, before)
	if len(changes) != 1 || changes[0].IDs != nil || changes[0].Version != now.Of[grids.OnFindings] {
		t.Errorf("with a row missing: %v", changes)
	}
}

// A reader that follows writers step by step sees every mark once and no version twice.
func TestChangesUnderWriters(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	at := versionsOf(t, s)
	const writers, each = 4, 25
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wg sync.WaitGroup
		for w := range byte(writers) {
			wg.Go(func() {
				for i := range byte(each) {
					f := mark(i, orb.Point{121.405, 31.605})
					f.ID[1] = w
					if _, _, _, err := s.Mark(t.Context(), grids.Operator, f); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}()
	seen := map[grids.ID]bool{}
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		changes, now := since(t, s, at)
		for i, c := range changes {
			if c.Version != at.Of[grids.OnFindings]+int64(i)+1 || len(c.IDs) != 1 || seen[c.IDs[0]] {
				t.Fatalf("step %d after version %d is %v", i, at.Of[grids.OnFindings], c)
			}
			seen[c.IDs[0]] = true
		}
		at = now
	}
	if len(seen) != writers*each {
		t.Errorf("%d marks were told, want %d", len(seen), writers*each)
	}
}

// A copy of a database counts on from the same numbers, but under another name.
func TestACopyHasAnotherGeneration(t *testing.T) {
	s, _ := small(t)
	before := versionsOf(t, s)
	if len(before.Generation) != 16 || bytes.ContainsAny([]byte(before.Generation), ".") {
		t.Errorf("generation %q", before.Generation)
	}
	if again := versionsOf(t, s); !again.Same(before) {
		t.Errorf("%v became %v", before, again)
	}
	name := s.pool.Config().ConnConfig.Database
	s.Close() // a template may have no visitors
	conn, err := pgx.Connect(t.Context(), pgtest.Cluster(t).DSNFor("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "create database "+name+"_copy template "+name); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := conn.Exec(t.Context(), "drop database "+name+"_copy"); err != nil {
			t.Error(err)
		}
	}()
	twin, err := Open(t.Context(), pgtest.Cluster(t).DSNFor(name+"_copy"), s.District())
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	after := versionsOf(t, twin)
	if after.Generation == before.Generation || !reflect.DeepEqual(after.Of, before.Of) {
		t.Errorf("%v became %v", before, after)
	}
	if changes, _ := since(t, twin, grids.Versions{Generation: before.Generation}); changes != nil {
		t.Errorf("a way leads from one database to the other: %v", changes)
	}
}

// Recovery from an archive ends on a new timeline, even when nothing was lost.
func TestARestoreHasAnotherGeneration(t *testing.T) {
	dir := pgtest.Folder(t)
	generation := func(settings map[string]string) grids.Versions {
		settings["fsync"] = "off"
		c, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := c.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		awaitEndOfRecovery(t, c.DSN())
		s, err := Open(t.Context(), c.DSN(), grids.Chongming)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return versionsOf(t, s)
	}
	before := generation(map[string]string{})
	if again := generation(map[string]string{}); !again.Same(before) {
		t.Errorf("a restart made %v of %v", again, before)
	}
	signal := filepath.Join(dir, "pg", "data", "recovery.signal")
	if err := os.WriteFile(signal, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(signal, 0o666); err != nil {
		t.Fatal(err)
	}
	if after := generation(map[string]string{"restore_command": "/bin/false"}); after.Generation == before.Generation {
		t.Errorf("the restored database has still the generation %s", after.Generation)
	}
}

// awaitEndOfRecovery waits until the database takes writes: it takes readers a moment before.
func awaitEndOfRecovery(t *testing.T, dsn string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for waits := true; waits; {
		if err := conn.QueryRow(timeout(t, time.Minute), "select pg_is_in_recovery()").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
}
