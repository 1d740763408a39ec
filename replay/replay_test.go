package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
	"github.com/modelstream/modelserver/replay"
)

// Each record with what was given, and what a replay says of it.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		x      string   // of the record; "": malformed
		given  []string // results; "error": one
		want   replay.Verdict
		double int
		says   string
	}{
		{"the same", "1", []string{"11"}, replay.Equal, 0, ""},
		{"another value", "1", []string{"12"}, replay.Different, 0, ""},
		{"twice the same", "1", []string{"11", "11"}, replay.Equal, 1, ""},
		{"twice, the first one counts", "1", []string{"12", "11"}, replay.Different, 1, ""},
		{"an error then", "1", []string{"error"}, replay.ErrorThen, 0, "as it was"},
		{"the same error", "-1", []string{"error"}, replay.Equal, 0, ""},
		{"an error now", "-1", []string{"9"}, replay.ErrorNow, 0, "invalid-input"},
		{"it panics alone", "-2", []string{"8"}, replay.ErrorNow, 0, "fails on this record alone"},
		{"no result then", "1", nil, replay.MissingThen, 0, ""},
		{"malformed then and now", "", nil, replay.Neither, 0, ""},
		{"malformed now", "", []string{"11"}, replay.ErrorNow, 0, "malformed"},
	} {
		for _, indexed := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				w := newWorld()
				d := w.publish("a", "10", 0, 0)
				w.record("a", "5", 1)
				at := w.record("a", c.x, 1)
				w.record("a", "6", 1)
				w.result(0, d, "15")
				for _, v := range c.given {
					w.result(at, d, v)
				}
				w.result(2, d, "16")
				o := w.run(t, func(conf *replay.Config, _ *replay.Loading) {
					if indexed {
						conf.Index = w.index(t, conf.Ranges, 1<<20)
					}
				})
				f := o.findings[at]
				if f == nil {
					f = &replay.Finding{Verdict: replay.Equal}
					if o.Of(replay.Neither) == 1 {
						f.Verdict = replay.Neither
					}
				}
				if f.Verdict != c.want || f.Doubled != c.double || !strings.Contains(f.Reason, c.says) {
					t.Errorf("%v, %d doubles, %q; want %v, %d, …%q…", f.Verdict, f.Doubled, f.Reason, c.want, c.double, c.says)
				}
				if o.Records != 3 || o.findings[0] != nil || o.findings[2] != nil {
					t.Errorf("%d records; the others: %v, %v", o.Records, o.findings[0], o.findings[2])
				}
			})
		}
	}
}

