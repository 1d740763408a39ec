package document

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

func decode(body string) (*PMML, error) {
	return Decode(strings.NewReader(body), Options{Models: map[string]func() Model{
		"TreeModel":       func() Model { return &TreeModel{} },
		"RegressionModel": func() Model { return &RegressionModel{} },
	}})
}

const tree = `<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
<Header copyright="x"><Anything else="y">text</Anything></Header>
<DataDictionary numberOfFields="1">
  <DataField name="x" optype="continuous" dataType="double">
    <Extension name="n" value="v"><any:thing xmlns:any="u"/></Extension>
    <Interval closure="openClosed" leftMargin="0" rightMargin="10"/>
  </DataField>
</DataDictionary>
<TreeModel functionName="regression">
  <MiningSchema><MiningField name="x"/></MiningSchema>
  <Node id="1" score="2"><True/>
    <Node score="3"><SimplePredicate field="x" operator="lessThan" value="1"/></Node>
  </Node>
</TreeModel>
</PMML>`

func TestDecode(t *testing.T) {
	doc, err := decode(tree)
	if err != nil {
		t.Fatal(err)
	}
	f := doc.DataDictionary.Fields[0]
	if f.Name != "x" || f.Line != 4 || f.DataType != "double" || len(f.Intervals) != 1 {
		t.Errorf("the field is %+v", f)
	}
	m := doc.Models[0].(*TreeModel)
	if m.Element != "TreeModel" || m.Line != 9 || m.MissingValueStrategy != "none" || m.MissingValuePenalty != 1 || !m.IsScorable {
		t.Errorf("the model is %+v", m)
	}
	kid := m.Node.Nodes[0]
	if p, ok := kid.Predicate.(*SimplePredicate); !ok || p.Value.V != "1" || kid.ID.Set || kid.Where() != "line 12: <Node>" {
		t.Errorf("the node is %+v", kid)
	}
	if _, ok := m.Node.Predicate.(*True); !ok {
		t.Errorf("the root's predicate is %T", m.Node.Predicate)
	}
}

// Older documents: other namespaces, none, a prefix, an absent version.
func TestDecodeVersions(t *testing.T) {
	for _, root := range []string{
		`<PMML version="4.4" xmlns="https://www.dmg.org/PMML-4_4">`, `<PMML version="3.0" xmlns="http://www.dmg.org/PMML-3_0">`, `<PMML version="3.2" xmlns="http://www.dmg.org/PMML-3_2">`,
		`<PMML version="4.3">`, `<PMML>`, `<PMML version="4.4.1" xmlns="http://www.dmg.org/PMML-4_4" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">`,
	} {
		doc := strings.Replace(tree, `<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">`, root, 1)
		if _, err := decode(doc); err != nil {
			t.Errorf("%s: %v", root, err)
		}
	}
}

func TestDecodeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var b strings.Builder
	b.WriteString(`<PMML><DataDictionary>`)
	for range 2000 {
		b.WriteString(`<DataField name="x" optype="continuous" dataType="double"/>`)
	}
	b.WriteString(`</DataDictionary></PMML>`)
	_, err := Decode(strings.NewReader(b.String()), Options{Cancelled: ctx.Err})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A mistake of ours while decoding is an error that names the element.
func TestDecodeContainsPanics(t *testing.T) {
	_, err := Decode(strings.NewReader("<PMML><DataDictionary/>\n<Bad/></PMML>"), Options{Models: map[string]func() Model{"Bad": func() Model { return &badModel{} }}})
	var bad *model.LoadError
	if !errors.As(err, &bad) || bad.Where != "line 2: <Bad>" || !strings.Contains(bad.Reason, "internal error, please report") {
		t.Errorf("got %v", err)
	}
}

type badModel struct{ Pos }

func (*badModel) Base() *ModelBase                      { return nil }
func (*badModel) decodeElement(d *decoder, _ Pos) error { panic("oops") }

