package pmml

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// eventStatistic is a statistic of a series of events.
type eventStatistic interface {
	// add adds an event; what is wrong with it comes back as a text.
	add(s *runningSeries, event string, weight float64) (wrong string)
	// value is the statistic after at least one event; ok is false where it has none.
	value(s *runningSeries) (x float64, ok bool)
	// weighed is the field of the events' weights, or −1.
	weighed() slot
}

// runningSeries is what an eventStatistic remembers of the events.
type runningSeries struct {
	events int
	sum    float64            // of CUSUM
	counts map[string]float64 // of a scalar product: by value
	dot    float64            // of the counts and those of the baseline
	norm   float64            // the sum of the squared counts
}

func (s *runningSeries) reset() {
	clear(s.counts)
	*s = runningSeries{counts: s.counts}
}

// summarize adds a row's events: to those of the batch, or a sequence that
// stands for itself.
func (b *baselineModel) summarize(f *frame, row int32) (x float64, ok bool) {
	text := f.cols[b.field].str[row]
	events, whole := readSequence(text)
	own := runningSeries{}
	series := &own
	if !whole {
		if !f.ordered {
			f.fail(row, model.InvalidInput, f.plan.slots[b.field].name, text, "must be a JSON array of all events up to this one, the oldest first")
			return 0, false
		}
		events, series = []string{text}, &f.series[b.series]
	}
	weights, ok := b.weights(f, row, len(events), whole)
	if !ok {
		return 0, false
	}
	for i, e := range events {
		if wrong := b.events.add(series, e, weights[i]); wrong != "" {
			kind := model.InvalidInput
			if wrong == impossible {
				kind = model.NoResult
			}
			f.fail(row, kind, f.plan.slots[b.field].name, e, wrong)
			return 0, false
		}
		series.events++
	}
	if series.events == 0 {
		return 0, false
	}
	return b.events.value(series)
}

// weights reads how much each event counts.
func (b *baselineModel) weights(f *frame, row int32, n int, whole bool) ([]float64, bool) {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	s := b.events.weighed()
	if s < 0 {
		return out, true
	}
	if !f.usable(s, row) {
		return nil, false
	}
	texts, ok := []string{f.cols[s].str[row]}, true
	if whole {
		texts, ok = readSequence(texts[0])
	}
	for i := 0; ok && i < len(texts) && i < n; i++ {
		var err error
		out[i], err = document.ParseFloat(texts[i])
		ok = err == nil && !math.IsNaN(out[i])
	}
	if !ok || len(texts) != n {
		f.fail(row, model.InvalidInput, f.plan.slots[s].name, f.get(s, row).format(), "must be a weight for each event")
		return nil, false
	}
	return out, true
}

// readSequence returns the values of a JSON array as texts.
func readSequence(s string) (values []string, ok bool) {
	var all []any
	if len(s) == 0 || s[0] != '[' || json.Unmarshal([]byte(s), &all) != nil {
		return nil, false
	}
	for _, v := range all {
		switch v := v.(type) {
		case string:
			values = append(values, v)
		case float64:
			values = append(values, strconv.FormatFloat(v, 'g', -1, 64))
		case bool:
			values = append(values, strconv.FormatBool(v))
		default:
			values = append(values, "") // no event
		}
	}
	return values, true
}
