package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filterCalls makes the kernel refuse, for all threads, the system calls by which a program that was taken over could
// reach beyond itself: sockets, programs, processes, signals and memory of others, kernel interfaces. Landlock does
// not know UDP, netlink or raw sockets, nor signals on older kernels.
func filterCalls() error {
	program := filter(uint32(os.Getpid()))
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	f := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Answers of a filter (linux/seccomp.h) and offsets in what it looks at (struct seccomp_data).
const (
	allow   = unix.SECCOMP_RET_ALLOW
	refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	absent  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	kill    = unix.SECCOMP_RET_KILL_PROCESS
	number  = 0
	machine = 4
	first   = 16 // low half of the first argument on a little-endian machine
)

// filter is the BPF program. Calls on the own process stay allowed: threads, signals, limits.
func filter(pid uint32) []unix.SockFilter {
	p := []unix.SockFilter{
		load(machine),
		jump(unix.BPF_JEQ, architecture, 1, 0), answer(kill),
		load(number),
		jump(unix.BPF_JGE, 0x40000000, 0, 1), answer(refuse), // the x32 calls, which would slip by
	}
	for _, call := range append(architectureCalls(),
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN,
		unix.SYS_EXECVE, unix.SYS_EXECVEAT,
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD,
		unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_TKILL, unix.SYS_KCMP,
		unix.SYS_SETPRIORITY, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETATTR, unix.SYS_IOPRIO_SET, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
		unix.SYS_IO_URING_SETUP, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_BY_HANDLE_AT,
		unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SEMGET, unix.SYS_MSGGET, unix.SYS_MQ_OPEN, unix.SYS_MEMFD_CREATE, unix.SYS_SETSID,
	) {
		p = append(p, jump(unix.BPF_JEQ, uint32(call), 0, 1), answer(refuse))
	}
	for _, call := range []uint32{unix.SYS_KILL, unix.SYS_TGKILL} { // only to itself
		p = append(p, jump(unix.BPF_JEQ, call, 0, 4), load(first), jump(unix.BPF_JEQ, pid, 0, 1), answer(allow), answer(refuse))
	}
	return append(p,
		jump(unix.BPF_JEQ, unix.SYS_PRLIMIT64, 0, 5), load(first), // 0 is itself
		jump(unix.BPF_JEQ, 0, 1, 0), jump(unix.BPF_JEQ, pid, 0, 1), answer(allow), answer(refuse),
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4), load(first), // a thread, not a process
		jump(unix.BPF_JSET, unix.CLONE_THREAD, 0, 1), answer(allow), answer(refuse),
		jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), answer(absent), // its flags lie in memory; glibc then takes clone
		answer(allow))
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jump(test uint16, value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: value}
}

func answer(v uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v}
}
