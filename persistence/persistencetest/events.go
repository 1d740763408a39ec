package persistencetest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/modelstream/modelserver/persistence"
)

var eventChecks = []check{
	{name: "an unknown id is empty", run: unknownID},
	{name: "events come back in order", run: eventsInOrder},
	{name: "events out of turn are refused", run: eventsOutOfTurn},
	{name: "repeating the last event changes nothing", run: repeatedEvent},
	{name: "an event may be empty or large", run: eventSizes},
	{name: "ids are apart and listed in order", run: idsApart},
	{name: "delete forgets an id and no other", run: deleteForgets},
	{name: "events and ids survive a restart", run: eventsSurvive, needs: durable},
}

func unknownID(p *place) error {
	ids, err := p.IDs(ctx)
	if err != nil || len(ids) != 0 {
		return fmt.Errorf("ids of an empty store: %q, %v", ids, err)
	}
	return errors.Join(p.load("wine", want{}), p.Delete(ctx, "wine", p.epoch("wine")))
}

func eventsInOrder(p *place) error {
	if err := p.append("wine", 1, 12); err != nil {
		return err
	}
	return p.load("wine", want{events: numbers(1, 12), last: 12})
}

func eventsOutOfTurn(p *place) error {
	refused := func(seq, next uint64, data []byte) error {
		err := p.Append(ctx, "wine", p.epoch("wine"), seq, data)
		if err := wantError[*persistence.SequenceError](fmt.Sprintf("event %d after %d", seq, next-1), err); err != nil {
			return err
		}
		var e *persistence.SequenceError
		errors.As(err, &e)
		if *e != (persistence.SequenceError{ID: "wine", Got: seq, Want: next}) {
			return fmt.Errorf("event %d after %d: the error is %+v", seq, next-1, *e)
		}
		return nil
	}
	for _, seq := range []uint64{0, 2, math.MaxUint64 - 1} {
		if err := refused(seq, 1, event("wine", seq)); err != nil {
			return err
		}
	}
	if ids, err := p.IDs(ctx); err != nil || len(ids) != 0 {
		return fmt.Errorf("a refused event left the ids %q, %v", ids, err)
	}
	if err := p.append("wine", 1, 3); err != nil {
		return err
	}
	for _, seq := range []uint64{0, 1, 2, 5} {
		if err := refused(seq, 4, event("wine", seq)); err != nil {
			return err
		}
	}
	if err := refused(3, 4, []byte("something else")); err != nil {
		return err
	}
	return p.load("wine", want{events: numbers(1, 3), last: 3})
}

func repeatedEvent(p *place) error {
	if err := p.append("wine", 1, 3); err != nil {
		return err
	}
	if err := p.append("wine", 3, 3); err != nil {
		return fmt.Errorf("the last event once more: %w", err)
	}
	if err := p.load("wine", want{events: numbers(1, 3), last: 3}); err != nil {
		return err
	}
	return p.append("wine", 4, 4)
}

func eventSizes(p *place) error {
	large := slices.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	for i, data := range [][]byte{nil, {}, {0}, large} {
		if err := p.Append(ctx, "wine", p.epoch("wine"), uint64(i+1), data); err != nil {
			return fmt.Errorf("an event of %d bytes: %w", len(data), err)
		}
	}
	tooLarge := make([]byte, persistence.MaxRecordLength+1)
	if err := wantError[*persistence.ArgumentError]("an event that is too large", p.Append(ctx, "wine", p.epoch("wine"), 5, tooLarge)); err != nil {
		return err
	}
	r, err := p.Load(ctx, "wine")
	if err != nil || len(r.Events) != 4 {
		return fmt.Errorf("load: %v, %w", r, err)
	}
	for i, data := range [][]byte{nil, {}, {0}, large} {
		if string(r.Events[i].Data) != string(data) {
			return fmt.Errorf("event %d came back with %d bytes instead of %d", i+1, len(r.Events[i].Data), len(data))
		}
	}
	return nil
}

// strangeIDs are ids that a store may stumble over, sorted by their bytes.
var strangeIDs = []string{
	"\x00", "\x00\x00", "\x00a", " ", "../wine", "/", "a", "a\x00", "a/b", "con", "e", "l", "s",
	"wine", "wine\n", "wine\x00", "wine2", string(slices.Repeat([]byte("x"), persistence.MaxIDLength)),
	"ß", "\xed\xa0\x80", "\xff", "\xff\xfe",
}

func idsApart(p *place) error {
	for i, id := range strangeIDs {
		if err := p.append(id, 1, uint64(i+1)); err != nil {
			return err
		}
	}
	for i, id := range strangeIDs {
		if err := p.load(id, want{events: numbers(1, uint64(i+1)), last: uint64(i + 1)}); err != nil {
			return err
		}
	}
	if err := p.save("only a snapshot", 0); err != nil {
		return err
	}
	ids, err := p.IDs(ctx)
	wanted := slices.Sorted(slices.Values(append(slices.Clone(strangeIDs), "only a snapshot")))
	if err != nil || !slices.Equal(ids, wanted) {
		return fmt.Errorf("ids: %q, %v; want %q", ids, err, wanted)
	}
	return nil
}

func deleteForgets(p *place) error {
	for _, id := range []string{"wine", "wine2"} {
		if err := errors.Join(p.append(id, 1, 4), p.save(id, 3)); err != nil {
			return err
		}
	}
	if err := p.Delete(ctx, "wine", p.epoch("wine")); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if ids, err := p.IDs(ctx); err != nil || !slices.Equal(ids, []string{"wine2"}) {
		return fmt.Errorf("ids after delete: %q, %v", ids, err)
	}
	if err := p.load("wine", want{}); err != nil {
		return err
	}
	if err := p.append("wine", 1, 2); err != nil {
		return fmt.Errorf("after delete: %w", err)
	}
	return errors.Join(
		p.load("wine", want{events: numbers(1, 2), last: 2}),
		p.load("wine2", want{snapshot: snapshot("wine2", 3), seq: 3, events: numbers(4, 4), last: 4}))
}

func eventsSurvive(p *place) error {
	if err := errors.Join(p.append("wine", 1, 3), p.append("iris", 1, 2), p.append("gone", 1, 1), p.Delete(ctx, "gone", p.epoch("gone"))); err != nil {
		return err
	}
	if err := p.reopen(); err != nil {
		return err
	}
	if ids, err := p.IDs(ctx); err != nil || !slices.Equal(ids, []string{"iris", "wine"}) {
		return fmt.Errorf("ids after a restart: %q, %v", ids, err)
	}
	return errors.Join(
		p.load("wine", want{events: numbers(1, 3), last: 3}),
		p.load("iris", want{events: numbers(1, 2), last: 2}),
		p.append("wine", 4, 4))
}
