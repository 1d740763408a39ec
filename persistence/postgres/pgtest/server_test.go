package pgtest_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// ask runs a query that returns one text.
func ask(t *testing.T, s *pgtest.Server, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var answer string
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// A server keeps its data and its address over a kill and a stop.
func TestServerLivesOn(t *testing.T) {
	s := pgtest.Run(t, pgtest.Config{Settings: map[string]string{"application_name": "from the test"}})
	if got := ask(t, s, "SELECT current_setting('application_name')"); got != "from the test" {
		t.Errorf("the setting is %q", got)
	}
	began := time.Now()
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE t AS SELECT 'kept' AS v"); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a killed server answers")
	}
	_ = conn.Close(t.Context())
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, s, "SELECT v FROM t"); got != "kept" {
		t.Errorf("after the kill: %q", got)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, s, "SELECT v FROM t"); got != "kept" {
		t.Errorf("after the stop: %q", got)
	}
	t.Logf("killed, stopped and started twice in %v", time.Since(began))
	s.Close()
	if _, err := os.Stat(s.DataDir()); !os.IsNotExist(err) {
		t.Errorf("the data is still there: %v", err)
	}
}

// A frozen server takes connections and does not answer.
func TestFrozenServer(t *testing.T) {
	s := pgtest.Run(t, pgtest.Config{})
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := pgx.Connect(ctx, s.URL()); err == nil {
		t.Error("a frozen server answers")
	}
	if err := s.Continue(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, s, "SELECT 'thawed'"); got != "thawed" {
		t.Error(got)
	}
}

func TestMissingServer(t *testing.T) {
	if _, err := pgtest.Start(t.Context(), pgtest.Config{Home: "none"}); err == nil || !strings.Contains(err.Error(), "make postgres") {
		t.Errorf("the error does not say how to bring it: %v", err)
	}
}
