package postgres

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

var (
	ctx    = context.Background()
	server pgtest.Shared
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// config is of a schema of the test's own on a server.
func config(t pgtest.TB, s *pgtest.Server) Config {
	c := DefaultConfig()
	c.URL, c.Schema = s.URL(), pgtest.Schema(t)
	return c
}

// openStore opens a store and closes it with the test.
func openStore(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := Open(ctx, c, Options{})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// connect returns a connection that no store has.
func connect(t testing.TB, s *pgtest.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(ctx, s.URL())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(ctx) })
	return conn
}

// exec runs a statement behind the store's back; "@" stands for its schema.
func exec(t testing.TB, s *Store, sql string, args ...any) {
	t.Helper()
	_, err := s.pool.Exec(ctx, in(s.cfg.Schema, sql), args...)
	must(t, err)
}

// claim claims an id.
func claim(t testing.TB, s *Store, id string) uint64 {
	t.Helper()
	epoch, err := s.Claim(ctx, id)
	must(t, err)
	return epoch
}

// load returns an id's recovery.
func load(t testing.TB, s *Store, id string) *persistence.Recovery {
	t.Helper()
	r, err := s.Load(ctx, id)
	must(t, err)
	return r
}
