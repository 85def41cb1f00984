package localpg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"wangge/grids"
)

// Names inside the folder "pg" of the data folder.
const (
	dataDir      = "data"
	pidFile      = "data/postmaster.pid"
	runDir       = "run"
	lockFile     = "lock"
	passwordFile = "password"
	ballastFile  = "ballast"

	socketPort = "5432" // only a part of the socket's name: nothing listens on TCP
	socketMax  = 107    // bytes of a Unix socket's path that Linux takes (sun_path, less its NUL)
)

// folder is the part of a data folder that holds the cluster, and whom it belongs to.
type folder struct {
	dir   string              // the data folder, absolute
	owner *syscall.Credential // who runs PostgreSQL; nil is the server's own user
}

// path is the place of one of the names above; "" is the folder itself.
func (f folder) path(name string) string { return filepath.Join(f.dir, "pg", name) }

func (f folder) checkSocketPath() error {
	if strings.Contains(f.dir, ",") {
		return grids.Errorf(grids.Invalid, "the path of the data folder %s has a comma in it, which PostgreSQL's programs take for the end of "+
			"the path: choose one without", f.dir)
	}
	socket := f.path(runDir) + "/.s.PGSQL." + socketPort
	if over := len(socket) - socketMax; over > 0 {
		return grids.Errorf(grids.Invalid, "the path of the data folder %s is %d bytes too long: a Unix socket inside it may have "+
			"%d bytes; choose a shorter one", f.dir, over, socketMax)
	}
	return nil
}

// findOwner is the user to run PostgreSQL as: nobody special unless we are root, else the owner of an existing
// cluster, else the user of that name.
func findOwner(name, data string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if info, err := os.Stat(data); err == nil {
		st := info.Sys().(*syscall.Stat_t)
		if st.Uid == 0 {
			return nil, grids.Errorf(grids.Invalid, "the database in %s belongs to root, and PostgreSQL refuses to run as root: give "+
				"it to its user again, for example with chown -R postgres: %s", data, filepath.Dir(data))
		}
		return &syscall.Credential{Uid: st.Uid, Gid: st.Gid}, nil
	}
	if name == "" {
		name = "postgres"
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, grids.Errorf(grids.Invalid, "the server was started by root, and PostgreSQL cannot run as the user %q: %w", name, err)
	}
	uid, errU := strconv.ParseUint(u.Uid, 10, 32)
	gid, errG := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errU, errG); err != nil || uid == 0 {
		return nil, grids.Errorf(grids.Invalid, "PostgreSQL cannot run as the user %q (id %s): name an ordinary user", name, u.Uid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil // no supplementary groups
}

// occupy makes the folders, takes the lock, and sees that the owner can enter.
func (c *Cluster) occupy() error {
	if err := c.makeFolders(); err != nil {
		return c.unwritable(err)
	}
	pg, err := os.OpenRoot(c.path(""))
	if err != nil {
		return c.unwritable(err)
	}
	lock, err := c.takeLock(pg)
	if err != nil {
		pg.Close()
		return c.unwritable(err)
	}
	c.pg, c.lock = pg, lock
	if err := errors.Join(c.give("."), c.give(lockFile)); err != nil {
		c.release()
		return c.unwritable(err)
	}
	if err := c.checkEntry(c.bin); err != nil {
		c.release()
		return err
	}
	return nil
}

func (f folder) makeFolders() error {
	_, missing := os.Stat(f.dir)
	if err := os.MkdirAll(f.dir, 0o711); err != nil { // 0711: the owner of pg/ must pass through, others see nothing
		return err
	}
	if os.IsNotExist(missing) && f.owner != nil {
		if err := os.Chmod(f.dir, 0o711); err != nil { // whatever the umask
			return err
		}
	}
	if err := os.Mkdir(f.path(""), 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

// give hands a file or folder inside pg to the user who runs PostgreSQL.
func (c *Cluster) give(name string) error {
	if c.owner == nil {
		return nil
	}
	return c.pg.Lchown(name, int(c.owner.Uid), int(c.owner.Gid))
}

// unwritable turns the system's refusal into a sentence.
func (f folder) unwritable(err error) error {
	var ours *grids.Error
	switch {
	case errors.As(err, &ours):
		return err
	case errors.Is(err, syscall.EROFS):
		return grids.Errorf(grids.Invalid, "the data folder %s is on a read-only file system (%w): choose another folder with --data, "+
			"or mount it writable", f.dir, err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return grids.Errorf(grids.Full, "the disk of the data folder %s is full (%w): free some space and start again", f.dir, err)
	case errors.Is(err, fs.ErrPermission):
		return grids.Errorf(grids.Invalid, "the data folder %s cannot be written by the user who runs the server (id %d): %w; "+
			"choose another folder with --data, or start the server as the folder's owner", f.dir, os.Geteuid(), err)
	}
	return grids.Errorf(grids.Invalid, "the data folder %s cannot be used: %w", f.dir, err)
}

// checkEntry lets the kernel say whether the owner can enter the folder, and names the folder that stops him.
func (f folder) checkEntry(b binaries) error {
	enter := func(dir string) error {
		cmd := exec.Command(b.path("postgres"), "--version")
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: f.owner}
		return cmd.Run()
	}
	if enter(f.path("")) == nil {
		return nil
	}
	at := "/"
	for _, name := range append([]string{""}, strings.Split(strings.TrimPrefix(f.path(""), "/"), "/")...) {
		at = filepath.Join(at, name)
		if err := enter(at); err != nil {
			return grids.Errorf(grids.Invalid, "the data folder %s cannot be used: %s, who runs the database, cannot enter %s (%w); "+
				"choose a folder elsewhere with --data, such as /var/lib/wangge, or allow it with chmod o+x %s",
				f.dir, f.ownerName(), at, err, at)
		}
	}
	return nil
}

func (f folder) ownerName() string {
	id := os.Geteuid()
	if f.owner != nil {
		id = int(f.owner.Uid)
	}
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return "the user " + u.Username
	}
	return fmt.Sprintf("the user with id %d", id)
}

// holder is what a lock file says: who holds it, and where the socket is ("" until the cluster is ready).
type holder struct {
	held   bool
	pid    int
	socket string
}

// takeLock locks the file for this open file description, so that the kernel lets go when the server dies, and a second
// Start in the same process is refused too. The error is Conflict when somebody else holds it.
func (c *Cluster) takeLock(pg *os.Root) (*os.File, error) {
	f, err := pg.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if err == nil {
		err = announce(f, "")
	} else if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		h, _ := readLock(c.path(lockFile)) // only to say who
		err = grids.Errorf(grids.Conflict, "another server (process %d) is running on the data folder %s: stop it first, or give "+
			"this one a folder of its own with --data", h.pid, c.dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// announce writes our process and the socket folder into the lock file.
func announce(lock *os.File, socket string) error {
	text := fmt.Sprintf("%d\n%s\n", os.Getpid(), socket)
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(text), 0)
	return err
}

// readLock asks who holds a lock file, without taking it even for a moment.
func readLock(path string) (holder, error) {
	f, err := os.Open(path)
	if err != nil {
		return holder{}, err
	}
	defer f.Close()
	lk := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lk); err != nil {
		return holder{}, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return holder{}, err
	}
	pid, socket, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), "\n")
	h := holder{held: lk.Type != unix.F_UNLCK, socket: socket}
	h.pid, _ = strconv.Atoi(pid)
	return h, nil
}

// release lets go of the folder.
func (c *Cluster) release() {
	_ = c.pg.RemoveAll(runDir) // an empty folder that the next start makes anew
	c.lock.Close()
	c.pg.Close()
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
