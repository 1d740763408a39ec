package node_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

// adder is a model type for tests of the flow: its artifact is a number, and the
// result is fixed_acidity plus that number. So a result proves which record and
// which model made it. "broken" as an artifact does not load; a record of -1
// panics.
type adder struct{ gate chan struct{} }

func (a *adder) registry(t *testing.T) *model.Registry {
	t.Helper()
	r, err := model.NewRegistry(model.Type{Name: "adder", Doc: "adds a number", Load: a.load})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (a *adder) load(ctx context.Context, spec model.Spec) (model.Evaluator, error) {
	text := strings.TrimSpace(string(spec.Artifact.Bytes))
	if text == "slow" {
		select {
		case <-a.gate:
		case <-ctx.Done():
			return nil, &model.LoadError{Reason: "given up", Err: ctx.Err()}
		}
		text = "3000000"
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, &model.LoadError{Reason: "not a number", Where: "the artifact", Err: err}
	}
	return &addition{add: v, signature: &model.Signature{
		Inputs:  []model.Field{{Name: "fixed acidity", Type: model.Float64}},
		Outputs: []model.Field{{Name: "sum", Type: model.Float64}},
	}}, nil
}

type addition struct {
	add       float64
	signature *model.Signature
}

func (a *addition) Signature() *model.Signature { return a.signature }
func (a *addition) Close() error                { return nil }

func (a *addition) Score(ctx context.Context, in, out *model.Batch) error {
	if err := ctx.Err(); err != nil {
		return errors.New("too late")
	}
	out.Reset(a.signature.Outputs, in.Rows)
	for i, v := range in.Columns[0].Float64 {
		if v == -1 {
			panic("as told")
		}
		out.Columns[0].Float64[i] = v + a.add
	}
	return nil
}

// addModel describes an adder.
func addModel(name, artifact string) *messages.ModelDescriptor {
	return &messages.ModelDescriptor{
		Name: name, Version: "1", DataType: "wine", Type: "adder",
		Content: &messages.ModelDescriptor_Data{Data: []byte(artifact)},
	}
}
