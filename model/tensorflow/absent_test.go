//go:build !tensorflow

package tensorflow_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// TestBuiltWithoutTensorFlow has the types there, and every model refused with
// the way out.
func TestBuiltWithoutTensorFlow(t *testing.T) {
	types := tensorflow.Types(tensorflow.Config{})
	if _, err := model.NewRegistry(types...); err != nil || len(types) != 2 {
		t.Fatalf("%d types, %v", len(types), err)
	}
	for _, mt := range types {
		e, err := mt.Load(context.Background(), model.Spec{Artifact: model.Artifact{Bytes: []byte("any")}})
		var load *model.LoadError
		if e != nil || !errors.As(err, &load) || !strings.Contains(err.Error(), "make") {
			t.Errorf("%s: %v", mt.Name, err)
		}
	}
}
