package postgis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

// codeOf is the SQLSTATE of an error, "" for none.
func codeOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return fmt.Sprint(err)
}

func TestEveryTableHasItsPrivileges(t *testing.T) {
	s := open(t)
	conn := owning(t, s)
	rows, err := conn.Query(t.Context(), `select relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = 'wangge' and relkind in ('r', 'p', 'v', 'm', 'S', 'f')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tables {
		if _, known := privileges[name]; !known {
			t.Errorf("the table of privileges says nothing of %s", name)
		}
	}
	if len(tables) != len(privileges) {
		t.Errorf("%d tables are stored, %d have privileges", len(tables), len(privileges))
	}
	// what was granted is what the table says, and nothing else
	for role, of := range map[string]func(app, load string) string{
		s.pool.Config().ConnConfig.User: func(app, _ string) string { return app }, s.load.Config().ConnConfig.User: func(_, load string) string { return load },
	} {
		for name, p := range privileges {
			for _, what := range []string{"select", "insert", "update", "delete", "truncate", "references", "trigger"} {
				want := strings.Contains(of(p.app, p.load)+",", what+",")
				var may bool
				if err := conn.QueryRow(t.Context(), `select has_table_privilege($1, 'wangge.'||$2, $3)`, role, name, what).Scan(&may); err != nil || may != want {
					t.Errorf("%s may %s %s: %v, want %v (%v)", role, what, name, may, want, err)
				}
			}
		}
	}
}

// Tables with a policy may not have it switched off, nor forget to bind their owner.
func TestGrowingTablesOfPlacesAreGuarded(t *testing.T) {
	s := open(t)
	if n := count(t, s, `select count(*) from pg_class where relnamespace = 'wangge'::regnamespace and relrowsecurity and relforcerowsecurity`); n != 9 {
		t.Errorf("%d tables force their rules of rows, want 9", n)
	}
	if n := count(t, s, `select count(*) from pg_class c where relnamespace = 'wangge'::regnamespace and relkind = 'r' and not relrowsecurity
		and exists (select from pg_attribute a where a.attrelid = c.oid and attname in ('village_code', 'batch_id', 'actor')) and relname <> 'grid_village'`); n != 0 {
		t.Errorf("%d tables of places or persons have no rules of rows", n)
	}
}

func TestTheLoginsOwnNothing(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	for _, c := range []struct{ sql, code string }{
		{`create table wangge.x ()`, "42501"},
		{`create table public.x ()`, "42501"},
		{`create schema x`, "42501"},
		{`create role x`, "42501"},
		{`alter table wangge.finding disable row level security`, "42501"},
		{`alter table wangge.finding no force row level security`, "42501"},
		{`drop policy area on wangge.finding`, "42501"},
		{`update audit set actor = 'x'`, "42501"},
		{`delete from audit`, "42501"},
		{`truncate audit`, "42501"},
		{`delete from finding`, "42501"},
		{`update finding set geom = geom`, "42501"},
		{`insert into casework_event select * from casework_event`, "42501"},
		{`select password from wangge.login`, "42501"},
		{`select take_stock(array['finding'])`, "42501"},
		{`copy finding to program 'true'`, "42501"},
	} {
		if _, err := s.pool.Exec(t.Context(), c.sql); codeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.sql, err, c.code)
		}
	}
	for _, sql := range []string{`select password from wangge.login`, `update audit set actor = 'x'`, `delete from audit`, `delete from finding`, `select from audit`, `create table wangge.x ()`, `alter table wangge.finding disable row level security`} {
		if _, err := s.load.Exec(t.Context(), sql); codeOf(err) != "42501" {
			t.Errorf("imports: %s: %v", sql, err)
		}
	}
	if _, err := s.load.Exec(t.Context(), `select take_stock(array['pg_class'])`); codeOf(err) != "P0001" {
		t.Errorf("figures of a table that is not in the list: %v", err)
	}
	if n := count(t, s, `select count(*) from pg_shdepend d join pg_roles r on r.oid = d.refobjid where deptype = 'o' and rolname = any($1)`,
		[]string{s.pool.Config().ConnConfig.User, s.load.Config().ConnConfig.User}); n != 0 {
		t.Errorf("the logins own %d things", n)
	}
	if n := count(t, s, `select count(*) from pg_roles where rolname = $1 and not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)`, s.pool.Config().ConnConfig.User); n != 1 {
		t.Error("the login that answers requests may do more than sign in")
	}
}

// Several servers on one database use the same passwords, whoever came first.
func TestASecondStartResetsNothing(t *testing.T) {
	dsn := pgtest.Database(t)
	stores := make([]*Store, 3)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			var err error
			if stores[i], err = Open(t.Context(), dsn, grids.Chongming); err != nil {
				t.Errorf("%v (%v)", err, errors.Unwrap(err))
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, s := range stores {
		defer s.Close()
		s.pool.Reset() // every connection signs in anew
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%v (%v)", err, errors.Unwrap(err))
		}
		if p := s.pool.Config().ConnConfig.Password; p != stores[0].pool.Config().ConnConfig.Password || len(p) < 40 {
			t.Error("the passwords differ, or are short")
		}
	}
	if n := count(t, stores[0], `select count(*) from login`); n != 2 {
		t.Errorf("%d logins are kept", n)
	}
}

// plainOwner is the address of a user who is no superuser, on a database of its own with PostGIS.
func plainOwner(t *testing.T, attributes string) (dsn string) {
	t.Helper()
	dsn = pgtest.Database(t)
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := "owner_of_" + config.Database
	if _, err := conn.Exec(t.Context(), fmt.Sprintf(`create role %s login password 'p' %s; alter database %s owner to %[1]s`, name, attributes, config.Database)); err != nil {
		t.Fatal(err)
	}
	return as(config, name)
}

// as is the address of config with another user, whose password is p.
func as(config *pgx.ConnConfig, user string) string {
	return fmt.Sprintf("host=%s port=%d dbname=%s user=%s password=p sslmode=disable", config.Host, config.Port, config.Database, user)
}

func TestAnOwnerWhoMayMakeNoRoles(t *testing.T) {
	dsn := plainOwner(t, "")
	_, err := Open(t.Context(), dsn, grids.Chongming)
	if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "CREATEROLE") || !strings.Contains(err.Error(), "--owner-url") {
		t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	config, _ := pgx.ParseConfig(dsn)
	if _, err := OpenWith(t.Context(), Options{Owner: dsn, App: dsn}, grids.Chongming); grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "owns") {
		t.Errorf("the owner as the login: %v", err)
	}
	super, err := pgx.Connect(t.Context(), pgtest.Cluster(t).DSNFor(config.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(t.Context())
	role := "by_hand_" + config.Database
	if _, err := super.Exec(t.Context(), "create role "+role+" login password 'p'"); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	s, err := OpenWith(t.Context(), Options{Owner: dsn, App: as(config, role), Log: slog.New(slog.NewTextHandler(&said, nil))}, grids.Chongming)
	if err != nil {
		t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	defer s.Close()
	if !strings.Contains(said.String(), "staging") {
		t.Errorf("the log says %q", said.String())
	}
	imports(t, s)
}

func TestAnOwnerWhoMayNotGiveTheRulesUp(t *testing.T) {
	var said bytes.Buffer
	s, err := OpenWith(t.Context(), Options{Owner: plainOwner(t, "createrole"), Log: slog.New(slog.NewTextHandler(&said, nil))}, grids.Chongming)
	if err != nil {
		t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	defer s.Close()
	if s.copies || !strings.Contains(said.String(), "staging") {
		t.Errorf("copies: %v, the log says %q", s.copies, said.String())
	}
	imports(t, s)
}

// imports imports a territory and something on it, and marks: all that a server writes.
func imports(t *testing.T, s *Store) {
	t.Helper()
	district, town, four := quarters()
	store(t, s, grids.LevelDistrict, district)
	store(t, s, grids.LevelTowns, town)
	store(t, s, grids.LevelGrids, four)
	p := four[0].Geometry[0][0][0]
	st, err := s.ImportCasework(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(event(1, &p, ""), event(2, &p, "")), fine)
	if err != nil || st.Inserted != 2 {
		t.Errorf("%+v, %v (%v)", st, err, errors.Unwrap(err))
	}
	st, err = s.ImportFindings(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(mark(1, p)), fine)
	if err != nil || st.Inserted != 1 {
		t.Errorf("%+v, %v (%v)", st, err, errors.Unwrap(err))
	}
	if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(2, p)); err != nil {
		t.Errorf("%v (%v)", err, errors.Unwrap(err))
	}
	if v, err := s.VerifyAudit(t.Context()); err != nil || v.Rows != 6 || len(v.Flaws) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestImportsHaveAPoolOfTheirOwn(t *testing.T) {
	s := open(t)
	if !s.copies || s.load.Config().MaxConns != 2 || s.load.Config().ConnConfig.User == s.pool.Config().ConnConfig.User {
		t.Errorf("copies %v, %d connections as %s", s.copies, s.load.Config().MaxConns, s.load.Config().ConnConfig.User)
	}
	before := s.load.Stat().AcquireCount()
	ctx := context.Background()
	if _, err := s.Batches(ctx, grids.Operator, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Note(ctx, grids.Operator, "look-exact", grids.OnFindings, nil); err != nil {
		t.Fatal(err)
	}
	if s.load.Stat().AcquireCount() != before {
		t.Error("something else than an import used the pool of imports")
	}
}
