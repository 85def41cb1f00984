package localpg

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
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

// The test binary is also the server that the tests kill, and the process that may mount file systems.
const (
	serveEnv = "LOCALPG_TEST_SERVE" // run a server that writes on this data folder
	mountEnv = "LOCALPG_TEST_MOUNT" // the test that runs in a mount namespace of its own
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveEnv); dir != "" {
		os.Exit(serve(dir))
	}
	os.Exit(m.Run())
}

// quick spares the tests the waiting for disks; what a killed process leaves behind does not depend on fsync.
func quick() map[string]string { return map[string]string{"fsync": "off", "shared_buffers": "16MB"} }

// serve is a server that writes one row after another and acknowledges each on standard output once it is committed.
func serve(dir string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	c, err := Start(ctx, Options{Dir: dir, Settings: quick(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		fmt.Println("ERROR", uint8(grids.KindOf(err)), err)
		return 3
	}
	rows, top, err := count(ctx, c.DSN())
	if err != nil {
		fmt.Println("ERROR 0", err)
		return 3
	}
	fmt.Println("READY", rows, top)
	go write(ctx, c.DSN(), top+1)
	select {
	case err := <-c.Failed():
		fmt.Println("FAILED", err)
		return 4
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	fmt.Println("STOPPED", c.Stop(limit))
	return 0
}

// count is the number of rows and the highest of them: equal when none between was lost.
func count(ctx context.Context, dsn string) (rows, top int, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(ctx)
	if _, err = conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS written (n bigint CONSTRAINT written_pk PRIMARY KEY)`); err != nil {
		return 0, 0, err
	}
	err = conn.QueryRow(ctx, `SELECT count(*), coalesce(max(n), 0) FROM written`).Scan(&rows, &top)
	return rows, top, err
}

// write goes on through lost connections. A row whose fate is unknown is written again, which its key makes harmless.
func write(ctx context.Context, dsn string, n int) {
	for ctx.Err() == nil {
		conn, err := pgx.Connect(ctx, dsn)
		for ; err == nil; n++ {
			if _, err = conn.Exec(ctx, `INSERT INTO written VALUES ($1) ON CONFLICT DO NOTHING`, n); err != nil {
				break
			}
			fmt.Println("ACK", n)
		}
		if conn != nil {
			conn.Close(ctx)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// child is a running serve.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
	acked int // the last row acknowledged
	top   int // the highest row it found
	rows  int // how many it found
}

// startChild runs a server on dir as the given user (nil: ourselves).
func startChild(t *testing.T, dir string, as *syscall.Credential) *child {
	t.Helper()
	s := &child{t: t, cmd: exec.Command("/proc/self/exe"), lines: make(chan string, 100_000)} // by that path nobody can run it too
	s.cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	s.cmd.Dir, s.cmd.Stderr = "/", t.Output()
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			s.kill()
		}
	})
	go func() {
		defer close(s.lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	return s
}

// ready waits for the server and checks that every row acknowledged so far is there.
func (s *child) ready(acked int) {
	s.t.Helper()
	line := s.next()
	if _, err := fmt.Sscanf(line, "READY %d %d", &s.rows, &s.top); err != nil {
		s.t.Fatalf("the server said %q", line)
	}
	if s.rows != s.top || s.top < acked {
		s.t.Fatalf("%d rows up to %d are there, and %d were acknowledged", s.rows, s.top, acked)
	}
	s.acked = acked
}

func (s *child) next() string {
	s.t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok {
			s.t.Fatal("the server ended")
		}
		if n, isAck := strings.CutPrefix(line, "ACK "); isAck {
			s.acked, _ = strconv.Atoi(n)
		}
		return line
	case <-time.After(time.Minute):
		s.t.Fatal("the server says nothing")
		return ""
	}
}

// acks waits for n more acknowledged rows.
func (s *child) acks(n int) {
	s.t.Helper()
	for range n {
		if line := s.next(); !strings.HasPrefix(line, "ACK ") {
			s.t.Fatalf("the server said %q", line)
		}
	}
}

// drain reads what was still said, waits for the process, and returns the last line.
func (s *child) drain() (last string) {
	s.t.Helper()
	for line := range s.lines {
		if n, isAck := strings.CutPrefix(line, "ACK "); isAck {
			s.acked, _ = strconv.Atoi(n)
		}
		last = line
	}
	_ = s.cmd.Wait() // killed, or ended with a code that says what the last line says
	return last
}

// kill is kill -9 of the server.
func (s *child) kill() {
	_ = s.cmd.Process.Kill() // ended already, in a cleanup
	s.drain()
}

// terminate is a polite stop.
func (s *child) terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if last := s.drain(); last != "STOPPED <nil>" {
		s.t.Fatalf("the server said at the end %q", last)
	}
}

// dataFolder is an empty folder that the user who runs PostgreSQL can enter. Nothing of PostgreSQL may be left running in it.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpg-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := awaitEnd(folder{dir: dir}); len(left) > 0 {
			t.Errorf("processes %v of PostgreSQL are left in %s", left, dir)
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// awaitEnd waits for PostgreSQL in f to end, and returns the processes that do not.
func awaitEnd(f folder) []int {
	for range 3000 {
		if len(f.processes()) == 0 {
			return nil
		}
		time.Sleep(pollEvery)
	}
	return f.processes()
}

// nobody is an ordinary user to run a server as, when we are root; otherwise we are one ourselves.
func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, errU := strconv.Atoi(u.Uid)
	gid, errG := strconv.Atoi(u.Gid)
	if errU != nil || errG != nil {
		t.Fatal(errU, errG)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// inMountNamespace is true in a child that runs the same test and may mount file systems without anybody seeing it. In
// the parent it runs that child, fails when it failed, and is false. An ordinary user gets the right in a user namespace.
func inMountNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mountEnv) == t.Name() {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), mountEnv+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in a mount namespace (needs root with CAP_SYS_ADMIN, or user namespaces): %v", err)
	}
	return false
}

// tmpfs mounts a small file system in memory.
func tmpfs(t *testing.T, dir string, mib int) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0711", mib)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// refused starts a cluster that must not start, and wants these words in the sentence.
func refused(t *testing.T, o Options, kind grids.Kind, words ...string) {
	t.Helper()
	c, err := Start(t.Context(), o)
	if err == nil {
		_ = c.Stop(t.Context())
		t.Fatal("the cluster started")
	}
	isError(t, err, kind, words...)
}

func isError(t *testing.T, err error, kind grids.Kind, words ...string) {
	t.Helper()
	if err == nil || grids.KindOf(err) != kind {
		t.Fatalf("want an error %v, got %v: %v", kind, grids.KindOf(err), err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the sentence does not say %q: %s", w, err)
		}
	}
}

func toTest(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// started is a cluster that is stopped when the test ends.
func started(t *testing.T, o Options) *Cluster {
	t.Helper()
	if o.Settings == nil {
		o.Settings = quick()
	}
	if o.Log == nil {
		o.Log = toTest(t)
	}
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, c) })
	return c
}

func stopped(t *testing.T, c *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// query is one text from the database.
func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	text, err := ask(dsn, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func ask(dsn, sql string) (text string, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol) // one message: once the statement is seen, it runs
	if err != nil {
		return "", err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(all, ","), err
}

// snapshot is every name under dir with its mode, owner, time and content.
func snapshot(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode().IsRegular() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		st := info.Sys().(*syscall.Stat_t)
		all = append(all, fmt.Sprint(path, info.Mode(), st.Uid, st.Gid, info.ModTime().UnixNano(), string(content)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}
