package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// attempt is something that the fence must stop. It answers nil when it got through.
type attempt struct {
	name string
	try  func() error
}

// escape tries to break out of the fence and reports each attempt as "held NAME: why" or "ESCAPED NAME". It answers the
// exit status: 0 when everything was held.
func escape(w io.Writer) int {
	status := 0
	for _, a := range attempts() {
		if err := a.try(); err != nil {
			fmt.Fprintf(w, "held %s: %v\n", a.name, err)
			continue
		}
		fmt.Fprintf(w, "ESCAPED %s\n", a.name)
		status = 3
	}
	if err := os.WriteFile("own", []byte("x"), 0o600); err != nil { // a fence that stops everything proves nothing
		fmt.Fprintf(w, "ESCAPED nothing, but the own folder is closed: %v\n", err)
		return 3
	}
	fmt.Fprintln(w, "all attempts made")
	return status
}

func attempts() []attempt {
	opens := func(path string, flag int) func() error {
		return func() error {
			f, err := os.OpenFile(path, flag, 0o600)
			if err != nil {
				return err
			}
			return f.Close()
		}
	}
	lists := func(path string) func() error {
		return func() error { _, err := os.ReadDir(path); return err }
	}
	socket := func(domain, kind int) func() error {
		return func() error { _, err := unix.Socket(domain, kind, 0); return err }
	}
	dial := func(network, address string) func() error {
		return func() error { _, err := net.DialTimeout(network, address, time.Second); return err }
	}
	return []attempt{
		{"read /etc/passwd", opens("/etc/passwd", os.O_RDONLY)},
		{"read the parent's environment", opens(fmt.Sprintf("/proc/%d/environ", os.Getppid()), os.O_RDONLY)},
		{"list /", lists("/")},
		{"list the folders of others", lists("..")},
		{"write beside the own folder", opens("../escaped", os.O_WRONLY|os.O_CREATE)},
		{"write to /var/tmp", opens("/var/tmp/wangge-escaped", os.O_WRONLY|os.O_CREATE)},
		{"write to a library", opens("/usr/lib/os-release", os.O_WRONLY)},
		{"reopen the input for writing", opens("/proc/self/fd/0", os.O_WRONLY)},
		{"TCP socket", socket(unix.AF_INET, unix.SOCK_STREAM)},
		{"UDP socket", socket(unix.AF_INET, unix.SOCK_DGRAM)},
		{"unix socket", socket(unix.AF_UNIX, unix.SOCK_STREAM)},
		{"netlink socket", socket(unix.AF_NETLINK, unix.SOCK_RAW)},
		{"connect to this machine", dial("tcp", "127.0.0.1:22")},
		{"ask a name server", dial("udp", "127.0.0.1:53")},
		{"signal the parent", func() error { return unix.Kill(os.Getppid(), 0) }},
		{"trace the parent", func() error { return unix.PtraceAttach(os.Getppid()) }},
		{"change the parent's limits", func() error {
			return unix.Prlimit(os.Getppid(), unix.RLIMIT_NOFILE, nil, &unix.Rlimit{})
		}},
		{"raise the own limits", func() error {
			return unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
		}},
		{"io_uring", func() error { return call(unix.SYS_IO_URING_SETUP, 1, 0) }},
		{"new process", fork},
		{"become root", func() error { return unix.Setreuid(0, 0) }},
		{"map 8 GiB", func() error {
			b, err := unix.Mmap(-1, 0, 8<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			return errors.Join(err, unmap(b))
		}},
		{"run a program", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) }}, // last: it would not come back
	}
}

func call(number, a, b uintptr) error {
	if _, _, errno := unix.RawSyscall(number, a, b, 0); errno != 0 {
		return errno
	}
	return nil
}

// fork asks for a process; one that comes into being ends at once.
func fork() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, _, errno := unix.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	return nil
}

func unmap(b []byte) error {
	if b == nil {
		return nil
	}
	return unix.Munmap(b)
}
