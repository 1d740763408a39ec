package replay_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/replay"
)

// Whatever servers gave, in whatever order within the window, with however few
// models loaded: each record has the verdict that follows from its results alone,
// and the results come in the order of the records.
func TestVerdictsOfAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		models := rapid.IntRange(1, 6).Draw(rt, "models")
		for i := range models {
			artifact := fmt.Sprint(100 * (i + 1))
			if rapid.IntRange(0, 5).Draw(rt, "broken") == 0 {
				artifact = "broken"
			}
			effective := int64(rapid.SampledFrom([]int{0, 0, 10, 40, 70}).Draw(rt, "effective"))
			w.publish("a", artifact, int64(rapid.IntRange(0, 50).Draw(rt, "published")), effective)
		}
		n := rapid.IntRange(0, 60).Draw(rt, "records")
		want := map[int64]replay.Verdict{}
		doubles := map[int64]int{}
		byWhom := map[int64]*replay.Descriptor{}
		for i := range n {
			x := rapid.SampledFrom([]string{"1", "2.5", "-1", "-2", ""}).Draw(rt, "x")
			at := w.record("a", x, int64(rapid.IntRange(0, 100).Draw(rt, "time")))
			if at != int64(i) {
				rt.Fatal("offsets have gaps")
			}
		}
		for at := range int64(n) {
			by := rapid.SampledFrom(w.models).Draw(rt, "by")
			r := w.records[at]
			kind := rapid.SampledFrom([]string{"right", "right", "right", "wrong", "error", "none"}).Draw(rt, "result")
			if w.bytes[by.Place] == "broken" {
				kind = "none"
			}
			if kind != "none" {
				byWhom[at] = by
			}
			want[at] = w.expect(at, kind, by)
			if kind == "none" {
				continue
			}
			value := "error"
			switch kind {
			case "right", "wrong":
				value = fmt.Sprint(x(r) + add(w, by))
				if kind == "wrong" {
					value = fmt.Sprint(x(r) + add(w, by) + 1)
				}
			}
			w.result(at, by, value)
			for rapid.IntRange(0, 9).Draw(rt, "again") == 0 {
				doubles[at]++
				w.result(at, by, value)
			}
			if rapid.Bool().Draw(rt, "others") {
				w.elsewhere()
			}
		}
		w.shuffle(rt)
		indexed := rapid.Bool().Draw(rt, "indexed")
		most := rapid.IntRange(1, 4).Draw(rt, "loaded")
		o := w.run(t, func(c *replay.Config, l *replay.Loading) {
			l.MaxLoaded = most
			c.Batch = rapid.IntRange(1, 20).Draw(rt, "batch")
			c.Window = 16
			if indexed {
				c.Index = w.index(t, c.Ranges, 1<<20)
			}
		})
		for at := range int64(n) {
			f := o.findings[at]
			got := replay.Equal
			if f != nil {
				got = f.Verdict
			}
			if f != nil && f.Doubled != doubles[at] || f == nil && doubles[at] > 0 {
				rt.Fatalf("record %d: doubles %+v, want %d", at, f, doubles[at])
			}
			if wanted := want[at]; got != wanted && (f != nil || wanted != replay.Neither) {
				rt.Fatalf("record %d: %v, want %v by %v", at, got, wanted, byWhom[at])
			}
		}
		last := int64(-1)
		for _, r := range o.made {
			if r.GetSource().GetOffset() <= last {
				rt.Fatal("results are out of order")
			}
			last = r.GetSource().GetOffset()
			if by := byWhom[last]; by != nil && r.GetGeneration().GetOffset() != by.Place.Offset {
				rt.Fatalf("record %d was scored by %v", last, r.GetGeneration())
			}
		}
		if w.mostOpen > most {
			rt.Fatalf("%d models were open, at most %d may be", w.mostOpen, most)
		}
		if o.Late != 0 || o.Orphans != 0 || o.Records != int64(n) {
			rt.Fatalf("%+v", o.Summary)
		}
	})
}

// shuffle lets results change places within half of the window, those of one
// record kept in their order.
func (w *world) shuffle(rt *rapid.T) {
	for i := 0; i+1 < len(w.results); i++ {
		j := i + 1
		if w.results[i].Result.GetSource().GetOffset() != w.results[j].Result.GetSource().GetOffset() && rapid.IntRange(0, 3).Draw(rt, "swap") == 0 {
			w.results[i], w.results[j] = w.results[j], w.results[i]
			i++
		}
	}
}

// x is a record's number, as far as that matters for its result.
func x(r replay.Record) float64 {
	var v float64
	if _, err := fmt.Sscanf(string(r.Payload), `{"x": %g}`, &v); err != nil {
		return 0
	}
	return v
}

func add(w *world, d *replay.Descriptor) float64 {
	var v float64
	if _, err := fmt.Sscan(w.bytes[d.Place], &v); err != nil {
		return math.NaN()
	}
	return v
}

// expect is the verdict by the words of the package comment.
func (w *world) expect(at int64, kind string, by *replay.Descriptor) replay.Verdict {
	r := w.records[at]
	malformed := string(r.Payload) == "{"
	bad := x(r) < 0 // refused, or panics
	if kind == "none" {
		if malformed || w.right(r.TimeMS) == nil {
			return replay.Neither
		}
		return replay.MissingThen
	}
	switch {
	case malformed:
		return replay.ErrorNow
	case bad && kind != "error":
		return replay.ErrorNow
	case bad && x(r) == -1:
		return replay.Equal
	case bad:
		return replay.Different // another kind of error
	case kind == "error":
		return replay.ErrorThen
	case kind == "wrong":
		return replay.Different
	}
	return replay.Equal
}

// right is the timeline, spelled out.
func (w *world) right(ms int64) *replay.Descriptor {
	var found *replay.Descriptor
	for _, d := range w.models {
		from := d.PublishedMS
		if d.EffectiveMS != 0 {
			from = d.EffectiveMS
		}
		if from <= ms && w.bytes[d.Place] != "broken" {
			found = d
		}
	}
	return found
}

// The timeline gives each record the model that its definition gives it.
func TestTimelineOfAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		for i := range rapid.IntRange(0, 8).Draw(rt, "models") {
			artifact := fmt.Sprint(i + 1)
			if rapid.IntRange(0, 3).Draw(rt, "broken") == 0 {
				artifact = "broken"
			}
			effective := int64(rapid.SampledFrom([]int{0, 20, 50, 80}).Draw(rt, "effective"))
			w.publish("a", artifact, int64(rapid.IntRange(0, 100).Draw(rt, "published")), effective)
		}
		want := map[int64]*replay.Descriptor{}
		for range rapid.IntRange(0, 40).Draw(rt, "records") {
			ms := int64(rapid.IntRange(0, 110).Draw(rt, "time"))
			want[w.record("a", "0", ms)] = w.right(ms)
		}
		o := w.run(t, func(c *replay.Config, l *replay.Loading) {
			c.AsOf, l.MaxLoaded = replay.AsOfTimeline, rapid.IntRange(1, 9).Draw(rt, "loaded")
		})
		got := map[int64]int64{}
		for _, r := range o.made {
			got[r.GetSource().GetOffset()] = r.GetGeneration().GetOffset()
		}
		for at, d := range want {
			switch by, made := got[at]; {
			case made != (d != nil):
				rt.Fatalf("record %d at %d: a result is %v", at, w.records[at].TimeMS, made)
			case made && by != d.Place.Offset:
				rt.Fatalf("record %d at %d: model %d, want %d", at, w.records[at].TimeMS, by, d.Place.Offset)
			}
		}
	})
}
