package check_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/messages"
)

func pick(t *rapid.T, n int) int { return rapid.IntRange(0, n-1).Draw(t, "which") }

func anyResult(*check.Result) bool { return true }
func good(r *check.Result) bool    { return r.Error == nil }

// pickResult draws one of the results that fit.
func pickResult(t *rapid.T, in *check.Input, fits func(*check.Result) bool) (int, bool) {
	var fit []int
	for i := range in.Results {
		if fits(&in.Results[i]) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return 0, false
	}
	return fit[pick(t, len(fit))], true
}

// change changes one of the results that fit.
func change(t *rapid.T, in *check.Input, fits func(*check.Result) bool, f func(*messages.ServingResult)) bool {
	i, ok := pickResult(t, in, fits)
	if ok {
		f(in.Results[i].ServingResult)
	}
	return ok
}

// pickPair draws a result whose successor is of the same partition.
func pickPair(t *rapid.T, in *check.Input) (int, bool) {
	var fit []int
	for i := range len(in.Results) - 1 {
		if in.Results[i].At.Partition == in.Results[i+1].At.Partition {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return 0, false
	}
	return fit[pick(t, len(fit))], true
}

// dropLetter removes the dead letter of a record that has to have this outcome.
func dropLetter(t *rapid.T, in *check.Input, want check.Outcome) bool {
	var fit []int
	for i, d := range in.DeadLetters {
		if slices.ContainsFunc(in.Records, func(r check.Record) bool { return r.Place == d.Source && r.Want == want }) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return false
	}
	i := fit[pick(t, len(fit))]
	in.DeadLetters = slices.Delete(in.DeadLetters, i, i+1)
	return true
}

// by makes a model the maker of a result, in all that it shows.
func by(r *messages.ServingResult, m *check.Model) {
	r.Generation = &messages.Generation{Name: m.Name, Offset: m.Offset, Number: 1}
	if r.Error == nil {
		r.Outputs["version"] = number(m.Version)
	}
}

// goBack lets an older generation score a record after a newer one did.
func goBack(t *rapid.T, in *check.Input) bool {
	newest := map[int32]int64{}
	i, ok := pickResult(t, in, func(r *check.Result) bool {
		if r.DataType != arriving {
			return false
		}
		before := newest[r.At.Partition]
		newest[r.At.Partition] = max(before, r.Generation.Offset)
		return before > 0
	})
	if ok {
		by(in.Results[i].ServingResult, &in.Models[0])
	}
	return ok
}

func wrongStatistic(f func(*messages.RecordStatistics)) struct {
	rule    check.Rule
	mistake func(*rapid.T, *check.Input) bool
} {
	return struct {
		rule    check.Rule
		mistake func(*rapid.T, *check.Input) bool
	}{check.WrongStatistics, func(t *rapid.T, in *check.Input) bool {
		var fit []*messages.Progress
		for _, p := range in.Progress {
			if p.Statistics.Records > 0 {
				fit = append(fit, p)
			}
		}
		if len(fit) == 0 {
			return false
		}
		f(fit[pick(t, len(fit))].Statistics)
		return true
	}}
}
