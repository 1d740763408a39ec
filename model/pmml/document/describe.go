package document

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
)

// ElementInfo is what the decoder knows about an element, for documentation and
// tests. Elements of one name that stand in different places are one.
type ElementInfo struct {
	Name       string
	Parents    []string
	Attributes []AttributeInfo
	Children   []string
	Ignored    bool // read past, wherever it stands
	Refused    bool // known, and refused wherever it stands
}

// AttributeInfo is one of an element's attributes. Older names of an attribute are
// attributes of their own.
type AttributeInfo struct {
	Name     string
	Kind     string   // "text", "number", "integer", "boolean", "enumeration" or "other"
	Required bool     // wherever the element stands
	Ignored  bool     // read past
	Values   []string // of an enumeration
}

// Describe lists the elements that Decode knows, sorted by name.
func Describe(models map[string]func() Model) []ElementInfo {
	d := &decoder{plans: map[reflect.Type]*typePlan{}, groups: groups(models)}
	w := &describer{decoder: d, elements: map[string]*ElementInfo{}, seen: map[described]bool{}}
	w.element("PMML", "", reflect.TypeFor[PMML]())
	list := make([]ElementInfo, 0, len(w.elements))
	for _, name := range slices.Sorted(maps.Keys(w.elements)) {
		e := w.elements[name]
		slices.Sort(e.Parents)
		e.Parents = slices.Compact(e.Parents)
		slices.Sort(e.Children)
		e.Children = slices.Compact(e.Children)
		slices.SortFunc(e.Attributes, func(a, b AttributeInfo) int { return cmp.Compare(a.Name, b.Name) })
		list = append(list, *e)
	}
	return list
}

type describer struct {
	*decoder
	elements map[string]*ElementInfo
	seen     map[described]bool
}

type described struct {
	name string
	t    reflect.Type
}

// element adds an element of a struct type and all below.
func (w *describer) element(name, parent string, t reflect.Type) {
	e := w.elements[name]
	if e == nil {
		e = &ElementInfo{Name: name, Ignored: true}
		w.elements[name] = e
	}
	if parent != "" {
		e.Parents = append(e.Parents, parent)
	}
	if w.seen[described{name, t}] {
		return
	}
	w.seen[described{name, t}] = true
	if t == skipType {
		return
	}
	if t == reflect.TypeFor[Refused]() {
		e.Ignored, e.Refused = false, true
		return
	}
	e.Ignored, e.Refused = false, false
	plan := w.plan(t)
	for attr, f := range plan.attrs {
		e.attribute(attr, f, t.FieldByIndex(f.index).Type)
	}
	for child, f := range plan.children {
		e.Children = append(e.Children, child)
		w.element(child, name, structOf(t.FieldByIndex(f.index).Type))
	}
	for _, f := range plan.groups {
		group := t.FieldByIndex(f.index).Type
		if group.Kind() == reflect.Slice {
			group = group.Elem()
		}
		for child, s := range w.groups[group] {
			e.Children = append(e.Children, child)
			w.element(child, name, s)
		}
	}
}

func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func (e *ElementInfo) attribute(name string, f *fieldPlan, t reflect.Type) {
	a := AttributeInfo{Name: name, Required: f.required && f.name == name, Ignored: f.skip, Values: f.enum, Kind: kindOf(t)}
	if f.enum != nil {
		a.Kind = "enumeration"
	}
	for i := range e.Attributes {
		if have := &e.Attributes[i]; have.Name == name {
			have.Required = have.Required && a.Required
			have.Ignored = have.Ignored && a.Ignored
			if have.Kind != a.Kind || !slices.Equal(have.Values, a.Values) {
				have.Kind, have.Values = "other", nil
			}
			return
		}
	}
	e.Attributes = append(e.Attributes, a)
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[attrDecoder]()) && t != reflect.TypeFor[ColumnName]() {
			return "other"
		}
		return "text"
	case reflect.Float64:
		return "number"
	case reflect.Int:
		return "integer"
	case reflect.Bool:
		return "boolean"
	case reflect.Struct:
		if v, ok := t.FieldByName("V"); ok {
			return kindOf(v.Type)
		}
	}
	return "other"
}
