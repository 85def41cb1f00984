package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"wangge/grids"
)

// initialise makes the cluster when there is none, and reads its password.
func (c *Cluster) initialise(ctx context.Context) error {
	if _, err := c.pg.Stat(dataDir); os.IsNotExist(err) {
		if err := c.initdb(ctx); err != nil {
			return err
		}
	}
	password, err := c.pg.ReadFile(passwordFile)
	if err != nil {
		return grids.Errorf(grids.Conflict, "the database in %s is there but its password file is not: %w; put %s back from a backup",
			c.path(""), err, c.path(passwordFile))
	}
	c.password = string(password)
	return nil
}

// initdb makes the cluster beside its place and renames it in: a crash on the way leaves nothing half made.
func (c *Cluster) initdb(ctx context.Context) error {
	if err := c.checkRoom(); err != nil {
		return err
	}
	const made = dataDir + ".new"
	if err := c.pg.RemoveAll(made); err != nil {
		return c.unwritable(err)
	}
	if err := c.writePassword(); err != nil {
		return c.unwritable(err)
	}
	c.log.Info("making the private database", "folder", c.path(""), "with", c.bin.version)
	args := []string{"-D", c.path(made), "-U", role, "--pwfile", c.path(passwordFile), "--auth-local", "scram-sha-256", "--auth-host", "reject",
		"-E", "UTF8", "--locale", "C.UTF-8", "--data-checksums", "--no-instructions"}
	if c.settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	// The kill at our death fires when the thread that started the child ends: hold it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := c.command(ctx, "initdb", args...)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		return c.diagnose(string(out), "PostgreSQL could not make a database in %s (%w): %s", c.path(""), err, reason(string(out)))
	}
	if err := errors.Join(c.pg.Rename(made, dataDir), syncDir(c.path("")), syncDir(c.dir)); err != nil {
		return c.unwritable(err)
	}
	return nil
}

// writePassword stores a new random password (260 bits), durable before the cluster that wants it.
func (c *Cluster) writePassword() error {
	f, err := c.pg.OpenFile(passwordFile, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(rand.Text() + rand.Text())
	return errors.Join(err, f.Sync(), f.Close(), c.give(passwordFile))
}

// command is one of PostgreSQL's programs, run as the owner in a process group of its own, so that Ctrl-C at the
// terminal does not reach it, and with none of the caller's PG* variables.
func (c *Cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.bin.path(program), args...)
	cmd.Dir = c.path("")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + c.path("")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// diagnose makes the error of a PostgreSQL program from its own words: Full when they speak of a full disk. Only text
// can tell, because the words of another process are all there is; its locale is ours, so they are English.
func (c *Cluster) diagnose(words, format string, args ...any) error {
	if isNoSpace(words) {
		return grids.Errorf(grids.Full, "the disk of the data folder %s is full, so PostgreSQL cannot run: free at least %d MiB and "+
			"start again (%s)", c.dir, ballastSize>>20, reason(words))
	}
	return grids.Errorf(grids.Unavailable, format, args...)
}

func isNoSpace(words string) bool {
	return strings.Contains(strings.ToLower(words), "no space left on device") || strings.Contains(strings.ToLower(words), "disk quota exceeded")
}

// reason is the line that says why: the first error if there is one, else the last line that is not empty.
func reason(words string) (last string) {
	for line := range strings.Lines(words) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "error:") || strings.Contains(line, "FATAL:") || strings.Contains(line, "PANIC:") {
			return line
		}
		if line != "" {
			last = line
		}
	}
	return last
}
