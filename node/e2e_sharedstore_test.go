package node_test

import (
	"testing"
	"time"

	"github.com/modelstream/modelserver/node"
)

// checkSharedStore holds servers on a store that they share, with these settings,
// to what is promised of them: one that has lost its machine finds all it had; a
// new one beside it begins with what the first one knows, under the same numbers,
// and each keeps its own statistics.
func checkSharedStore(t *testing.T, w *world, set []string) {
	t.Helper()
	types := (&adder{}).registry(t)
	a := w.start(types, append(set, "node.name=a")...)
	w.publish(addModel("first", "1000000"))
	second := w.publish(addModel("second", "2000000"))
	a.awaitModel("wine", "second")
	w.wines(0, 100)
	checkSums(t, w.scored(100)[second], 0, 100, 2_000_000)
	a.stop()

	w.dir = t.TempDir() // another machine
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

// runTwins runs two servers of one name on a store that they share, and returns
// the second one, and what the first one ends with.
func runTwins(t *testing.T, w *world, set []string) (*server, error) {
	t.Helper()
	types := (&adder{}).registry(t)
	w.publish(addModel("first", "1000000"))
	first, err := node.New(w.config(append(set, "kafka.group.instance_id=1")...), node.Options{Types: types, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Run(t.Context()) }()
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
		return second, err
	case <-time.After(patience):
		t.Fatal("the first goes on beside the second")
		return nil, nil
	}
}