// index builds an index of all results.
func (w *world) index(t testing.TB, ranges []replay.Range, limit int64) *replay.Index {
	t.Helper()
	x, err := w.tryIndex(t, ranges, limit)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (w *world) tryIndex(t testing.TB, ranges []replay.Range, limit int64) (*replay.Index, error) {
	p := &pages[replay.Result]{left: w.results}
	return replay.NewIndex(t.Context(), record.ResultProtobuf, ranges, limit, func(ctx context.Context) ([]replay.Encoded, error) {
		page, err := p.Next(ctx)
		var out []replay.Encoded
		for _, r := range page {
			out = append(out, replay.Encoded{Partition: r.Partition, Offset: r.Offset, Payload: encode(t, r)})
		}
		return out, err
	})
}

// A difference names the output, its old and its new value, and the generations.
func TestFindingSaysWhatDiffers(t *testing.T) {
	w := newWorld()
	d := w.publish("a", "10", 0, 0)
	w.record("a", "1", 1)
	w.result(0, d, "11.5")
	f := w.run(t, nil).findings[0]
	if f == nil || len(f.Outputs) != 1 {
		t.Fatalf("%+v", f)
	}
	if c := f.Outputs[0]; c.Output != "sum" || c.Old.GetNumber() != 11.5 || c.New.GetNumber() != 11 {
		t.Errorf("%+v", c)
	}
	if f.Topic != "numbers" || replay.Label(f.Then) != "adds 10 (0@0)" || f.Now.GetNumber() != 7 {
		t.Errorf("%+v", f)
	}
	near := func(c *replay.Config, _ *replay.Loading) { c.Tolerance = 0.05 }
	if o := w.run(t, near); o.Findings() != 0 {
		t.Error("5 % do not tolerate 11.5 for 11")
	}
}

// The timeline: the newest model in the order of the topic whose time has come,
// without those that do not load.
func TestTimeline(t *testing.T) {
	w := newWorld()
	w.publish("a", "1", 100, 0)
	w.publish("b", "1000", 100, 0)
	w.publish("a", "2", 200, 400) // announced for 400
	w.publish("a", "3", 300, 0)   // hides the announced one
	w.publish("a", "3", 310, 0)   // a duplicate: the one before goes on
	w.publish("a", "broken", 320, 0)
	w.publish("a", "panics", 330, 0)
	w.publish("a", "4", 500, 250) // for the past, too
	for _, c := range []struct {
		ms   int64
		want float64 // 0: none
		at   int64
	}{
		{99, 0, 0}, {100, 1, 0}, {199, 1, 0}, {249, 1, 0}, {250, 4, 7}, {350, 4, 7}, {600, 4, 7},
	} {
		w.records, w.results = nil, nil
		w.record("a", "0", c.ms)
		o := w.run(t, func(conf *replay.Config, _ *replay.Loading) { conf.AsOf = replay.AsOfTimeline })
		if c.want == 0 {
			if len(o.made) != 0 || o.Of(replay.Neither) != 1 {
				t.Errorf("at %d there is no model, and %v", c.ms, o.made)
			}
			continue
		}
		if len(o.made) != 1 || o.made[0].GetOutputs()["sum"].GetNumber() != c.want || o.made[0].GetGeneration().GetOffset() != c.at {
			t.Errorf("at %d: %v, want %v by offset %d", c.ms, o.made, c.want, c.at)
		}
	}
	w.models = w.models[:7]
	for ms, at := range map[int64]int64{299: 0, 300: 3, 315: 3, 450: 3} {
		w.records = nil
		w.record("a", "0", ms)
		o := w.run(t, func(conf *replay.Config, _ *replay.Loading) { conf.AsOf = replay.AsOfTimeline })
		if got := o.made[0].GetGeneration().GetOffset(); got != at {
			t.Errorf("at %d: offset %d, want %d", ms, got, at)
		}
	}
}

// A generation that cannot be had is reported; another one is never taken.
func TestUnavailable(t *testing.T) {
	setUp := func() (*world, *replay.Descriptor) {
		w := newWorld()
		w.publish("a", "1", 0, 0)
		d := w.publish("a", "2", 0, 0)
		w.record("a", "5", 1)
		w.result(0, d, "7")
		return w, d
	}
	for name, c := range map[string]struct {
		damage func(*world, *replay.Descriptor)
		says   string
	}{
		"its descriptor is compacted away": {func(w *world, d *replay.Descriptor) { w.models = w.models[:1] }, "does not have its descriptor any more"},
		"its bytes are gone":               {func(w *world, d *replay.Descriptor) { delete(w.bytes, d.Place) }, "the descriptor is gone"},
		"its place has another artifact": {func(w *world, d *replay.Descriptor) {
			w.models = nil
			w.publish("a", "1", 0, 0)
			w.publish("a", "3", 0, 0)
		}, "its artifact was"},
		"its place has a model of another data type": {func(w *world, d *replay.Descriptor) {
			w.models = nil
			w.publish("b", "1", 0, 0)
			w.publish("b", "2", 0, 0)
		}, `has a model for "b" now`},
		"it does not load any more": {func(w *world, d *replay.Descriptor) { d.Type = "gone" }, `"gone" is not known here`},
		"the result names none": {func(w *world, d *replay.Descriptor) {
			w.results[0].Result.Generation = nil
		}, "does not name it"},
		"by location, which is not allowed": {func(w *world, d *replay.Descriptor) { d.Location = "file:///m" }, "models.locations"},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := setUp()
			c.damage(w, d)
			o := w.run(t, nil)
			f := o.findings[0]
			if f == nil || f.Verdict != replay.Unavailable || !strings.Contains(f.Reason, c.says) || len(o.made) != 0 {
				t.Errorf("%+v; want …%s…", f, c.says)
			}
		})
	}
}

