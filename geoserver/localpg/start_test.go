package localpg

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"wangge/grids"
)

func TestFirstStartAndSecond(t *testing.T) {
	t.Parallel()
	// A path that would break a connection string or a setting which is not quoted.
	dir := filepath.Join(dataFolder(t), `网格 it's "here" 50%`)
	o := Options{Dir: dir, Settings: map[string]string{"shared_buffers": "16MB"}} // with fsync, as in earnest
	c := started(t, o)
	for _, tt := range []struct{ sql, want string }{
		{`SELECT current_database() || ' ' || current_user`, "wangge wangge"},
		{`SHOW server_encoding`, "UTF8"},
		{`SELECT datcollate || ' ' || datctype FROM pg_database WHERE datname = current_database()`, "C.UTF-8 C.UTF-8"},
		{`SHOW data_checksums`, "on"},
		{`SHOW listen_addresses`, ""},
		{`SHOW fsync`, "on"},
		{`SHOW shared_buffers`, "16MB"},
		{`SHOW log_error_verbosity`, "terse"},
		{`SELECT DISTINCT type || ' ' || auth_method FROM pg_hba_file_rules ORDER BY 1`, "host reject,local scram-sha-256"},
		{`SELECT left(rolpassword, 14) FROM pg_authid WHERE rolcanlogin`, "SCRAM-SHA-256$"},
		{`CREATE TABLE kept AS SELECT 'kept' AS word`, ""},
	} {
		if got := query(t, c.DSN(), tt.sql); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.sql, got, tt.want)
		}
	}
	u, err := url.Parse(c.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "guess")
	if _, err := ask(u.String(), `SELECT 'in'`); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password: %v", err)
	}
	if err := c.Health(); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("psql", "-Atc", "SELECT 'psql'", c.DSN()).CombinedOutput(); err != nil || string(out) != "psql\n" {
		t.Errorf("psql: %s (%v)", out, err)
	}
	stopped(t, c)
	if state := control(t, c); state != "shut down" {
		t.Errorf("after Stop the cluster is %q", state)
	}
	if err := c.Health(); grids.KindOf(err) != grids.Unavailable {
		t.Errorf("health after Stop: %v", err)
	}
	again := started(t, o)
	if got := query(t, again.DSN(), `SELECT word FROM kept`); got != "kept" {
		t.Errorf("the second start found %q", got)
	}
}

// A server killed in the middle of initdb leaves nothing in the way of the next one.
func TestKillDuringInitdb(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	for range 3 {
		s := startChild(t, dir, nil)
		awaitInitdb(dir)
		s.kill()
	}
	s := startChild(t, dir, nil)
	s.ready(0)
	s.terminate()
}

