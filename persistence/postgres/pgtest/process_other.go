//go:build !linux

package pgtest

import (
	"os/exec"
	"syscall"
)

const nobody = 0

func runAsNobody() bool { return false }

func prepareProcess(*exec.Cmd) {}

// signalFamily reaches the server alone; its backends notice that it is gone.
func signalFamily(pid int, s syscall.Signal) []int {
	_ = syscall.Kill(pid, s)
	return nil
}

func awaitDeath([]int) {}
