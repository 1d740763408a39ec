package pmml

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// The tests of the model families score minimal documents, written by hand, and
// compare with results worked out from the text of the standard.

// document44 is a PMML 4.4 document around fields ("x:double y:string") and a
// model element.
func document44(fields, model string) string {
	var b strings.Builder
	b.WriteString(`<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary>`)
	for f := range strings.FieldsSeq(fields) {
		name, typ, _ := strings.Cut(f, ":")
		typ, values, _ := strings.Cut(typ, "=")
		op := "continuous"
		if typ == "string" || values != "" {
			op = "categorical"
		}
		b.WriteString(`<DataField name="` + name + `" dataType="` + typ + `" optype="` + op + `">`)
		for v := range strings.SplitSeq(values, "|") {
			if v != "" {
				b.WriteString(`<Value value="` + v + `"/>`)
			}
		}
		b.WriteString(`</DataField>`)
	}
	return b.String() + `</DataDictionary>` + model + `</PMML>`
}

// schema is a MiningSchema: "x y target:t" has two active fields and a target.
func schema(fields string) string {
	var b strings.Builder
	b.WriteString(`<MiningSchema>`)
	for f := range strings.FieldsSeq(fields) {
		usage, name, ok := strings.Cut(f, ":")
		if !ok {
			usage, name = "active", f
		}
		b.WriteString(`<MiningField name="` + name + `" usageType="` + usage + `"/>`)
	}
	return b.String() + `</MiningSchema>`
}

// outputs is an Output element: "name feature attribute=value …" for each.
func outputs(fields ...string) string {
	var b strings.Builder
	b.WriteString(`<Output>`)
	for _, f := range fields {
		parts := strings.Fields(f)
		b.WriteString(`<OutputField name="` + parts[0] + `" feature="` + parts[1] + `"`)
		for _, p := range parts[2:] {
			k, v, _ := strings.Cut(p, "=")
			b.WriteString(` ` + k + `="` + v + `"`)
		}
		b.WriteString(`/>`)
	}
	return b.String() + `</Output>`
}

// record is inputs or results by name.
type record = map[string]any

// handmade is one record with the results that are wanted; nil wants a missing
// value, and refused wants a record error.
type handmade struct {
	name    string
	in      record
	want    record
	refused model.RecordErrorKind
}

// score checks the cases of one document.
func score(t *testing.T, doc string, cases []handmade) {
	t.Helper()
	m, err := Load(context.Background(), strings.NewReader(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := m.Evaluate(c.in)
			if c.refused != 0 {
				var bad *model.RecordError
				if !errors.As(err, &bad) || bad.Kind != c.refused {
					t.Fatalf("got %v, %v; want a record error %q", got, err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(c.want)) {
				if !equalEnough(got[name], c.want[name]) {
					t.Errorf("%s is %v, want %v", name, got[name], c.want[name])
				}
			}
		})
	}
}

func equalEnough(got, want any) bool {
	g, ok := got.(float64)
	w, ok2 := want.(float64)
	if ok && ok2 {
		return g == w || math.Abs(g-w) <= 1e-12*math.Abs(w) || math.IsNaN(g) && math.IsNaN(w)
	}
	return got == want
}

// refuses checks that a document is refused at load, and where.
func refuses(t *testing.T, doc, where string) {
	t.Helper()
	_, err := Load(context.Background(), strings.NewReader(doc), Options{})
	var bad *model.LoadError
	if !errors.As(err, &bad) || !strings.Contains(bad.Where, where) {
		t.Fatalf("got %v, want a load error at %q", err, where)
	}
}
