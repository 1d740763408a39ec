// Package all lists the model types of the server, one line each. A new type is
// a folder beside this one with a function that returns its [model.Type], and a
// line here.
package all

import (
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/goscore"
	"github.com/modelstream/modelserver/model/pmml"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// Config is what the server decides about its model types.
type Config struct {
	TensorFlow tensorflow.Config
}

// Registry returns all model types, and the given ones besides: a program of
// one's own registers its types so. A name that is taken is an error.
func Registry(c Config, more ...model.Type) (*model.Registry, error) {
	return model.NewRegistry(slices.Concat(
		tensorflow.Types(c.TensorFlow),
		[]model.Type{
			pmml.Type(),
			goscore.Type(),
		},
		more,
	)...)
}
