package actors

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
)

// Where servers share a store, each has an id of its own for a data type. A server
// that has stored nothing yet takes over what a sibling knows: its generations and
// their numbers, so that it serves the same one at once, and not its statistics.

// siblings lists, by data type, the ids under which other servers have stored
// something. Listing the ids is dear, and a start asks for each data type.
type siblings struct {
	mu  sync.Mutex
	at  time.Time
	ids map[string][]string
}

const siblingsFor = 10 * time.Second

// siblingIDs returns the ids of other servers for a data type; none where the
// store is this server's own.
func (m *Models) siblingIDs(ctx context.Context, dataType string) ([]string, error) {
	s := &m.siblings
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil || time.Since(s.at) > siblingsFor {
		all, err := m.allSiblings(ctx)
		if err != nil {
			return nil, err
		}
		s.ids, s.at = all, time.Now()
	}
	return s.ids[dataType], nil
}

func (m *Models) allSiblings(ctx context.Context) (map[string][]string, error) {
	if m.cfg.DataTypeOf == nil {
		return nil, nil
	}
	var ids []string
	err := contain("listing what is stored", func() (err error) {
		ids, err = m.cfg.Store.IDs(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, id := range ids {
		if name, ok := m.cfg.DataTypeOf(id); ok && id != m.cfg.StoreID(name) {
			all[name] = append(all[name], id)
		}
	}
	return all, nil
}

// stored reads what a server remembers of a data type: what it has stored itself,
// or else what the sibling has that knows the newest generation.
func (m *Models) stored(ctx context.Context, dataType string) *recovery {
	own := readStored(ctx, m.cfg.Store, m.cfg.StoreID(dataType))
	if own.err != nil || own.lastSeq > 0 || own.snapshot != nil {
		return own
	}
	ids, err := m.siblingIDs(ctx, dataType)
	if err != nil {
		own.err = err
		return own
	}
	var best *recovery
	for _, id := range ids {
		r := readStored(ctx, m.cfg.Store, id)
		if r.err != nil {
			own.err = fmt.Errorf("what a sibling stored: %w", r.err)
			return own
		}
		if best == nil || r.newest() > best.newest() {
			r.from = id
			best = r
		}
	}
	if best == nil || best.newest() < 0 {
		return own
	}
	own.from, own.snapshot, own.events, own.numbers = best.from, best.snapshot, best.events, best.numbers
	if own.snapshot != nil {
		own.snapshot.Statistics = nil
	}
	return own
}

// newest returns the greatest models-topic offset of the generations that are
// known, or -1.
func (r *recovery) newest() int64 {
	newest := int64(-1)
	for _, g := range r.snapshot.GetGenerations() {
		newest = max(newest, g.GetModel().GetSource().GetOffset())
	}
	for _, e := range r.events {
		newest = max(newest, e.GetSource().GetOffset())
	}
	return newest
}

// neededBySiblings marks the artifacts that other servers may load again. Where
// one cannot be read, nobody knows, and that is an error.
func (m *Models) neededBySiblings(ctx context.Context, needed map[string]bool) error {
	all, err := m.allSiblings(ctx)
	if err != nil {
		return err
	}
	for dataType, ids := range all {
		for _, id := range ids {
			r := readStored(ctx, m.cfg.Store, id)
			if r.err != nil {
				return r.err
			}
			if len(r.damaged) > 0 {
				return fmt.Errorf("what is stored under %q: %w", id, &r.damaged[0])
			}
			machine := lifecycle.New(m.cfg.limits(), true)
			machine.Recover(r.snapshot, r.events, r.numbers)
			keepNeeded(stateOf(m.cfg.Node, dataType, machine, &messages.Statistics{}), needed)
		}
	}
	return nil
}
