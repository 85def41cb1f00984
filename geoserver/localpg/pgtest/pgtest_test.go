package pgtest

import (
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/localpg"
)

func TestMain(m *testing.M) { Main(m) }

func TestDatabase(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			dsn := Database(t)
			if seen[dsn] {
				t.Fatalf("%s was given out twice", dsn)
			}
			seen[dsn] = true
			if got := text(t, dsn, `SELECT count(*)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = 'own'`); got != "0" {
				t.Error("the database is not fresh")
			}
			if got := text(t, dsn, `SELECT ST_AsText(ST_Point(121.5, 31.62))`); got != "POINT(121.5 31.62)" {
				t.Errorf("PostGIS says %q", got)
			}
			if err := execute(dsn, `CREATE TABLE own (n int)`); err != nil {
				t.Error(err)
			}
			conn, err := pgx.Connect(t.Context(), dsn) // left open: the cleanup must not wait for it
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { go conn.Close(t.Context()) })
		})
	}
	admin := Cluster(t).DSNFor("postgres")
	if got := text(t, admin, `SELECT count(*)::text FROM pg_database WHERE datname LIKE 'test%'`); got != "0" {
		t.Errorf("%s databases outlived their tests", got)
	}
}

func text(t *testing.T, dsn, sql string) (got string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func TestFolder(t *testing.T) {
	var dir string
	t.Run("usable", func(t *testing.T) {
		dir = Folder(t)
		c, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, Settings: map[string]string{"fsync": "off"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder outlived its test: %v", err)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	Cluster(t)
	live := shared.dir
	dead, young := Folder(t), Folder(t)
	old := time.Now().Add(-2 * time.Hour)
	for _, dir := range []string{live, dead} {
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	removeLeftovers()
	for dir, want := range map[string]bool{live: true, young: true, dead: false} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
}

func TestFilled(t *testing.T) {
	fills := 0
	fill := func(dsn string) error {
		fills++
		return execute(dsn, `CREATE TABLE own AS SELECT 1 AS n`)
	}
	for range 2 {
		t.Run("copy", func(t *testing.T) {
			dsn := Filled(t, "one", fill)
			if got := text(t, dsn, `SELECT count(*)::text FROM own`); got != "1" {
				t.Errorf("%s rows", got)
			}
			if err := execute(dsn, `INSERT INTO own VALUES (2)`); err != nil {
				t.Fatal(err)
			}
		})
	}
	if fills != 1 {
		t.Errorf("filled %d times", fills)
	}
}
