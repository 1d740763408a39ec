package node_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/record"
	"github.com/modelstream/modelserver/replay"
)

// replayed replays everything with options that the caller may change.
func (w *world) replayed(types *model.Registry, change func(*node.ReplayOptions), set ...string) (*replay.Summary, []*replay.Finding) {
	w.t.Helper()
	var findings []*replay.Finding
	o := node.ReplayOptions{
		Types: types, Log: testLog(w.t), From: kafka.Start(), To: kafka.End(), Diff: true,
		Finding: func(f *replay.Finding) { findings = append(findings, f) },
	}
	if change != nil {
		change(&o)
	}
	s, err := node.Replay(w.t.Context(), w.config(set...), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return s, findings
}

// history has models come and go while records are scored: one by value, a broken
// one, one that was announced for a record timestamp, one without. It returns
// where the announced one begins.
func (w *world) history(types *model.Registry, set ...string) (records int, effective time.Time) {
	w.t.Helper()
	s := w.start(types, set...)
	w.publish(addModel("first", "1000"))
	s.awaitModel("wine", "first")
	w.wines(0, 400)
	w.scored(400)

	w.publish(addModel("broken", "no number"))
	awaitRejected(w.t, s, "broken")
	w.wines(400, 400)
	w.scored(800)

	effective = time.Now().Add(30 * time.Minute).Truncate(time.Millisecond)
	announced := addModel("announced", "2000")
	announced.EffectiveFromMs = effective.UnixMilli()
	w.publish(announced)
	await(w.t, "the announced model to be loaded", func() (string, bool) {
		for _, g := range s.state("wine").Generations {
			if g.Name == "announced" {
				return g.Phase, g.Phase == "scheduled"
			}
		}
		return "not seen", false
	})
	w.winesAt(800, 400, effective.Add(-time.Second))
	w.winesAt(1200, 400, effective.Add(time.Second))
	w.scored(1600)

	w.publish(addModel("last", "3000"))
	s.awaitModel("wine", "last")
	w.wines(1600, 400)
	kafkatest.Produce(w.t, w.seeds, w.records, kafkatest.Record{Value: []byte{0xff}})
	w.wines(2000, 4)
	w.scored(2004)
	s.stop()
	return 2005, effective
}

// winesAt produces records with a timestamp.
func (w *world) winesAt(from, n int, at time.Time) {
	w.t.Helper()
	rs := make([]kafkatest.Record, n)
	for i := range rs {
		rs[i] = w.wine(from + i)
		rs[i].Time = at
	}
	kafkatest.Produce(w.t, w.seeds, w.records, rs...)
}

func TestReplay(t *testing.T) {
	for name, c := range map[string]struct {
		world func(*testing.T) *world
		set   []string
	}{
		"kfake":                    {fake, nil},
		"kafka":                    {onBroker, nil},
		"kafka, exactly once":      {onBroker, []string{"kafka.delivery=exactly-once", "kafka.group.session_timeout=10s"}},
		"kfake, results by key":    {fake, []string{"kafka.results.partition=key"}},
		"kfake, results in JSON":   {fake, []string{"kafka.results.format=json"}},
		"kfake, one model at once": {fake, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			types := (&adder{}).registry(t)
			most := map[bool]int{true: 1}[name == "kfake, one model at once"]
			if name == "kfake, results in JSON" {
				w.json = true
			}
			n, _ := w.history(types, c.set...)

			// As of the results: all the same, byte for byte but for the times.
			var made bytes.Buffer
			s, findings := w.replayed(types, func(o *node.ReplayOptions) {
				o.From, o.ToFile, o.MaxLoaded = farBack(t), &made, most
			}, c.set...)
			if len(findings) != 0 || s.Findings() != 0 || s.Doubled+s.Late+s.Orphans+s.Unreadable != 0 {
				t.Fatalf("%d findings; the first: %+v; %+v", len(findings), first(findings), s)
			}
			if s.Records != int64(n) || s.Of(replay.Equal) != int64(n-1) || s.Of(replay.Neither) != 1 || s.ByResult != int64(n-1) {
				t.Errorf("%+v", s)
			}
			if len(s.Lines()) != 4 { // three models, and the record that nobody can read
				t.Errorf("%d generations", len(s.Lines()))
			}
			if got, want := w.values(made.Bytes()), w.given(); !equalValues(got, want) {
				t.Errorf("the results differ from those that were given: %d of %d", len(got), len(want))
			}
		})
	}
}

