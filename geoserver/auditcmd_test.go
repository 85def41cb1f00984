package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
)

func TestAuditVerify(t *testing.T) {
	dsn, data := pgtest.Database(t), pgtest.Folder(t)
	store, err := postgis.Open(t.Context(), dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for range 3 {
		if err := store.Note(t.Context(), grids.Operator, "look-exact", grids.OnFindings, nil); err != nil {
			t.Fatal(err)
		}
	}
	keepHeads(t.Context(), &config{Data: data}, &database{Store: store}, (&config{LogLevel: "error"}).logger())()
	args := []string{"audit", "verify", "--database-url-file", inFile(t, dsn), "--data", data}
	says := func(code int, what ...string) {
		t.Helper()
		out, got := command(t, args...)
		for _, w := range what {
			if got != code || !strings.Contains(out, w) {
				t.Errorf("exit %d instead of %d, or it does not say %q: %s", got, code, w, out)
			}
		}
	}
	says(0, "3 rows, 3 whole", headsFile)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `delete from wangge.audit where seq = 3; update wangge.audit_head h set (seq, hash) = (a.seq, a.hash) from wangge.audit a where a.seq = 2`); err != nil {
		t.Fatal(err)
	}
	says(1, "2 rows, 2 whole", "cut off", "damaged")
	if err := os.Remove(filepath.Join(data, headsFile)); err != nil {
		t.Fatal(err)
	}
	says(0, "2 rows, 2 whole")
	args = append(args, "--heads", filepath.Join(data, "none"))
	says(1, "cannot be read")
}

// inFile writes a secret to a file, as the commands take it.
func inFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(pgtest.Folder(t), "secret")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
