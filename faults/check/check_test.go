package check_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/messages"
)

// What is right is not complained about.
func TestRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		if err := check.Check(in).Broken(check.ExactlyOnce); err != nil {
			t.Fatal(err)
		}
	})
}

// Each mistake is found under its rule, whichever message it is made with. The
// mistake says false where the world that was drawn gives no occasion for it.
func TestSeededMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		rule    check.Rule
		mistake func(*rapid.T, *check.Input) bool
	}{
		"a record that was acknowledged is gone": {check.Vanished, func(t *rapid.T, in *check.Input) bool {
			i := pick(t, len(in.Records))
			in.Records = slices.Delete(in.Records, i, i+1)
			return true
		}},
		"a result is dropped": {check.Lost, func(t *rapid.T, in *check.Input) bool {
			i, ok := pickResult(t, in, func(r *check.Result) bool { return r.Error == nil })
			if ok {
				in.Results = slices.Delete(in.Results, i, i+1)
			}
			return ok
		}},
		"a dead letter is dropped": {check.Lost, func(t *rapid.T, in *check.Input) bool {
			return dropLetter(t, in, check.Refused)
		}},
		"the dead letter beside a result is dropped": {check.WrongOutcome, func(t *rapid.T, in *check.Input) bool {
			return dropLetter(t, in, check.Failed)
		}},
		"a result is doubled": {check.Doubled, func(t *rapid.T, in *check.Input) bool {
			i, _ := pickResult(t, in, anyResult)
			in.Results = slices.Insert(in.Results, i, in.Results[i])
			return true
		}},
		"a dead letter is doubled": {check.Doubled, func(t *rapid.T, in *check.Input) bool {
			if len(in.DeadLetters) == 0 {
				return false
			}
			in.DeadLetters = append(in.DeadLetters, in.DeadLetters[pick(t, len(in.DeadLetters))])
			return true
		}},
		"a result is of a record that is not there": {check.Foreign, func(t *rapid.T, in *check.Input) bool {
			change(t, in, anyResult, func(r *messages.ServingResult) { r.Source.Offset += 1000 })
			return true
		}},
		"a good model is dead-lettered": {check.Foreign, func(t *rapid.T, in *check.Input) bool {
			in.DeadLetters = append(in.DeadLetters, check.DeadLetter{Source: in.Models[pick(t, 2)].Place})
			return true
		}},
		"two results are swapped": {check.Disorder, func(t *rapid.T, in *check.Input) bool {
			i, ok := pickPair(t, in)
			if ok {
				in.Results[i], in.Results[i+1] = in.Results[i+1], in.Results[i]
			}
			return ok
		}},
		"a result is in another partition": {check.Disorder, func(t *rapid.T, in *check.Input) bool {
			i, _ := pickPair(t, in)
			in.Results[i].At.Partition += partitions
			return true
		}},
		"a good record has an error": {check.WrongOutcome, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, good, func(r *messages.ServingResult) { r.Error = &messages.ScoringError{} })
		}},
		"a bad record has none": {check.WrongOutcome, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, func(r *check.Result) bool { return r.Error != nil }, func(r *messages.ServingResult) { r.Error = nil })
		}},
		"an older generation scores by record time": {check.WrongGeneration, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, func(r *check.Result) bool { return r.DataType == timed && r.Generation.Offset > 1 },
				func(r *messages.ServingResult) { by(r, &in.Models[1]) })
		}},
		"a generation scores before its time": {check.WrongGeneration, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, func(r *check.Result) bool {
				return r.DataType == timed && r.RecordTimeMs < in.Models[3].EffectiveFromMS
			},
				func(r *messages.ServingResult) { by(r, &in.Models[3]) })
		}},
		"a bad model scores": {check.WrongGeneration, func(t *rapid.T, in *check.Input) bool {
			i := slices.IndexFunc(in.Models, func(m check.Model) bool { return m.Bad && m.DataType == arriving })
			return i >= 0 && change(t, in, func(r *check.Result) bool { return r.DataType == arriving },
				func(r *messages.ServingResult) { by(r, &in.Models[i]) })
		}},
		"a model of another data type scores": {check.WrongGeneration, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, func(r *check.Result) bool { return r.DataType == arriving },
				func(r *messages.ServingResult) { by(r, &in.Models[1]) })
		}},
		"a generation has another name": {check.WrongGeneration, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, anyResult, func(r *messages.ServingResult) { r.Generation.Name = "other" })
		}},
		"a generation goes back": {check.Regression, goBack},
		"a target is wrong": {check.WrongValue, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, good, func(r *messages.ServingResult) { r.Target = number(r.Target.GetNumber() + 1) })
		}},
		"an output is of another record": {check.WrongValue, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, good, func(r *messages.ServingResult) {
				r.Outputs["number"] = number(r.Outputs["number"].GetNumber() + 1)
			})
		}},
		"the answer is another version's": {check.WrongValue, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, good, func(r *messages.ServingResult) { r.Outputs["version"] = number(-1) })
		}},
		"a record time is wrong": {check.WrongValue, func(t *rapid.T, in *check.Input) bool {
			return change(t, in, good, func(r *messages.ServingResult) { r.RecordTimeMs += 1000 })
		}},
		"a count is wrong":     wrongStatistic(func(s *messages.RecordStatistics) { s.Records++ }),
		"errors are wrong":     wrongStatistic(func(s *messages.RecordStatistics) { s.Errors++ }),
		"letters are wrong":    wrongStatistic(func(s *messages.RecordStatistics) { s.DeadLetters++ }),
		"a sum is wrong":       wrongStatistic(func(s *messages.RecordStatistics) { s.SumNs++ }),
		"a minimum is wrong":   wrongStatistic(func(s *messages.RecordStatistics) { s.MinNs++ }),
		"a maximum is wrong":   wrongStatistic(func(s *messages.RecordStatistics) { s.MaxNs++ }),
		"a histogram is wrong": wrongStatistic(func(s *messages.RecordStatistics) { s.Buckets[0] += 17 }),
		"a histogram's count is wrong": wrongStatistic(func(s *messages.RecordStatistics) {
			s.Counts[0]++
		}),
		"the newest generation is wrong": {check.WrongStatistics, func(t *rapid.T, in *check.Input) bool {
			in.Progress[pick(t, len(in.Progress))].Newest = &messages.Generation{Offset: 99}
			return true
		}},
		"the progress is behind": {check.WrongStatistics, func(t *rapid.T, in *check.Input) bool {
			in.Progress[pick(t, len(in.Progress))].Source.Offset = 0
			return true
		}},
		"a progress message is missing": {check.WrongStatistics, func(t *rapid.T, in *check.Input) bool {
			in.Progress = in.Progress[1:]
			return true
		}},
		"a progress message is too many": {check.WrongStatistics, func(t *rapid.T, in *check.Input) bool {
			in.Progress = append(in.Progress, &messages.Progress{DataType: "rosé"})
			return true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			made := 0
			rapid.Check(t, func(t *rapid.T) {
				in := drawWorld(t)
				if !tt.mistake(t, in) {
					t.Skip("no occasion")
				}
				made++
				r := check.Check(in)
				if r.Count(tt.rule) == 0 {
					t.Fatalf("not found: %s; the report is %v", tt.rule, r)
				}
				if err := r.Broken(check.ExactlyOnce); err == nil || !strings.Contains(err.Error(), tt.rule.String()) {
					t.Fatalf("the report does not say %q but %v", tt.rule, err)
				}
			})
			if made == 0 {
				t.Error("the mistake was never made")
			}
		})
	}
}

