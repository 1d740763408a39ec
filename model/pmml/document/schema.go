package document

import (
	"fmt"
	"reflect"
	"strings"
)

// fieldPlan is what a tag says about one field of a struct.
type fieldPlan struct {
	index    []int
	name     string
	required bool
	enum     []string
	def      string
	hasDef   bool
	skip     bool
	because  string // of a refused element
}

// typePlan is a struct read as the schema of an element.
type typePlan struct {
	attrs    map[string]*fieldPlan
	children map[string]*fieldPlan
	groups   []*fieldPlan // fields of an interface type: any element of the group
	required []*fieldPlan
	defaults []*fieldPlan
	content  *fieldPlan // the element's text
	pos      []int
	custom   bool
}

var (
	posType  = reflect.TypeFor[Pos]()
	skipType = reflect.TypeFor[Skip]()
)

// plan returns the schema of a struct type; a mistake in a tag is a bug and
// panics in the first test that decodes the element.
func (d *decoder) plan(t reflect.Type) *typePlan {
	if p, ok := d.plans[t]; ok {
		return p
	}
	p := &typePlan{attrs: map[string]*fieldPlan{}, children: map[string]*fieldPlan{}}
	p.custom = reflect.PointerTo(t).Implements(reflect.TypeFor[elementDecoder]())
	d.plans[t] = p
	p.add(t, nil)
	return p
}

func (p *typePlan) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		if f.Type == posType {
			p.pos = index
			continue
		}
		tag, ok := f.Tag.Lookup("pmml")
		if !ok {
			if f.Anonymous && f.Type.Kind() == reflect.Struct {
				p.add(f.Type, index)
			}
			continue
		}
		p.field(f, tag, index)
	}
}

func (p *typePlan) field(f reflect.StructField, tag string, index []int) {
	parts := strings.Split(tag, ",")
	plan := &fieldPlan{index: index, name: parts[0], skip: f.Type == skipType}
	names := []string{parts[0]}
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "required":
			plan.required = true
		case "enum":
			plan.enum = strings.Split(value, "|")
		case "default":
			plan.def, plan.hasDef = value, true
		case "because":
			plan.because = value
		case "alias": // the name in an older version
			names = append(names, strings.Split(value, "|")...)
		default:
			panic(fmt.Sprintf("document: tag %q of %s", tag, f.Name))
		}
	}
	if plan.required {
		p.required = append(p.required, plan)
	}
	if plan.hasDef {
		p.defaults = append(p.defaults, plan)
	}
	switch {
	case plan.name == "#text":
		p.content = plan
		return
	case plan.name == "*":
		p.groups = append(p.groups, plan)
		return
	}
	for _, name := range names {
		if isElement(name) {
			p.children[strings.TrimPrefix(name, "<")] = plan
		} else {
			p.attrs[strings.TrimPrefix(name, "@")] = plan
		}
	}
}

// isElement tells elements from attributes: PMML begins the names of elements
// with an upper-case letter. The tags of the few exceptions say what they are:
// "<euclidean" is an element, "@RMSE" an attribute.
func isElement(name string) bool { return name[0] == '<' || name[0] >= 'A' && name[0] <= 'Z' }
