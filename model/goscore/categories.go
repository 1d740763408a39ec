package goscore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modelstream/modelserver/model"
)

// categories checks a split by two sets of categories.
func (c *checker) categories(where string, a, b *xmlSet) error {
	f := c.fields[a.Field]
	if f == nil || f.OpType != "categorical" || f.DataType != "string" {
		return refuse(where, "the field %q is not a categorical one of type string", a.Field)
	}
	if b.Field != a.Field || a.Operator != "isIn" || b.Operator != "isIn" {
		return refuse(where, "its children are not two sets of one field's categories")
	}
	s := categorySplit{where: where, field: a.Field}
	for i, array := range []string{a.Array, b.Array} {
		values, ok := arrayOf(array)
		if !ok {
			return refuse(where, "the array %s is not of plain quoted strings", strings.TrimSpace(array))
		}
		s.sets[i] = values
	}
	known := c.doc.categories[a.Field]
	if known == nil {
		known = make(map[string]bool)
		c.doc.categories[a.Field] = known
	}
	for _, v := range slices.Concat(s.sets[0], s.sets[1]) {
		known[v] = true
	}
	c.splits = append(c.splits, s)
	c.used[a.Field] = true
	return nil
}

// arrayOf reads `"a" "b c"`. The engine reads arrays with the rules of a shell,
// so that only characters without a meaning there are let through.
func arrayOf(text string) ([]string, bool) {
	var values []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if text[0] != '"' {
			return nil, false
		}
		value, rest, closed := strings.Cut(text[1:], `"`)
		if !closed || strings.ContainsAny(value, "\\'`$();<>|&\n\r\t") || rest != "" && rest[0] != ' ' {
			return nil, false
		}
		values = append(values, value)
		text = rest
	}
	return values, len(values) > 0
}

// finish checks what can be checked when the whole document is known, and lists
// the inputs in the order of the data dictionary's names.
func (c *checker) finish() (*document, error) {
	for _, s := range c.splits {
		all := c.doc.categories[s.field]
		if len(s.sets[0])+len(s.sets[1]) != len(all) {
			return nil, refuse(s.where, "its two sets overlap, or leave out a category of %q", s.field)
		}
		both := make(map[string]bool)
		for _, v := range slices.Concat(s.sets[0], s.sets[1]) {
			both[v] = true
		}
		if len(both) != len(all) {
			return nil, refuse(s.where, "its two sets overlap, or leave out a category of %q", s.field)
		}
	}
	target := c.fields[c.target]
	if target == nil {
		return nil, refuse("MiningSchema", "it has no target")
	}
	for _, label := range c.doc.labels {
		if !slices.ContainsFunc(target.Values, func(v xmlValue) bool { return v.Value == label }) {
			return nil, refuse(fmt.Sprintf("DataField %q", c.target), "it lacks the score %q", label)
		}
	}
	c.doc.target, c.doc.labels = c.target, nil
	for _, v := range target.Values {
		c.doc.labels = append(c.doc.labels, v.Value)
	}
	for name := range c.used {
		if name == c.target {
			return nil, refuse("MiningSchema", "a tree reads the target %q", name)
		}
		field := model.Field{Name: name, Type: model.Float64}
		switch c.fields[name].DataType {
		case "integer":
			field.Type = model.Int64
		case "string":
			field.Type = model.String
		}
		c.doc.inputs = append(c.doc.inputs, field)
	}
	slices.SortFunc(c.doc.inputs, func(a, b model.Field) int { return strings.Compare(a.Name, b.Name) })
	return c.doc, nil
}
