package pgtest

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// nobody is the user that the server runs as when root starts it.
const nobody = 65534

// runAsNobody says that the server must not run as this process's user.
func runAsNobody() bool { return os.Geteuid() == 0 }

// prepareProcess makes cmd die with this process, and run as nobody for root.
func prepareProcess(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if runAsNobody() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// family returns the process and its children. They do not fork any more once
// the process is stopped.
func family(pid int) []int {
	pids := []int{pid}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return pids
	}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err == nil && parent(child) == pid {
			pids = append(pids, child)
		}
	}
	return pids
}

// parent returns the parent of a process, or 0.
func parent(pid int) int {
	_, fields := stat(pid)
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(string(fields[1]))
	return ppid
}

// stat returns the state of a process, 0 when it is gone, and the fields of
// /proc/<pid>/stat from the state on.
func stat(pid int) (state byte, fields [][]byte) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, nil
	}
	fields = bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // a name may hold anything
	return fields[0][0], fields
}

// signalFamily signals a server and its backends.
func signalFamily(pid int, s syscall.Signal) []int {
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	pids := family(pid)
	for _, p := range pids {
		_ = syscall.Kill(p, s) // it may have ended meanwhile
	}
	return pids
}

// awaitDeath waits until none of the processes runs, the dead whom nobody has
// buried yet included.
func awaitDeath(pids []int) {
	for _, pid := range pids {
		for state, _ := stat(pid); state != 0 && state != 'Z'; state, _ = stat(pid) {
			<-time.After(time.Millisecond) // the kernel tells only the parent
		}
	}
}
