package actors_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/persistence"
)

// A ModelActor whose id another server claims goes on scoring, stops writing for
// good, and tells its node once.
func TestFencedModelActorWritesNoMore(t *testing.T) {
	type report struct {
		dataType string
		err      error
	}
	reports := make(chan report, 10)
	b := newBench(t, func(c *actors.Config) {
		c.StoreID = func(dataType string) string { return dataType + "@here" }
		c.Fenced = func(dataType string, err error) { reports <- report{dataType, err} }
	})
	b.mustServe("add 1")
	ctx := context.Background()
	if ids, err := b.store.IDs(ctx); err != nil || len(ids) != 1 || ids[0] != "wine@here" {
		t.Fatalf("the store has the ids %q (%v)", ids, err)
	}
	if _, err := b.store.Claim(ctx, "wine@here"); err != nil {
		t.Fatal(err)
	}
	before, err := b.store.Load(ctx, "wine@here")
	if err != nil {
		t.Fatal(err)
	}

	b.mustServe("add 2") // its event and its snapshot are refused
	b.mustServe("add 3")
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 4 {
		t.Errorf("result: %v", r[0])
	}
	select {
	case r := <-reports:
		if r.dataType != "wine" || !errors.As(r.err, new(*persistence.FencedError)) {
			t.Errorf("reported: %+v", r)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the node was not told")
	}
	b.stop() // without an error: there is no last snapshot to write
	if len(reports) != 0 {
		t.Errorf("it was reported again: %+v", <-reports)
	}
	after, err := b.store.Load(ctx, "wine@here")
	if err != nil || after.LastSeq != before.LastSeq || string(after.Snapshot) != string(before.Snapshot) {
		t.Errorf("the store changed: %+v, %+v, %v", before, after, err)
	}
}

// A store that could not be read at the start is written to when it is back,
// under a claim of its own and after what it had.
func TestStoreThatComesBackIsWrittenTo(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustServe("add 2")
	b.stop()
	failing := &failingStore{Store: b.store}
	failing.failing.Store(true)
	b.store = failing
	b.start()
	b.offset = 0 // the models topic is read from its beginning
	b.publish("add 1")
	b.outcome()
	failing.failing.Store(false)
	b.mustServe("add 2")
	b.mustServe("add 3")
	b.stop()

	b.store = failing.Store
	b.start()
	b.recover()
	if got := b.state().GetCurrent().GetModel().GetName(); got != "add 3" {
		t.Errorf("after the restart %q serves", got)
	}
}
