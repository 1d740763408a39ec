package lifecycle_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
)

// TestEveryRecordHasItsGeneration lets descriptors, with and without an
// effective_from, come at random times relative to the loads, failures, restarts
// and the clock, and compares after each step what the machine would score
// records with against the rule in its own words.
func TestEveryRecordHasItsGeneration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"offer":   w.offer,
			"persist": w.persist,
			"ready":   w.ready,
			"fail":    w.fail,
			"die":     w.die,
			"score":   w.score,
			"tick":    w.tick,
			"restart": w.restart,
			"wake":    w.wake,
			"":        w.check,
		})
		w.settleAll(t)
	})
}

// world is a machine with what its owner does, and an account of what happened
// that the machine has no part in.
type world struct {
	m       *lifecycle.Machine
	limits  lifecycle.Limits
	now     int64
	offset  int64
	stored  uint64
	snap    *messages.Snapshot
	events  []*messages.ModelAccepted
	unsaved []uint64 // events on their way to the store, in order
	load    *lifecycle.Generation
	facts   map[uint64]*fact // by number
	order   []uint64         // by offset
}

// fact is what is known of a generation from the outside.
type fact struct {
	from     int64
	served   bool // it was ready
	rejected bool // it cannot be served
	repeated bool // it was a duplicate
	replaced bool // it was superseded
	awaited  bool // somebody waits for an answer
}

func newWorld(t *rapid.T) *world {
	w := &world{now: 100_000, facts: map[uint64]*fact{}}
	w.limits = lifecycle.Limits{
		MaxLoaded: rapid.IntRange(1, 4).Draw(t, "loaded"), MaxQueued: rapid.IntRange(1, 6).Draw(t, "queued"), Remember: 1000,
	}
	w.m = lifecycle.New(w.limits, false)
	return w
}

// seconds draws a time near the clock: before, about now, after.
func (w *world) seconds(t *rapid.T, label string) int64 {
	return w.now + 1000*rapid.Int64Range(-99, 99).Draw(t, label)
}

func (w *world) apply(t *rapid.T, effects []lifecycle.Effect) {
	for _, e := range effects {
		switch e.Kind {
		case lifecycle.Persist:
			w.unsaved = append(w.unsaved, e.Generation.Number())
		case lifecycle.Load:
			if w.load != nil {
				t.Fatalf("generation %d is to be loaded while %d loads", e.Generation.Number(), w.load.Number())
			}
			w.load = e.Generation
		case lifecycle.Close:
			if w.load == e.Generation {
				w.load = nil
			}
		case lifecycle.Settle:
			f := w.facts[e.Generation.Number()]
			f.awaited = false
			f.rejected = f.rejected || e.Outcome == messages.ModelOutcome_REJECTED
			f.replaced = f.replaced || e.Outcome == messages.ModelOutcome_SUPERSEDED
			f.repeated = f.repeated || e.Outcome == messages.ModelOutcome_DUPLICATE
		case lifecycle.Snapshot:
			w.snap = proto.CloneOf(w.m.Snapshot())
			w.events = nil
		}
	}
}

func (w *world) offer(t *rapid.T) {
	d := &messages.ModelAccepted{
		Sha256: rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "sha"), Type: "pmml",
		Source: &messages.Source{Topic: "models", Offset: w.offset + 1},
	}
	if rapid.Bool().Draw(t, "scheduled") {
		d.EffectiveFromMs = w.seconds(t, "from")
	}
	g, effects := w.m.Offer(d)
	if g == nil && effects == nil {
		return // no room
	}
	w.offset++
	if want := uint64(len(w.order) + 1); g.Number() != want {
		t.Fatalf("descriptor %d has the number %d: it depends on more than the topic", want, g.Number())
	}
	w.facts[g.Number()] = &fact{from: d.GetEffectiveFromMs(), awaited: true}
	w.order = append(w.order, g.Number())
	w.apply(t, effects)
}

func (w *world) persist(t *rapid.T) {
	if len(w.unsaved) == 0 {
		t.Skip("nothing is on its way to the store")
	}
	n := w.unsaved[0]
	w.unsaved = w.unsaved[1:]
	g := w.m.Find(n)
	w.stored++
	w.events = append(w.events, proto.CloneOf(g.Model))
	w.apply(t, w.m.Persisted(g))
}

func (w *world) ready(t *rapid.T) {
	g := w.load
	if g == nil {
		t.Skip("nothing loads")
	}
	w.load = nil
	w.facts[g.Number()].served = true
	if g.Model.GetSha256() == "" && !g.Good() {
		w.load = g
		w.apply(t, w.m.Fetched(g, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "fetched"), 1))
		if w.load != g {
			w.facts[g.Number()].served = false
			return
		}
		w.load = nil
	}
	w.apply(t, w.m.Ready(g, w.now, ""))
}

