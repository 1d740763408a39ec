package kafkatest

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
			atExit()
			close(p.exited)
		}
	}()
	return p, <-started
}

// signal is a no-op once the process has ended.
func (p *process) signal(s os.Signal) error {
	select {
	case <-p.exited:
		return nil
	default:
		return p.cmd.Process.Signal(s)
	}
}

// kill ends the process, frozen or not, and waits for that.
func (p *process) kill() {
	_ = p.signal(os.Kill) // fails only when it has ended meanwhile
	<-p.exited
}

const (
	tailLines = 40
	maxLine   = 4096
)

// logWriter copies a child's output to a file, remembers its last lines, and
// says when a certain text has passed.
type logWriter struct {
	file  *os.File
	text  []byte        // what to wait for
	found chan struct{} // closed when it has come

	mu      sync.Mutex
	partial []byte
	tail    []string
}

func newLogWriter(path, text string) (*logWriter, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &logWriter{file: f, text: []byte(text), found: make(chan struct{})}, nil
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := p
	for {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if len(w.partial)+len(line) <= maxLine {
			w.partial = append(w.partial, line...)
		}
		if !whole {
			break
		}
		w.line()
		rest = after
	}
	return w.file.Write(p)
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

// close closes the file; the log has nothing that an error could lose.
func (w *logWriter) close() { _ = w.file.Close() }

// Tail returns the last lines.
func (w *logWriter) Tail() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.tail, "\n")
}
