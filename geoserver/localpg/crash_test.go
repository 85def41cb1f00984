package localpg

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wangge/grids"
)

// Whatever is killed, whenever: every acknowledged row is there afterwards, and nobody has to lend a hand.
func TestKills(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	acked := 0
	for round := range 3 {
		for _, victim := range []string{"server", "postmaster", "both", "backend", "all"} {
			s := startChild(t, dir, nil)
			s.ready(acked)
			s.acks(20 + round)
			pids := folder{dir: dir}.processes()
			master, _ := folder{dir: dir}.master()
			switch victim {
			case "postmaster":
				slay(t, master)
			case "both":
				slay(t, master, s.cmd.Process.Pid)
			case "backend":
				for _, pid := range pids {
					if title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(title), database+" "+database) {
						slay(t, pid)
					}
				}
			case "all":
				slay(t, append(pids, s.cmd.Process.Pid)...)
			}
			if victim == "postmaster" || victim == "backend" {
				for len(s.lines) > 0 { // what it acknowledged before
					s.acks(1)
				}
				s.acks(20) // the server goes on by itself
			}
			s.kill()
			acked = s.acked
		}
	}
	t.Logf("%d rows acknowledged over 15 kills", acked)
	s := startChild(t, dir, nil)
	s.ready(acked)
	s.acks(1)
	s.terminate()
}

// kept wants every acknowledged row; one more may have been committed without word of it.
func kept(t *testing.T, c *Cluster, acked int) {
	t.Helper()
	rows, top, err := count(t.Context(), c.DSN())
	if err != nil || rows != top || rows < acked {
		t.Errorf("%d rows up to %d, %d acknowledged: %v", rows, top, acked, err)
	}
}

// slay is kill -9.
func slay(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
}

// A killed server takes PostgreSQL with it, also when nothing comes after.
func TestNoOrphanSurvives(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	s := startChild(t, dir, nil)
	s.ready(0)
	s.kill()
	if left := awaitEnd(folder{dir: dir}); len(left) > 0 {
		t.Errorf("processes %v outlived the server", left)
	}
}

// A backend that computes does not notice that its postmaster died, and holds the shared memory: PostgreSQL alone would
// refuse to start beside it.
func TestBusyBackendThatOutlivedItsPostmaster(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	s := startChild(t, dir, nil)
	s.ready(0)
	dsn, _, err := Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	const busy = `WITH RECURSIVE endless AS (SELECT 1 AS n UNION ALL SELECT 1 - n FROM endless) SELECT count(*)::text FROM endless`
	go func() { _, _ = ask(dsn, busy) }() // ends with its backend
	for query(t, dsn, `SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE 'WITH RECURSIVE endless%' AND state = 'active'`) == "0" {
		time.Sleep(pollEvery)
	}
	f := folder{dir: dir}
	master, _ := f.master()
	slay(t, master, s.cmd.Process.Pid)
	s.kill()
	if left := f.processes(); len(left) == 0 {
		t.Fatal("the busy backend is gone: this test tests nothing")
	}
	s2 := startChild(t, dir, nil)
	s2.ready(s.acked)
	s2.terminate()
}

func TestStalePidFile(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	s := startChild(t, dir, nil)
	s.ready(0)
	s.acks(10)
	f := folder{dir: dir}
	master, _ := f.master()
	slay(t, master, s.cmd.Process.Pid)
	s.kill()
	awaitEnd(f)
	real, err := os.ReadFile(f.path(pidFile))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(real), "\n")

	stranger := exec.Command("sleep", "600")
	zombie := exec.Command("true")
	for _, cmd := range []*exec.Cmd{stranger, zombie} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // the zombie has ended already
			_ = cmd.Wait()
		})
	}
	other := startOf(t, dataFolder(t)) // somebody else's PostgreSQL
	foreign, _ := other.master()
	acked := s.acked
	for name, text := range map[string]string{
		"dead":               string(real),
		"stranger":           strconv.Itoa(stranger.Process.Pid) + "\n" + rest,
		"zombie":             strconv.Itoa(zombie.Process.Pid) + "\n" + rest,
		"foreign postmaster": strconv.Itoa(foreign) + "\n" + rest,
		"init":               "1\n" + rest,
		"empty":              "",
		"cut off":            "12",
		"garbage":            "\x00\x00\x00\x00",
	} {
		owner := ownerOf(t, f.path(dataDir))
		place(t, f.path(pidFile), text)
		if err := os.Chown(f.path(pidFile), int(owner), -1); err != nil {
			t.Fatal(err)
		}
		c, err := Start(t.Context(), Options{Dir: dir, Settings: quick(), Log: toTest(t)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kept(t, c, acked)
		stopped(t, c)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the stranger was harmed: %v", err)
	}
	query(t, other.DSN(), `SELECT 'alive'`)
}

// Supervision gives up on a cluster that cannot be started, and says so everywhere.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Dir: dataFolder(t)})
	place(t, filepath.Join(c.path(dataDir), "postgresql.conf"), "no_such_setting = 1\n")
	if err := os.Chown(filepath.Join(c.path(dataDir), "postgresql.conf"), int(ownerOf(t, c.path(dataDir))), -1); err != nil {
		t.Fatal(err)
	}
	master, _ := c.master()
	slay(t, master)
	select {
	case err := <-c.Failed():
		isError(t, err, grids.Unavailable, "does not stay up", "FATAL")
	case <-time.After(time.Minute):
		t.Fatal("it still tries")
	}
	if _, open := <-c.Failed(); open {
		t.Error("a second error")
	}
	isError(t, c.Health(), grids.Unavailable, "does not stay up")
	stopped(t, c)
}
