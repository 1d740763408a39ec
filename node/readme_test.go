package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/all"
	"github.com/modelstream/modelserver/model/modeltest"
)

// What follows is the model type that the README teaches, word for word but for
// the name of its function.

func meanType() model.Type {
	return model.Type{Name: "mean", Doc: "the mean of some fields", Load: load}
}

func load(_ context.Context, spec model.Spec) (model.Evaluator, error) {
	var artifact struct{ Fields []string }
	if err := json.Unmarshal(spec.Artifact.Bytes, &artifact); err != nil || len(artifact.Fields) == 0 {
		return nil, &model.LoadError{Reason: `the artifact is not {"fields": ["name", …]}`, Err: err}
	}
	for name := range spec.Options {
		return nil, &model.LoadError{Reason: fmt.Sprintf("option %q is not known; mean has none", name)}
	}
	e := &mean{signature: &model.Signature{Outputs: []model.Field{{Name: "mean", Type: model.Float64}}}}
	for _, name := range artifact.Fields {
		e.signature.Inputs = append(e.signature.Inputs, model.Field{Name: name, Type: model.Float64})
	}
	return e, nil
}

type mean struct{ signature *model.Signature }

func (m *mean) Signature() *model.Signature { return m.signature }
func (m *mean) Close() error                { return nil }

func (m *mean) Score(_ context.Context, in, out *model.Batch) error {
	out.Reset(m.signature.Outputs, in.Rows)
	for row := range in.Rows {
		sum := 0.0
		for i := range in.Columns {
			sum += in.Columns[i].Float64[row] // NaN where a value is missing
		}
		out.Columns[0].Float64[row] = sum / float64(len(in.Columns))
	}
	return nil
}

// TestReadmeModelType holds the README to the code above.
func TestReadmeModelType(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```go\npackage mean\n")
	code, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the README has no package mean any more")
	}
	own, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code = strings.Replace(code, "// Type is the mean of the inputs that the artifact names.\n", "", 1)
	code = strings.Replace(code, "func Type()", "func meanType()", 1)
	if !strings.Contains(string(own), strings.TrimSpace(code)) {
		t.Error("the README's model type is not the one that is tested here")
	}
}

// A type of one's own serves like any other.
func TestOwnModelType(t *testing.T) {
	types, err := all.Registry(all.Config{}, meanType())
	if err != nil {
		t.Fatal(err)
	}
	w := fake(t)
	s := w.start(types)
	at := w.publish(&messages.ModelDescriptor{
		Name: "mean", DataType: "wine", Type: "mean",
		Content: &messages.ModelDescriptor_Data{Data: []byte(`{"fields": ["fixed_acidity", "alcohol"]}`)},
	})
	s.awaitModel("wine", "mean")
	w.wines(0, 10) // of alcohol 10
	seen := map[float64]bool{}
	for _, r := range w.scored(10)[at] {
		seen[r.GetTarget().GetNumber()] = true
	}
	for i := range 10 {
		if want := (float64(i) + 10) / 2; !seen[want] {
			t.Errorf("no result %v", want)
		}
	}
}

// The README's type passes the suite that it points to.
func TestReadmeModelTypeConforms(t *testing.T) {
	modeltest.Exercise(t, modeltest.Suite{
		Type:     meanType(),
		Artifact: []byte(`{"fields": ["a", "b"]}`),
		Cases: []modeltest.Case{
			{Name: "two numbers", In: map[string]any{"a": 1.0, "b": 2.0}, Want: map[string]any{"mean": 1.5}},
		},
	})
}
