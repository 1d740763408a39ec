package modeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/modelstream/modelserver/model"
)

func checkType(t reporter, s *Suite) {
	if _, err := model.NewRegistry(s.Type); err != nil {
		t.Errorf("it cannot be registered: %v", err)
	}
	if s.Type.Doc == "" {
		t.Errorf("it has no Doc")
	}
	for name := range s.Options {
		if _, ok := s.Type.Options[name]; !ok {
			t.Errorf("option %q is used but not documented in Type.Options", name)
		}
	}
	for name, doc := range s.Type.Options {
		if name == "" || doc == "" {
			t.Errorf("option %q has no documentation", name)
		}
	}
}

func checkSignature(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	sig := e.Signature()
	if err := validSignature(sig); err != nil {
		t.Fatalf("%v", err)
	}
	before := fmt.Sprintf("%+v", *sig)
	mustScore(t, e, mustBatch(t, sig, s.Cases), new(model.Batch))
	if again := e.Signature(); again != sig || fmt.Sprintf("%+v", *again) != before {
		t.Errorf("the signature changed by scoring")
	}
	second := s.load(t)
	defer closeEvaluator(t, second)
	if !reflect.DeepEqual(second.Signature(), sig) {
		t.Errorf("a second load has another signature:\n%+v\n%+v", *second.Signature(), *sig)
	}
	if s.Inputs != nil || s.Outputs != nil {
		compareFields(t, "inputs", sig.Inputs, s.Inputs)
		compareFields(t, "outputs", sig.Outputs, s.Outputs)
	}
	if s.Target != "" && (sig.Target < 0 || sig.Outputs[sig.Target].Name != s.Target) {
		t.Errorf("the target is output %d, not %q", sig.Target, s.Target)
	}
}

func validSignature(sig *model.Signature) error {
	if len(sig.Outputs) == 0 {
		return errors.New("the signature has no outputs")
	}
	if sig.Target < -1 || sig.Target >= len(sig.Outputs) {
		return fmt.Errorf("the target %d is not an output", sig.Target)
	}
	for _, fields := range [][]model.Field{sig.Inputs, sig.Outputs} {
		names := make(map[string]bool)
		for i := range fields {
			f := &fields[i]
			if f.Name == "" || names[f.Name] {
				return fmt.Errorf("field name %q is empty or used twice", f.Name)
			}
			names[f.Name] = true
			if f.Type < model.Float64 || f.Type > model.String {
				return fmt.Errorf("field %q has element type %d", f.Name, f.Type)
			}
			for _, d := range f.Shape {
				if d <= 0 {
					return fmt.Errorf("field %q has shape %v", f.Name, f.Shape)
				}
			}
		}
	}
	return nil
}

func compareFields(t reporter, what string, got, want []model.Field) {
	t.Helper()
	text := func(fields []model.Field) string {
		var b strings.Builder
		for i := range fields {
			fmt.Fprintf(&b, "%s optional=%v; ", &fields[i], fields[i].Optional)
		}
		return b.String()
	}
	if g, w := text(got), text(want); g != w {
		t.Errorf("the %s are\n  %s\nnot\n  %s", what, g, w)
	}
}

// checkBroken loads what is no artifact at all, the good one cut short, and the
// good one with single bytes changed. The last may be harmless; then scoring
// must be too.
func checkBroken(t reporter, s *Suite) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for name, artifact := range map[string][]byte{
		"nothing": {}, "noise": noise, "zeros": make([]byte, 1000), "text": []byte("this is not a model"),
	} {
		s.refused(t, name, s.specOf(artifact, s.Options))
	}
	for part := range 8 {
		n := len(s.Artifact) * part / 8
		s.refused(t, fmt.Sprintf("the first %d bytes", n), s.specOf(s.Artifact[:n], s.Options))
	}
	for range 64 {
		flipped := bytes.Clone(s.Artifact)
		i := random.IntN(len(flipped))
		flipped[i] ^= byte(1 + random.IntN(255))
		e, err := s.tryLoad(context.Background(), t, s.specOf(flipped, s.Options))
		if err != nil {
			wantLoadError(t, fmt.Sprintf("byte %d changed", i), err)
			continue
		}
		if e != nil {
			s.scoreWhatever(t, e)
		}
		closeEvaluator(t, e)
	}
}

// scoreWhatever scores the cases where the signature still fits; only a panic
// is a finding.
func (s *Suite) scoreWhatever(t reporter, e model.Evaluator) {
	t.Helper()
	in, err := batchOf(e.Signature(), s.Cases)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var panicked *panicError
	if err := tryScore(ctx, e, in, new(model.Batch)); errors.As(err, &panicked) {
		t.Errorf("a model that loaded from a changed artifact: %v", err)
	}
}

