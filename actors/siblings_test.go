package actors_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/persistence"
)

// as makes a bench's actors those of one server among several on its store.
func as(node string) benchOption {
	return func(c *actors.Config) {
		c.Node = node
		c.StoreID = func(dataType string) string { return dataType + "@" + node }
		c.DataTypeOf = func(id string) (string, bool) {
			dataType, _, ok := strings.Cut(id, "@")
			return dataType, ok
		}
	}
}

// become stops one server and starts another one.
func (b *bench) become(node string, options ...benchOption) {
	b.t.Helper()
	b.stop()
	b.start(append([]benchOption{as(node)}, options...)...)
}

// recoverWine recovers the one data type, whoever stored it.
func (b *bench) recoverWine() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := b.models.Recover(ctx, []string{"wine"}); err != nil {
		b.t.Fatal(err)
	}
}

// A server that has stored nothing takes over the generations that the best
// informed sibling knows, with their numbers, and not its statistics.
func TestNewServerLearnsFromItsSiblings(t *testing.T) {
	b := newBench(t, as("a"))
	b.mustServe("add 1")
	b.mustServe("add 2")
	b.score(1)
	b.become("b")
	b.recoverWine()
	b.wantServing(2)
	b.mustServe("add 3")
	b.become("c")
	b.recoverWine()
	b.wantServing(3)
	s := b.state()
	if len(s.GetGenerations()) != 3 || s.GetStatistics().GetRecords() != 0 {
		t.Errorf("taken over: %v", s)
	}
	// The models topic, read from its beginning, has nothing new.
	offset := b.offset
	for b.offset = 0; b.offset < offset; {
		b.publish([]string{"add 1", "add 2", "add 3"}[b.offset])
		b.outcome()
	}
	b.wantServing(3)
	if got := len(b.state().GetGenerations()); got != 3 {
		t.Errorf("there are %d generations", got)
	}
	b.mustServe("add 4")
	b.wantServing(4)

	// What it has is its own from now on.
	b.become("c")
	b.recoverWine()
	b.wantServing(4)
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 5 {
		t.Errorf("result: %v", r[0])
	}
	// And nobody else's state has changed.
	b.become("a")
	b.recoverWine()
	b.wantServing(2)
	if got := b.state().GetStatistics().GetRecords(); got != 1 {
		t.Errorf("a has scored %d records", got)
	}
}

// A passive data type answers with what a sibling knows, too.
func TestPassiveServerLearnsFromItsSiblings(t *testing.T) {
	b := newBench(t, as("a"))
	b.mustServe("add 1")
	b.become("b", func(c *actors.Config) { c.Activation = actors.OnDemand })
	b.recoverWine()
	if s := b.state(); !s.GetPassive() || s.GetCurrent().GetModel().GetName() != "add 1" || s.GetNode() != "b" {
		t.Errorf("state: %v", s)
	}
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 2 {
		t.Errorf("result: %v", r[0])
	}
}

// What a sibling may need again is not dropped, also when that server is down; and
// when nobody knows what it needs, nothing is.
func TestSiblingsArtifactsAreKept(t *testing.T) {
	b := newBench(t, as("a"))
	b.mustServe("add 1")
	old := b.state().GetCurrent().GetModel().GetSha256()
	b.become("b")
	for _, script := range []string{"add 2", "add 3", "add 4", "add 5", "add 6"} {
		b.mustServe(script)
	}
	kept := func(digest string) bool {
		t.Helper()
		_, err := b.store.Artifact(context.Background(), digest)
		if err != nil && !errors.Is(err, persistence.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	generations := b.state().GetGenerations()
	forgotten := generations[1].GetModel().GetSha256() // b has forgotten 2 and 3
	store := b.store
	b.store = &damagedSibling{Store: store, id: "wine@a"}
	b.become("b")
	b.recoverWine()
	b.mustServe("add 7")
	b.models.CleanArtifacts()
	if !kept(forgotten) || !kept(old) {
		t.Error("something was dropped although a sibling's state cannot be read")
	}
	b.store = store
	b.become("b")
	b.recoverWine()
	b.mustServe("add 8")
	b.models.CleanArtifacts()
	if kept(forgotten) {
		t.Error("what nobody needs was kept")
	}
	if !kept(old) {
		t.Error("what a sibling serves was dropped")
	}
}

// damagedSibling is a store in which one id is damaged.
type damagedSibling struct {
	persistence.Store
	id string
}

func (s *damagedSibling) Load(ctx context.Context, id string) (*persistence.Recovery, error) {
	r, err := s.Store.Load(ctx, id)
	if err == nil && id == s.id {
		r.Damaged = append(r.Damaged, persistence.DamageError{What: "snapshot 2", Err: errors.New("checksum")})
	}
	return r, err
}
