package replay

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// Verdict is what came of comparing a record's result with the earlier one.
type Verdict uint8

// The verdicts. Those from Different on are findings.
const (
	// NotCompared: without Config.Diff nothing is.
	NotCompared Verdict = iota
	// Equal: the same outputs, or the same kind of error.
	Equal
	// Neither: no result, then or now (malformed, or no model).
	Neither
	// Different: other outputs, or another error.
	Different
	// ErrorNow: there was an answer, and now there is none.
	ErrorNow
	// ErrorThen: there was an error, and now there is an answer.
	ErrorThen
	// MissingThen: the record has a result now and had none.
	MissingThen
	// Unavailable: its generation cannot be had any more.
	Unavailable

	verdicts
)

// String returns the words of the summary.
func (v Verdict) String() string {
	switch v {
	case NotCompared:
		return "not compared"
	case Equal:
		return "equal"
	case Neither:
		return "neither"
	case Different:
		return "different"
	case ErrorNow:
		return "error now"
	case ErrorThen:
		return "error then"
	case MissingThen:
		return "missing"
	case Unavailable:
		return "unavailable"
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// Finding is what is to be said about one record.
type Finding struct {
	Topic     string
	Partition int32
	Offset    int64
	DataType  string
	Verdict   Verdict
	Doubled   int // results of this record beyond the first

	Then, Now *messages.Generation // nil: none
	Outputs   []Change             // of Different
	Reason    string               // of errors and what is unavailable
}

// Change is an output with another value than before. A nil value: the output
// was not there.
type Change struct {
	Output   string
	Old, New *messages.Value
}

// differs says that the finding is one.
func (f *Finding) differs() bool { return f.Verdict >= Different || f.Doubled > 0 }

// judge compares a task's result with the earlier ones.
func (r *run) judge(t *task) (*Finding, error) {
	f := &Finding{
		Topic: r.rng.Source.Topic, Partition: r.rng.Partition, Offset: t.record.Offset,
		DataType: t.record.DataType, Now: t.name,
	}
	if t.failed != nil {
		f.Verdict, f.Reason = Unavailable, t.failed.Error()
	}
	if !r.Diff {
		return f, nil
	}
	var then, now *messages.ServingResult
	if len(t.earlier) > 0 {
		then = t.earlier[0].Result
		f.Then, f.Doubled = then.GetGeneration(), len(t.earlier)-1
	}
	if len(t.payload) > 0 {
		var err error
		if now, err = record.DecodeResult(r.Format, t.payload); err != nil {
			return nil, fmt.Errorf("our own result of offset %d: %w", t.record.Offset, err)
		}
		f.Now = now.GetGeneration()
	}
	if f.Verdict == Unavailable {
		return f, nil
	}
	f.compare(then, now, r.Tolerance)
	if now == nil && f.Verdict != Neither {
		f.Reason = t.why()
	}
	return f, nil
}

// why says why a task has no result.
func (t *task) why() string {
	switch {
	case t.record.Err != nil:
		return t.record.Err.Error()
	case t.err != nil:
		return t.err.Error()
	}
	return "no generation is right for it"
}

// compare sets the verdict. A nil result is none.
func (f *Finding) compare(then, now *messages.ServingResult, tolerance float64) {
	oldErr, newErr := then.GetError(), now.GetError()
	switch {
	case then == nil && now == nil:
		f.Verdict = Neither
	case then == nil:
		f.Verdict = MissingThen
	case now == nil:
		f.Verdict = ErrorNow
	case oldErr == nil && newErr != nil:
		f.Verdict, f.Reason = ErrorNow, newErr.GetMessage()
	case oldErr != nil && newErr == nil:
		f.Verdict, f.Reason = ErrorThen, oldErr.GetMessage()
	case oldErr != nil:
		f.Verdict = Equal
		if oldErr.GetKind() != newErr.GetKind() || oldErr.GetField() != newErr.GetField() {
			f.Verdict, f.Reason = Different, oldErr.GetMessage()+" → "+newErr.GetMessage()
		}
	default:
		f.Verdict = Equal
		if f.Outputs = changes(then, now, tolerance); len(f.Outputs) > 0 {
			f.Verdict = Different
		}
	}
}

// changes lists the outputs whose values differ, by name; the target as
// "(target)" if it differs and no output does.
func changes(then, now *messages.ServingResult, tolerance float64) []Change {
	var list []Change
	names := map[string]bool{}
	for name, v := range then.GetOutputs() {
		if w := now.GetOutputs()[name]; !same(v, w, tolerance) {
			names[name] = true
		}
	}
	for name := range now.GetOutputs() {
		if then.GetOutputs()[name] == nil {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, Change{name, then.GetOutputs()[name], now.GetOutputs()[name]})
	}
	if len(list) == 0 && !same(then.GetTarget(), now.GetTarget(), tolerance) {
		list = append(list, Change{"(target)", then.GetTarget(), now.GetTarget()})
	}
	return list
}

// same compares two values; numbers within a relative tolerance. NaN is the same
// as NaN.
func same(a, b *messages.Value, tolerance float64) bool {
	switch x := a.GetKind().(type) {
	case *messages.Value_Number:
		y, ok := b.GetKind().(*messages.Value_Number)
		return ok && near(x.Number, y.Number, tolerance)
	case *messages.Value_Label:
		y, ok := b.GetKind().(*messages.Value_Label)
		return ok && x.Label == y.Label
	case *messages.Value_Integer:
		y, ok := b.GetKind().(*messages.Value_Integer)
		return ok && x.Integer == y.Integer
	case *messages.Value_Flag:
		y, ok := b.GetKind().(*messages.Value_Flag)
		return ok && x.Flag == y.Flag
	case *messages.Value_Numbers:
		y, ok := b.GetKind().(*messages.Value_Numbers)
		return ok && slices.EqualFunc(x.Numbers.GetValues(), y.Numbers.GetValues(),
			func(v, w float64) bool { return near(v, w, tolerance) })
	case *messages.Value_Labels:
		y, ok := b.GetKind().(*messages.Value_Labels)
		return ok && slices.Equal(x.Labels.GetValues(), y.Labels.GetValues())
	}
	return b.GetKind() == nil
}

func near(a, b, tolerance float64) bool {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return true
	}
	return !math.IsInf(a, 0) && !math.IsInf(b, 0) && math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b))
}