func TestSplitArray(t *testing.T) {
	for text, want := range map[string][]string{
		"":                 nil,
		" 1  2\n3\t":       {"1", "2", "3"},
		`a "b c" d`:        {"a", "b c", "d"},
		`"a \"b\" c" "\\"`: {`a "b" c`, `\`},
		`""`:               {""},
		`x"y z"`:           {"xy z"},
		`a\b`:              {`a\b`},
	} {
		if got, ok := splitArray(text); !ok || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if _, ok := splitArray(`"a`); ok {
		t.Error("an open quote is accepted")
	}
}

func TestSparseArray(t *testing.T) {
	s := SparseArray{N: Some(5), DefaultValue: 9, Indices: &Numbers{Values: []float64{2, 5}}, Entries: &Numbers{Values: []float64{20, 50}}}
	if err := s.finish(); err != nil {
		t.Fatal(err)
	}
	if got := s.Floats(); !slices.Equal(got, []float64{9, 20, 9, 9, 50}) {
		t.Errorf("got %v", got)
	}
	for name, bad := range map[string]SparseArray{
		"an index above n":     {N: Some(1), Indices: &Numbers{Values: []float64{2}}, Entries: &Numbers{Values: []float64{1}}},
		"index 0":              {Indices: &Numbers{Values: []float64{0}}, Entries: &Numbers{Values: []float64{1}}},
		"a broken index":       {Indices: &Numbers{Values: []float64{1.5}}, Entries: &Numbers{Values: []float64{1}}},
		"not a number":         {Indices: &Numbers{Values: []float64{math.NaN()}}, Entries: &Numbers{Values: []float64{1}}},
		"more indices":         {Indices: &Numbers{Values: []float64{1, 2}}, Entries: &Numbers{Values: []float64{1}}},
		"a length below zero":  {N: Some(-1)},
		"a length without end": {N: Some(1 << 40)},
		"an index without end": {Indices: &Numbers{Values: []float64{1e300}}, Entries: &Numbers{Values: []float64{1}}},
	} {
		if bad.finish() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestMatrix(t *testing.T) {
	row := func(s ...string) *Array { return &Array{Values: s} }
	for name, c := range map[string]struct {
		m    Matrix
		want [2][2]float64
	}{
		"any":          {Matrix{Kind: "any", Arrays: []*Array{row("1", "2"), row("3", "4")}}, [2][2]float64{{1, 2}, {3, 4}}},
		"symmetric":    {Matrix{Kind: "symmetric", Arrays: []*Array{row("1"), row("3", "4")}}, [2][2]float64{{1, 3}, {3, 4}}},
		"diagonal":     {Matrix{Kind: "diagonal", OffDiagDefault: Some(0.5), Arrays: []*Array{row("1", "4")}}, [2][2]float64{{1, 0.5}, {0.5, 4}}},
		"sparse":       {Matrix{Kind: "any", DiagDefault: Some(7.0), Cells: []MatCell{{Row: 1, Col: 2, Text: 9}}}, [2][2]float64{{7, 9}, {0, 7}}},
		"sparse, sym.": {Matrix{Kind: "symmetric", Cells: []MatCell{{Row: 2, Col: 1, Text: 9}}}, [2][2]float64{{0, 9}, {9, 0}}},
	} {
		for i := range 2 {
			for j := range 2 {
				if x, err := c.m.At(i, j); err != nil || x != c.want[i][j] {
					t.Errorf("%s: at %d, %d: %v, %v", name, i, j, x, err)
				}
			}
		}
	}
	short := Matrix{Kind: "any", Arrays: []*Array{row("1")}}
	if _, err := short.At(0, 1); err == nil {
		t.Error("a value that is not there")
	}
	if _, err := short.At(1, 0); err == nil {
		t.Error("a row that is not there")
	}
}

func TestInterval(t *testing.T) {
	for closure, want := range map[string][3]bool{ // at the left margin, inside, at the right margin
		"openOpen": {false, true, false}, "openClosed": {false, true, true}, "closedOpen": {true, true, false}, "closedClosed": {true, true, true},
	} {
		i := Interval{Closure: closure, LeftMargin: Some(1.0), RightMargin: Some(2.0)}
		if got := [3]bool{i.Contains(1), i.Contains(1.5), i.Contains(2)}; got != want {
			t.Errorf("%s: %v", closure, got)
		}
		if i.Contains(0.9) || i.Contains(2.1) || i.Contains(math.NaN()) {
			t.Errorf("%s contains what is outside", closure)
		}
	}
	all := Interval{Closure: "openOpen"}
	if !all.Contains(math.MaxFloat64) || !all.Contains(math.Inf(-1)) || all.Contains(math.NaN()) {
		t.Error("an interval without margins")
	}
}

func TestParseFloat(t *testing.T) {
	for text, want := range map[string]float64{
		"1": 1, "\t-2.5e3\n": -2500, "INF": math.Inf(1), "-INF": math.Inf(-1), "Infinity": math.Inf(1), "1e999": math.Inf(1), "1e-999": 0, ".5": 0.5, "+3": 3,
	} {
		if got, err := ParseFloat(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if x, err := ParseFloat("NaN"); err != nil || !math.IsNaN(x) {
		t.Errorf("NaN: %v, %v", x, err)
	}
	for _, text := range []string{"", " ", "one", "0x10", "1_000", "1,5", "1p3", "--1", "1e", "∞"} {
		if x, err := ParseFloat(text); err == nil {
			t.Errorf("%q is %v", text, x)
		}
	}
}

func TestDescribe(t *testing.T) {
	list := Describe(map[string]func() Model{"TreeModel": func() Model { return &TreeModel{} }})
	at := slices.IndexFunc(list, func(e ElementInfo) bool { return e.Name == "Node" })
	if at < 0 {
		t.Fatal("there is no Node")
	}
	node := list[at]
	if !slices.Contains(node.Children, "SimplePredicate") || !slices.Contains(node.Children, "Node") || !slices.Contains(node.Parents, "TreeModel") {
		t.Errorf("children %q, parents %q", node.Children, node.Parents)
	}
	i := slices.IndexFunc(node.Attributes, func(a AttributeInfo) bool { return a.Name == "recordCount" })
	if i < 0 || node.Attributes[i].Kind != "number" || node.Attributes[i].Required {
		t.Errorf("attributes %+v", node.Attributes)
	}
}
