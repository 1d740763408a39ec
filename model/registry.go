package model

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Registry holds the model types of a server. It is built once at start and
// only read afterwards, so it needs no lock.
type Registry struct {
	types map[string]Type
}

var typeName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// NewRegistry returns a registry of the given types. It refuses a type without
// a proper name or Load function, and a name that is taken.
func NewRegistry(types ...Type) (*Registry, error) {
	r := &Registry{types: make(map[string]Type, len(types))}
	for _, t := range types {
		if !typeName.MatchString(t.Name) {
			return nil, fmt.Errorf("model type %q: a name is lower-case letters, digits and dashes, at most 64", t.Name)
		}
		if t.Load == nil {
			return nil, fmt.Errorf("model type %q has no Load function", t.Name)
		}
		if _, taken := r.types[t.Name]; taken {
			return nil, fmt.Errorf("model type %q is registered twice", t.Name)
		}
		r.types[t.Name] = t
	}
	return r, nil
}

// Lookup returns the type of that name, or a [*LoadError] that lists the names
// that there are.
func (r *Registry) Lookup(name string) (Type, error) {
	if t, ok := r.types[name]; ok {
		return t, nil
	}
	return Type{}, &LoadError{Reason: fmt.Sprintf("model type %q is not known here; known are %s",
		name, strings.Join(r.Names(), ", "))}
}

// Names returns the names of all types, sorted.
func (r *Registry) Names() []string {
	names := make([]string, 0, len(r.types))
	for name := range r.types {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
