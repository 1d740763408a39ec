package persistencetest

import (
	"errors"
	"fmt"

	"github.com/modelstream/modelserver/persistence"
)

var damageChecks = []check{
	{name: "a damaged snapshot gives way to the one before it", run: damagedSnapshot, needs: damageable},
	{name: "without a whole snapshot the events remain", run: damagedOnlySnapshot, needs: damageable},
	{name: "two damaged snapshots leave the last number", run: damagedSnapshots, needs: damageable},
	{name: "a damaged event is passed over", run: damagedEvent, needs: damageable},
	{name: "a damaged snapshot is not one of the two that are kept", run: damagedIsNotKept, needs: damageable},
	{name: "a damaged artifact is refused and mended by putting it again", run: damagedArtifact, needs: damageable},
}

func (p *place) damageSnapshot(seq uint64) error {
	return p.Damage(p.Store, Target{Snapshot: true, ID: "wine", Seq: seq})
}

func damagedSnapshot(p *place) error {
	err := errors.Join(p.append("wine", 1, 7), p.save("wine", 3), p.save("wine", 6), p.damageSnapshot(6))
	if err != nil {
		return err
	}
	w := want{snapshot: snapshot("wine", 3), seq: 3, events: numbers(4, 7), last: 7, damaged: 1}
	if err := p.load("wine", w); err != nil {
		return err
	}
	return p.append("wine", 8, 8)
}

func damagedOnlySnapshot(p *place) error {
	err := errors.Join(p.append("wine", 1, 4), p.save("wine", 3), p.damageSnapshot(3))
	if err != nil {
		return err
	}
	return p.load("wine", want{events: numbers(1, 4), last: 4, damaged: 1})
}

// damagedSnapshots: the two snapshots are reported, and the events that they
// stood for as missing.
func damagedSnapshots(p *place) error {
	err := errors.Join(p.append("wine", 1, 7), p.save("wine", 3), p.save("wine", 6), p.damageSnapshot(6), p.damageSnapshot(3))
	if err != nil {
		return err
	}
	w := want{events: numbers(4, 7), last: 7, damaged: 3}
	if err := p.load("wine", w); err != nil {
		return err
	}
	r, err := p.Load(ctx, "wine")
	if err != nil {
		return err
	}
	for i, what := range []string{`snapshot 6 of "wine"`, `snapshot 3 of "wine"`, `events 1 to 3 of "wine"`} {
		if r.Damaged[i].What != what {
			return fmt.Errorf("damage %d is of %s, want %s", i, r.Damaged[i].What, what)
		}
	}
	return p.append("wine", 8, 8)
}

func damagedEvent(p *place) error {
	err := errors.Join(p.append("wine", 1, 5), p.Damage(p.Store, Target{Event: true, ID: "wine", Seq: 2}))
	if err != nil {
		return err
	}
	if err := p.load("wine", want{events: []uint64{1, 3, 4, 5}, last: 5, damaged: 1}); err != nil {
		return err
	}
	if err := p.Damage(p.Store, Target{Event: true, ID: "wine", Seq: 5}); err != nil {
		return err
	}
	if err := p.load("wine", want{events: []uint64{1, 3, 4}, last: 5, damaged: 2}); err != nil {
		return err
	}
	// A snapshot makes up for it.
	return errors.Join(p.append("wine", 6, 6), p.save("wine", 6),
		p.load("wine", want{snapshot: snapshot("wine", 6), seq: 6, last: 6}))
}

func damagedIsNotKept(p *place) error {
	err := errors.Join(p.append("wine", 1, 7), p.save("wine", 3), p.save("wine", 5), p.damageSnapshot(5),
		p.save("wine", 7), p.damageSnapshot(7))
	if err != nil {
		return err
	}
	return p.load("wine", want{snapshot: snapshot("wine", 3), seq: 3, events: numbers(4, 7), last: 7, damaged: 1})
}

func damagedArtifact(p *place) error {
	artifact := []byte("a model")
	digest := digestOf(artifact)
	err := errors.Join(p.PutArtifact(ctx, digest, artifact), p.Damage(p.Store, Target{Artifact: digest}))
	if err != nil {
		return err
	}
	_, err = p.Artifact(ctx, digest)
	if err := wantError[*persistence.DamageError]("a damaged artifact", err); err != nil {
		return err
	}
	if err := p.PutArtifact(ctx, digest, artifact); err != nil {
		return err
	}
	return p.artifact(artifact)
}
