package config

import (
	_ "embed"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modelstream/modelserver/persistence/postgres"
)

// reference is the documentation of every key.
//
//go:embed reference.yaml
var reference []byte

// redacted stands for a secret that is set.
const redacted = "(set, not shown)"

// Print writes the configuration as YAML, with a comment on each key and without
// secrets. What it writes is a configuration file that says the same, but for
// the secrets.
func (c *Config) Print(w io.Writer) error {
	comments, err := readComments()
	if err != nil {
		return err
	}
	p := printer{comments: comments}
	root := p.node(schemaOf(reflect.TypeFor[Config]()), reflect.ValueOf(*c), "")
	for i := 0; i < len(root.Content); i += 2 { // a blank line between sections
		root.Content[i].HeadComment = "\n" + root.Content[i].HeadComment
	}
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return err
	}
	_, err = io.WriteString(w, strings.TrimLeft(b.String(), "\n"))
	return err
}

// readComments returns the comments of reference.yaml by key.
func readComments() (map[string]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(reference, &doc); err != nil {
		return nil, fmt.Errorf("reference.yaml: %w", err)
	}
	comments := map[string]string{}
	collect(comments, "", doc.Content[0])
	return comments, nil
}

func collect(into map[string]string, path string, n *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key := join(path, n.Content[i].Value)
		into[key] = strings.TrimSpace(n.Content[i].HeadComment)
		collect(into, key, n.Content[i+1])
	}
}

type printer struct{ comments map[string]string }

func (p printer) node(s *schema, v reflect.Value, path string) *yaml.Node {
	switch s.kind {
	case kindObject:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range s.fields {
			p.add(n, f.key, p.node(f.schema, v.Field(f.index), join(path, f.key)), join(path, f.key))
		}
		return n
	case kindMap:
		n := &yaml.Node{Kind: yaml.MappingNode}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			below := join(path, k.String())
			p.add(n, k.String(), p.node(s.elem, v.MapIndex(k), below), below)
		}
		if len(keys) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case kindList:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, p.node(s.elem, v.Index(i), path+"[]"))
		}
		if s.elem.kind != kindObject {
			n.Style = yaml.FlowStyle
		}
		return n
	}
	return scalar(s, v, path)
}

func (p printer) add(to *yaml.Node, key string, value *yaml.Node, path string) {
	k := &yaml.Node{Kind: yaml.ScalarNode, Value: key, HeadComment: p.comments[path]}
	if mustQuote(key) {
		k.Style = yaml.DoubleQuotedStyle
	}
	to.Content = append(to.Content, k, value)
}

func scalar(s *schema, v reflect.Value, path string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch s.kind {
	case kindDuration:
		n.Value = duration(time.Duration(v.Int()))
	case kindNumber:
		n.Value = strconv.FormatInt(v.Int(), 10)
		if strings.HasSuffix(path, "bytes") {
			n.Value = bytesText(v.Int())
		}
	case kindTruth:
		n.Value = strconv.FormatBool(v.Bool())
	default:
		n.Value = v.String()
		if secrets[path] && n.Value != "" {
			n.Value = redacted
		}
		if path == "store.postgres.url" {
			n.Value = postgres.Redact(n.Value)
		}
		if mustQuote(n.Value) {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	return n
}

// mustQuote says whether a plain scalar would not be read back as this text.
func mustQuote(text string) bool {
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("0123456789-_./", r) {
			return true
		}
	}
	var back any
	err := yaml.Unmarshal([]byte(text), &back)
	s, isText := back.(string)
	return err != nil || !isText || s != text
}

// duration writes 2m instead of 2m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// bytesText writes a number of bytes with the greatest unit that leaves it whole.
func bytesText(n int64) string {
	for _, u := range units {
		if n != 0 && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