func (w *world) fail(t *rapid.T) {
	g := w.load
	if g == nil {
		t.Skip("nothing loads")
	}
	w.load = nil
	w.apply(t, w.m.Failed(g, w.now, "as drawn", rapid.Bool().Draw(t, "lost")))
}

func (w *world) die(t *rapid.T) {
	var loaded []*lifecycle.Generation
	for _, g := range w.m.Generations() {
		if g.Loaded() {
			loaded = append(loaded, g)
		}
	}
	if len(loaded) == 0 {
		t.Skip("nothing is loaded")
	}
	w.apply(t, w.m.Died(rapid.SampledFrom(loaded).Draw(t, "who")))
}

func (w *world) score(t *rapid.T) {
	g := w.m.Plan().At(w.seconds(t, "record"))
	switch {
	case g == nil:
	case g.Loaded():
		g.Use(w.now)
	default:
		w.apply(t, w.m.Want(g))
	}
}

func (w *world) tick(t *rapid.T) {
	w.now += rapid.Int64Range(1, 90_000).Draw(t, "pass")
	w.apply(t, w.m.Tick(w.now))
}

// restart is a kill when all events are stored. (One that was not is brought by
// the topic again, as any other.)
func (w *world) restart(t *rapid.T) {
	if len(w.unsaved) > 0 {
		t.Skip("an event is on its way to the store")
	}
	w.load = nil
	w.m = lifecycle.New(w.limits, rapid.Bool().Draw(t, "dormant"))
	w.apply(t, w.m.Recover(w.snap, w.events, w.stored))
}

func (w *world) wake(t *rapid.T) { w.apply(t, w.m.Activate()) }

// rule is the rule: the newest of the accepted generations that are not rejected
// and whose effective_from is not after the timestamp; one without
// effective_from counts once it has served. What was superseded is gone, should
// that which superseded it be given up after it has served.
func (w *world) rule(ms int64) uint64 {
	givenUp := false
	for _, n := range slices.Backward(w.order) {
		f := w.facts[n]
		if f.rejected || f.repeated || f.replaced && givenUp {
			givenUp = givenUp || f.rejected && f.served
			continue
		}
		if f.from == 0 && f.served || f.from != 0 && f.from <= ms {
			return n
		}
	}
	return 0
}

func (w *world) check(t *rapid.T) {
	for s := int64(-100); s <= 100; s += 20 {
		ms := w.now + s*1000
		var got uint64
		if g := w.m.Plan().At(ms); g != nil {
			got = g.Number()
		}
		if want := w.rule(ms); got != want {
			t.Fatalf("a record of %d is scored by generation %d, want %d\n%s", ms, got, want, w.show())
		}
	}
	loaded := 0
	for _, g := range w.m.Generations() {
		if g.Loaded() {
			loaded++
		}
	}
	if loaded > max(w.limits.MaxLoaded, 2) { // what serves and a newcomer stay
		t.Fatalf("%d are loaded\n%s", loaded, w.show())
	}
	if w.m.Dormant() && w.load != nil {
		t.Fatalf("generation %d loads without a record", w.load.Number())
	}
}

// settleAll lets everything load: everybody gets an answer, and no wish stays.
func (w *world) settleAll(t *rapid.T) {
	for len(w.unsaved) > 0 {
		w.persist(t)
	}
	w.wake(t)
	for steps := 0; w.load != nil; steps++ {
		if steps > 1000 {
			t.Fatalf("loading does not end\n%s", w.show())
		}
		w.ready(t)
		w.check(t)
	}
	for n, f := range w.facts {
		if f.awaited {
			t.Fatalf("nobody was told what became of generation %d\n%s", n, w.show())
		}
	}
	for s := int64(-100); s <= 100; s += 20 {
		g := w.m.Plan().At(w.now + s*1000)
		if g == nil || g.Loaded() {
			continue
		}
		w.apply(t, w.m.Want(g))
		if w.load != g {
			t.Fatalf("generation %d is wanted, and not loaded\n%s", g.Number(), w.show())
		}
		w.ready(t)
	}
}

func (w *world) show() string {
	s := fmt.Sprintf("now %d, forgotten before: %v\n", w.now, w.m.Forgotten(1))
	for _, g := range w.m.Generations() {
		s += fmt.Sprintf("  g%d from %d %v loaded=%v facts=%+v %s\n", g.Number(), g.From(), g.Phase, g.Loaded(), *w.facts[g.Number()], g.Reason)
	}
	return s
}
