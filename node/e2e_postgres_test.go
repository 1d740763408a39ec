package node_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// inPostgres are the settings of a store that the servers of one test share.
func inPostgres(t *testing.T, more ...string) []string {
	t.Helper()
	s := database.Get(t)
	return append([]string{
		"store.kind=postgres", "store.postgres.url=" + s.URL(), "store.postgres.schema=" + pgtest.Schema(t),
		"kafka.group.session_timeout=2s",
	}, more...)
}

// A server finds what it stored; a new one beside it begins with what the first
// one knows, under the same numbers, and each keeps its own statistics.
func TestPostgresStore(t *testing.T) {
	checkSharedStore(t, fake(t), inPostgres(t))
}

// Two servers of one name: the first one is fenced, and ends with an error that
// says why; the second one serves.
func TestTwinEndsTheFirst(t *testing.T) {
	second, err := runTwins(t, fake(t), inPostgres(t, "node.name=twin"))
	if err == nil || !strings.Contains(err.Error(), `another server has taken over the state of node "twin"`) || !strings.Contains(err.Error(), "node.name") {
		t.Errorf("the first ended with: %v", err)
	}
	if status, body := second.get("/readyz"); status != http.StatusOK {
		t.Errorf("the second: %s", body)
	}
}

// A database that is not there, or a URL that cannot be read, is told with its key
// and without its password.
func TestNoPostgres(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	cfg := w.config("store.kind=postgres", "store.postgres.url=postgres://me:hush@127.0.0.1:1/x", "store.postgres.retry_for=0s")
	_, err := node.New(cfg, node.Options{Types: types, Log: testLog(t)})
	if err == nil || !strings.Contains(err.Error(), "store.postgres: ") || !strings.Contains(err.Error(), "connection refused") ||
		strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
}
