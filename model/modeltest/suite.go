package modeltest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/modelstream/modelserver/model"
)

// Suite is what the conformance suite needs to know of a model type.
type Suite struct {
	Type     model.Type
	Artifact []byte            // a good one
	Options  map[string]string // the options that it is loaded with

	// Inputs and Outputs are the wanted signature; Doc is not compared. When
	// both are nil, any well-formed signature is accepted.
	Inputs, Outputs []model.Field
	// Target is the name of the wanted target output; "" is not compared.
	Target string

	// Cases are golden rows, at least one that has a result.
	Cases []Case

	// Tolerance is the relative difference that golden numbers may have (also
	// taken absolutely below 1). 0 means bit for bit.
	Tolerance float64
	// BatchTolerance is the same between a row scored in a batch and alone. 0,
	// bit for bit, is right for everything that computes row by row.
	BatchTolerance float64

	// Bad are artifacts or options that must be refused, besides those that the
	// suite makes itself: nothing, noise, the good artifact cut short.
	Bad []Bad

	// AllocatesPerRecord switches off the check that Score allocates nothing
	// per record.
	AllocatesPerRecord bool
}

// Case is a golden row.
type Case struct {
	Name string
	// In has a value for each input by name: a number, bool or string, a slice
	// of them for an input with a shape, or a [model.State]. An input that is
	// not named is missing.
	In map[string]any
	// Want has the wanted outputs by name; nil means that the output has no
	// value. Outputs that are not named are not compared.
	Want map[string]any
	// Err, when not 0, says that this row has no result but this kind of error.
	Err model.RecordErrorKind
}

// Bad is what Load must refuse with a [*model.LoadError].
type Bad struct {
	Name     string
	Artifact []byte            // nil: the good one
	Options  map[string]string // nil: the good ones
	Contains []string          // what the error's text must contain
}

// Exercise runs the conformance suite.
func Exercise(t *testing.T, s Suite) {
	t.Helper()
	if err := s.validate(); err != nil {
		t.Fatalf("the suite is not usable: %v", err)
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t, &s) })
	}
}

func (s *Suite) validate() error {
	if len(s.Artifact) == 0 {
		return errors.New("it needs an artifact")
	}
	if !slices.ContainsFunc(s.Cases, func(c Case) bool { return c.Err == 0 && len(c.Want) > 0 }) {
		return errors.New("it needs a case with a wanted value")
	}
	return nil
}

// reporter is the part of testing.TB that checks use, so that a test of the
// suite can record what it would report.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

type check struct {
	name string
	run  func(reporter, *Suite)
}

// checks is the whole suite, the checks of Load first.
var checks = []check{
	{"type is well formed", checkType},
	{"signature is well formed and the same at every load", checkSignature},
	{"broken artifacts are refused", checkBroken},
	{"bad artifacts and options of the type are refused", checkBad},
	{"unknown option is refused by name", checkUnknownOption},
	{"artifact and options are neither changed nor kept", checkArtifactOwnership},
	{"load returns soon after its context ends", checkLoadCancelled},
	{"verifies and warms", checkVerifyWarm},

	{"golden rows", checkGolden},
	{"a batch equals its single rows", checkBatchEqualsSingle},
	{"batches of changing sizes reuse memory", checkReuse},
	{"a row without value leaves its neighbours alone", checkStates},
	{"extreme values do not panic", checkExtremes},
	{"rows that have an error already are skipped", checkSkipped},
	{"the input batch is neither changed nor kept", checkInputOwnership},
	{"scores concurrently", checkConcurrent},
	{"score returns soon after its context ends", checkScoreCancelled},
	{"no allocation per record", checkAllocations},
	{"close releases everything", checkClose},
}

// patience is how long a call may take that should return soon. It is long
// because it only has to tell slow from never.
const patience = 30 * time.Second

func (s *Suite) spec() model.Spec { return s.specOf(s.Artifact, s.Options) }

// specOf returns a spec with copies of its own.
func (s *Suite) specOf(artifact []byte, options map[string]string) model.Spec {
	digest := sha256.Sum256(artifact)
	return model.Spec{
		Name:     "modeltest",
		DataType: "modeltest",
		Artifact: model.Artifact{Bytes: slices.Clone(artifact), SHA256: hex.EncodeToString(digest[:])},
		Options:  maps.Clone(options),
	}
}

// load loads the good artifact, or ends the check.
func (s *Suite) load(t reporter) model.Evaluator {
	t.Helper()
	e, err := s.tryLoad(context.Background(), t, s.spec())
	if err != nil {
		t.Fatalf("the good artifact does not load: %v", err)
	}
	if e == nil || e.Signature() == nil {
		t.Fatalf("Load gave neither an error nor an evaluator with a signature")
	}
	return e
}

// tryLoad calls Load and turns a panic into a finding.
func (s *Suite) tryLoad(ctx context.Context, t reporter, spec model.Spec) (e model.Evaluator, err error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("Load panicked: %v", p)
		}
	}()
	return s.Type.Load(ctx, spec)
}

// score calls Score, turns a panic into a finding and checks the form of out.
func score(ctx context.Context, t reporter, e model.Evaluator, in, out *model.Batch) error {
	t.Helper()
	if err := tryScore(ctx, e, in, out); err != nil {
		return err
	}
	if err := wellFormed(e.Signature(), in, out); err != nil {
		t.Fatalf("after Score of %d rows: %v", in.Rows, err)
	}
	return nil
}

func mustScore(t reporter, e model.Evaluator, in, out *model.Batch) {
	t.Helper()
	if err := score(context.Background(), t, e, in, out); err != nil {
		t.Fatalf("Score of %d rows: %v", in.Rows, err)
	}
}

func closeEvaluator(t reporter, e model.Evaluator) {
	t.Helper()
	if e == nil {
		t.Errorf("Load gave neither an error nor an evaluator")
		return
	}
	if err := e.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
