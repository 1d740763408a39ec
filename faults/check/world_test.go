package check_test

import (
	"fmt"
	"math/bits"
	"time"

	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/messages"
)

// The data types of these tests: one whose models score what arrives, one whose
// models score by record time.
const (
	arriving = "red"
	timed    = "white"
)

const partitions = 3

// drawWorld makes what the topics hold after a faultless run: in each partition
// records of both data types with times that are out of order, models that
// change meanwhile, and outcomes that are right.
func drawWorld(t *rapid.T) *check.Input {
	w := &world{t: t, in: &check.Input{}, stats: map[string]*messages.Progress{}}
	w.models()
	for p := range int32(partitions) {
		w.partition(p, rapid.IntRange(10, 40).Draw(t, "records"))
	}
	for _, p := range w.stats {
		w.in.Progress = append(w.in.Progress, p)
	}
	return w.in
}

type world struct {
	t     *rapid.T
	in    *check.Input
	stats map[string]*messages.Progress
}

// models: offsets 0 and 1 are first models, then some that are bad, for record
// time or for what arrives.
func (w *world) models() {
	n := rapid.IntRange(4, 12).Draw(w.t, "models")
	for i := range n {
		m := check.Model{
			Place: check.Place{Topic: "models", Offset: int64(i)}, DataType: []string{arriving, timed}[i%2],
			Name: fmt.Sprintf("m%d", i), Version: float64(i), Slope: float64(i % 5), Intercept: float64(10 * i),
			Bad: i >= 4 && rapid.IntRange(0, 3).Draw(w.t, "bad") == 0,
		}
		if m.DataType == timed && i > 1 {
			m.EffectiveFromMS = int64(rapid.IntRange(1, 100).Draw(w.t, "from"))
			m.AppendedMS = m.EffectiveFromMS - 1
		}
		w.in.Models = append(w.in.Models, m)
	}
}

// partition makes records and what comes of them.
func (w *world) partition(p int32, n int) {
	serving := 0 // the model of what arrives
	for i := range n {
		r := check.Record{
			Place: check.Place{Topic: "records", Partition: p, Offset: int64(i)}, DataType: []string{arriving, timed}[i%2],
			TimeMS: int64(rapid.IntRange(0, 120).Draw(w.t, "time")), Number: float64(1000*int(p) + i), X: float64(i),
			Want: rapid.SampledFrom([]check.Outcome{check.Scored, check.Scored, check.Scored, check.Scored, check.Failed, check.Refused}).Draw(w.t, "want"),
		}
		w.in.Records = append(w.in.Records, r)
		w.in.Acknowledged = append(w.in.Acknowledged, r.Place)
		for ; serving+2 < len(w.in.Models) && rapid.IntRange(0, 5).Draw(w.t, "switch") == 0; serving += 2 {
			if w.in.Models[serving+2].Bad {
				break
			}
		}
		m := &w.in.Models[serving]
		if r.DataType == timed {
			m = w.effective(r.TimeMS)
		}
		w.outcome(&r, m)
	}
}

// effective is the specification in its simplest form: the last model on the
// topic that is good and effective.
func (w *world) effective(timeMS int64) (m *check.Model) {
	for i := range w.in.Models {
		if c := &w.in.Models[i]; c.DataType == timed && !c.Bad && c.EffectiveFromMS <= timeMS {
			m = c
		}
	}
	return m
}

func (w *world) outcome(r *check.Record, m *check.Model) {
	key := fmt.Sprint(r.Partition, r.DataType)
	p := w.stats[key]
	if p == nil {
		p = &messages.Progress{DataType: r.DataType, Statistics: &messages.RecordStatistics{}}
		w.stats[key] = p
	}
	p.Source = &messages.Source{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset + 1}
	if r.Want != check.Scored {
		w.in.DeadLetters = append(w.in.DeadLetters, check.DeadLetter{At: w.next("dead", len(w.in.DeadLetters)), Source: r.Place})
	}
	if r.Want == check.Refused {
		p.Statistics.DeadLetters++
		return
	}
	res := &messages.ServingResult{
		DataType:     r.DataType,
		Generation:   &messages.Generation{Name: m.Name, Offset: m.Offset, Number: 1},
		Source:       &messages.Source{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset},
		RecordTimeMs: r.TimeMS,
		ScoringNs:    rapid.Uint64Range(0, 5000).Draw(w.t, "ns"),
	}
	if r.Want == check.Failed {
		res.Error = &messages.ScoringError{Kind: "invalid-input"}
	} else {
		res.Target = number(m.Slope*r.X + m.Intercept)
		res.Outputs = map[string]*messages.Value{"number": number(r.Number), "version": number(m.Version)}
	}
	count(p, res)
	at := check.Place{Topic: "results", Partition: r.Partition, Offset: int64(len(w.in.Results))}
	w.in.Results = append(w.in.Results, check.Result{At: at, Appended: time.Unix(int64(len(w.in.Results)), 0), ServingResult: res})
}

func (w *world) next(topic string, n int) check.Place {
	return check.Place{Topic: topic, Offset: int64(n)}
}

func number(v float64) *messages.Value {
	return &messages.Value{Kind: &messages.Value_Number{Number: v}}
}

// count adds a result to a progress message, as slowly as can be: the bucket is
// looked for among the beginnings that the schema gives.
func count(p *messages.Progress, res *messages.ServingResult) {
	s, ns := p.Statistics, res.ScoringNs
	if s.Records == 0 || ns < s.MinNs {
		s.MinNs = ns
	}
	s.MaxNs = max(s.MaxNs, ns)
	s.Records++
	s.SumNs += ns
	if res.Error != nil {
		s.Errors++
	}
	if p.Newest == nil || p.Newest.Offset < res.Generation.Offset {
		p.Newest = &messages.Generation{Offset: res.Generation.Offset}
	}
	b := uint32(min(ns, 7))
	for e := 3; e < bits.Len64(ns)+1; e++ {
		for m := range 4 {
			if begin := uint64(4+m) << (e - 2); begin <= ns {
				b = uint32(4*e + m - 4)
			}
		}
	}
	for i := range s.Buckets {
		if s.Buckets[i] == b {
			s.Counts[i]++
			return
		}
	}
	s.Buckets, s.Counts = append(s.Buckets, b), append(s.Counts, 1)
}
