package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wangge/grids"
)

func TestUnusableFolder(t *testing.T) {
	t.Parallel()
	base := dataFolder(t)
	file := filepath.Join(base, "file")
	place(t, file, "")
	locked := filepath.Join(base, "locked")
	if err := os.Mkdir(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	cannotEnter := []string{"the user postgres, who runs the database, cannot enter " + locked, "chmod o+x " + locked}
	if os.Geteuid() != 0 { // then nobody else runs PostgreSQL, and the folder is shut for ourselves
		if err := os.Chmod(locked, 0); err != nil {
			t.Fatal(err)
		}
		cannotEnter = []string{"cannot be"}
	}
	for name, tt := range map[string]struct {
		o     Options
		words []string
	}{
		"none":         {Options{}, []string{"--data"}},
		"a file":       {Options{Dir: file}, []string{file, "not a directory"}},
		"too long":     {Options{Dir: base + strings.Repeat("/long", 20)}, []string{"bytes too long"}},
		"comma":        {Options{Dir: base + "/a,b"}, []string{"comma"}},
		"cannot enter": {Options{Dir: locked + "/data"}, cannotEnter},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tt.o, grids.Invalid, tt.words...) })
	}
	if os.Geteuid() == 0 {
		refused(t, Options{Dir: base + "/x", User: "no-such-user"}, grids.Invalid, "no-such-user")
		refused(t, Options{Dir: base + "/x", User: "root"}, grids.Invalid, "ordinary user")
		if err := os.MkdirAll(base+"/roots/pg/data", 0o700); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Dir: base + "/roots"}, grids.Invalid, "belongs to root", "chown")
	}
}

// The same folder first run by an ordinary user and then by root: PostgreSQL stays with its owner.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	dir, as := dataFolder(t), nobody(t)
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	s := startChild(t, dir, as)
	s.ready(0)
	s.acks(20)
	pid, _ := folder{dir: dir}.master()
	if got, want := uidOf(t, pid), uidOf(t, s.cmd.Process.Pid); got != want {
		t.Errorf("PostgreSQL runs as user %d, the server as %d", got, want)
	}
	s.terminate()
	c := startOf(t, dir)
	kept(t, c, s.acked)
	again, _ := c.master()
	if got, want := uidOf(t, again), ownerOf(t, c.path(dataDir)); got != want || got == 0 {
		t.Errorf("PostgreSQL runs as user %d on a cluster of user %d", got, want)
	}
	stopped(t, c)
	// A folder of somebody else is refused, and not touched.
	if as != nil {
		if err := os.Chown(dir, 0, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(c.path(""), 0, 0); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(c.path(""), 0); err != nil {
		t.Fatal(err)
	}
	s = startChild(t, dir, as)
	if line := s.next(); !strings.HasPrefix(line, fmt.Sprint("ERROR ", uint8(grids.Invalid))) || !strings.Contains(line, "folder's owner") {
		t.Errorf("on a folder of somebody else the server said %q", line)
	}
	s.drain()
	if err := os.Chmod(c.path(""), 0o700); err != nil {
		t.Fatal(err)
	}
}

func uidOf(t *testing.T, pid int) uint32 {
	t.Helper()
	return ownerOf(t, fmt.Sprintf("/proc/%d", pid))
}

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}

// The user who runs PostgreSQL owns the folder pg. A server run by root must not write through a link that he put there.
func TestLinksOutOfTheFolder(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	c := startOf(t, dir)
	stopped(t, c)
	outside := filepath.Join(dir, "outside")
	for _, name := range []string{lockFile, passwordFile, pidFile} {
		t.Run(name, func(t *testing.T) {
			place(t, outside, "precious")
			if err := os.Rename(c.path(name), c.path("aside")); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, c.path(name)); err != nil {
				t.Fatal(err)
			}
			c, err := Start(t.Context(), Options{Dir: dir, Settings: quick(), Log: toTest(t)})
			if err == nil {
				stopped(t, c)
				t.Error("the cluster started")
			}
			if text, err := os.ReadFile(outside); err != nil || string(text) != "precious" {
				t.Errorf("written through the link: %q, %v", text, err)
			}
			f := folder{dir: dir}
			if err := os.Remove(f.path(name)); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(f.path("aside"), f.path(name)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		})
	}
	startOf(t, dir)

	fresh := filepath.Join(dir, "fresh")
	if err := os.MkdirAll(filepath.Join(fresh, "pg"), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(fresh, "pg", passwordFile)); err != nil {
		t.Fatal(err)
	}
	refused(t, Options{Dir: fresh}, grids.Invalid, fresh)
	if text, err := os.ReadFile(outside); err != nil || string(text) != "precious" {
		t.Errorf("the password was written through the link: %q, %v", text, err)
	}
}