// One given model scores all, and is loaded once.
func TestCandidate(t *testing.T) {
	w := newWorld()
	d := w.publish("a", "1", 0, 0)
	for range 9 {
		w.result(w.record("a", "1", 1), d, "2")
	}
	o := w.run(t, func(c *replay.Config, _ *replay.Loading) {
		c.AsOf, c.Model = replay.AsOfModel, &replay.Descriptor{
			Place: replay.Place{Partition: -1, Offset: -1}, DataType: "a", Type: "adder", Name: "candidate", Artifact: []byte("2"),
		}
	})
	if o.Of(replay.Different) != 9 || o.ByModel != 9 || w.loads != 1 {
		t.Errorf("%d differences, %d by the model, %d loads", o.Of(replay.Different), o.ByModel, w.loads)
	}
	if got := replay.Label(o.Lines()[0].Now); got != "candidate" {
		t.Errorf("it is called %q", got)
	}
}

// A replay of other data types, or of some records, says nothing of the rest.
func TestFilters(t *testing.T) {
	w := newWorld()
	a, b := w.publish("a", "1", 0, 0), w.publish("b", "2", 0, 0)
	for range 10 {
		w.result(w.record("a", "1", 1), a, "2")
		w.result(w.record("b", "1", 1), b, "wrong")
	}
	o := w.run(t, func(c *replay.Config, _ *replay.Loading) { c.DataTypes = map[string]bool{"a": true} })
	if o.Records != 10 || o.Findings() != 0 || o.Orphans != 0 {
		t.Errorf("data type a: %+v", o.Summary)
	}
	o = w.run(t, func(c *replay.Config, _ *replay.Loading) { c.Limit = 5 })
	if o.Records != 5 || len(o.made) != 5 || o.Orphans != 0 {
		t.Errorf("limit 5: %+v", o.Summary)
	}
	o = w.run(t, func(c *replay.Config, _ *replay.Loading) { c.Ranges[0].From, c.Ranges[0].To = 6, 8 })
	if o.Records != 2 || o.Late != 0 || o.Orphans != 0 || o.Of(replay.Equal) != 1 {
		t.Errorf("records 6 and 7: %+v", o.Summary)
	}
}

// What lies further away than the window is counted as late, and an index finds
// it; what an index cannot hold is an error that says what to do.
func TestWindowAndIndex(t *testing.T) {
	w := newWorld()
	d := w.publish("a", "1", 0, 0)
	for range 100 {
		w.record("a", "1", 1)
	}
	for at := int64(10); at < 100; at++ { // ten were dropped; then the offsets were reset
		w.result(at, d, "2")
	}
	for at := range int64(10) {
		w.result(at, d, "2")
	}
	o := w.run(t, nil)
	if o.Of(replay.MissingThen) != 10 || o.Late != 10 {
		t.Errorf("%d missing, %d late; want 10 of each", o.Of(replay.MissingThen), o.Late)
	}
	o = w.run(t, func(c *replay.Config, _ *replay.Loading) { c.Index = w.index(t, c.Ranges, 1<<20) })
	if o.Findings() != 0 || o.Late != 0 {
		t.Errorf("with an index: %+v", o.Summary)
	}
	var full *replay.IndexFullError
	if _, err := w.tryIndex(t, []replay.Range{w.all()}, 1000); !errors.As(err, &full) || !strings.Contains(err.Error(), "replay a smaller range") {
		t.Errorf("%v", err)
	}
}

