package pmml

import (
	"encoding/json"
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
	sum    float64            // of CUSUM
	counts map[string]float64 // of a scalar product: by value
	dot    float64            // of the counts and those of the baseline
	norm   float64            // the sum of the squared counts
}

func (s *runningSeries) reset() {
	clear(s.counts)
	*s = runningSeries{counts: s.counts}
}

// summarize adds a row's events: one to those of the batch, or a sequence that
// stands for itself.
func (b *baselineModel) summarize(f *frame, row int32) (x float64, ok bool) {
	text := f.cols[b.field].str[row]
	weight := b.events.weighed()
	if weight >= 0 && !f.usable(weight, row) {
		return 0, false
	}
	events, whole := readSequence(text)
	switch {
	case whole:
		return b.sequence(f, row, weight, events)
	case !f.ordered:
		f.fail(row, model.InvalidInput, f.plan.slots[b.field].name, text, "must be a JSON array of all events up to this one, the oldest first")
		return 0, false
	}
	w := 1.0
	if weight >= 0 {
		if w, ok = f.weight(weight, row, f.cols[weight].str[row]); !ok {
			return 0, false
		}
	}
	series := &f.series[b.series]
	if !b.add(f, row, series, text, w) {
		return 0, false
	}
	return b.events.value(series)
}

// sequence is the statistic of a sequence of events, each with its weight.
func (b *baselineModel) sequence(f *frame, row int32, weight slot, events []string) (x float64, ok bool) {
	var weights []string
	if weight >= 0 {
		text := f.cols[weight].str[row]
		if weights, ok = readSequence(text); !ok || len(weights) != len(events) {
			f.fail(row, model.InvalidInput, f.plan.slots[weight].name, text, "must be a JSON array with a weight for each event")
			return 0, false
		}
	}
	var series runningSeries
	for i, e := range events {
		w := 1.0
		if weight >= 0 {
			if w, ok = f.weight(weight, row, weights[i]); !ok {
				return 0, false
			}
		}
		if !b.add(f, row, &series, e, w) {
			return 0, false
		}
	}
	if len(events) == 0 {
		return 0, false
	}
	return b.events.value(&series)
}

// add adds an event, or fails the row.
func (b *baselineModel) add(f *frame, row int32, series *runningSeries, event string, weight float64) bool {
	wrong := b.events.add(series, event, weight)
	if wrong == "" {
		return true
	}
	kind := model.InvalidInput
	if wrong == impossible {
		kind = model.NoResult
	}
	f.fail(row, kind, f.plan.slots[b.field].name, event, wrong)
	return false
}

// weight reads the weight of an event, or fails the row.
func (f *frame) weight(s slot, row int32, text string) (w float64, ok bool) {
	w, err := document.ParseFloat(text)
	if err != nil || w != w {
		f.fail(row, model.InvalidInput, f.plan.slots[s].name, text, "is no weight of an event")
		return 0, false
	}
	return w, true
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
