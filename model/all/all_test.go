package all_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/all"
)

// TestEveryTypeIsDocumentedAndRefusesNonsense takes the registry as the server
// does.
func TestEveryTypeIsDocumentedAndRefusesNonsense(t *testing.T) {
	r, err := all.Registry(all.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"goscore", "pmml", "tensorflow", "tensorflow-saved"} {
		if !slices.Contains(r.Names(), want) {
			t.Errorf("there is no type %q among %q", want, r.Names())
		}
	}
	for _, name := range r.Names() {
		mt, err := r.Lookup(name)
		if err != nil || mt.Doc == "" {
			t.Errorf("%s: %v, doc %q", name, err, mt.Doc)
		}
		e, err := mt.Load(context.Background(), model.Spec{Artifact: model.Artifact{Bytes: []byte("nonsense")}})
		var load *model.LoadError
		if e != nil || !errors.As(err, &load) {
			t.Errorf("%s: nonsense gives %v, not a LoadError", name, err)
		}
	}
}

func TestOwnTypesAreAddedAndMayNotTakeAName(t *testing.T) {
	own := model.Type{Name: "own", Load: func(context.Context, model.Spec) (model.Evaluator, error) {
		return nil, &model.LoadError{Reason: "not yet"}
	}}
	r, err := all.Registry(all.Config{}, own)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Lookup("own"); err != nil {
		t.Error(err)
	}
	own.Name = "goscore"
	if _, err := all.Registry(all.Config{}, own); err == nil {
		t.Error("a name was taken twice")
	}
}
