package persistencetest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/modelstream/modelserver/persistence"
)

var snapshotChecks = []check{
	{name: "recovery is the newest snapshot and the events after it", run: newestSnapshot},
	{name: "a snapshot may be empty", run: emptySnapshot},
	{name: "of equal numbers the later snapshot counts", run: equalSnapshots},
	{name: "a snapshot that is older than two changes nothing", run: oldSnapshot},
	{name: "a snapshot ahead of the events stands for them", run: snapshotAhead},
	{name: "numbers that leave no room are refused", run: lastNumbers},
	{name: "two snapshots are kept and what they need", run: keptByTwo, needs: inspectable},
	{name: "snapshots survive a restart", run: snapshotsSurvive, needs: durable},
}

func newestSnapshot(p *place) error {
	if err := errors.Join(p.append("wine", 1, 5), p.save("wine", 3)); err != nil {
		return err
	}
	if err := p.load("wine", want{snapshot: snapshot("wine", 3), seq: 3, events: numbers(4, 5), last: 5}); err != nil {
		return err
	}
	if err := p.save("wine", 5); err != nil {
		return err
	}
	if err := p.load("wine", want{snapshot: snapshot("wine", 5), seq: 5, last: 5}); err != nil {
		return err
	}
	if err := p.append("wine", 6, 7); err != nil {
		return fmt.Errorf("after the snapshots: %w", err)
	}
	return p.load("wine", want{snapshot: snapshot("wine", 5), seq: 5, events: numbers(6, 7), last: 7})
}

func emptySnapshot(p *place) error {
	if err := p.SaveSnapshot(ctx, "wine", p.epoch("wine"), 0, nil); err != nil {
		return err
	}
	tooLarge := make([]byte, persistence.MaxRecordLength+1)
	err := wantError[*persistence.ArgumentError]("a snapshot that is too large", p.SaveSnapshot(ctx, "wine", p.epoch("wine"), 0, tooLarge))
	return errors.Join(err, p.load("wine", want{snapshot: []byte{}}))
}

func equalSnapshots(p *place) error {
	if err := p.append("wine", 1, 2); err != nil {
		return err
	}
	for i := range 5 {
		text := fmt.Appendf(nil, "statistics %d", i)
		if err := p.SaveSnapshot(ctx, "wine", p.epoch("wine"), 2, text); err != nil {
			return err
		}
		if err := p.load("wine", want{snapshot: text, seq: 2, last: 2}); err != nil {
			return err
		}
	}
	return nil
}

func oldSnapshot(p *place) error {
	if err := errors.Join(p.append("wine", 1, 6), p.save("wine", 4), p.save("wine", 6), p.save("wine", 3)); err != nil {
		return err
	}
	newest := want{snapshot: snapshot("wine", 6), seq: 6, last: 6}
	if err := p.load("wine", newest); err != nil {
		return err
	}
	return errors.Join(p.save("wine", 5), p.load("wine", newest)) // between the two
}

func snapshotAhead(p *place) error {
	if err := errors.Join(p.append("wine", 1, 2), p.save("wine", 5)); err != nil {
		return err
	}
	if err := p.load("wine", want{snapshot: snapshot("wine", 5), seq: 5, last: 5}); err != nil {
		return err
	}
	if err := wantError[*persistence.SequenceError]("event 3 after snapshot 5", p.Append(ctx, "wine", p.epoch("wine"), 3, nil)); err != nil {
		return err
	}
	if err := p.append("wine", 6, 6); err != nil {
		return err
	}
	return p.load("wine", want{snapshot: snapshot("wine", 5), seq: 5, events: numbers(6, 6), last: 6})
}

func lastNumbers(p *place) error {
	err := errors.Join(
		wantError[*persistence.ArgumentError]("the last event number", p.Append(ctx, "wine", p.epoch("wine"), math.MaxUint64, nil)),
		wantError[*persistence.ArgumentError]("the last snapshot number", p.SaveSnapshot(ctx, "wine", p.epoch("wine"), math.MaxUint64, nil)),
		p.save("wine", math.MaxUint64-2),
		p.append("wine", math.MaxUint64-1, math.MaxUint64-1))
	if err != nil {
		return err
	}
	return p.load("wine", want{
		snapshot: snapshot("wine", math.MaxUint64-2), seq: math.MaxUint64 - 2,
		events: []uint64{math.MaxUint64 - 1}, last: math.MaxUint64 - 1,
	})
}

func keptByTwo(p *place) error {
	kept := func(events, snapshots []uint64) error {
		e, s, err := p.Inspect(p.Store, "wine")
		if err != nil || !slices.Equal(e, events) || !slices.Equal(s, snapshots) {
			return fmt.Errorf("events %v and snapshots %v are kept (%v), want %v and %v", e, s, err, events, snapshots)
		}
		return nil
	}
	steps := []struct {
		append            uint64 // events up to this one
		save              uint64
		events, snapshots []uint64
	}{
		{append: 6, save: 4, events: numbers(1, 6), snapshots: []uint64{4}}, // a damaged snapshot 4 needs them all
		{append: 6, save: 6, events: numbers(5, 6), snapshots: []uint64{4, 6}},
		{append: 9, save: 9, events: numbers(7, 9), snapshots: []uint64{6, 9}},
		{append: 9, save: 9, events: nil, snapshots: []uint64{9, 9}},
		{append: 11, save: 9, events: numbers(10, 11), snapshots: []uint64{9, 9}},
		{append: 11, save: 5, events: numbers(10, 11), snapshots: []uint64{9, 9}},
		{append: 11, save: 11, events: numbers(10, 11), snapshots: []uint64{9, 11}},
		{append: 11, save: 10, events: numbers(11, 11), snapshots: []uint64{10, 11}},
	}
	next := uint64(1)
	for i, step := range steps {
		err := errors.Join(p.append("wine", next, step.append), p.save("wine", step.save), kept(step.events, step.snapshots))
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		next = step.append + 1
	}
	return nil
}

func snapshotsSurvive(p *place) error {
	if err := errors.Join(p.append("wine", 1, 6), p.save("wine", 4), p.save("wine", 5)); err != nil {
		return err
	}
	if err := errors.Join(p.append("iris", 1, 2), p.save("iris", 2), p.save("iris", 2)); err != nil {
		return err
	}
	if err := p.reopen(); err != nil {
		return err
	}
	return errors.Join(
		p.load("wine", want{snapshot: snapshot("wine", 5), seq: 5, events: numbers(6, 6), last: 6}),
		p.load("iris", want{snapshot: snapshot("iris", 2), seq: 2, last: 2}),
		p.append("iris", 3, 3))
}
