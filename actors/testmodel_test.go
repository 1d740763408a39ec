package actors_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelstream/modelserver/model"
)

// scripted is a model type for tests. Its artifacts are lines of words that say
// how the model behaves:
//
//	add 5           the result is the input alcohol plus five (always given)
//	refuse          Load fails
//	unverified      Verify fails
//	panic-loading   Load panics
//	panic-at 13     scoring panics on a batch with that input
//	panic-always    scoring panics
//	fail-always     scoring returns an error for the batch
//	busy            scoring returns a transient error
//	gate NAME       Load waits until the test opens the gate of that name
//	stuck NAME      scoring waits for the gate, whatever its context says
type scripted struct {
	mu     sync.Mutex
	gates  map[string]chan struct{}
	loads  int
	closed int
}

func (s *scripted) gate(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates == nil {
		s.gates = map[string]chan struct{}{}
	}
	if s.gates[name] == nil {
		s.gates[name] = make(chan struct{})
	}
	return s.gates[name]
}

func (s *scripted) open(name string) { close(s.gate(name)) }

// balance returns how many evaluators were loaded and closed.
func (s *scripted) balance() (loaded, closed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads, s.closed
}

func (s *scripted) modelType() model.Type { return model.Type{Name: "scripted", Load: s.load} }

func (s *scripted) load(ctx context.Context, spec model.Spec) (model.Evaluator, error) {
	e := &evaluator{owner: s}
	for line := range strings.Lines(string(spec.Artifact.Bytes)) {
		word, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "add":
			v, err := strconv.ParseFloat(arg, 64)
			if err != nil {
				return nil, &model.LoadError{Reason: "bad number", Err: err}
			}
			e.add = v
		case "refuse":
			return nil, &model.LoadError{Reason: "refused as told"}
		case "panic-loading":
			panic("loading as told")
		case "gate":
			select {
			case <-s.gate(arg):
			case <-ctx.Done():
				return nil, &model.LoadError{Reason: "given up", Err: ctx.Err()}
			}
		case "unverified":
			e.verify = errors.New("verification row 3 differs")
		case "panic-at":
			e.panicAt, _ = strconv.ParseFloat(arg, 64)
		case "panic-always", "fail-always", "busy":
			e.always = word
		case "stuck":
			e.stuck = s.gate(arg)
		case "":
		default:
			return nil, &model.LoadError{Reason: fmt.Sprintf("unknown word %q", word)}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return e, nil
}

type evaluator struct {
	owner   *scripted
	add     float64
	verify  error
	panicAt float64
	always  string
	stuck   chan struct{}
}

var signature = &model.Signature{
	Inputs:  []model.Field{{Name: "alcohol", Type: model.Float64}},
	Outputs: []model.Field{{Name: "sum", Type: model.Float64}},
}

func (e *evaluator) Signature() *model.Signature  { return signature }
func (e *evaluator) Verify(context.Context) error { return e.verify }
func (e *evaluator) Warm(context.Context) error   { return nil }

func (e *evaluator) Close() error {
	e.owner.mu.Lock()
	defer e.owner.mu.Unlock()
	e.owner.closed++
	return nil
}

func (e *evaluator) Score(_ context.Context, in, out *model.Batch) error {
	switch e.always {
	case "panic-always":
		panic("scoring as told")
	case "fail-always":
		return errors.New("failing as told")
	case "busy":
		return &model.TransientError{Reason: "busy as told"}
	}
	if e.stuck != nil {
		<-e.stuck
	}
	out.Reset(signature.Outputs, in.Rows)
	for i, x := range in.Columns[0].Float64 {
		if e.panicAt != 0 && x == e.panicAt {
			panic(fmt.Sprintf("scoring %v as told", x))
		}
		if x < 0 {
			out.Fail(i, &model.RecordError{Kind: model.InvalidInput, Field: "alcohol", Value: fmt.Sprint(x), Rule: "must not be negative"})
			continue
		}
		out.Columns[0].Float64[i] = x + e.add
	}
	return nil
}

// eventually polls a condition that other goroutines bring about.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(time.Millisecond) // nothing signals this condition
	defer poll.Stop()
	for !cond() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("never came true: %s", what)
		}
	}
}
