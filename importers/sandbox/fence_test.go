package sandbox

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestFence lets the reader try to break out of its fence, started exactly as it is for a file: as nobody, the way a
// server that runs as root starts it, and with the rights of an ordinary server.
func TestFence(t *testing.T) {
	temporary(t)
	users := map[string]*syscall.Credential{"own user": nil}
	if os.Geteuid() == 0 {
		users = map[string]*syscall.Credential{"nobody": {Uid: nobody, Gid: nobody}, "ordinary user": {Uid: 12345, Gid: 12345}}
	}
	for name, user := range users {
		t.Run(name, func(t *testing.T) {
			out := selftest(t, user)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			held := 0
			for _, line := range lines {
				if strings.HasPrefix(line, "held ") {
					held++
				}
				if strings.HasPrefix(line, "ESCAPED") {
					t.Error(line)
				}
			}
			if held != 23 || lines[len(lines)-1] != "all attempts made" {
				t.Errorf("%d attempts were held:\n%s", held, out)
			}
		})
	}
}

// selftest runs the reader's -selftest as a user and answers what it says.
func selftest(t *testing.T, user *syscall.Credential) string {
	t.Helper()
	in, err := os.Open(file(t, "secret", []byte("secret")))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	binary, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	folder, err := private()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	flags := uintptr(0)
	if user != nil {
		if err := os.Chown(folder, int(user.Uid), int(user.Gid)); err != nil {
			t.Fatal(err)
		}
		if user.Uid == nobody {
			flags = namespaces()
		}
	}
	c := child{folder: folder, stderr: &tail{}}
	cmd := c.command(t.Context(), Limits{}.withDefaults(), binary, in, nil, "", flags)
	cmd.SysProcAttr.Credential = user
	cmd.Args = append(cmd.Args, "-selftest")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%v: %s", err, c.stderr)
	}
	return out.String()
}

// TestInside: as root the child is nobody, in namespaces of its own, with an empty environment and no other file open.
func TestInside(t *testing.T) {
	temporary(t)
	t.Setenv("PGPASSWORD", "secret")
	look := script(t, `id -u >&2; env | cut -d= -f1 | sort | tr '\n' ' ' >&2; ls /proc/self/fd | tr '\n' ' ' >&2; readlink /proc/self/ns/net >&2; pwd >&2; ls -la . | wc -l >&2`)
	in, err := os.Open(file(t, "a.kml", []byte(kml)))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c, err := start(t.Context(), Reader{Program: look, Limits: Limits{}.withDefaults()}, in, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.finish(); err != nil {
		t.Error(err)
	}
	seen := c.stderr.String()
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(seen, "secret") || strings.Contains(seen, "PGPASSWORD") || !strings.Contains(seen, "GOMAXPROCS HOME LC_ALL MALLOC_ARENA_MAX") {
		t.Errorf("environment: %s", seen)
	}
	if os.Geteuid() == 0 && (!strings.HasPrefix(seen, "65534\n") || strings.Contains(seen, own)) {
		t.Errorf("as root: %s; own namespace %s", seen, own)
	}
	if _, err := os.Stat(c.folder); err == nil {
		t.Error("the folder is left")
	}
}