// Results are read no further than the window beyond the range.
func TestReadsNoMoreResultsThanItNeeds(t *testing.T) {
	w := newWorld()
	d := w.publish("a", "1", 0, 0)
	for range 1000 {
		w.result(w.record("a", "1", 1), d, "2")
	}
	w.run(t, func(c *replay.Config, _ *replay.Loading) { c.Ranges[0].To = 20 })
	if w.read > 40 {
		t.Errorf("%d results were read for 20 records and a window of 8", w.read)
	}
}

// Earlier results without a record, and what is no result, are counted.
func TestStrays(t *testing.T) {
	w := newWorld()
	d := w.publish("a", "1", 0, 0)
	for range 4 {
		w.result(w.record("a", "1", 1), d, "2")
		w.elsewhere()
	}
	w.results[3] = replay.Result{Offset: 3, Err: errors.New("none")}
	w.records = append(w.records[:2], w.records[3:]...)
	o := w.run(t, nil)
	if o.Orphans != 1 || o.Unreadable != 1 || o.Findings() != 0 || o.Records != 3 {
		t.Errorf("%+v", o.Summary)
	}
}

// A location that cannot be reached for the moment ends the replay: to go on
// would be a guess.
func TestTransientFailureEndsIt(t *testing.T) {
	w := newWorld()
	w.publish("a", "1", 0, 0).Location = "http://models/1"
	w.record("a", "1", 1)
	o, err := w.try(t, func(_ *replay.Config, l *replay.Loading) { l.Resolver, l.LoadTimeout = away{}, 1 })
	if err == nil || !strings.Contains(err.Error(), "the network is away") || !strings.Contains(err.Error(), "numbers/0@0-1") {
		t.Errorf("%v", err)
	}
	if len(o.made) != 0 {
		t.Error("it went on")
	}
}

type away struct{}

func (away) Resolve(context.Context, string) (model.Artifact, error) {
	return model.Artifact{}, &model.TransientError{Reason: "the network is away"}
}

func encode(t testing.TB, r replay.Result) []byte {
	t.Helper()
	if r.Err != nil {
		return []byte{0xff}
	}
	b, err := proto.Marshal(r.Result)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The lines of the summary stay few however many data types there are.
func TestLinesAreBounded(t *testing.T) {
	w := newWorld()
	for i := range replay.MaxLines + 50 {
		w.record(strings.Repeat("x", i%150+1)+string(rune('a'+i/150)), "1", 1)
	}
	o := w.run(t, nil)
	lines := o.Lines()
	if len(lines) > replay.MaxLines+1 {
		t.Errorf("%d lines", len(lines))
	}
	n := int64(0)
	for _, l := range lines {
		n += l.Records
	}
	if n != o.Records {
		t.Errorf("the lines have %d of %d records", n, o.Records)
	}
}

// shelf has models by location.
type shelf map[string]string

func (s shelf) Resolve(_ context.Context, location string) (model.Artifact, error) {
	b, there := s[location]
	if !there {
		return model.Artifact{}, &model.LoadError{Reason: "not found", Where: location}
	}
	return model.NewArtifact([]byte(b)), nil
}

// A model by location is what it was, or unavailable: never what is there now, nor
// an older one in its place.
func TestLocations(t *testing.T) {
	for name, c := range map[string]struct {
		shelf shelf
		says  string // "": all is well
	}{
		"as it was": {shelf{"http://m": "2"}, ""},
		"changed":   {shelf{"http://m": "3"}, "its artifact was"},
		"gone":      {shelf{}, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.publish("a", "1", 0, 0)
			d := w.publish("a", "2", 0, 0) // its digest is what results say
			w.result(w.record("a", "5", 1), d, "7")
			d.Location, d.SHA256 = "http://m", "" // the descriptor does not say it
			o := w.run(t, func(_ *replay.Config, l *replay.Loading) { l.Resolver = c.shelf })
			f := o.findings[0]
			switch {
			case c.says == "" && (f != nil || o.Of(replay.Equal) != 1):
				t.Errorf("%+v", f)
			case c.says != "" && (f == nil || f.Verdict != replay.Unavailable || !strings.Contains(f.Reason, c.says)):
				t.Errorf("%+v; want …%s…", f, c.says)
			}
		})
	}
}
