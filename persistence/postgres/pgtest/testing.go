package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
)

// TB is what the package needs of a [testing.TB]. It is an interface of its own
// so that programs can use the package without linking package testing.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Failed() bool
	Name() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// RequireEnv is the environment variable that makes a missing server a failure.
const RequireEnv = "MODELSERVER_REQUIRE_POSTGRES"

// Run starts a server for one test. Without the programs it skips the test, or
// fails it when [RequireEnv] is set.
func Run(t TB, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of PostgreSQL ends with\n%s", s.LogTail())
		}
		s.Close()
	})
	return s
}

// missing ends a test that got no server.
func missing(t TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNoPostgres) && os.Getenv(RequireEnv) == "" {
		t.Skipf("needs a real server: %v", err)
	}
	t.Fatalf("start PostgreSQL: %v", err)
}

// Shared is a server for all tests of a package, started by the first that asks
// for it:
//
//	var server pgtest.Shared
//
//	func TestMain(m *testing.M) { os.Exit(server.Main(m)) }
type Shared struct {
	Config Config

	once   sync.Once
	server *Server
	err    error
}

// Main runs the tests and closes the server if there is one.
func (s *Shared) Main(m interface{ Run() int }) int {
	code := m.Run()
	if s.server != nil {
		s.server.Close()
	}
	return code
}

// Get returns the server; without the programs it does as [Run].
func (s *Shared) Get(t TB) *Server {
	t.Helper()
	// Not the context of t, which ends before the server does.
	s.once.Do(func() { s.server, s.err = Start(context.Background(), s.Config) })
	if s.err != nil {
		missing(t, s.err)
	}
	return s.server
}

// Schema returns a name for a schema that no other test uses, made of the test's.
func Schema(t TB) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, t.Name())
	return "t_" + name[:min(len(name), 40)] + "_" + strings.ToLower(rand.Text()[:8])
}
