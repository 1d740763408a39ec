package tensorflow

import (
	"context"
	"maps"

	"github.com/modelstream/modelserver/model"
)

// The names of the model types.
const (
	Frozen = "tensorflow"
	Saved  = "tensorflow-saved"
)

// LibraryDirVariable is the environment variable that names the folder with
// TensorFlow's library.
const LibraryDirVariable = "MODELSERVER_TENSORFLOW_DIR"

// Config is what the server decides about TensorFlow, as opposed to the options
// of a model. The zero value is usable.
type Config struct {
	// LibraryDir is the folder with libtensorflow_cc.so.2 (or libtensorflow.so.2)
	// and libtensorflow_framework.so.2. When it is empty, they are looked for in
	// the folder that MODELSERVER_TENSORFLOW_DIR names or else, one after the
	// other, in modelserver/tensorflow in the user's cache folder and where the
	// system looks for libraries.
	LibraryDir string
	// TempDir is where a SavedModel is unpacked while it is loaded; the system's
	// folder for temporary files when it is empty.
	TempDir string
	// MaxModelBytes bounds the constants of a graph and the unpacked SavedModel,
	// each. 0 means 2 GiB.
	MaxModelBytes int64
}

func (c Config) withDefaults() Config {
	if c.MaxModelBytes <= 0 {
		c.MaxModelBytes = 2 << 30
	}
	return c
}

// Types returns both model types.
func Types(c Config) []model.Type {
	c = c.withDefaults()
	return []model.Type{
		{
			Name:    Frozen,
			Doc:     "a frozen TensorFlow graph (GraphDef)",
			Options: maps.Clone(frozenOptions),
			Load: func(ctx context.Context, spec model.Spec) (model.Evaluator, error) {
				return load(ctx, c, spec, frozenOptions, loadFrozen)
			},
		},
		{
			Name:    Saved,
			Doc:     "a TensorFlow SavedModel: a zip, tar or tar.gz of its directory",
			Options: maps.Clone(savedOptions),
			Load: func(ctx context.Context, spec model.Spec) (model.Evaluator, error) {
				return load(ctx, c, spec, savedOptions, loadSaved)
			},
		},
	}
}

// opener makes a session of a model's bytes.
type opener func(c Config, artifact []byte, o *options) (*opened, error)

// load is the part of Load that both types share.
func load(ctx context.Context, c Config, spec model.Spec, known map[string]string, open opener) (model.Evaluator, error) {
	o, err := parseOptions(spec.Options, known)
	if err != nil {
		return nil, err
	}
	if err := openLibrary(c); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return newEvaluator(ctx, c, spec.Artifact.Bytes, o, open)
}
