package sandbox

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wangge/grids"
	"wangge/importers/sandbox/wire"
)

// nobody is the user and group of a child of root.
const nobody = 65534

// maxLogBytes is what is kept of a child's standard error, for the log only.
const maxLogBytes = 8 << 10

// child is one running reader program.
type child struct {
	cmd    *exec.Cmd
	out    *meter
	stderr *tail
	folder string
	name   string // of the file, for sentences
	cancel context.CancelFunc
	waited error
	done   bool
}

// start runs the program on the file, which stays the caller's to close.
func start(ctx context.Context, r Reader, file *os.File, layer string) (_ *child, err error) {
	folder, err := private()
	if err != nil {
		return nil, err
	}
	c := &child{folder: folder, name: display(baseName(file.Name())), stderr: &tail{}}
	ctx, c.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			c.cancel()
			os.RemoveAll(folder)
		}
	}()
	program, err := os.Open(r.Program)
	if err != nil {
		return nil, grids.Hide(grids.Unavailable, err, "the program wangge-reader cannot be started: build it with \"make build\"")
	}
	defer program.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return nil, grids.Hide(grids.Unavailable, err, "no reader can be started now; try again")
	}
	defer write.Close()
	c.out = &meter{pipe: read, wait: r.Limits.Wait, bytes: r.Limits.OutputBytes}
	if err = c.run(ctx, r.Limits, program, file, write, layer); err != nil {
		read.Close()
		return nil, grids.Hide(grids.Unavailable, err, "the program wangge-reader cannot be started in its sandbox: the temporary folder %s must be one that every user may enter", os.TempDir())
	}
	return c, nil
}

// private makes the child's folder, owned by the user it will run as.
func private() (string, error) {
	folder, err := os.MkdirTemp("", "wangge-reader-")
	if err == nil && os.Geteuid() == 0 {
		if err = os.Chown(folder, nobody, nobody); err != nil {
			os.RemoveAll(folder)
		}
	}
	if err != nil {
		return "", grids.Hide(grids.Unavailable, err, "no private folder can be made for the reader: check the folder that TMPDIR names")
	}
	return folder, nil
}

// run starts the process, in own namespaces if the system permits them.
func (c *child) run(ctx context.Context, l Limits, program, file, stdout *os.File, layer string) error {
	flags := namespaces()
	c.cmd = c.command(ctx, l, program, file, stdout, layer, flags)
	err := c.cmd.Start()
	if flags != 0 && errors.Is(err, syscall.EPERM) {
		slog.Warn("the reader runs without network and IPC namespaces of its own: the system does not permit them; seccomp and Landlock still deny it the network")
		c.cmd = c.command(ctx, l, program, file, stdout, layer, 0)
		err = c.cmd.Start()
	}
	return err
}

// namespaces are the flags of the namespaces that root may make.
func namespaces() uintptr {
	if os.Geteuid() == 0 {
		return syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC
	}
	return 0
}

// command is the process to start. The program is started through its open descriptor (3), because nobody may not
// be able to walk to it; the file is standard input.
func (c *child) command(ctx context.Context, l Limits, program, file, stdout *os.File, layer string, flags uintptr) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/fd/3",
		"-memory", strconv.FormatInt(l.MemoryBytes, 10),
		"-disk", strconv.FormatInt(l.DiskBytes, 10),
		"-cpu", strconv.FormatInt(max(1, int64(l.CPU/time.Second)), 10),
		"-layer", layer)
	cmd.Args[0] = "wangge-reader"
	cmd.ExtraFiles = []*os.File{program}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = file, stdout, c.stderr
	cmd.Dir = c.folder
	// Few threads and one heap arena: the address space is limited. No proxy, no secrets, no GDAL settings of ours.
	cmd.Env = []string{"LC_ALL=C.UTF-8", "HOME=" + c.folder, "TMPDIR=" + c.folder, "MALLOC_ARENA_MAX=1", "GOMAXPROCS=2"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: flags}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// stop ends the child if it still runs, waits for it and removes its folder. It answers how the child ended; later
// calls answer the same.
func (c *child) stop() error {
	if c.done {
		return c.waited
	}
	c.done = true
	c.cancel()
	return c.reap()
}

// finish waits for a child that has said its last word; one that lingers is killed.
func (c *child) finish() error {
	if c.done {
		return c.waited
	}
	c.done = true
	timer := time.AfterFunc(2*time.Second, c.cancel)
	defer timer.Stop()
	return c.reap()
}

func (c *child) reap() error {
	c.waited = c.cmd.Wait()
	c.cancel()
	c.out.pipe.Close()
	if err := os.RemoveAll(c.folder); err != nil {
		slog.Warn("the folder of a reader could not be removed", "folder", c.folder, "error", err)
	}
	return c.waited
}

// fate makes the sentence for a stream that broke off with err, from how the child ended.
func (c *child) fate(ctx context.Context, l Limits, err error) error {
	switch {
	case errors.Is(err, errOutput):
		c.stop()
		return grids.Errorf(grids.TooLarge, "the file %s holds more than %d MiB of data when read: split it", c.name, l.OutputBytes>>20)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.stop()
		return grids.Errorf(grids.TooLarge, "reading the file %s took longer than %v and was stopped: the file is too complex, or built to do harm", c.name, l.Wait)
	}
	if errors.Is(err, wire.ErrMalformed) {
		c.stop()
	}
	ended := c.finish()
	if ctx.Err() != nil {
		return grids.Hide(grids.Unavailable, ctx.Err(), "reading the file %s was cancelled", c.name)
	}
	slog.Warn("the reader broke off", "file", c.name, "stream", err, "ended", ended, "stderr", c.stderr.String())
	if state := c.cmd.ProcessState; state != nil && 10*(state.UserTime()+state.SystemTime()) >= 9*l.CPU { // the kernel's two clocks differ a little
		return grids.Hide(grids.TooLarge, err, "reading the file %s took more than %v of computing and was stopped: the file is too complex, or built to do harm", c.name, l.CPU)
	}
	return grids.Hide(grids.Invalid, err, "the file %s could not be read to its end: it is damaged, needs more memory than %d MiB, or is built to do harm; open it in a GIS and export it again", c.name, l.MemoryBytes>>20)
}

// errOutput is a child that says too much.
var errOutput = errors.New("sandbox: output limit")

// meter reads the child's output under the limits of time and size.
type meter struct {
	pipe  *os.File
	wait  time.Duration // left
	bytes int64         // left
}

// Read implements io.Reader.
func (m *meter) Read(b []byte) (int, error) {
	if m.bytes <= 0 {
		return 0, errOutput
	}
	began := time.Now()
	if err := m.pipe.SetReadDeadline(began.Add(m.wait)); err != nil {
		return 0, err
	}
	n, err := m.pipe.Read(b[:min(int64(len(b)), m.bytes)])
	m.wait -= time.Since(began)
	m.bytes -= int64(n)
	return n, err
}

var _ io.Reader = (*meter)(nil)

// tail keeps the first bytes of the child's standard error and swallows the rest.
type tail struct{ b []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p[:min(len(p), maxLogBytes-len(t.b))]...)
	return len(p), nil
}

// String is what was kept, in quotes' alphabet. Only after the child has ended.
func (t *tail) String() string { return strings.ToValidUTF8(string(t.b), "?") }

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
