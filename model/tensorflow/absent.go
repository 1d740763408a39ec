//go:build !tensorflow

package tensorflow

import (
	"context"

	"github.com/modelstream/modelserver/model"
)

// opened stands for a session in builds that cannot have one.
type opened struct{}

func loadFrozen(Config, []byte, *options) (*opened, error) { return nil, errNotBuiltIn() }

func loadSaved(Config, []byte, *options) (*opened, error) { return nil, errNotBuiltIn() }

func openLibrary(Config) error { return errNotBuiltIn() }

func newEvaluator(context.Context, Config, []byte, *options, opener) (model.Evaluator, error) {
	return nil, errNotBuiltIn()
}

func errNotBuiltIn() error {
	return &model.LoadError{Reason: "this program was built without TensorFlow support: build it with make, " +
		"which sets the build tag tensorflow"}
}
