package node_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

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
	w := fake(t)
	types := (&adder{}).registry(t)
	set := inPostgres(t)
	a := w.start(types, append(set, "node.name=a")...)
	w.publish(addModel("first", "1000000"))
	second := w.publish(addModel("second", "2000000"))
	a.awaitModel("wine", "second")
	w.wines(0, 100)
	checkSums(t, w.scored(100)[second], 0, 100, 2_000_000)
	a.stop()

	a = w.start(types, append(set, "node.name=a")...)
	if st := a.state("wine"); st.Current == nil || st.Current.Number != 2 || st.Statistics.Records != 100 {
		t.Errorf("a, after its restart: %+v", st)
	}
	b := w.start(types, append(set, "node.name=b")...)
	if st := b.state("wine"); st.Current == nil || st.Current.Number != 2 || st.Statistics.Records != 0 {
		t.Errorf("b, at its first start: %+v", st)
	}
	third := w.publish(addModel("third", "3000000"))
	for _, s := range []*server{a, b} {
		if st := s.awaitModel("wine", "third"); st.Current.Number != 3 {
			t.Errorf("%s has it as generation %d", s.Name(), st.Current.Number)
		}
	}
	w.wines(100, 100)
	checkSums(t, w.scored(200)[third], 100, 100, 3_000_000)
}

// Two servers of one name: the first one is fenced, and ends with an error that
// says why; the second one serves.
func TestTwinEndsTheFirst(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	set := inPostgres(t, "node.name=twin")
	w.publish(addModel("first", "1000000"))
	first, err := node.New(w.config(append(set, "kafka.group.instance_id=1")...), node.Options{Types: types, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	select {
	case <-first.ReadyForRecords():
	case err := <-ended:
		t.Fatalf("the first ended: %v", err)
	}

	second := w.start(types, append(set, "kafka.group.instance_id=2")...)
	w.publish(addModel("second", "2000000"))
	second.awaitModel("wine", "second")
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), `another server has taken over the state of node "twin"`) || !strings.Contains(err.Error(), "node.name") {
			t.Errorf("the first ended with: %v", err)
		}
	case <-time.After(patience):
		t.Error("the first goes on")
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
