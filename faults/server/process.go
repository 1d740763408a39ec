package server

import (
	"os/exec"
	"runtime"
	"sync/atomic"
)

// process is a child that does not outlive this process.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of its end; valid once exited is closed
	told   atomic.Bool
	killed atomic.Bool
}

// startProcess starts cmd and calls atEnd when it has ended. The thread that
// starts a child is kept until then, because Linux's death signal follows the
// thread.
func startProcess(cmd *exec.Cmd, atEnd func(*process)) (*process, error) {
	dieWithParent(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			atEnd(p)
			close(p.exited)
		}
	}()
	return p, <-started
}

// running is false for nil.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the process, frozen or not, and waits for that.
func (p *process) kill() {
	p.killed.Store(true)
	_ = p.cmd.Process.Kill() // fails only when it has ended meanwhile
	<-p.exited
}
