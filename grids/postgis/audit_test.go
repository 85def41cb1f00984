package postgis

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/tern/v2/migrate"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

func verdict(t *testing.T, s *Store, heads ...grids.AuditHead) *grids.AuditVerdict {
	t.Helper()
	v, err := s.VerifyAudit(t.Context(), heads...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// told is the flaws of a verdict as text.
func told(v *grids.AuditVerdict) string {
	var list []string
	for _, f := range v.Flaws {
		list = append(list, fmt.Sprint(f.Seq, " ", f.Damage))
	}
	return strings.Join(list, ", ")
}

// note writes n rows.
func note(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := range n {
		a := grids.Actor{Name: "甲 1:2", Way: grids.ByToken, Purpose: "patrol", Behind: "admin", Address: "::1", Grants: []grids.Grant{{Role: grids.Patrol}}}
		if err := s.Note(t.Context(), a, "look-exact", grids.OnFindings, map[string]any{"n": i, "b": []string{"é", "a\"b"}}); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever writes at the same moment: the links are dense, in order, and whole.
func TestTheChainIsDenseUnderWriters(t *testing.T) {
	s := twoTowns(t)
	before := verdict(t, s).Rows
	const writers, each = 6, 20
	var wg sync.WaitGroup
	for w := range byte(writers) {
		wg.Go(func() {
			for i := range byte(each) {
				f := mark(i, inWest)
				f.ID[1] = w
				if _, _, _, err := s.Mark(t.Context(), grids.Operator, f); err != nil {
					t.Error(err)
				}
				if err := s.Note(t.Context(), grids.Operator, "export", grids.OnCasework, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	v := verdict(t, s)
	if want := before + 2*writers*each; v.Rows != want || v.Whole != want || v.Head.Seq != want || len(v.Flaws) != 0 {
		t.Errorf("%+v, want %d rows", v, want)
	}
}

func TestAuditRowsSayWhoAndWhy(t *testing.T) {
	s := open(t)
	note(t, s, 3)
	auditor := actor(1, grids.Auditor, wholeDistrict)
	list, err := s.Audit(t.Context(), auditor, grids.AuditQuery{Limit: 2})
	if err != nil || len(list) != 2 || list[0].Seq != 3 || list[1].Seq != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	r := list[0]
	if r.Actor != "甲 1:2" || r.Role != "patrol" || r.Way != "token" || r.Action != "look-exact" || r.Subject != "findings" || r.Purpose != "patrol" || r.Behind != "admin" || r.Address != "::1" ||
		string(r.Detail) != `{"b": ["é", "a\"b"], "n": 2}` {
		t.Errorf("%+v", r)
	}
	for name, c := range map[string]struct {
		q    grids.AuditQuery
		want int
	}{
		"the page before": {grids.AuditQuery{Before: 3}, 2},
		"another actor":   {grids.AuditQuery{Actor: "x"}, 0},
		"this actor":      {grids.AuditQuery{Actor: r.Actor, Action: "look-exact", Subject: "findings"}, 3},
		"another action":  {grids.AuditQuery{Action: "mark"}, 0},
		"another subject": {grids.AuditQuery{Subject: "casework"}, 0},
		"from the last":   {grids.AuditQuery{From: r.At}, 1},
		"before the last": {grids.AuditQuery{To: r.At}, 2},
	} {
		if list, err := s.Audit(t.Context(), auditor, c.q); err != nil || len(list) != c.want {
			t.Errorf("%s: %d rows, %v, want %d", name, len(list), err, c.want)
		}
	}
}

func TestDamageToTheChainIsFound(t *testing.T) {
	const headTo = `; update audit_head set (seq, prev, hash) = (select seq, prev, hash from audit order by seq desc limit 1)`
	rechain := `do $$ declare r record; p bytea; begin update audit set actor = 'x' where seq = 3;
		select prev into p from audit where seq = 3;
		for r in select * from audit where seq >= 3 order by seq loop
			update audit set prev = p, hash = audit_hash(p, r.district_id, r.seq, r.audit_id, r.at, r.actor, r.role, r.way, r.action, r.subject, r.purpose, r.behind, r.address, r.detail)
				where seq = r.seq returning hash into p;
		end loop; end $$`
	for name, c := range map[string]struct {
		sql   string
		plain string // without kept heads
		held  string // against them
		whole int64
	}{
		"nothing":          {`select`, "", "", 8},
		"an actor":         {`update audit set actor = 'x' where seq = 3`, "3 altered", "3 altered", 7},
		"a time":           {`update audit set at = at + interval '1 microsecond' where seq = 3`, "3 altered", "3 altered", 7},
		"a detail":         {`update audit set detail = '{}' where seq = 3`, "3 altered", "3 altered", 7},
		"text moved":       {`update audit set purpose = 'patroladmin', behind = '' where seq = 3`, "3 altered", "3 altered", 7},
		"a row gone":       {`delete from audit where seq = 3`, "4 missing", "4 missing", 7},
		"the first gone":   {`delete from audit where seq = 1`, "2 missing", "2 missing", 7},
		"gone, closed up":  {`delete from audit where seq = 3; update audit set seq = seq - 1 where seq > 3`, "3 altered, 4 altered, 5 altered, 6 altered, 7 altered, 8 cut off", "3 altered, 4 altered, 5 altered, 5 anew, 6 altered, 7 altered, 8 cut off", 2},
		"two changed over": {`update audit set seq = 99 where seq = 3; update audit set seq = 3 where seq = 4; update audit set seq = 4 where seq = 99`, "3 altered, 4 altered, 5 altered", "3 altered, 4 altered, 5 altered", 5},
		"the end cut off":  {`delete from audit where seq > 6`, "8 cut off", "8 cut off", 6},
		"cut off well":     {`delete from audit where seq > 6` + headTo, "", "8 cut off", 6},
		"made anew":        {rechain + headTo, "", "5 anew, 8 anew", 8},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			path := filepath.Join(t.TempDir(), "heads")
			for _, n := range []int{5, 3} {
				note(t, s, n)
				if err := s.keepHead(t.Context(), path); err != nil {
					t.Fatal(err)
				}
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			heads, err := grids.ParseAuditHeads(file)
			if err != nil || len(heads) != 2 || heads[1].Seq != 8 {
				t.Fatal(heads, err)
			}
			if _, err := owning(t, s).Exec(t.Context(), c.sql); err != nil {
				t.Fatal(err)
			}
			if v := verdict(t, s); told(v) != c.plain || v.Whole != c.whole {
				t.Errorf("%q, %d whole, want %q, %d", told(v), v.Whole, c.plain, c.whole)
			}
			if v := verdict(t, s, heads...); told(v) != c.held {
				t.Errorf("held against heads: %q, want %q", told(v), c.held)
			}
		})
	}
}

// A change and its audit row are one: without the one there is not the other.
func TestNoChangeWithoutAuditRow(t *testing.T) {
	s := twoTowns(t)
	if _, err := owning(t, s).Exec(t.Context(), `delete from audit_head`); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(1, inWest)); err == nil || grids.KindOf(err) != grids.Internal {
		t.Errorf("a mark without audit: %v", err)
	}
	if n := count(t, s, `select count(*) from finding`); n != 0 {
		t.Errorf("%d findings are stored", n)
	}
}

func TestHeadsAreKeptAtStartAndStop(t *testing.T) {
	s := open(t)
	note(t, s, 1)
	path := filepath.Join(t.TempDir(), "heads")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	var said bytes.Buffer
	go func() { defer close(done); s.KeepHeads(ctx, path, slog.New(slog.NewTextHandler(&said, nil))) }()
	for {
		if b, err := os.ReadFile(path); err == nil && bytes.Count(b, []byte("\n")) == 1 {
			break
		}
	}
	note(t, s, 1)
	stop()
	<-done
	b, err := os.ReadFile(path)
	heads, bad := grids.ParseAuditHeads(bytes.NewReader(b))
	if err != nil || bad != nil || len(heads) != 2 || heads[0].Seq != 1 || heads[1].Seq != 2 || said.Len() > 0 {
		t.Errorf("%s %v %v %s", b, err, bad, said.String())
	}
	if _, err := grids.ParseAuditHeads(strings.NewReader(heads[0].String() + "\nx\n")); grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a broken line: %v", err)
	}
}

// The rows that were there before the chain are chained in the order of their times.
func TestOldRowsAreChained(t *testing.T) {
	dsn := pgtest.Database(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "create schema wangge"); err != nil {
		t.Fatal(err)
	}
	m, err := migrate.NewMigrator(t.Context(), conn, "wangge.schema_version")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := fs.Sub(migrations, "migrations")
	if err := m.LoadMigrations(files); err != nil {
		t.Fatal(err)
	}
	if err := m.MigrateTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), `insert into wangge.audit (district_id, audit_id, at, actor, role, action, subject, detail)
		select d, gen_random_uuid(), timestamptz '2026-01-01' - n * interval '1 minute', '旧', 'operator', 'import', 'grids', json_build_object('n', n, 'x', 1.50) from generate_series(1, 50) n, unnest(array[310151, 310152]) d`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	note(t, s, 2)
	if v := verdict(t, s); v.Rows != 52 || v.Whole != 52 || len(v.Flaws) != 0 {
		t.Errorf("%+v", v)
	}
	if n := count(t, s, `select count(*) from (select at < lag(at) over (partition by district_id order by seq) as back from audit) r where back`); n != 0 {
		t.Errorf("%d rows are out of order", n)
	}
}
