package lifecycle_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
)

// TestServersAgree gives two servers the same models topic, with bad models in
// it, and lets each read and load at its own pace. In the end they score every
// record with the same descriptor, and have given the same numbers.
func TestServersAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var topic []*messages.ModelAccepted
		for i := range rapid.IntRange(1, 12).Draw(t, "descriptors") {
			topic = append(topic, &messages.ModelAccepted{
				Sha256:          rapid.SampledFrom([]string{"a", "b", "c", "bad", "worse"}).Draw(t, "sha"),
				EffectiveFromMs: rapid.SampledFrom([]int64{0, 0, 100, 200, 300}).Draw(t, "from"),
				Source:          &messages.Source{Topic: "models", Offset: int64(i)},
			})
		}
		one, other := serve(t, topic), serve(t, topic)
		if one != other {
			t.Fatalf("one server:\n%s\nthe other:\n%s", one, other)
		}
	})
}

// serve reads a topic, step by step in a random order of events, and says what
// came of it.
func serve(t *rapid.T, topic []*messages.ModelAccepted) string {
	m := lifecycle.New(lifecycle.Limits{MaxQueued: 100, Remember: 100, MaxLoaded: rapid.IntRange(1, 3).Draw(t, "loaded")}, false)
	now := rapid.Int64Range(1, 400).Draw(t, "now")
	var unsaved []*lifecycle.Generation
	var load *lifecycle.Generation
	numbers := ""
	apply := func(effects []lifecycle.Effect) {
		for _, e := range effects {
			switch e.Kind {
			case lifecycle.Persist:
				unsaved = append(unsaved, e.Generation)
			case lifecycle.Load:
				load = e.Generation
			}
		}
	}
	for len(topic) > 0 || len(unsaved) > 0 || load != nil {
		switch what := rapid.IntRange(0, 3).Draw(t, "step"); {
		case what == 0 && len(topic) > 0:
			d := proto.CloneOf(topic[0])
			g, effects := m.Offer(d)
			numbers += fmt.Sprintf(" %d=%d", d.GetSource().GetOffset(), g.Number())
			topic = topic[1:]
			apply(effects)
		case what == 1 && len(unsaved) > 0:
			g := unsaved[0]
			unsaved = unsaved[1:]
			apply(m.Persisted(g))
		case what == 2 && load != nil:
			g := load
			load = nil
			if len(g.Model.GetSha256()) == 1 {
				apply(m.Ready(g, now, ""))
			} else {
				apply(m.Failed(g, now, "bad", false))
			}
		case what == 3:
			now += 10
			apply(m.Tick(now))
		}
	}
	s := "numbers" + numbers + "\n"
	for _, ms := range []int64{0, 99, 100, 199, 200, 299, 300, 1000} {
		s += fmt.Sprintf("%d:", ms)
		if g := m.Plan().At(ms); g != nil {
			s += fmt.Sprintf(" offset %d", g.Model.GetSource().GetOffset())
		}
		s += "\n"
	}
	return s
}