// awaitInitdb waits until initdb is at work.
func awaitInitdb(dir string) {
	for {
		if _, err := os.Stat(filepath.Join(dir, "pg", "data.new", "base")); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// control is what the cluster's control file says of its state.
func control(t *testing.T, c *Cluster) string {
	t.Helper()
	out, err := exec.Command(c.bin.path("pg_controldata"), "-D", c.path(dataDir)).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(out), "Database cluster state:")
	state, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(state)
}

func TestStop(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Dir: dataFolder(t)})
	// A statement that runs is no reason to wait: a fast shutdown ends it.
	running := make(chan error)
	go func() {
		_, err := ask(c.DSN(), `SELECT pg_sleep(600)::text`)
		running <- err
	}()
	for query(t, c.DSN(), `SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()`) == "0" {
		time.Sleep(pollEvery)
	}
	first := make(chan error)
	go func() { first <- c.Stop(t.Context()) }()
	if err := c.Stop(t.Context()); err != nil { // twice at once
		t.Error(err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-running; err == nil {
		t.Error("the statement came to its end")
	}
	if state := control(t, c); state != "shut down" {
		t.Errorf("after Stop the cluster is %q", state)
	}
}

// A session that is frozen keeps a shutdown waiting: when time is up PostgreSQL is ended at once, and nothing is lost.
func TestStopOutOfTime(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	c, err := Start(t.Context(), Options{Dir: dir, Settings: quick(), Log: toTest(t)})
	if err != nil {
		t.Fatal(err)
	}
	query(t, c.DSN(), `CREATE TABLE late AS SELECT 'late' AS word`)
	conn, err := pgx.Connect(t.Context(), c.DSN())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(int(conn.PgConn().PID()), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	isError(t, c.Stop(ctx), grids.Unavailable, "the hard way")
	isError(t, c.Stop(t.Context()), grids.Unavailable, "the hard way")
	again := startOf(t, dir)
	if got := query(t, again.DSN(), `SELECT word FROM late`); got != "late" {
		t.Errorf("after a hard stop %q is there", got)
	}
}

// startOf starts a cluster whose predecessor may have left anything behind.
func startOf(t *testing.T, dir string) *Cluster {
	t.Helper()
	return started(t, Options{Dir: dir})
}

func TestInterruptedStart(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		c, err := Start(ctx, Options{Dir: dir, Settings: quick(), Log: toTest(t)})
		if err == nil {
			stopped(t, c)
		}
		done <- err
	}()
	awaitInitdb(dir)
	cancel()
	isError(t, <-done, grids.Unavailable, "interrupted")
	if _, err := os.Stat(filepath.Join(dir, "pg", dataDir)); !os.IsNotExist(err) {
		t.Errorf("a half made cluster is in place: %v", err)
	}
	c := startOf(t, dir)
	if got := query(t, c.DSN(), `SELECT 'up'`); got != "up" {
		t.Error(got)
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	if _, ok, err := Attach(dir); ok || err != nil {
		t.Errorf("attached to an empty folder: %v, %v", ok, err)
	}
	s := startChild(t, dir, nil)
	s.ready(0)
	refused(t, Options{Dir: dir}, grids.Conflict, "another server", strconv.Itoa(s.cmd.Process.Pid), dir, "--data")
	dsn, ok, err := Attach(dir)
	if !ok || err != nil {
		t.Fatalf("attach beside a server: %v, %v", ok, err)
	}
	if got := query(t, dsn, `SELECT current_database()::text`); got != database {
		t.Errorf("attached to %q", got)
	}
	s.acks(5) // the first one was not disturbed
	isError(t, attachAsStranger(t, dir), grids.Forbidden, "belongs to another user")
	s.kill()
	if _, ok, err := Attach(dir); ok || err != nil {
		t.Errorf("attached to a killed server: %v, %v", ok, err)
	}
	// In one process too; and between lock and readiness there is nothing to attach to yet.
	c := startOf(t, dir)
	refused(t, Options{Dir: dir}, grids.Conflict, "another server")
	if err := announce(c.lock, ""); err != nil {
		t.Fatal(err)
	}
	_, _, err = Attach(dir)
	isError(t, err, grids.Unavailable, "still starting")
}

// attachAsStranger is what Attach says to a user who may not enter the folder.
func attachAsStranger(t *testing.T, dir string) error {
	t.Helper()
	as, said := nobody(t), make(chan error)
	if as == nil {
		pg := folder{dir: dir}.path("")
		if err := os.Chmod(pg, 0); err != nil {
			t.Fatal(err)
		}
		_, _, err := Attach(dir)
		if err := os.Chmod(pg, 0o700); err != nil {
			t.Fatal(err)
		}
		return err
	}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine and takes the borrowed identity with it
		err := unix.Setfsuid(int(as.Uid))
		if err == nil {
			_, _, err = Attach(dir)
		}
		said <- err
	}()
	return <-said
}

func TestMissingSoftware(t *testing.T) {
	t.Parallel()
	made := dataFolder(t)
	place(t, filepath.Join(made, "pg/data/PG_VERSION"), "15\n")
	for name, tt := range map[string]struct {
		files []string
		dir   string
		kind  grids.Kind
		words []string
	}{
		"nothing": {kind: grids.Unavailable, words: []string{"apt-get install postgresql postgresql-15-postgis-3", "DATABASE_URL"}},
		"no PostGIS": {files: []string{"usr/lib/postgresql/15/bin/postgres"}, kind: grids.Unavailable,
			words: []string{"PostgreSQL 15 is installed but PostGIS is not", "postgresql-15-postgis-3"}},
		"no PostgreSQL for the data": {dir: made, kind: grids.Conflict, words: []string{"not installed here", "postgresql-15 postgresql-15-postgis-3"}},
		"no PostGIS for the data": {files: []string{"usr/lib/postgresql/15/bin/postgres"}, dir: made, kind: grids.Conflict,
			words: []string{"PostGIS for it is not installed", "postgresql-15-postgis-3"}},
		"newer only": {files: []string{"usr/lib/postgresql/17/bin/postgres", "usr/share/postgresql/17/extension/postgis.control"}, dir: made,
			kind: grids.Conflict, words: []string{"made by PostgreSQL 15", "this machine has 17", "nothing was changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, dir := t.TempDir(), tt.dir
			for _, f := range tt.files {
				place(t, filepath.Join(root, f), "")
			}
			if dir == "" {
				dir = filepath.Join(t.TempDir(), "data")
			}
			refused(t, Options{Dir: dir, root: root}, tt.kind, tt.words...)
			if _, err := os.Stat(filepath.Join(dir, "pg", lockFile)); !os.IsNotExist(err) {
				t.Errorf("the folder was touched: %v", err)
			}
		})
	}
}

func TestOtherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	c := startOf(t, dir)
	stopped(t, c)
	for _, tt := range []struct{ version, says string }{
		{"14\n", "made by PostgreSQL 14"},
		{"99\n", "made by PostgreSQL 99"},
		{"devel\n", `("devel")`},
		{"", "unknown version"},
	} {
		place(t, filepath.Join(c.path(dataDir), "PG_VERSION"), tt.version)
		before := snapshot(t, dir)
		refused(t, Options{Dir: dir}, grids.Conflict, tt.says, "nothing was changed")
		if !slices.Equal(before, snapshot(t, dir)) {
			t.Errorf("version %q: the folder was changed", tt.version)
		}
	}
}

