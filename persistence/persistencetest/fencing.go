package persistencetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/modelstream/modelserver/persistence"
)

var fencingChecks = []check{
	{name: "a claim is no content", run: claimIsNoContent},
	{name: "epochs grow", run: epochsGrow},
	{name: "epochs grow over restarts", run: epochsGrowOverRestarts, needs: durable},
	{name: "claims at once get epochs of their own", run: claimsAtOnce},
	{name: "a zombie's event is refused", run: zombieAppends},
	{name: "a zombie's snapshot is refused", run: zombieSaves},
	{name: "a zombie deletes nothing", run: zombieDeletes},
	{name: "a zombie is refused after a restart", run: zombieAfterRestart, needs: durable},
	{name: "a zombie is refused after delete", run: zombieAfterDelete},
	{name: "a zombie beside its successor never wins", run: zombieRaces},
	{name: "the next owner goes on where the last one ended", run: nextOwner},
	{name: "an epoch that the store has lost is accepted", run: lostClaim},
	{name: "an epoch that nobody was given is refused", run: noEpoch},
}

// claim claims an id anew: the check owns it under a greater epoch.
func (p *place) claim(id string) error {
	epoch, err := p.Claim(ctx, id)
	if err != nil {
		return fmt.Errorf("claim %q: %w", id, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if epoch <= p.epochs[id] {
		return fmt.Errorf("claim %q: epoch %d after %d", id, epoch, p.epochs[id])
	}
	p.epochs[id] = epoch
	return nil
}

// fenced checks that a write of a former owner of "wine" was refused, and that
// the error says who the owner is.
func (p *place) fenced(what string, epoch uint64, err error) error {
	if err := wantError[*persistence.FencedError](what, err); err != nil {
		return err
	}
	var e *persistence.FencedError
	errors.As(err, &e)
	if want := (persistence.FencedError{ID: "wine", Epoch: epoch, Owner: p.epoch("wine")}); *e != want {
		return fmt.Errorf("%s: the error is %+v, want %+v", what, *e, want)
	}
	return nil
}

func claimIsNoContent(p *place) error {
	if err := p.claim("wine"); err != nil {
		return err
	}
	if ids, err := p.IDs(ctx); err != nil || len(ids) != 0 {
		return fmt.Errorf("a claim left the ids %q, %v", ids, err)
	}
	return errors.Join(p.load("wine", want{}), p.append("wine", 1, 1))
}

func epochsGrow(p *place) error {
	for range 3 {
		for _, id := range []string{"wine", "wine2", "\x00"} {
			if err := p.claim(id); err != nil {
				return err
			}
		}
		if err := errors.Join(p.append("wine", 1, 2), p.save("wine", 2), p.Delete(ctx, "wine", p.epoch("wine"))); err != nil {
			return err
		}
	}
	return nil
}

func epochsGrowOverRestarts(p *place) error {
	for range 3 {
		for _, id := range []string{"claimed", "written", "deleted"} {
			if err := p.claim(id); err != nil {
				return err
			}
		}
		err := errors.Join(p.save("written", 1), p.append("deleted", 1, 1), p.Delete(ctx, "deleted", p.epoch("deleted")), p.reopen())
		if err != nil {
			return err
		}
	}
	return nil
}

func claimsAtOnce(p *place) error {
	const claims = 16
	var wg sync.WaitGroup
	epochs, errs := make([]uint64, claims), make([]error, claims)
	for i := range claims {
		wg.Go(func() { epochs[i], errs[i] = p.Claim(ctx, "wine") })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.Sort(epochs)
	if len(slices.Compact(slices.Clone(epochs))) != claims || epochs[0] == 0 {
		return fmt.Errorf("claims at once got the epochs %d", epochs)
	}
	p.epochs["wine"] = epochs[claims-1]
	for _, epoch := range epochs[:claims-1] {
		if err := p.fenced("an event of an epoch that is over", epoch, p.Append(ctx, "wine", epoch, 1, nil)); err != nil {
			return err
		}
	}
	return p.append("wine", 1, 1)
}

// zombie appends two events and a snapshot, then lets another owner claim the
// id. It returns the epoch that is over.
func (p *place) zombie() (uint64, error) {
	old := p.epoch("wine")
	if err := errors.Join(p.append("wine", 1, 2), p.save("wine", 1)); err != nil {
		return 0, err
	}
	return old, p.claim("wine")
}

// untouched is what zombie left.
var untouched = want{snapshot: snapshot("wine", 1), seq: 1, events: []uint64{2}, last: 2}

func zombieAppends(p *place) error {
	old, err := p.zombie()
	if err != nil {
		return err
	}
	// The next event, the last one once more, and one out of turn.
	for _, seq := range []uint64{3, 2, 7} {
		err := p.fenced(fmt.Sprintf("a zombie's event %d", seq), old, p.Append(ctx, "wine", old, seq, event("wine", seq)))
		if err != nil {
			return err
		}
	}
	return errors.Join(p.load("wine", untouched), p.append("wine", 3, 3))
}

func zombieSaves(p *place) error {
	old, err := p.zombie()
	if err != nil {
		return err
	}
	for _, seq := range []uint64{0, 1, 2, 5} {
		err := p.fenced(fmt.Sprintf("a zombie's snapshot %d", seq), old, p.SaveSnapshot(ctx, "wine", old, seq, []byte("old")))
		if err != nil {
			return err
		}
	}
	return errors.Join(p.load("wine", untouched), p.save("wine", 2))
}

func zombieDeletes(p *place) error {
	old, err := p.zombie()
	if err != nil {
		return err
	}
	return errors.Join(p.fenced("a zombie's delete", old, p.Delete(ctx, "wine", old)), p.load("wine", untouched))
}

func zombieAfterRestart(p *place) error {
	old, err := p.zombie()
	if err != nil {
		return err
	}
	if err := p.reopen(); err != nil {
		return err
	}
	return errors.Join(
		p.fenced("a zombie's event", old, p.Append(ctx, "wine", old, 3, nil)),
		p.fenced("a zombie's snapshot", old, p.SaveSnapshot(ctx, "wine", old, 2, nil)),
		p.fenced("a zombie's delete", old, p.Delete(ctx, "wine", old)),
		p.load("wine", untouched), p.append("wine", 3, 3))
}

func zombieAfterDelete(p *place) error {
	old, err := p.zombie()
	if err != nil {
		return err
	}
	return errors.Join(
		p.Delete(ctx, "wine", p.epoch("wine")),
		p.fenced("a zombie's first event", old, p.Append(ctx, "wine", old, 1, nil)),
		p.fenced("a zombie's snapshot", old, p.SaveSnapshot(ctx, "wine", old, 1, nil)),
		p.load("wine", want{}))
}

// zombieRaces lets a zombie write as fast as it can while its successor claims,
// loads and goes on: what the successor has loaded never changes behind it.
func zombieRaces(p *place) error {
	const rounds = 10
	for round := range rounds {
		id := fmt.Sprintf("type %d", round)
		old := p.epoch(id)
		if err := p.append(id, 1, 1); err != nil {
			return err
		}
		var zombie error
		over := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { zombie = p.writeUntil(over, id, old) })
		was, err := p.succeed(id)
		close(over)
		wg.Wait()
		if err = errors.Join(err, zombie); err == nil {
			err = p.load(id, was)
		}
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

// writeUntil writes under an epoch, whether it is refused or not, and once more
// when it is over.
func (p *place) writeUntil(over <-chan struct{}, id string, epoch uint64) error {
	seq := uint64(2)
	for last := false; !last; {
		select {
		case <-over:
			last = true
		default:
		}
		appended := p.Append(ctx, id, epoch, seq, event(id, seq))
		saved := p.SaveSnapshot(ctx, id, epoch, seq, snapshot(id, seq))
		for _, err := range []error{appended, saved} {
			if err != nil && !errors.As(err, new(*persistence.FencedError)) {
				return fmt.Errorf("the zombie: %w", err)
			}
		}
		if appended == nil {
			seq++
		}
	}
	return nil
}

// succeed takes an id over, goes on, and returns what the store should have then.
func (p *place) succeed(id string) (want, error) {
	const writes = 10
	if err := p.claim(id); err != nil {
		return want{}, err
	}
	r, err := p.Load(ctx, id)
	if err != nil {
		return want{}, err
	}
	if err := p.append(id, r.LastSeq+1, r.LastSeq+writes); err != nil {
		return want{}, fmt.Errorf("the owner that had loaded %d: %w", r.LastSeq, err)
	}
	return want{
		snapshot: r.Snapshot, seq: r.SnapshotSeq, last: r.LastSeq + writes,
		events: numbers(r.SnapshotSeq+1, r.LastSeq+writes),
	}, nil
}

func nextOwner(p *place) error {
	if _, err := p.zombie(); err != nil {
		return err
	}
	// The event whose outcome the last owner did not learn can be repeated.
	return errors.Join(p.append("wine", 2, 4), p.save("wine", 4),
		p.load("wine", want{snapshot: snapshot("wine", 4), seq: 4, last: 4}))
}

// lostClaim: a store that went back to an older backup knows an older epoch than
// the owner has.
func lostClaim(p *place) error {
	old := p.epoch("wine")
	const gap = 1000
	err := errors.Join(
		p.Append(ctx, "wine", old+gap, 1, event("wine", 1)),
		p.SaveSnapshot(ctx, "iris", p.epoch("iris")+gap, 1, snapshot("iris", 1)),
		p.Delete(ctx, "gone", p.epoch("gone")+gap))
	if err != nil {
		return err
	}
	p.epochs["wine"] += gap
	p.epochs["iris"] += gap
	p.epochs["gone"] += gap
	err = errors.Join(
		p.fenced("an event of the epoch before", old, p.Append(ctx, "wine", old, 2, nil)),
		p.append("wine", 2, 2), p.save("iris", 2))
	for _, id := range []string{"wine", "iris", "gone"} {
		err = errors.Join(err, p.claim(id))
	}
	return err
}

func noEpoch(p *place) error {
	for _, epoch := range []uint64{0, persistence.MaxEpoch + 1, math.MaxUint64} {
		for what, err := range map[string]error{
			"append": p.Append(ctx, "wine", epoch, 1, nil), "save snapshot": p.SaveSnapshot(ctx, "wine", epoch, 1, nil),
			"delete": p.Delete(ctx, "wine", epoch),
		} {
			if err := wantError[*persistence.ArgumentError](fmt.Sprintf("%s with epoch %d", what, epoch), err); err != nil {
				return err
			}
		}
	}
	// The greatest one is usable, and the last.
	if err := p.Append(ctx, "wine", persistence.MaxEpoch, 1, nil); err != nil {
		return err
	}
	if epoch, err := p.Claim(ctx, "wine"); err == nil {
		return fmt.Errorf("a claim after the greatest epoch gave %d", epoch)
	}
	return nil
}
