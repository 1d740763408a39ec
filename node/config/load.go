package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"
)

// Prefix is how the names of environment variables begin.
const Prefix = "MODELSERVER_"

// FileVariable names the configuration file when no flag does.
const FileVariable = Prefix + "CONFIG"

// delimiter separates keys inside koanf. It cannot occur in a key, so that the
// name of a data type may contain dots.
const delimiter = "\x00"

// maxFile bounds a configuration file, in bytes.
const maxFile = 4 << 20

// Sources is where values come from.
type Sources struct {
	File    string   // of YAML; empty: none
	Environ []string // as os.Environ gives it
	Set     []string // overrides, "key=value"
}

// Loaded is a configuration with what is worth telling about it.
type Loaded struct {
	*Config
	// Warnings are sentences for the log: variables that have no meaning.
	Warnings []string
}

// Load reads all sources, the later ones winning, and validates the result.
func Load(from Sources) (*Loaded, error) {
	l := &loader{root: schemaOf(reflect.TypeFor[Config]()), k: koanf.New(delimiter)}
	l.merge(treeOf(l.root, reflect.ValueOf(*Default())))
	if from.File != "" {
		l.file(from.File)
	}
	l.environment(from.Environ)
	for _, pair := range from.Set {
		l.override(pair)
	}
	if err := together(l.errs...); err != nil {
		return nil, err
	}
	c := &Config{}
	if err := l.k.UnmarshalWithConf("", c, koanf.UnmarshalConf{Tag: "koanf"}); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Loaded{Config: c, Warnings: l.warnings}, nil
}

type loader struct {
	root     *schema
	k        *koanf.Koanf
	errs     []error
	warnings []string
}

// values is a koanf provider of values that are parsed already.
type values map[string]any

func (v values) Read() (map[string]any, error) { return v, nil }
func (v values) ReadBytes() ([]byte, error)    { return nil, errors.ErrUnsupported }

func (l *loader) merge(m map[string]any) {
	if err := l.k.Load(values(m), nil); err != nil {
		l.errs = append(l.errs, err)
	}
}

// file reads a YAML file.
func (l *loader) file(path string) {
	content, err := readFile(path)
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("the configuration file cannot be read: %w", err))
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(content))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing in it but comments
		return
	case err != nil:
		l.errs = append(l.errs, fmt.Errorf("%s is not YAML: %w", path, err))
		return
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		l.errs = append(l.errs, fmt.Errorf("%s holds more than one YAML document; keep one", path))
		return
	}
	in := &layer{root: l.root, where: func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", filepath.Base(path), n.Line) }}
	v, ok := in.value(l.root, "", doc.Content[0])
	l.errs = append(l.errs, in.errs...)
	if ok {
		l.merge(v.(map[string]any))
	}
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return b, err
}

// environment reads the variables that name settings.
func (l *loader) environment(environ []string) {
	named := map[string]setting{}
	for _, s := range l.root.settings() {
		named[s.variable()] = s
	}
	provider := env.Provider(delimiter, env.Opt{
		Prefix:      Prefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, text string) (string, any) {
			s, known := named[name]
			if !known {
				l.warnOfVariable(name, named)
				return "", nil
			}
			v, ok := l.text(s, name, text)
			if !ok {
				return "", nil
			}
			return strings.ReplaceAll(s.path, ".", delimiter), v
		},
	})
	if err := l.k.Load(provider, nil); err != nil {
		l.errs = append(l.errs, err)
	}
}

// others are variables of the project's tools that are no settings.
var others = []string{FileVariable, Prefix + "KAFKA_HOME", Prefix + "POSTGRES_HOME", Prefix + "SHARED"}

func (l *loader) warnOfVariable(name string, named map[string]setting) {
	if slices.Contains(others, name) || strings.HasPrefix(name, Prefix+"REQUIRE_") {
		return
	}
	warning := "the environment variable " + name + " names no setting and is ignored"
	var names []string
	for n := range named {
		names = append(names, strings.ToLower(n[len(Prefix):]))
	}
	slices.Sort(names)
	if near := Closest(name[len(Prefix):], names); near != "" {
		warning += "; did you mean " + Prefix + strings.ToUpper(near) + "?"
	}
	l.warnings = append(l.warnings, warning)
}

// override applies "key=value" of the command line.
func (l *loader) override(pair string) {
	path, text, found := strings.Cut(pair, "=")
	if !found {
		l.errs = append(l.errs, &KeyError{Key: pair, Where: "--set", Problem: "must be key=value"})
		return
	}
	path = strings.TrimSpace(path)
	s, known := l.root.find(path)
	if !known {
		problem := "unknown key"
		parent, name := "", path
		if i := strings.LastIndex(path, "."); i >= 0 {
			parent, name = path[:i], path[i+1:]
		}
		if near := suggest(l.root, parent, name, l.siblings(parent)); near != "" {
			problem += "; did you mean " + near + "?"
		}
		l.errs = append(l.errs, &KeyError{Key: path, Where: "--set", Problem: problem})
		return
	}
	v, ok := l.text(s, "--set", text)
	if !ok {
		return
	}
	m := map[string]any{}
	steps := strings.Split(path, ".")
	at := m
	for _, step := range steps[:len(steps)-1] {
		below := map[string]any{}
		at[step], at = below, below
	}
	at[steps[len(steps)-1]] = v
	l.merge(m)
}

func (l *loader) siblings(parent string) []string {
	s := l.root
	for step := range strings.SplitSeq(parent, ".") {
		if parent == "" {
			break
		}
		if s = s.field(step); s == nil {
			return nil
		}
	}
	return s.keys()
}

// text reads the value of a setting from a variable or a flag. Scalars are
// taken as they are; a list of texts may be separated by commas; everything
// else is YAML.
func (l *loader) text(s setting, where, text string) (any, bool) {
	in := &layer{root: l.root, where: func(*yaml.Node) string { return where }}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	switch s.kind {
	case kindList, kindMap:
		if s.kind == kindList && s.elem.kind == kindText && !strings.HasPrefix(strings.TrimSpace(text), "[") {
			n = commaList(text)
			break
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
			l.errs = append(l.errs, &KeyError{Key: s.path, Where: where, Problem: fmt.Sprintf("must be YAML, such as [a, b] or {a: b}: %v", err)})
			return nil, false
		}
		n = doc.Content[0]
	}
	v, ok := in.value(s.schema, s.path, n)
	l.errs = append(l.errs, in.errs...)
	return v, ok
}

func commaList(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for e := range strings.SplitSeq(text, ",") {
		if e = strings.TrimSpace(e); e != "" {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: e})
		}
	}
	return n
}