// Records that are scored twice break no promise of at-least-once, those that
// are lost do.
func TestAtLeastOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		in.Results = append(in.Results, in.Results...)
		r := check.Check(in)
		if r.Count(check.Doubled) == 0 {
			t.Fatalf("no doubles in %v", r)
		}
		if err := r.Broken(check.AtLeastOnce); err != nil {
			t.Fatal(err)
		}
		in.Results = nil
		if check.Check(in).Broken(check.AtLeastOnce) == nil {
			t.Fatal("all results are gone, and nothing is said")
		}
	})
}

// A model that came after its time is not held against the servers: both it and
// its predecessor may score.
func TestLateModel(t *testing.T) {
	in := &check.Input{
		Models: []check.Model{
			{Place: check.Place{Offset: 0}, DataType: timed},
			{Place: check.Place{Offset: 1}, DataType: timed, EffectiveFromMS: 10, AppendedMS: 5},
			{Place: check.Place{Offset: 2}, DataType: timed, EffectiveFromMS: 20, AppendedMS: 16},
		},
		LeadMS:  5,
		Records: []check.Record{{Place: check.Place{Topic: "r"}, DataType: timed, TimeMS: 21}},
	}
	for offset, want := range []int{1, 0, 0} {
		res := &messages.ServingResult{
			DataType: timed, Source: &messages.Source{Topic: "r"}, RecordTimeMs: 21, Target: number(0),
			Generation: &messages.Generation{Offset: int64(offset)},
		}
		in.Results = []check.Result{{ServingResult: res}}
		r := check.Check(in)
		if got := r.Count(check.WrongGeneration); got != want || r.LateModels != 1 {
			t.Errorf("by model %d: %d wrong generations, want %d: %v", offset, got, want, r)
		}
	}
}

// A report names the first places of a rule and counts the others.
func TestReportIsShort(t *testing.T) {
	in := &check.Input{}
	for i := range 100 {
		in.Records = append(in.Records, check.Record{Place: check.Place{Topic: "r", Offset: int64(i)}})
	}
	got := check.Check(in).String()
	if n := strings.Count(got, "\n"); n != 10 || !strings.Contains(got, "lost: 100\n  r/0@0") || !strings.Contains(got, "and 92 more") {
		t.Errorf("%d lines: %s", n, got)
	}
}
