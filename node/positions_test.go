package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/memory"
)

func newPositions(store persistence.Store, topic string, damaged bool) *positions {
	return &positions{
		store: store, id: positionsName, topic: topic, damaged: func() bool { return damaged },
		fenced: func(error) {}, log: slog.New(slog.DiscardHandler),
	}
}

func TestPositions(t *testing.T) {
	saved := map[int32]int64{0: 12, 3: 7}
	for _, c := range []struct {
		name   string
		before func(t *testing.T, s persistence.Store)
		topic  string
		lost   bool
		want   map[int32]int64
	}{
		{name: "nothing stored", topic: "models"},
		{name: "go on", before: save(saved), topic: "models", want: saved},
		{name: "the newest counts", before: save(map[int32]int64{0: 1}, map[int32]int64{0: 2}, saved), topic: "models", want: saved},
		{name: "another topic begins anew", before: save(saved), topic: "others"},
		{name: "lost state begins anew", before: save(saved), topic: "models", lost: true},
		{name: "nonsense begins anew", topic: "models", before: func(t *testing.T, s persistence.Store) {
			if err := s.SaveSnapshot(t.Context(), positionsName, 1, 1, []byte("nonsense")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := memory.New()
			if c.before != nil {
				c.before(t, store)
			}
			got, err := newPositions(store, c.topic, c.lost).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// save saves positions, each by a server that was started anew.
func save(all ...map[int32]int64) func(*testing.T, persistence.Store) {
	return func(t *testing.T, s persistence.Store) {
		t.Helper()
		for _, offsets := range all {
			p := newPositions(s, "models", false)
			if _, err := p.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := p.Save(t.Context(), offsets); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Whoever takes the id over fences the one before, and nobody saves what was
// never loaded.
func TestFencedPositions(t *testing.T) {
	store := memory.New()
	save(map[int32]int64{0: 5})(t, store)
	var told error
	old := newPositions(store, "models", false)
	old.fenced = func(err error) { told = err }
	if err := old.Save(t.Context(), map[int32]int64{0: 1}); err != nil {
		t.Error(err)
	}
	if _, err := old.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	save(map[int32]int64{0: 7})(t, store)
	err := old.Save(t.Context(), map[int32]int64{0: 6})
	if fenced := (*persistence.FencedError)(nil); !errors.As(err, &fenced) || !errors.As(told, &fenced) {
		t.Errorf("a former owner: %v, told %v", err, told)
	}
	got, err := newPositions(store, "models", false).Load(t.Context())
	if err != nil || got[0] != 7 {
		t.Errorf("got %v, %v", got, err)
	}
}

// A store whose snapshot is damaged gives an older one; that one would skip
// nothing, but it is not trusted either.
func TestDamagedPositionsBeginAnew(t *testing.T) {
	store := &damagedStore{Store: memory.New()}
	save(map[int32]int64{0: 5})(t, store.Store)
	got, err := newPositions(store, "models", false).Load(t.Context())
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

type damagedStore struct{ persistence.Store }

func (s *damagedStore) Load(ctx context.Context, id string) (*persistence.Recovery, error) {
	r, err := s.Store.Load(ctx, id)
	if err == nil {
		r.Damaged = append(r.Damaged, persistence.DamageError{What: "snapshot 2", Err: errors.New("checksum")})
	}
	return r, err
}

// The positions' id is no data type.
func TestStoredDataTypes(t *testing.T) {
	store := memory.New()
	save(map[int32]int64{0: 5})(t, store)
	if err := store.Append(t.Context(), "wine", 1, 1, []byte("x")); err != nil {
		t.Fatal(err)
	}
	got, err := storeIDs{}.dataTypes(t.Context(), store)
	if diff := cmp.Diff([]string{"wine"}, got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
}

// In a shared store each server knows its own ids from those of its siblings.
func TestStoreIDs(t *testing.T) {
	store := memory.New()
	a, b := storeIDs{node: "a", shared: true}, storeIDs{node: "b", shared: true}
	for _, id := range []string{
		a.of("wine"), a.of("me@home"), a.of("@"), b.of("wine"), b.of("iris"), a.of(positionsName), b.of(positionsName),
		"wine@", "private", "@a",
	} {
		if err := store.Append(t.Context(), id, 1, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	for ids, want := range map[storeIDs][]string{
		a:                              {"@", "me@home", "wine"},
		b:                              {"iris", "wine"},
		{node: "c", shared: true}:      nil,
		{node: "home@a", shared: true}: nil, // refused at start
	} {
		got, err := ids.dataTypes(t.Context(), store)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%+v: %v, %s", ids, err, diff)
		}
	}
	if name, ok := b.dataType("me@home@a"); name != "me@home" || !ok {
		t.Errorf("a sibling's id: %q, %v", name, ok)
	}
}
