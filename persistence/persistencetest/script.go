package persistencetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/modelstream/modelserver/persistence"
)

// oracle is a model of one id in a store: the contract in as few words as it
// can be said.
type oracle struct {
	last      uint64
	events    []uint64
	snapshots []savedSnapshot // all, in the order they were saved
}

type savedSnapshot struct {
	seq  uint64
	data []byte
}

// kept returns the two newest snapshots, oldest first.
func (o *oracle) kept() []savedSnapshot {
	s := slices.Clone(o.snapshots)
	slices.SortStableFunc(s, func(a, b savedSnapshot) int {
		if a.seq < b.seq {
			return -1
		} else if a.seq > b.seq {
			return 1
		}
		return 0
	})
	return s[max(0, len(s)-2):]
}

// want returns what Load should return.
func (o *oracle) want() want {
	w := want{last: o.last}
	if kept := o.kept(); len(kept) > 0 {
		newest := kept[len(kept)-1]
		w.snapshot, w.seq = newest.data, newest.seq
	}
	for _, seq := range o.events {
		if seq > w.seq {
			w.events = append(w.events, seq)
		}
	}
	return w
}

// randomScripts runs scripts of random calls on a few ids, and compares each
// with the model. The seeds are fixed: a failure names its script and step.
func randomScripts(p *place) error {
	const scripts, steps = 20, 40
	for script := range scripts {
		r := rand.New(rand.NewPCG(1, uint64(script)))
		model := make(map[string]*oracle)
		ids := []string{fmt.Sprintf("%d a", script), fmt.Sprintf("%d b", script), fmt.Sprintf("%d c", script)}
		for step := range steps {
			id := ids[r.IntN(len(ids))]
			if model[id] == nil {
				model[id] = &oracle{}
			}
			what, err := p.randomStep(r, id, model)
			if err == nil {
				err = p.load(id, model[id].want())
			}
			if err != nil {
				return fmt.Errorf("script %d, step %d, %s: %w", script, step, what, err)
			}
		}
		for _, id := range ids {
			if model[id] == nil {
				continue
			}
			if err := p.load(id, model[id].want()); err != nil {
				return fmt.Errorf("script %d, at its end: %w", script, err)
			}
		}
	}
	return nil
}

// randomStep makes a random call and changes the model as the store should.
func (p *place) randomStep(r *rand.Rand, id string, model map[string]*oracle) (what string, err error) {
	o := model[id]
	switch n := r.IntN(100); {
	case n < 50:
		seq := o.last + 1
		o.last, o.events = seq, append(o.events, seq)
		return fmt.Sprintf("append %d", seq), p.append(id, seq, seq)
	case n < 60:
		seq := o.last + 2 + uint64(r.IntN(3))
		err := p.Append(ctx, id, p.epoch(id), seq, nil)
		return fmt.Sprintf("append %d out of turn", seq), wantError[*persistence.SequenceError]("append", err)
	case n < 85:
		seq := o.last
		if r.IntN(3) == 0 {
			seq = uint64(r.IntN(int(o.last) + 3)) // late, or ahead
		}
		data := fmt.Appendf(nil, "snapshot %d, %d", seq, r.Uint64())
		o.snapshots = append(o.snapshots, savedSnapshot{seq, data})
		o.last = max(o.last, seq)
		return fmt.Sprintf("save %d", seq), p.SaveSnapshot(ctx, id, p.epoch(id), seq, data)
	case n < 88:
		model[id] = &oracle{}
		return "delete", p.Delete(ctx, id, p.epoch(id))
	case n < 92 && p.Durable:
		return "reopen", p.reopen()
	}
	ids, err := p.IDs(ctx)
	for other, o := range model {
		known := len(o.events) > 0 || len(o.snapshots) > 0
		if slices.Contains(ids, other) != known {
			err = errors.Join(err, fmt.Errorf("ids has %q: %t, want %t", other, !known, known))
		}
	}
	return "ids", err
}
