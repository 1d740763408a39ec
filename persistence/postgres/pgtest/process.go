package pgtest

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
)

// process is a child process that does not outlive this one.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait; valid once exited is closed
}

// startProcess starts cmd and calls atExit when it has ended. The thread that
// starts a child is kept until then, because Linux's death signal follows the
// thread.
func startProcess(cmd *exec.Cmd, atExit func()) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			atExit()
			close(p.exited)
		}
	}()
	return p, <-started
}

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

// signal is a no-op once the process has ended.
func (p *process) signal(s os.Signal) error {
	if !p.running() {
		return nil
	}
	return p.cmd.Process.Signal(s)
}

const (
	tailLines = 40
	maxLine   = 4096
)

// logWriter keeps the last lines of a child's output, and says when a certain
// text has passed.
type logWriter struct {
	text  []byte        // what to wait for
	found chan struct{} // closed when it has come

	mu      sync.Mutex
	partial []byte
	tail    []string
}

func newLogWriter(text string) *logWriter {
	return &logWriter{text: []byte(text), found: make(chan struct{})}
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; ; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if len(w.partial)+len(line) <= maxLine {
			w.partial = append(w.partial, line...)
		}
		if !whole {
			return len(p), nil
		}
		w.line()
		rest = after
	}
}

func (w *logWriter) line() {
	if w.text != nil && bytes.Contains(w.partial, w.text) {
		w.text = nil
		close(w.found)
	}
	if len(w.tail) == tailLines {
		w.tail = append(w.tail[:0], w.tail[1:]...)
	}
	w.tail = append(w.tail, string(w.partial))
	w.partial = w.partial[:0]
}

// Tail returns the last lines.
func (w *logWriter) Tail() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.tail, "\n")
}