// farBack begins early enough for results to be looked for by time.
func farBack(t *testing.T) kafka.Position {
	t.Helper()
	p, err := kafka.ParsePosition("now-7d", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The timeline says the same where record timestamps decide, and the candidate
// says something else, to a topic of its own.
func TestReplayByTimelineAndCandidate(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	n, effective := w.history(types)
	s, findings := w.replayed(types, func(o *node.ReplayOptions) { o.AsOf = replay.AsOfTimeline })
	for _, f := range findings { // the last model was published before the timestamps of the announced one
		if f.Offset < 200 || f.Offset >= 400 {
			t.Errorf("%+v", f)
		}
	}
	if s.ByTimeline != int64(n) || s.Records != int64(n) {
		t.Errorf("%+v", s)
	}
	s, findings = w.replayed(types, func(o *node.ReplayOptions) {
		o.AsOf, o.From, o.To = replay.AsOfTimeline, kafka.Start(), kafka.At(effective.Add(-time.Second))
	})
	if s.Records != 800 || len(findings) != 0 {
		t.Errorf("before the announced one: %+v, %+v", s, first(findings))
	}

	topic := kafkatest.Topic(t, w.seeds, w.partitions, nil)
	s, findings = w.replayed(types, func(o *node.ReplayOptions) {
		o.ToTopic, o.Limit = topic, 100
		o.Model = &node.ModelChoice{Descriptor: &replay.Descriptor{
			Place: replay.Place{Partition: -1, Offset: -1}, DataType: "wine", Name: "candidate", Type: "adder", Artifact: []byte("5"),
		}}
	})
	if s.Of(replay.Different) != 100 || len(findings) != 100 {
		t.Fatalf("%+v", s)
	}
	if c := findings[1].Outputs[0]; c.Output != "sum" || c.New.GetNumber() != c.Old.GetNumber()-995 {
		t.Errorf("%+v", c)
	}
	for _, r := range kafkatest.Take(t, w.seeds, topic, 100) {
		got, err := record.DecodeResult(record.ResultProtobuf, r.Value)
		if err != nil || got.GetGeneration().GetName() != "candidate" || got.GetSource().GetPartition() != r.Partition || string(r.Key) != "wine" {
			t.Fatalf("%v, %v", got, err)
		}
	}
}

// A result that somebody has changed, one that is gone, and one that is there
// twice are found, each by its place.
func TestReplayFindsTampering(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	w.history(types)
	copied := kafkatest.Topic(t, w.seeds, w.partitions, nil)
	var rs []kafkatest.Record
	for _, r := range kafkatest.ReadAll(t, w.seeds, w.results) {
		out := kafkatest.Record{Partition: r.Partition, Value: r.Value, Time: r.Time}
		got, err := record.DecodeResult(record.ResultProtobuf, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		switch at := got.GetSource(); {
		case at.GetPartition() == 1 && at.GetOffset() == 7:
			got.Outputs["sum"].Kind = &messages.Value_Number{Number: 1}
			if out.Value, err = proto.Marshal(got); err != nil {
				t.Fatal(err)
			}
		case at.GetPartition() == 2 && at.GetOffset() == 8:
			continue
		case at.GetPartition() == 3 && at.GetOffset() == 9:
			rs = append(rs, out)
		}
		rs = append(rs, out)
	}
	kafkatest.Produce(t, w.seeds, copied, rs...)
	_, findings := w.replayed(types, nil, "kafka.results.topic="+copied)
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%d@%d %v %d", f.Partition, f.Offset, f.Verdict, f.Doubled))
	}
	if want := "[1@7 different 0 2@8 missing 0 3@9 equal 1]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func first(findings []*replay.Finding) *replay.Finding {
	if len(findings) == 0 {
		return nil
	}
	return findings[0]
}

// given returns the values of the results topic, by the record that they are of.
func (w *world) given() map[string][]byte {
	var all []*messages.ServingResult
	format := record.ResultProtobuf
	if w.json {
		format = record.ResultJSON
	}
	for _, r := range kafkatest.ReadAll(w.t, w.seeds, w.results) {
		got, err := record.DecodeResult(format, r.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, got)
	}
	return w.timeless(all)
}

// values reads JSON lines.
func (w *world) values(lines []byte) map[string][]byte {
	var all []*messages.ServingResult
	for line := range bytes.Lines(lines) {
		got, err := record.DecodeResult(record.ResultJSON, line)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, got)
	}
	return w.timeless(all)
}

// timeless encodes results without when and how fast they were scored.
func (w *world) timeless(results []*messages.ServingResult) map[string][]byte {
	by := map[string][]byte{}
	for _, r := range results {
		r.ScoredTimeUs, r.ScoringNs = 0, 0
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
		if err != nil {
			w.t.Fatal(err)
		}
		at := binary.AppendVarint(nil, int64(r.GetSource().GetPartition()))
		by[string(binary.AppendVarint(at, r.GetSource().GetOffset()))] = b
	}
	return by
}

func equalValues(a, b map[string][]byte) bool {
	for at, v := range a {
		if !bytes.Equal(v, b[at]) {
			return false
		}
	}
	return len(a) == len(b)
}
