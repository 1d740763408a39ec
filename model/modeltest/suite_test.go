package modeltest

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
)

func TestExercisePassesAFaultlessType(t *testing.T) { Exercise(t, fakeSuite(none)) }

// TestEveryFaultIsFound puts one fault after the other through the suite. The
// named check must find it, so that a check which cannot fail would show here.
func TestEveryFaultIsFound(t *testing.T) {
	found := make(map[string]bool)
	for _, test := range []struct {
		fault fault
		check string
	}{
		{badName, "type is well formed"},
		{undocumentedOption, "type is well formed"},
		{duplicateInput, "signature is well formed and the same at every load"},
		{zeroShape, "signature is well formed and the same at every load"},
		{targetOutOfRange, "signature is well formed and the same at every load"},
		{unstableSignature, "signature is well formed and the same at every load"},
		{freshSignature, "signature is well formed and the same at every load"},
		{wrongSignature, "signature is well formed and the same at every load"},
		{acceptsTruncated, "broken artifacts are refused"},
		{plainLoadError, "broken artifacts are refused"},
		{loadPanics, "broken artifacts are refused"},
		{nilWithoutEvaluator, "broken artifacts are refused"},
		{ignoresOptions, "unknown option is refused by name"},
		{acceptsBad, "bad artifacts and options of the type are refused"},
		{changesArtifact, "artifact and options are neither changed nor kept"},
		{keepsArtifact, "artifact and options are neither changed nor kept"},
		{keepsOptions, "artifact and options are neither changed nor kept"},
		{loadHangs, "load returns soon after its context ends"},
		{verifyFails, "verifies and warms"},
		{warmSpoils, "verifies and warms"},
		{wrongValue, "golden rows"},
		{wrongKind, "golden rows"},
		{shortColumn, "golden rows"},
		{repeatedErrorEntry, "golden rows"},
		{batchPosition, "a batch equals its single rows"},
		{keepsStates, "batches of changing sizes reuse memory"},
		{missingSpoilsBatch, "a row without value leaves its neighbours alone"},
		{missingPanics, "a row without value leaves its neighbours alone"},
		{missingShifts, "a row without value leaves its neighbours alone"},
		{infinityPanics, "extreme values do not panic"},
		{longStringSpoils, "extreme values do not panic"},
		{copiesErrors, "rows that have an error already are skipped"},
		{changesInput, "the input batch is neither changed nor kept"},
		{aliasesInput, "the input batch is neither changed nor kept"},
		{keepsStrings, "the input batch is neither changed nor kept"},
		{sharedScratch, "scores concurrently"},
		{cancelBlamesModel, "score returns soon after its context ends"},
		{cancelSpoils, "score returns soon after its context ends"},
		{allocatesPerRecord, "no allocation per record"},
		{closeFails, "close releases everything"},
		{leaksGoroutine, "close releases everything"},
		{leaksFile, "close releases everything"},
		{leaksFileOnFailure, "close releases everything"},
	} {
		found[test.check] = true
		t.Run(string(test.fault), func(t *testing.T) {
			i := slices.IndexFunc(checks, func(c check) bool { return c.name == test.check })
			if i < 0 {
				t.Fatalf("there is no check %q", test.check)
			}
			s := fakeSuite(test.fault)
			if findings := record(checks[i].run, &s); len(findings) == 0 {
				t.Errorf("the check %q did not find it", test.check)
			}
		})
	}
	for _, c := range checks {
		if !found[c.name] {
			t.Errorf("no fault shows that the check %q can fail", c.name)
		}
	}
}

func TestUnusableSuiteIsRefused(t *testing.T) {
	s := fakeSuite(none)
	s.Artifact = nil
	if s.validate() == nil {
		t.Error("a suite without artifact was accepted")
	}
	s = fakeSuite(none)
	s.Cases = s.Cases[2:]
	if s.validate() == nil {
		t.Error("a suite without a wanted value was accepted")
	}
}

// recorder is a reporter that keeps what is reported.
type recorder struct{ findings []string }

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.findings = append(r.findings, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func record(run func(reporter, *Suite), s *Suite) []string {
	r := new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(r, s)
	}()
	<-done
	return r.findings
}
