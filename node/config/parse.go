package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// layer turns what one source says into values of the types that the schema
// wants. It collects everything that is wrong.
type layer struct {
	root  *schema
	where func(*yaml.Node) string
	errs  []error
}

func (l *layer) fail(n *yaml.Node, path, format string, args ...any) {
	l.errs = append(l.errs, &KeyError{Key: path, Where: l.where(n), Problem: fmt.Sprintf(format, args...)})
}

// value returns what a node says, as a value of the schema's type: a
// map[string]any for an object or a map, a []any for a list. ok is false when it
// says nothing: null leaves the layer below in force.
func (l *layer) value(s *schema, path string, n *yaml.Node) (v any, ok bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil, false
	}
	switch s.kind {
	case kindObject:
		return l.object(s, path, n)
	case kindMap:
		return l.entries(s, path, n)
	case kindList:
		return l.list(s, path, n)
	}
	if n.Kind != yaml.ScalarNode {
		l.fail(n, path, "must be %s, not a list or a map", s.expects())
		return nil, false
	}
	v, err := s.parse(n.Value)
	if err != nil {
		l.fail(n, path, "%v", err)
		return nil, false
	}
	return v, true
}

func (l *layer) object(s *schema, path string, n *yaml.Node) (any, bool) {
	if n.Kind != yaml.MappingNode {
		l.fail(n, path, "must be a map of %s", strings.Join(s.keys(), ", "))
		return nil, false
	}
	m := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i].Value, n.Content[i]
		f := s.field(key)
		if f == nil {
			l.unknown(s, path, at)
			continue
		}
		if _, twice := m[key]; twice {
			l.fail(at, join(path, key), "is set twice; keep one")
			continue
		}
		if v, ok := l.value(f, join(path, key), n.Content[i+1]); ok {
			m[key] = v
		}
	}
	return m, true
}

func (l *layer) unknown(s *schema, path string, at *yaml.Node) {
	problem := "unknown key"
	if near := suggest(l.root, path, at.Value, s.keys()); near != "" {
		problem += "; did you mean " + near + "?"
	} else {
		problem += "; known here are " + strings.Join(s.keys(), ", ")
	}
	l.fail(at, join(path, at.Value), "%s", problem)
}

func (l *layer) entries(s *schema, path string, n *yaml.Node) (any, bool) {
	if n.Kind != yaml.MappingNode {
		l.fail(n, path, "must be a map of names to values")
		return nil, false
	}
	m := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if _, twice := m[key]; twice {
			l.fail(n.Content[i], join(path, key), "is set twice; keep one")
			continue
		}
		if v, ok := l.value(s.elem, join(path, key), n.Content[i+1]); ok {
			m[key] = v
		}
	}
	return m, true
}

func (l *layer) list(s *schema, path string, n *yaml.Node) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		l.fail(n, path, "must be a list")
		return nil, false
	}
	list := make([]any, 0, len(n.Content))
	for i, e := range n.Content {
		if v, ok := l.value(s.elem, fmt.Sprintf("%s[%d]", path, i), e); ok {
			list = append(list, v)
		}
	}
	return list, true
}

// parse reads a scalar.
func (s *schema) parse(text string) (any, error) {
	v := reflect.New(s.typ).Elem()
	switch s.kind {
	case kindText:
		v.SetString(text)
	case kindTruth:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q must be %s", text, s.expects())
		}
		v.SetBool(b)
	case kindDuration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("%q must be %s", text, s.expects())
		}
		v.SetInt(int64(d))
	case kindNumber:
		n, err := parseNumber(text)
		if err != nil || v.OverflowInt(n) {
			return nil, fmt.Errorf("%q must be %s", text, s.expects())
		}
		v.SetInt(n)
	}
	return v.Interface(), nil
}

// expects says what a scalar must look like.
func (s *schema) expects() string {
	switch s.kind {
	case kindTruth:
		return "true or false"
	case kindDuration:
		return "a duration with its unit, such as 500ms, 30s or 2m"
	case kindNumber:
		return fmt.Sprintf("a whole number of at most %d, of bytes also with a unit such as 64KiB or 32MiB",
			uint64(math.MaxInt64)>>(64-s.typ.Bits()))
	}
	return "a text"
}

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

func parseNumber(text string) (int64, error) {
	for _, u := range units {
		digits, found := strings.CutSuffix(text, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n > math.MaxInt64/u.size || n < math.MinInt64/u.size {
			return 0, strconv.ErrRange
		}
		return n * u.size, nil
	}
	return strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
}

func (s *schema) keys() []string {
	keys := make([]string, len(s.fields))
	for i, f := range s.fields {
		keys[i] = f.key
	}
	return keys
}
