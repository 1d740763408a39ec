package cli

import (
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/all"
	"github.com/modelstream/modelserver/model/tensorflow"
	"github.com/modelstream/modelserver/node/config"
)

// modelTypes returns all model types of this program.
func (a *app) modelTypes(c *config.Config) (*model.Registry, error) {
	return all.Registry(all.Config{
		TensorFlow: tensorflow.Config{LibraryDir: c.TensorFlow.Dir, MaxModelBytes: int64(c.TensorFlow.MaxBytes)},
	}, a.more...)
}