func checkBad(t reporter, s *Suite) {
	for _, bad := range s.Bad {
		artifact, options := bad.Artifact, bad.Options
		if artifact == nil {
			artifact = s.Artifact
		}
		if options == nil {
			options = s.Options
		}
		s.refused(t, bad.Name, s.specOf(artifact, options), bad.Contains...)
	}
}

func checkUnknownOption(t reporter, s *Suite) {
	spec := s.spec()
	if spec.Options == nil {
		spec.Options = make(map[string]string)
	}
	spec.Options["no-such-option"] = "1"
	s.refused(t, "an unknown option", spec, "no-such-option")
}

func (s *Suite) refused(t reporter, what string, spec model.Spec, contains ...string) {
	t.Helper()
	e, err := s.tryLoad(context.Background(), t, spec)
	if err == nil {
		t.Errorf("%s was loaded", what)
		closeEvaluator(t, e)
		return
	}
	wantLoadError(t, what, err)
	for _, part := range contains {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error does not say %q: %v", what, part, err)
		}
	}
}

func wantLoadError(t reporter, what string, err error) {
	t.Helper()
	var load *model.LoadError
	if !errors.As(err, &load) {
		t.Errorf("%s: the error is not a *model.LoadError: %v (%T)", what, err, err)
	} else if load.Reason == "" {
		t.Errorf("%s: the error gives no reason: %v", what, err)
	}
}

func checkArtifactOwnership(t reporter, s *Suite) {
	spec := s.spec()
	e, err := s.tryLoad(context.Background(), t, spec)
	if err != nil {
		t.Fatalf("the good artifact does not load: %v", err)
	}
	defer closeEvaluator(t, e)
	if !bytes.Equal(spec.Artifact.Bytes, s.Artifact) {
		t.Errorf("Load changed the artifact's bytes")
	}
	if !maps.Equal(spec.Options, s.Options) {
		t.Errorf("Load changed the options")
	}
	for i := range spec.Artifact.Bytes {
		spec.Artifact.Bytes[i] = 0xAA
	}
	clear(spec.Options)
	if problem := s.golden(e); problem != "" {
		t.Errorf("after the artifact's memory was reused: %s", problem)
	}
}

func checkLoadCancelled(t reporter, s *Suite) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	done := make(chan struct{})
	var e model.Evaluator
	var err error
	go func() {
		defer close(done)
		e, err = s.Type.Load(ctx, s.spec())
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("Load did not return after its context had ended")
	}
	if err != nil {
		wantCancelled(t, "Load", err)
		return
	}
	closeEvaluator(t, e)
}

// wantCancelled refuses an error that blames the model for a context that ended.
func wantCancelled(t reporter, what string, err error) {
	t.Helper()
	var transient *model.TransientError
	if !errors.Is(err, context.Canceled) && !errors.As(err, &transient) {
		t.Errorf("%s with an ended context failed with neither the context's error nor a *model.TransientError: %v", what, err)
	}
}

func checkVerifyWarm(t reporter, s *Suite) {
	e := s.load(t)
	defer closeEvaluator(t, e)
	if v, ok := e.(model.Verifier); ok {
		if err := v.Verify(context.Background()); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}
	if w, ok := e.(model.Warmer); ok {
		if err := w.Warm(context.Background()); err != nil {
			t.Errorf("Warm: %v", err)
		}
	}
	if problem := s.golden(e); problem != "" {
		t.Errorf("after warming: %s", problem)
	}
}

// checkClose loads, scores and closes over and over, good artifacts and broken
// ones, and compares goroutines and open files before and after.
func checkClose(t reporter, s *Suite) {
	cycle := func() {
		e := s.load(t)
		mustScore(t, e, mustBatch(t, e.Signature(), s.Cases), new(model.Batch))
		closeEvaluator(t, e)
		s.refused(t, "half an artifact", s.specOf(s.Artifact[:len(s.Artifact)/2], s.Options))
	}
	cycle() // what is made once for all loads may stay
	const cycles, slack = 20, 5
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for range cycles {
		cycle()
	}
	if !settles(func() bool { return runtime.NumGoroutine() <= goroutines+slack }) {
		t.Errorf("%d goroutines before %d loads, %d after", goroutines, cycles, runtime.NumGoroutine())
	}
	if !settles(func() bool { return openFiles() <= files+slack }) {
		t.Errorf("%d open files before %d loads, %d after", files, cycles, openFiles())
	}
}

// settles waits for goroutines that are on their way out.
func settles(ok func() bool) bool {
	for end := time.Now().Add(patience / 30); time.Now().Before(end); runtime.Gosched() {
		if ok() {
			return true
		}
	}
	return ok()
}

// openFiles counts this process's descriptors; 0 where the system does not tell.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
