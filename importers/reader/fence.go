package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"wangge/importers/sandbox/wire"
)

// nobody is the user that a server running as root starts this program as.
const nobody = 65534

// fence gives up, for good and for all threads, everything that reading one file does not need: memory, time and
// disk beyond the task, all files but the own folder and the system's libraries, the network, new processes. It
// answers whether Landlock is part of the fence. A kernel that has Landlock and refuses it is an error; a kernel
// without it is one unless the program runs as nobody, who owns nothing.
func fence(t task) (landlocked bool, err error) {
	if err := closeRest(); err != nil {
		return false, failBecause(wire.FailFence, err)
	}
	if err := limit(t); err != nil {
		return false, failBecause(wire.FailFence, err)
	}
	abi, _ := ll.LandlockGetABIVersion()
	if abi < 1 && os.Getuid() != nobody {
		return false, fail(wire.FailUnfenced)
	}
	if abi >= 1 {
		if err := lock(); err != nil {
			return false, failBecause(wire.FailFence, err)
		}
	}
	if err := filterCalls(); err != nil {
		return false, failBecause(wire.FailFence, err)
	}
	return abi >= 1, nil
}

// closeRest closes what the parent had to leave open to start this program.
func closeRest() error { return unix.CloseRange(3, 3, 0) }

// limit sets the limits of the process. The number of processes is a limit of the user, not of this program: it is set
// only for nobody, and wide. Address space counts from where it is now, since Go and GDAL's libraries reserve a
// gigabyte of it before the first byte is used.
func limit(t task) error {
	reserved, err := addressSpace()
	if err != nil {
		return err
	}
	limits := map[int]uint64{
		unix.RLIMIT_AS:     reserved + uint64(t.memory),
		unix.RLIMIT_CPU:    uint64(t.cpu),
		unix.RLIMIT_FSIZE:  uint64(t.disk),
		unix.RLIMIT_NOFILE: 128,
		unix.RLIMIT_CORE:   0,
	}
	if os.Getuid() == nobody {
		limits[unix.RLIMIT_NPROC] = 1024
	}
	for which, v := range limits {
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: v, Max: v}); err != nil {
			return fmt.Errorf("limit %d: %w", which, err)
		}
	}
	return nil
}

// addressSpace is what the process has mapped, in bytes.
func addressSpace() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(b), &pages); err != nil {
		return 0, err
	}
	return pages * uint64(os.Getpagesize()), nil
}

// lock puts up Landlock and proves it.
func lock() error {
	const see = ll.AccessFSReadFile | ll.AccessFSReadDir
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	err = landlock.V9.BestEffort().Restrict(
		landlock.PathAccess(see, "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share/proj", "/usr/share/gdal",
			"/usr/local/share/proj", "/usr/local/share/gdal").IgnoreIfMissing(),
		landlock.ROFiles("/dev/urandom", "/dev/null").IgnoreIfMissing(),
		landlock.RWDirs(here))
	if err != nil {
		return err
	}
	if f, err := os.Open("/etc/passwd"); err == nil {
		return errors.Join(errors.New("landlock is up, and /etc/passwd can be read"), f.Close())
	}
	return nil
}
