package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/modelstream/modelserver/model"
)

// modelFlags are the flags that say what a model file is.
type modelFlags struct {
	typeName string
	options  []string
}

func (m *modelFlags) add(f *pflag.FlagSet) {
	f.StringVarP(&m.typeName, "type", "t", "", "model type (default: guessed from the content)")
	f.StringArrayVarP(&m.options, "option", "o", nil, "option of the model type, key=value; may be repeated")
}

// parseOptions reads the options.
func (m *modelFlags) parseOptions() (map[string]string, error) {
	options := make(map[string]string, len(m.options))
	for _, o := range m.options {
		key, value, found := strings.Cut(o, "=")
		if !found || key == "" {
			return nil, usagef("--option %q must be key=value", o)
		}
		options[key] = value
	}
	return options, nil
}

// resolve returns the type that the flags name, or else the one that the content
// looks like.
func (m *modelFlags) resolve(types *model.Registry, path string, content []byte) (model.Type, error) {
	name := m.typeName
	if name == "" {
		guessed, err := guessType(content)
		if err != nil {
			return model.Type{}, fmt.Errorf("%s: %w; name the type with --type (%s)", path, err, strings.Join(types.Names(), ", "))
		}
		name = guessed
	}
	t, err := types.Lookup(name)
	if err != nil {
		return model.Type{}, usageError{err}
	}
	return t, nil
}

// loaded is a model that can score.
type loadedModel struct {
	model.Evaluator
	Type     model.Type
	Artifact model.Artifact
}

// loadModel loads a model as a server would: reads, loads and verifies it.
func loadModel(ctx context.Context, types *model.Registry, path string, flags *modelFlags) (*loadedModel, error) {
	options, err := flags.parseOptions()
	if err != nil {
		return nil, err
	}
	artifact, err := readModel(path)
	if err != nil {
		return nil, err
	}
	t, err := flags.resolve(types, path, artifact.Bytes)
	if err != nil {
		return nil, err
	}
	e, err := t.Load(ctx, model.Spec{Name: path, Artifact: artifact, Options: options})
	if err != nil {
		return nil, fmt.Errorf("%s does not load as %s: %w", path, t.Name, err)
	}
	m := &loadedModel{Evaluator: e, Type: t, Artifact: artifact}
	if v, ok := e.(model.Verifier); ok {
		if err := v.Verify(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%s does not give the answers that it promises: %w", path, err), e.Close())
		}
	}
	return m, nil
}
