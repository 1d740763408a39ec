package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Config is a server to be.
type Config struct {
	Program  string // what [Build] has made
	Dir      string // of its own: configuration, data, log
	Name     string
	Settings Settings
}

// Server is one configuration and its processes.
type Server struct {
	cfg    Config
	file   string // the configuration's
	output *output

	mu      sync.Mutex
	process *process // the latest; nil before the first
	starts  int
}

// New writes the configuration. Nothing runs until [Server.Start].
func New(cfg Config) (*Server, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	file, err := cfg.Settings.write(cfg.Dir, cfg.Name)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, file: file}
	s.output, err = newOutput(s.LogFile())
	return s, err
}

// Name is what the server is called.
func (s *Server) Name() string { return s.cfg.Name }

// LogFile is where the processes' log is.
func (s *Server) LogFile() string { return filepath.Join(s.cfg.Dir, "server.log") }

// LogTail returns the last lines of the log.
func (s *Server) LogTail() string {
	s.output.mu.Lock()
	defer s.output.mu.Unlock()
	return strings.Join(s.output.tail, "\n")
}

// Complaints are lines of the log that no healthy process writes, and ends of
// processes that nobody asked for.
func (s *Server) Complaints() []string {
	s.output.mu.Lock()
	defer s.output.mu.Unlock()
	return slices.Clone(s.output.complaints)
}

// Starts is how many processes there have been.
func (s *Server) Starts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

// Running says whether a process runs, frozen or not.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.running()
}

// Start starts a process and does not wait for it to be ready. While one runs
// it does nothing.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.running() {
		return nil
	}
	s.output.forget()
	cmd := exec.Command(s.cfg.Program, "serve", "--config", s.file) //nolint:noctx // it ends when it is told to
	cmd.Stdout, cmd.Stderr = s.output, s.output
	cmd.Env = environment()
	p, err := startProcess(cmd, s.ended)
	if err != nil {
		return fmt.Errorf("server %s: %w", s.cfg.Name, err)
	}
	s.process = p
	s.starts++
	return nil
}

// environment is ours without settings of a server.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MODELSERVER_") })
}

// ended takes note of a process that ended by itself. One that was told to and
// says that it could not finish, since its broker was away, is counted.
func (s *Server) ended(p *process) {
	s.output.mu.Lock()
	defer s.output.mu.Unlock()
	switch {
	case p.killed.Load():
	case !p.told.Load():
		s.output.complain(fmt.Sprintf("the process of server %s ended by itself with %v", s.cfg.Name, p.err))
	case p.err != nil:
		s.output.unclean++
	}
}

// UncleanStops is how many processes were told to stop and ended with an error.
func (s *Server) UncleanStops() int {
	s.output.mu.Lock()
	defer s.output.mu.Unlock()
	return s.output.unclean
}

// Kill ends the process as a crash does, frozen or not, and waits until it is
// gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.running() {
		s.process.kill()
	}
}

// Stop asks the process to end and waits until it has. When ctx ends first it is
// killed, which is an error.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.running() {
		return nil
	}
	s.process.told.Store(true)
	if err := s.process.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("server %s: %w", s.cfg.Name, err)
	}
	select {
	case <-s.process.exited:
		return nil
	case <-ctx.Done():
		s.process.kill()
		return fmt.Errorf("server %s did not stop (%w) and was killed", s.cfg.Name, ctx.Err())
	}
}

// Freeze stops the process in its tracks: connections stay open and nothing
// answers, as when a machine hangs.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Continue lets a frozen process go on.
func (s *Server) Continue() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.running() {
		return fmt.Errorf("server %s: %v for a process that does not run", s.cfg.Name, sig)
	}
	return s.process.cmd.Process.Signal(sig)
}

// AwaitReady waits until the process reads records.
func (s *Server) AwaitReady(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last := "it has no address"
	for {
		status, body, err := s.Get(ctx, "/readyz")
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil {
			last = body
		}
		if !s.Running() {
			return fmt.Errorf("server %s does not run; its log ends with\n%s", s.cfg.Name, s.LogTail())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("server %s is not ready (%w): %s; its log ends with\n%s", s.cfg.Name, ctx.Err(), last, s.LogTail())
		}
	}
}

// Get asks the process over HTTP, once its address is known.
func (s *Server) Get(ctx context.Context, path string) (status int, body string, err error) {
	address, changed := s.output.current()
	for address == "" {
		s.mu.Lock()
		p := s.process
		s.mu.Unlock()
		if p == nil {
			return 0, "", fmt.Errorf("server %s was not started", s.cfg.Name)
		}
		select {
		case <-changed:
			address, changed = s.output.current()
		case <-p.exited:
			return 0, "", fmt.Errorf("server %s has ended", s.cfg.Name)
		case <-ctx.Done():
			return 0, "", ctx.Err()
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	const most = 16 << 20
	b, err := io.ReadAll(io.LimitReader(resp.Body, most))
	return resp.StatusCode, string(b), err
}

// Close kills the process if it runs and closes the log.
func (s *Server) Close() {
	s.Kill()
	_ = s.output.file.Close() // nothing that anybody needs is lost
}
