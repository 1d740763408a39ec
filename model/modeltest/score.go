package modeltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/modelstream/modelserver/model"
)

// golden scores all cases as one batch and says what differs from the wanted
// values, or "".
func (s *Suite) golden(e model.Evaluator) string {
	sig := e.Signature()
	in, err := batchOf(sig, s.Cases)
	if err != nil {
		return err.Error()
	}
	out := new(model.Batch)
	if err := tryScore(context.Background(), e, in, out); err != nil {
		return err.Error()
	}
	if err := wellFormed(sig, in, out); err != nil {
		return err.Error()
	}
	var problems []string
	for row := range s.Cases {
		if p := s.Cases[row].compare(sig, out, row, s.Tolerance); p != "" {
			problems = append(problems, fmt.Sprintf("case %q: %s", s.Cases[row].Name, p))
		}
	}
	return strings.Join(problems, "; ")
}

func (c *Case) compare(sig *model.Signature, out *model.Batch, row int, tolerance float64) string {
	err := out.Err(row)
	if c.Err != 0 {
		if err == nil || err.Kind != c.Err {
			return fmt.Sprintf("error is %v, want %s", err, c.Err)
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	for name, want := range c.Want {
		i := slices.IndexFunc(sig.Outputs, func(f model.Field) bool { return f.Name == name })
		if i < 0 {
			return fmt.Sprintf("there is no output %q", name)
		}
		if got := out.Columns[i].Value(row); !near(got, want, tolerance) {
			return fmt.Sprintf("%s is %v (%T), want %v", name, got, got, want)
		}
	}
	return ""
}

func checkGolden(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	if problem := s.golden(e); problem != "" {
		t.Errorf("%s", problem)
	}
}

func checkBatchEqualsSingle(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	sig := e.Signature()
	cases := repeat(s.Cases, max(67, len(s.Cases)))
	all := new(model.Batch)
	mustScore(t, e, mustBatch(t, sig, cases), all)
	for row := range s.Cases {
		alone := new(model.Batch)
		mustScore(t, e, mustBatch(t, sig, cases[row:row+1]), alone)
		want := resultOf(alone, 0)
		for other := row; other < len(cases); other += len(s.Cases) {
			if d := resultOf(all, other).diff(want, s.BatchTolerance); d != "" {
				t.Errorf("case %q, row %d of a batch of %d, against alone: %s", cases[row].Name, other, len(cases), d)
			}
		}
	}
}

func checkReuse(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	sig := e.Signature()
	reused := new(model.Batch)
	for _, n := range []int{1, 7, 7, 256, 3, 0, 1, 1000, 64} {
		in := mustBatch(t, sig, repeat(s.Cases, n))
		fresh := new(model.Batch)
		mustScore(t, e, in, fresh)
		dirty(reused)
		mustScore(t, e, in, reused)
		for row := range n {
			if d := resultOf(reused, row).diff(resultOf(fresh, row), 0); d != "" {
				t.Errorf("batch of %d, row %d: a reused batch gives another result than a new one: %s", n, row, d)
				break
			}
		}
	}
}

// dirty leaves in a batch what an earlier use could have left.
func dirty(b *model.Batch) {
	scribble(b)
	for row := range b.Rows {
		b.Fail(row, &model.RecordError{Kind: model.Malformed})
		for i := range b.Columns {
			b.Columns[i].SetState(row, b.Rows, model.Invalid)
		}
	}
}

// scribble overwrites every value of a batch.
func scribble(b *model.Batch) {
	for i := range b.Columns {
		c := &b.Columns[i]
		fill(c.Float64, -7e7)
		fill(c.Float32, -7e7)
		fill(c.Int64, -77777)
		fill(c.String, "scribbled")
		for j := range c.Bool {
			c.Bool[j] = !c.Bool[j]
		}
	}
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

// neighbours checks that the rows around a changed one have the results that
// they have without it. Rows 0 and 2 of three are good ones, row 1 is changed.
func (s *Suite) neighbours(t reporter, e model.Evaluator, what string, change func(in *model.Batch)) {
	t.Helper()
	sig := e.Signature()
	good := s.Cases[s.goodCase()]
	in := mustBatch(t, sig, []Case{good, good, good})
	want := new(model.Batch)
	mustScore(t, e, in, want)
	change(in)
	got := new(model.Batch)
	mustScore(t, e, in, got)
	for _, row := range []int{0, 2} {
		if d := resultOf(got, row).diff(resultOf(want, row), s.BatchTolerance); d != "" {
			t.Errorf("%s in row 1 changes row %d: %s", what, row, d)
		}
	}
}

func (s *Suite) goodCase() int {
	return slices.IndexFunc(s.Cases, func(c Case) bool { return c.Err == 0 && len(c.Want) > 0 })
}

func checkStates(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	inputs := e.Signature().Inputs
	for _, state := range []model.State{model.Missing, model.Invalid} {
		for i := range inputs {
			s.neighbours(t, e, fmt.Sprintf("%s %q", state, inputs[i].Name), func(in *model.Batch) {
				in.Columns[i].SetState(1, in.Rows, state)
			})
		}
		s.neighbours(t, e, fmt.Sprintf("every input %s", state), func(in *model.Batch) {
			for i := range inputs {
				in.Columns[i].SetState(1, in.Rows, state)
			}
		})
	}
}

// extremes are values that a stranger's record can hold, by element type.
var extremes = map[model.ElementType][]any{
	model.Float64: {math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1)},
	model.Float32: {math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32, math.Copysign(0, -1)},
	model.Int64:   {int64(math.MaxInt64), int64(math.MinInt64), int64(0), int64(-1)},
	model.Bool:    {true, false},
	model.String:  {"", "\x00", "\xff\xfe", "NaN", "no such category", strings.Repeat("long ", 1<<16)},
}

func checkExtremes(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	inputs := e.Signature().Inputs
	for i := range inputs {
		for _, value := range extremes[inputs[i].Type] {
			what := fmt.Sprintf("%.40q as %q", fmt.Sprint(value), inputs[i].Name)
			s.neighbours(t, e, what, func(in *model.Batch) {
				c := &in.Columns[i]
				for j := range c.Width {
					if err := setElement(c, c.Width+j, reflect.ValueOf(value)); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
				}
			})
		}
	}
}

func checkSkipped(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	s.neighbours(t, e, "an error", func(in *model.Batch) {
		in.Fail(1, &model.RecordError{Kind: model.Malformed})
	})
	good := s.Cases[s.goodCase()]
	in := mustBatch(t, e.Signature(), []Case{good, good})
	in.Fail(0, &model.RecordError{Kind: model.Malformed, Rule: "made by the suite"})
	in.Fail(1, &model.RecordError{Kind: model.Malformed, Rule: "made by the suite"})
	out := new(model.Batch)
	mustScore(t, e, in, out)
	if len(out.Errors) != 0 {
		t.Errorf("rows with an error in in.Errors appear in out.Errors: %v", out.Errors[0].Err)
	}
}

func checkInputOwnership(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	sig := e.Signature()
	in := mustBatch(t, sig, repeat(s.Cases, 33))
	memory := ownStrings(in)
	before := cloneBatch(in)
	out := new(model.Batch)
	mustScore(t, e, in, out)
	if problem := sameBatch(in, before); problem != "" {
		t.Errorf("Score changed its input: %s", problem)
	}
	want := resultsOf(out)
	for i := range want { // the strings of out may be views into in
		for j, v := range want[i].values {
			if text, ok := v.(string); ok {
				want[i].values[j] = strings.Clone(text)
			}
		}
	}
	scribble(in)
	for row := range want {
		if d := resultOf(out, row).diff(want[row], 0); d != "" {
			t.Fatalf("row %d of the output changed with the input's memory: %s", row, d)
		}
	}
	fill(memory, 'x')
	if problem := s.golden(e); problem != "" {
		t.Errorf("after the input's memory was reused: %s", problem)
	}
}

// ownStrings moves the batch's strings into one block of memory, as a decoder
// does whose strings are views into the payload, and returns the block.
func ownStrings(b *model.Batch) []byte {
	var memory []byte
	for i := range b.Columns {
		for _, text := range b.Columns[i].String {
			memory = append(memory, text...)
		}
	}
	rest := memory
	for i := range b.Columns {
		for j, text := range b.Columns[i].String {
			if len(text) > 0 {
				b.Columns[i].String[j] = unsafe.String(&rest[0], len(text))
				rest = rest[len(text):]
			}
		}
	}
	return memory
}

func sameBatch(a, b *model.Batch) string {
	if a.Rows != b.Rows || len(a.Columns) != len(b.Columns) || len(a.Errors) != len(b.Errors) {
		return "its shape is another"
	}
	for i := range a.Columns {
		for row := range a.Rows {
			x, y := &a.Columns[i], &b.Columns[i]
			if x.StateOf(row) != y.StateOf(row) || !near(x.Value(row), y.Value(row), 0) {
				return fmt.Sprintf("column %d, row %d is %v, was %v", i, row, x.Value(row), y.Value(row))
			}
		}
	}
	return ""
}

func checkConcurrent(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	sig := e.Signature()
	const goroutines, rounds = 8, 20
	problems := make([]string, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		in := mustBatch(t, sig, repeat(s.Cases, 16*g+1))
		want := new(model.Batch)
		mustScore(t, e, in, want)
		wg.Go(func() {
			out := new(model.Batch)
			for range rounds {
				if err := tryScore(context.Background(), e, in, out); err != nil {
					problems[g] = err.Error()
					return
				}
				for row := range in.Rows {
					if d := resultOf(out, row).diff(resultOf(want, row), 0); d != "" {
						problems[g] = fmt.Sprintf("batch of %d, row %d: %s", in.Rows, row, d)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for g, problem := range problems {
		if problem != "" {
			t.Errorf("goroutine %d of %d got another result than alone: %s", g, goroutines, problem)
		}
	}
}

func checkScoreCancelled(t reporter, s *Suite) {
	e := s.load(t)
	in := mustBatch(t, e.Signature(), repeat(s.Cases, 64))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	result := make(chan error, 1)
	go func() { result <- tryScore(ctx, e, in, new(model.Batch)) }()
	select {
	case err := <-result:
		var panicked *panicError
		if errors.As(err, &panicked) {
			t.Errorf("%v", err)
		} else if err != nil {
			wantCancelled(t, "Score", err)
		}
	case <-time.After(patience):
		t.Fatalf("Score did not return after its context had ended")
	}
	if problem := s.golden(e); problem != "" {
		t.Errorf("after a cancelled Score: %s", problem)
	}
	closeEvaluator(t, e)
}

// checkAllocations compares a small batch with a large one, so that a constant
// number per batch is allowed.
func checkAllocations(t reporter, s *Suite) {
	if s.AllocatesPerRecord {
		return
	}
	e := s.load(t)
	defer closeEvaluator(t, e)
	good := []Case{s.Cases[s.goodCase()]}
	const few, many, runs = 64, 1024, 20
	measure := func(rows int) float64 {
		in, out := mustBatch(t, e.Signature(), repeat(good, rows)), new(model.Batch)
		mustScore(t, e, in, out)
		return testing.AllocsPerRun(runs, func() { mustScore(t, e, in, out) })
	}
	if a, b := measure(few), measure(many); b-a > float64(many-few)/20 {
		t.Errorf("%.0f allocations for a batch of %d, %.0f for %d", a, few, b, many)
	}
}
