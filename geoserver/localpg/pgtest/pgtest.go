// Package pgtest gives tests a real PostgreSQL with PostGIS: one private cluster a test binary, started by the first
// test that asks, and a fresh database for every test that wants one. The cluster runs without fsync: it is for
// tests alone.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestStore(t *testing.T) {
//		pool, err := pgxpool.New(t.Context(), pgtest.Database(t))
//		...
//	}
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/localpg"
)

// prefix begins the name of every folder made here.
const prefix = "wangge-pgtest-"

// shared is the one cluster of the test binary. It has to be of the package, because Main and the tests that it runs
// share no other value.
var shared = new(suite)

type suite struct {
	mu      sync.Mutex
	begun   bool // Main runs
	dir     string
	cluster *localpg.Cluster
	err     error             // why there is none
	made    int               // databases so far
	filled  map[string]string // the databases that [Filled] copies: name → database
}

// Main runs the tests of a package, stops the cluster if one of them needed it, and exits the process.
func Main(m *testing.M) {
	shared.begun = true
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Cluster is the cluster of the test binary, started when this is the first call. Do not stop it.
func Cluster(t testing.TB) *localpg.Cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.begun {
		t.Fatal("pgtest: the package needs func TestMain(m *testing.M) { pgtest.Main(m) }")
	}
	if shared.cluster == nil && shared.err == nil {
		shared.err = shared.start()
	}
	if shared.err != nil {
		t.Fatalf("pgtest: no database for the tests: %v", shared.err)
	}
	return shared.cluster
}

// Database is the connection string of a fresh database in which PostGIS is installed and nothing else. It is dropped, with
// all its connections, when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	c := Cluster(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return fresh(t, c, "template1")
}

// Filled is Database with what fill puts into it, which is done once for each name in a test binary: the others get copies. Fill must leave no
// connection open.
func Filled(t testing.TB, name string, fill func(dsn string) error) string {
	t.Helper()
	c := Cluster(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	full, there := shared.filled[name]
	if !there {
		full = shared.create(t, c, "template1")
		if err := fill(c.DSNFor(full)); err != nil {
			t.Fatalf("pgtest: %s: %v", name, err)
		}
		if shared.filled == nil {
			shared.filled = map[string]string{}
		}
		shared.filled[name] = full
	}
	return fresh(t, c, full)
}

// fresh is a copy of a database for one test. The caller holds the lock: CREATE DATABASE wants its template for itself.
func fresh(t testing.TB, c *localpg.Cluster, of string) (dsn string) {
	t.Helper()
	name := shared.create(t, c, of)
	t.Cleanup(func() {
		if err := execute(c.DSNFor("postgres"), `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return c.DSNFor(name)
}

// create copies a database.
func (s *suite) create(t testing.TB, c *localpg.Cluster, of string) (name string) {
	t.Helper()
	s.made++
	name = fmt.Sprintf("test_%d", s.made)
	// FILE_COPY without fsync is a plain copy; the default would write every page to the log too.
	if err := execute(c.DSNFor("postgres"), `CREATE DATABASE `+name+` TEMPLATE `+of+` STRATEGY file_copy`); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return name
}

// Folder is a fresh data folder for a server under test: unlike t.TempDir, the user who runs the database can enter it
// when the tests run as root. It is removed when the test ends.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := folder()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return dir
}

func folder() (string, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// start brings the cluster up, with PostGIS in template1, so that every database made later has it.
func (s *suite) start() (err error) {
	removeLeftovers()
	if s.dir, err = folder(); err != nil {
		return err
	}
	s.cluster, err = localpg.Start(context.Background(), localpg.Options{
		Dir: s.dir,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Settings: map[string]string{
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
			"autovacuum": "off", "shared_buffers": "64MB", "max_wal_size": "4GB",
		},
	})
	if err != nil {
		return err
	}
	return execute(s.cluster.DSNFor("template1"), `CREATE EXTENSION postgis`)
}

// stop ends the cluster, if there is one, and removes its folder.
func (s *suite) stop() (err error) {
	if s.cluster != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = s.cluster.Stop(ctx)
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// removeLeftovers removes the folders of test binaries that were killed: no server on them, and over an hour old.
func removeLeftovers() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*")) // the pattern is well formed
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Hour {
			continue
		}
		if _, live, err := localpg.Attach(dir); err == nil && !live {
			os.RemoveAll(dir)
		}
	}
}

func execute(dsn, sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}
