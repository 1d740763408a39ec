package record

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

func TestLoose(t *testing.T) {
	for _, same := range [][]string{
		{"fixed acidity", "fixed_acidity", "fixedAcidity", "Fixed-Acidity", "FIXED__ACIDITY", "fixed.acidity"},
		{"pH", "ph", "p h", "P_H"},
		{"Säure", "SÄURE", "säure "},
		{"", " ", "_-."},
	} {
		for _, name := range same {
			if loose(name) != loose(same[0]) {
				t.Errorf("%q and %q should be loosely the same name", name, same[0])
			}
		}
	}
	if loose("x1") == loose("x2") || loose("a\xff") == loose("a") {
		t.Error("different names must stay different")
	}
}

func TestBindMatchesFields(t *testing.T) {
	tests := []struct {
		name    string
		message string
		mapping map[string]string
		input   model.Field
		want    string // the path of the field
	}{
		{"equal name", "Twins", nil, input("fixed_acidity", model.Float64), "fixed_acidity"},
		{"equal JSON name", "Twins", nil, input("fixedAcidity", model.Float64), "fixed_acidity"},
		{"case and spaces", "All", nil, input("FIXED acidity", model.String), "fixedAcidity"},
		{"case", "Twins", nil, input("PH", model.Float64), "pH"},
		{"map wins over the equal name", "All", map[string]string{"d": "far"}, input("d", model.Float64), "far"},
		{"map of another input is not used", "All", map[string]string{"x": "nonsense"}, input("d", model.Float64), "d"},
		{"dotted path", "All", map[string]string{"x": "inner.deeper.ph"}, input("x", model.Float64), "inner.deeper.ph"},
		{"loose dotted path", "All", map[string]string{"x": "Inner.PH"}, input("x", model.Float64), "inner.ph"},
		{"wrapper", "All", nil, input("wrapped", model.Float64), "wrapped.value"},
		{"group", "Old", map[string]string{"x": "part.ph"}, input("x", model.Float64), "part.ph"},
		{"vector", "All", nil, input("packed", model.Float32, 784), "packed"},
		{"vector as text", "All", nil, input("s", model.Float32, 784), "s"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := bind(t, testFormat(t, test.message), test.mapping, test.input)
			if got := leafPath(d.proto); got != test.want {
				t.Errorf("input %q reads field %q, want %q", test.input.Name, got, test.want)
			}
		})
	}
}

// leafPath returns the path of the only field that feeds an input.
func leafPath(p *protoPlan) string {
	var walk func(m *messagePlan) string
	walk = func(m *messagePlan) string {
		for number := range uint64(protoreflect.FieldNumber(6000)) {
			f := m.lookup(number)
			switch {
			case f == nil:
			case f.sub != nil:
				return walk(f.sub)
			case len(f.columns)+len(f.lists) > 0:
				return f.path
			}
		}
		return ""
	}
	return walk(p.root)
}

func TestBindRefuses(t *testing.T) {
	tests := []struct {
		name    string
		message string
		mapping map[string]string
		inputs  []model.Field
		want    []string // parts of the reason
	}{
		{"no such field", "Twins", nil, []model.Field{input("fixd acidity", model.Float64)}, []string{`"fixd acidity"`, "closest", "fixed_acidity"}},
		{"all of them at once", "Twins", nil, []model.Field{input("a", model.Float64), input("b", model.Float64)}, []string{`"a"`, `"b"`}},
		{"two fields for an input", "Twins", nil, []model.Field{input("Fixed Acidity", model.Float64)}, []string{"fixed_acidity", "fixedAcidity_"}},
		{"two inputs for a field", "All", nil, []model.Field{input("D", model.Float64), input("d", model.Float64)}, []string{`"D"`, `"d"`, "field d"}},
		{"path through a scalar", "All", map[string]string{"x": "d.ph"}, []model.Field{input("x", model.Float64)}, []string{"d", "not a single message"}},
		{"path through a list", "All", map[string]string{"x": "inners.ph"}, []model.Field{input("x", model.Float64)}, []string{"inners", "not a single message"}},
		{"path to nowhere", "All", map[string]string{"x": "inner.pg"}, []model.Field{input("x", model.Float64)}, []string{"pg", "closest", "ph"}},
		{"empty map entry", "All", map[string]string{"d": ""}, []model.Field{input("d", model.Float64)}, []string{"not a field name"}},
		{"message", "All", nil, []model.Field{input("inner", model.Float64)}, []string{"inner.ph"}},
		{"list of messages", "All", nil, []model.Field{input("inners", model.Float64)}, []string{"list of messages"}},
		{"map", "All", nil, []model.Field{input("features", model.Float64)}, []string{"map"}},
		{"vector from a number", "All", nil, []model.Field{input("d", model.Float64, 11)}, []string{"11 values"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := testFormat(t, test.message).Bind(signature(test.inputs...), test.mapping)
			var load *model.LoadError
			if !errors.As(err, &load) {
				t.Fatalf("got %v, want a load error", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the reason does not say %q: %v", part, err)
				}
			}
		})
	}
}

func TestBindTwoInputsOnOneField(t *testing.T) {
	f := testFormat(t, "All")
	d := bind(t, f, map[string]string{"a": "d", "b": "d", "c": "d"}, input("a", model.Float64), input("b", model.Int64), input("c", model.String))
	payload := build(t, f, `d: 3`)
	var batch model.Batch
	d.Decode([]Raw{{Payload: payload}}, &batch)
	if batch.Columns[0].Float64[0] != 3 || batch.Columns[1].Int64[0] != 3 || batch.Columns[2].String[0] != "3" {
		t.Errorf("got %v, want 3 as float64, int64 and string", batch.Columns)
	}
}

func TestBindOptionalInput(t *testing.T) {
	absent := input("nowhere", model.Float64)
	absent.Optional = true
	d := bind(t, testFormat(t, "All"), nil, absent)
	var batch model.Batch
	d.Decode([]Raw{{}}, &batch)
	if s := batch.Columns[0].StateOf(0); s != model.Missing {
		t.Errorf("an optional input without a field is %v, want missing", s)
	}
}

func TestBindNeverTakesAPlaceholder(t *testing.T) {
	if _, err := Protobuf(nil); err == nil {
		t.Error("a format without a message must be refused")
	}
}
