package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The one user that the server knows, a superuser, and its database.
const (
	User     = "alice"
	Password = "alice-secret"
	Database = "postgres"
)

const readyLine = "database system is ready to accept connections"

// Config says what server to start. The zero value is one that starts fast.
type Config struct {
	// Settings are those of postgresql.conf.
	Settings map[string]string
	// Durable keeps fsync on: for benchmarks. A killed server loses nothing
	// without it, as long as the machine lives.
	Durable bool
	// StartTimeout limits each start; the default is a minute.
	StartTimeout time.Duration
	// Home is where the programs are; see [FindHome].
	Home string
}

// Server is a PostgreSQL server. Its address and data stay the same over stops,
// kills and restarts.
type Server struct {
	cfg  Config
	dir  string
	port int

	mu      sync.Mutex
	maxFile int // bytes; 0: no limit
	process *process
	log     *logWriter // of the latest run
}

// Start makes a server and starts it. The caller closes it.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = time.Minute
	}
	var err error
	if cfg.Home, err = FindHome(cfg.Home); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg}
	if err := s.create(ctx); err != nil {
		s.Close()
		return nil, err
	}
	const attempts = 3
	for attempt := 1; ; attempt++ {
		if s.port, err = freePort(); err == nil {
			err = s.Start(ctx)
		}
		if err == nil {
			return s, nil
		}
		// Somebody may take the port between our look at it and the server's.
		if attempt == attempts || !strings.Contains(err.Error(), "Address already in use") {
			s.Close()
			return nil, err
		}
	}
}

// create makes the directory and the data in it.
func (s *Server) create(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "pgtest-"); err != nil {
		return err
	}
	if runAsNobody() {
		if err := os.Chown(s.dir, nobody, nobody); err != nil {
			return err
		}
		if !readableByAll(filepath.Join(s.cfg.Home, "bin")) {
			copied := filepath.Join(s.dir, "programs")
			if err := os.CopyFS(copied, os.DirFS(s.cfg.Home)); err != nil {
				return fmt.Errorf("pgtest: copy the programs: %w", err)
			}
			s.cfg.Home = copied
		}
	}
	passwords := filepath.Join(s.dir, "password")
	if err := os.WriteFile(passwords, []byte(Password), 0o600); err != nil {
		return err
	}
	if runAsNobody() {
		if err := os.Chown(passwords, nobody, nobody); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StartTimeout)
	defer cancel()
	initdb := s.command(ctx, "initdb", "--pgdata", s.dataDir(), "--username", User, "--pwfile", passwords,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--data-checksums", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }

// command makes a command of PostgreSQL's that does not outlive this process.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.cfg.Home, "bin", name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "LC_ALL=C", "TZ=UTC"}
	prepareProcess(cmd)
	return cmd
}

// settings are what the server is started with.
func (s *Server) settings() map[string]string {
	all := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(s.port), "unix_socket_directories": "",
		"max_connections": "60", "shared_buffers": "32MB", "jit": "off", "timezone": "UTC", "log_timezone": "UTC",
		"fsync": "off", "full_page_writes": "off", "autovacuum": "off",
	}
	if s.cfg.Durable {
		all["fsync"], all["full_page_writes"], all["autovacuum"], all["shared_buffers"] = "on", "on", "on", "128MB"
	}
	maps.Copy(all, s.cfg.Settings)
	return all
}

// Start starts the server and returns when it serves. On a server that runs it
// does nothing.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StartTimeout)
	defer cancel()
	args := []string{"-D", s.dataDir()}
	settings := s.settings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	cmd := s.command(context.WithoutCancel(ctx), "postgres", args...) // it outlives the context of its start
	if s.maxFile > 0 {
		const block = 512
		cmd.Args = slices.Concat([]string{"sh", "-c", `ulimit -S -f "$0" && exec "$@"`, strconv.Itoa(s.maxFile / block), cmd.Path}, args)
		cmd.Path = "/bin/sh"
	}
	log := newLogWriter(readyLine)
	cmd.Stdout, cmd.Stderr = log, log
	// Backends that a kill has left behind for a moment hold the pipe.
	cmd.WaitDelay = time.Second
	p, err := startProcess(cmd, func() {})
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	s.process, s.log = p, log
	select {
	case <-log.found:
		return nil
	case <-p.exited:
		return fmt.Errorf("pgtest: the server ended at its start (%w); its log ends with\n%s", p.err, log.Tail())
	case <-ctx.Done():
		s.kill()
		return fmt.Errorf("pgtest: the server did not start (%w); its log ends with\n%s", ctx.Err(), log.Tail())
	}
}

// Stop ends the server in order, without waiting for its clients. When ctx ends
// first it is killed, which is an error.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.running() {
		return nil
	}
	if err := s.process.signal(syscall.SIGINT); err != nil { // "fast shutdown"
		return fmt.Errorf("pgtest: stop the server: %w", err)
	}
	select {
	case <-s.process.exited:
		return nil
	case <-ctx.Done():
		s.kill()
		return fmt.Errorf("pgtest: the server did not stop (%w) and was killed", ctx.Err())
	}
}

// Kill ends the server and all its backends as a crash does (SIGKILL), and waits
// until they are gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

// kill is called with mu held.
func (s *Server) kill() {
	if !s.process.running() {
		return
	}
	pids := signalFamily(s.process.cmd.Process.Pid, syscall.SIGKILL)
	<-s.process.exited
	awaitDeath(pids)
}

// Freeze stops the server and its backends in their tracks (SIGSTOP): connections
// stay open and nothing answers, as when a machine hangs.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Continue lets a frozen server go on.
func (s *Server) Continue() error { return s.signal(syscall.SIGCONT) }

// LimitFiles bounds the size of each file that the server writes from its next
// start on, so that what needs more fails as on a full disk; 0 takes the limit
// away. It must leave room for a WAL segment, 16 MiB.
func (s *Server) LimitFiles(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxFile = bytes
}

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.running() {
		return errors.New("pgtest: the server does not run")
	}
	signalFamily(s.process.cmd.Process.Pid, sig)
	return nil
}

// URL is the connection string of the one database, with the password.
func (s *Server) URL() string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(User, Password), Host: s.Addr(), Path: "/" + Database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Addr is the server's address.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// DataDir is the server's data directory.
func (s *Server) DataDir() string { return s.dataDir() }

// LogTail returns the last lines of the server's log.
func (s *Server) LogTail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		return ""
	}
	return s.log.Tail()
}

// Close kills the server and removes what it wrote.
func (s *Server) Close() {
	s.Kill()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // a temporary directory
	}
}

// Ports come from below the ranges out of which operating systems choose the
// ports of outgoing connections. Otherwise a client that tries to reach a server
// that is down may get its port for itself, and connect to itself.
const (
	firstPort = 10000
	lastPort  = 19999
)

// freePort returns a port of 127.0.0.1 on which nobody listens.
func freePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("pgtest: no free port between %d and %d", firstPort, lastPort)
}
