package persistencetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/modelstream/modelserver/persistence"
)

var sharedChecks = []check{
	{name: "ids that cannot be are refused", run: impossibleIDs},
	{name: "a cancelled context stops every method", run: cancelled},
	{name: "slices are not shared with the caller", run: isolatedSlices},
	{name: "many ids are used at once", run: manyAtOnce},
	{name: "one writer of an id wins each number", run: oneWriterWins},
	{name: "random scripts do what a model of a store does", run: randomScripts},
}

func impossibleIDs(p *place) error {
	for _, id := range []string{"", strings.Repeat("x", persistence.MaxIDLength+1), strings.Repeat("x", 1<<20)} {
		_, loadErr := p.Load(ctx, id)
		_, claimErr := p.Claim(ctx, id)
		for what, err := range map[string]error{
			"claim":  claimErr,
			"append": p.Append(ctx, id, 1, 1, nil), "load": loadErr,
			"save snapshot": p.SaveSnapshot(ctx, id, 1, 1, nil), "delete": p.Delete(ctx, id, 1),
		} {
			if err := wantError[*persistence.ArgumentError](fmt.Sprintf("%s of an id of %d bytes", what, len(id)), err); err != nil {
				return err
			}
			if len(err.Error()) > 300 {
				return fmt.Errorf("%s of an id of %d bytes: the error has %d bytes", what, len(id), len(err.Error()))
			}
		}
	}
	if ids, err := p.IDs(ctx); err != nil || len(ids) != 0 {
		return fmt.Errorf("refused ids left %q, %v", ids, err)
	}
	return nil
}

func cancelled(p *place) error {
	artifact := []byte("a model")
	if err := errors.Join(p.append("wine", 1, 2), p.put(artifact)); err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, loadErr := p.Load(over, "wine")
	_, idsErr := p.IDs(over)
	_, artifactErr := p.Artifact(over, digestOf(artifact))
	_, claimErr := p.Claim(over, "wine")
	for what, err := range map[string]error{
		"claim":  claimErr,
		"append": p.Append(over, "wine", p.epoch("wine"), 3, nil), "load": loadErr, "ids": idsErr,
		"save snapshot": p.SaveSnapshot(over, "wine", p.epoch("wine"), 2, nil), "delete": p.Delete(over, "wine", p.epoch("wine")),
		"put artifact": p.PutArtifact(over, digestOf([]byte("new")), []byte("new")), "artifact": artifactErr,
		"retain artifacts": p.RetainArtifacts(over, 0, func(string) bool { return false }),
	} {
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s with a cancelled context: error %v", what, err)
		}
	}
	return errors.Join(p.load("wine", want{events: numbers(1, 2), last: 2}), p.artifact(artifact), p.noArtifact([]byte("new")))
}

func isolatedSlices(p *place) error {
	spoil := func(b []byte) {
		for i := range b {
			b[i] = 'X'
		}
	}
	artifact := []byte("a model")
	e, s, a := event("wine", 1), snapshot("wine", 0), []byte("a model")
	err := errors.Join(p.SaveSnapshot(ctx, "wine", p.epoch("wine"), 0, s), p.Append(ctx, "wine", p.epoch("wine"), 1, e), p.PutArtifact(ctx, digestOf(a), a))
	if err != nil {
		return err
	}
	spoil(e)
	spoil(s)
	spoil(a)
	for range 2 { // the second time, what came out the first time is spoilt
		w := want{snapshot: snapshot("wine", 0), events: numbers(1, 1), last: 1}
		if err := errors.Join(p.load("wine", w), p.artifact(artifact)); err != nil {
			return err
		}
		r, err := p.Load(ctx, "wine")
		if err != nil {
			return err
		}
		spoil(r.Snapshot)
		spoil(r.Events[0].Data)
		b, err := p.Artifact(ctx, digestOf(artifact))
		if err != nil {
			return err
		}
		spoil(b)
	}
	return nil
}

// manyAtOnce runs writers of their own ids beside readers of everything.
func manyAtOnce(p *place) error {
	const writers, events = 16, 20
	var wg sync.WaitGroup
	errs := make([]error, 2*writers)
	done := make(chan struct{})
	for i := range writers {
		id := fmt.Sprintf("type %d", i)
		wg.Go(func() {
			for seq := uint64(1); seq <= events && errs[i] == nil; seq++ {
				errs[i] = errors.Join(p.append(id, seq, seq), p.put(fmt.Appendf(nil, "model %d", seq)))
				if seq%5 == 0 {
					errs[i] = errors.Join(errs[i], p.save(id, seq))
				}
			}
		})
	}
	var readers sync.WaitGroup
	for i := range writers {
		id := fmt.Sprintf("type %d", i)
		readers.Go(func() {
			for errs[writers+i] == nil {
				errs[writers+i] = p.soundWhileWriting(id)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	wg.Wait()
	close(done)
	readers.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range writers {
		id := fmt.Sprintf("type %d", i)
		if err := p.load(id, want{snapshot: snapshot(id, events), seq: events, last: events}); err != nil {
			return err
		}
	}
	return nil
}

// soundWhileWriting checks that a recovery is one that was true at some moment.
func (p *place) soundWhileWriting(id string) error {
	r, err := p.Load(ctx, id)
	if err != nil {
		return err
	}
	if r.LastSeq != r.SnapshotSeq+uint64(len(r.Events)) || len(r.Damaged) > 0 {
		return fmt.Errorf("%s: snapshot %d, %d events, last %d, damaged %v", id, r.SnapshotSeq, len(r.Events), r.LastSeq, r.Damaged)
	}
	if _, err := p.IDs(ctx); err != nil {
		return err
	}
	_, err = p.Artifact(ctx, digestOf([]byte("model 1")))
	if errors.Is(err, persistence.ErrNotFound) {
		return nil
	}
	return err
}

// oneWriterWins lets several writers race for the same numbers.
func oneWriterWins(p *place) error {
	const writers, events = 8, 10
	for seq := uint64(1); seq <= events; seq++ {
		var wg sync.WaitGroup
		errs := make([]error, writers)
		for i := range writers {
			wg.Go(func() { errs[i] = p.Append(ctx, "wine", p.epoch("wine"), seq, fmt.Appendf(nil, "by writer %d", i)) })
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				return fmt.Errorf("writers %d and %d both wrote event %d", winner, i, seq)
			case !errors.As(err, new(*persistence.SequenceError)):
				return fmt.Errorf("writer %d: %w", i, err)
			}
		}
		r, err := p.Load(ctx, "wine")
		if err != nil {
			return err
		}
		if winner < 0 || r.LastSeq != seq || string(r.Events[seq-1].Data) != fmt.Sprintf("by writer %d", winner) {
			return fmt.Errorf("writer %d wrote event %d, and the store has %v", winner, seq, r.Events)
		}
	}
	return nil
}
