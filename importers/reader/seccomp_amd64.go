package main

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_X86_64

// architectureCalls are the calls to refuse that only this machine has.
func architectureCalls() []int { return []int{unix.SYS_FORK, unix.SYS_VFORK} }
