package localpg

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wangge/grids"
)

func TestReserve(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, tt := range []struct{ total, want uint64 }{
		{256 * mib, 64 * mib},
		{2 * gib, 512 * mib},
		{10 * gib, 512 * mib},
		{100 * gib, 5 * gib},
	} {
		if got := (space{total: tt.total}).reserve(); got != tt.want {
			t.Errorf("of %d MiB, %d MiB are reserved, want %d", tt.total/mib, got/mib, tt.want/mib)
		}
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if !inMountNamespace(t) {
		return
	}
	dir := t.TempDir()
	openParents(t, dir)
	tmpfs(t, dir, 256)
	c := startOf(t, dir)
	stopped(t, c)
	if err := os.Mkdir(dir+"/fresh", 0o711); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	for _, d := range []string{dir, dir + "/fresh", dir + "/missing"} {
		refused(t, Options{Dir: d}, grids.Invalid, d, "read-only", "--data")
	}
	if after := snapshot(t, dir); len(after) != len(before) {
		t.Error("the folder was changed")
	}
}

// openParents lets the user who runs PostgreSQL through to a folder of t.TempDir.
func openParents(t *testing.T, dir string) {
	t.Helper()
	for d := dir; d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
}

// A folder that an ordinary user may not write.
func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	s := startChild(t, dir, nobody(t))
	line := s.next()
	if !strings.HasPrefix(line, "ERROR "+strconv.Itoa(int(grids.Invalid))) || !strings.Contains(line, "cannot be written by the user") {
		t.Errorf("the server said %q", line)
	}
	s.drain()
}

// journal collects a log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	also io.Writer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(b)
	return j.also.Write(b)
}

func (j *journal) says(words string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), words)
}

// fill leaves no byte free.
func fill(t *testing.T, dir string) (filler string) {
	t.Helper()
	filler = filepath.Join(dir, "filler")
	f, err := os.OpenFile(filler, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, block := range []int{1 << 20, 4096} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, block))
		}
	}
	return filler
}

func TestFullDisk(t *testing.T) {
	if !inMountNamespace(t) {
		return
	}
	dir := t.TempDir()
	openParents(t, dir)
	small := filepath.Join(dir, "small")
	if err := os.Mkdir(small, 0o711); err != nil {
		t.Fatal(err)
	}
	tmpfs(t, small, 100)
	refused(t, Options{Dir: small}, grids.Full, small, "a new database needs")

	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o711); err != nil {
		t.Fatal(err)
	}
	tmpfs(t, disk, 256)
	log := &journal{also: t.Output()}
	o := Options{Dir: disk, Settings: quick(), Log: slog.New(slog.NewTextHandler(log, nil))}
	c := begin(t, o)
	if err := c.Writable(); err != nil {
		t.Fatal(err)
	}
	if !hasBallast(c) {
		t.Fatal("there is no ballast")
	}
	query(t, c.DSN(), `CREATE TABLE kept AS SELECT n, repeat('x', 500) AS filling FROM generate_series(1, 1000) AS n`)
	filler := fill(t, disk)
	isError(t, c.Writable(), grids.Full, "nearly full", "writing is refused")
	isError(t, c.Health(), grids.Full)

	// PostgreSQL dies on the full disk: only the ballast lets it come back.
	master, _ := c.master()
	slay(t, master)
	awaitRows(t, c, 1000)
	if hasBallast(c) || !log.says("the ballast was given up") {
		t.Error("the ballast was not given up, or nobody said so")
	}
	isError(t, c.Writable(), grids.Full)

	// Room again: the ballast comes back by itself.
	remove(t, filler)
	if c.keepBallast(); !hasBallast(c) {
		t.Error("the ballast did not come back")
	}
	if err := c.Writable(); err != nil {
		t.Error(err)
	}

	// A clean stop writes a checkpoint, and needs the ballast for it.
	fill(t, disk)
	stopped(t, c)
	remove(t, filler)

	// Written to past all warnings it panics, and comes back by itself.
	c = begin(t, o)
	rows := hammer(t, c, disk)
	awaitRows(t, c, rows)
	t.Log("stop:", c.Stop(t.Context())) // hard or clean: the panic may still be going on
	remove(t, filler)

	// The disk fills up before anybody read: the first session has to write a cache, and gets the ballast for it.
	c = begin(t, o)
	fill(t, disk)
	awaitRows(t, c, rows)
	stopped(t, c)

	// Without the ballast nothing can be done but to say so.
	if err := os.RemoveAll(c.path(ballastFile)); err != nil {
		t.Fatal(err)
	}
	fill(t, disk)
	refused(t, o, grids.Full, disk, "free")
	remove(t, filler)
	awaitRows(t, started(t, o), rows)
}

// begin starts a cluster that the test stops itself.
func begin(t *testing.T, o Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// hammer fills the disk and writes on, past all warnings, until PostgreSQL cannot extend its log and panics; it returns
// the rows acknowledged.
func hammer(t *testing.T, c *Cluster, disk string) (rows int) {
	t.Helper()
	query(t, c.DSN(), `SELECT 'the first session of a run writes a cache'`)
	fill(t, disk)
	const row = `INSERT INTO kept SELECT 0, '' FROM (SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))) AS megabyte_of_log`
	for rows = 1000; rows < 2000; rows++ {
		if _, err := ask(c.DSN(), row); err != nil {
			t.Logf("after %d rows: %v", rows, err)
			return rows
		}
	}
	t.Fatal("PostgreSQL writes on a full disk")
	return 0
}

func hasBallast(c *Cluster) bool {
	info, err := os.Stat(c.path(ballastFile))
	return err == nil && info.Sys().(*syscall.Stat_t).Blocks*512 >= ballastSize
}

// awaitRows waits until the database answers, and wants at least that many rows: an insert without an answer may be there too.
func awaitRows(t *testing.T, c *Cluster, rows int) {
	t.Helper()
	var text string
	var err error
	for range 2000 {
		if text, err = ask(c.DSN(), `SELECT count(*)::text FROM kept`); err == nil {
			if n, _ := strconv.Atoi(text); n < rows {
				t.Fatalf("%d rows of %d acknowledged", n, rows)
			}
			return
		}
		time.Sleep(pollEvery)
	}
	t.Fatalf("the database does not come back: %v", err)
}
