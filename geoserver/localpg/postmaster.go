package localpg

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// pollEvery is how often we look whether PostgreSQL is ready or a process has ended.
const pollEvery = 10 * time.Millisecond

// postmaster is one run of PostgreSQL.
type postmaster struct {
	pid   int
	cmd   *exec.Cmd
	gone  chan struct{}          // closed when it has ended and its last words are read
	words atomic.Pointer[string] // its last FATAL or PANIC line that was not about one session
}

// launch starts PostgreSQL on the cluster and returns when it takes connections.
func (c *Cluster) launch(ctx context.Context) (*postmaster, error) {
	bin, err := identify(c.root, c.bin.major)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.bin = bin
	c.mu.Unlock()
	c.makeRoom()
	if err := c.clear(ctx); err != nil {
		return nil, err
	}
	p, err := c.spawn()
	if err != nil {
		return nil, c.diagnose(err.Error(), "PostgreSQL could not be started: %w", err)
	}
	if err := c.await(ctx, p); err != nil {
		return nil, err
	}
	return p, nil
}

// spawn starts the process.
func (c *Cluster) spawn() (*postmaster, error) {
	r, w, err := os.Pipe() // not StderrPipe: Wait would close it before the last words are read
	if err != nil {
		return nil, err
	}
	p := &postmaster{cmd: c.command(context.Background(), "postgres", c.arguments()...), gone: make(chan struct{})}
	p.cmd.Stderr = w
	p.cmd.SysProcAttr.Pdeathsig = syscall.SIGINT // a killed server leaves no orphan: PostgreSQL makes a fast shutdown
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig fires when the thread that started the child ends: hold it as long as the child lives
		err := p.cmd.Start()
		w.Close()
		started <- err
		if err != nil {
			r.Close()
			return
		}
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			defer r.Close()
			p.listen(r, c.log)
		}()
		_ = p.cmd.Wait() // how it ended is in p.cmd.ProcessState
		select {
		case <-heard:
		case <-time.After(time.Second): // a backend that outlived it holds the pipe open
		}
		close(p.gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.pid = p.cmd.Process.Pid
	return p, nil
}

// arguments are the settings of every run; they win over postgresql.conf.
func (c *Cluster) arguments() []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": c.path(runDir), // a list, but checkSocketPath lets no comma in
		"unix_socket_permissions": "0700",
		"port":                    socketPort,
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_destination":         "stderr",
		"logging_collector":       "off",
		"log_line_prefix":         "%b: ",  // who speaks: see listen
		"log_error_verbosity":     "terse", // DETAIL and STATEMENT hold people's data: they stay out of the log
		"log_min_error_statement": "panic",
		"restart_after_crash":     "on",
	}
	maps.Copy(settings, c.settings)
	args := []string{"-D", c.path(dataDir)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// listen passes PostgreSQL's log on, and keeps its last words.
func (p *postmaster) listen(r io.Reader, log *slog.Logger) {
	for in := bufio.NewReader(r); ; {
		part, _, err := in.ReadLine() // a line over 4 KiB comes in parts: never stop reading, or PostgreSQL would block
		if err != nil {
			return
		}
		who, line, _ := strings.Cut(string(part), ": ")
		session := who == "client backend" || who == "not initialized" // one that failed alone is no matter of ours
		level := slog.LevelDebug
		switch severity, _, _ := strings.Cut(line, ":"); {
		case severity == "PANIC", severity == "FATAL" && !session:
			level = slog.LevelError
			p.words.Store(&line)
		case severity == "WARNING":
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "postgres", "process", who, "said", line)
	}
}

// end says how the process ended. Call it when gone is closed.
func (p *postmaster) end() string {
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if w := p.words.Load(); w != nil && status.Signal() != syscall.SIGKILL { // the killed say nothing: those words were about something earlier
		return *w
	}
	return p.cmd.ProcessState.String()
}

// await returns when the postmaster says in its pid file that it takes connections (what pg_ctl waits for).
func (c *Cluster) await(ctx context.Context, p *postmaster) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if pid, state := c.master(); pid == p.pid && state == "ready" {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.gone:
			return c.diagnose(p.end(), "PostgreSQL did not start in %s: %s", c.path(""), p.end())
		case <-ctx.Done():
			p.stop(c.patient)
			return interrupted(ctx)
		}
	}
}

// master is the process (0: none) and the state that postmaster.pid names on its lines 1 and 8.
func (f folder) master() (pid int, state string) {
	text, err := os.ReadFile(f.path(pidFile))
	if err != nil {
		return 0, ""
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) > 7 {
		state = strings.TrimSpace(lines[7])
	}
	pid, err = strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return 0, state
	}
	return pid, state
}

// stop ends the postmaster: a fast shutdown (sessions are ended, a checkpoint is written), and when patience ends first
// an immediate one (the next start replays the log), and at last a kill. It reports whether the shutdown was clean.
func (p *postmaster) stop(patience context.Context) bool {
	_ = p.cmd.Process.Signal(syscall.SIGINT) // only fails when it has ended, as below
	select {
	case <-p.gone:
		return p.cmd.ProcessState.Success()
	case <-patience.Done():
	}
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.gone:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
	return false // its exit status says nothing: an immediate shutdown ends with 0 too
}

// clear makes the way free for a new postmaster: no process of an earlier one, no pid file that blames a stranger, and
// an empty socket folder, because a stale socket lock blocks too.
func (c *Cluster) clear(ctx context.Context) error {
	if err := c.endOrphans(ctx); err != nil {
		return err
	}
	if err := c.mendPidFile(); err != nil {
		return c.unwritable(err)
	}
	if err := c.pg.RemoveAll(runDir); err != nil {
		return c.unwritable(err)
	}
	if err := c.pg.Mkdir(runDir, 0o700); err != nil {
		return c.unwritable(err)
	}
	return c.give(runDir)
}

// mendPidFile puts our own pid into a postmaster.pid that names a living process which is no postmaster of ours (its
// number was used again, or it is a zombie), or that a crash left empty: PostgreSQL takes no notice of its parent. A dead
// pid it sees through by itself. The rest of the file stays: its shared memory key is the guard against backends
// that outlived their postmaster.
func (c *Cluster) mendPidFile() error {
	text, err := c.pg.ReadFile(pidFile)
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	pid, _ := c.master()
	if pid > 0 && syscall.Kill(pid, 0) == syscall.ESRCH {
		return nil
	}
	c.log.Warn("postmaster.pid names a process that is not this database: mending it", "pid", pid)
	_, rest, _ := strings.Cut(string(text), "\n")
	const mended = pidFile + ".new"
	if err := c.pg.WriteFile(mended, fmt.Appendf(nil, "%d\n%s", os.Getpid(), rest), 0o600); err != nil {
		return err
	}
	if err := c.give(mended); err != nil {
		return err
	}
	return c.pg.Rename(mended, pidFile)
}

// processes lists every PostgreSQL process on this cluster: its program is postgres and its working directory our data.
func (f folder) processes() (pids []int) {
	data, err := os.Stat(f.path(dataDir))
	if err != nil {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is well formed
	for _, link := range links {
		cwd, err := os.Stat(link)
		if err != nil || !os.SameFile(cwd, data) {
			continue
		}
		exe, err := os.Readlink(filepath.Join(filepath.Dir(link), "exe"))
		if err != nil || filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != "postgres" {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