// place writes a file and the folders on the way to it.
func place(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A package upgrade replaces the programs under a running cluster.
func TestHealthSeesAnUpgrade(t *testing.T) {
	t.Parallel()
	b, err := findBinaries("", "")
	if err != nil {
		t.Fatal(err)
	}
	root := dataFolder(t)
	bin := filepath.Join(root, filepath.Dir(b.dir), "bin")
	place(t, filepath.Join(root, "usr/share/postgresql", strconv.Itoa(b.major), "extension/postgis.control"), "")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	install := func(program, target string) {
		t.Helper()
		_ = os.Remove(filepath.Join(bin, program)) // missing the first time
		if err := os.Symlink(target, filepath.Join(bin, program)); err != nil {
			t.Fatal(err)
		}
	}
	install("postgres", b.path("postgres"))
	install("initdb", b.path("initdb"))
	c := started(t, Options{Dir: dataFolder(t), root: root})
	if err := c.Health(); err != nil {
		t.Fatal(err)
	}
	script := func(name, says string) string {
		path := filepath.Join(root, name)
		place(t, path, "#!/bin/sh\necho '"+says+"'\n")
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	install("postgres", script("same", b.version))
	if err := c.Health(); err != nil {
		t.Errorf("the same version, unpacked again: %v", err)
	}
	install("postgres", script("other", "postgres (PostgreSQL) 15.99"))
	isError(t, c.Health(), grids.Conflict, b.version, "15.99", "restart the server")
	if err := os.Remove(filepath.Join(bin, "postgres")); err != nil {
		t.Fatal(err)
	}
	isError(t, c.Health(), grids.Unavailable, "has gone", "apt-get install")
}
