package pmml

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/model"
)

// TestShortcutsOnManifest evaluates every reference document by columns and
// forests and then row by row: the results must be equal bit by bit. Each is
// scored with its inputs as text and, where they are numbers, as numbers.
func TestShortcutsOnManifest(t *testing.T) {
	dir := filepath.Join(sharedDir(t), "data", "pmml")
	trees, forests := 0, 0
	for _, row := range readManifest(t, dir) {
		doc, err := os.ReadFile(filepath.Join(dir, row["pmml"]))
		if err != nil {
			t.Fatal(err)
		}
		fast, slow, err := loadTwice(doc)
		if err != nil {
			t.Logf("%s: %v", row["pmml"], err) // TestManifest judges
			continue
		}
		names, records, err := readTable(filepath.Join(dir, row["input"]))
		if err != nil {
			t.Fatal(err)
		}
		records = records[:min(len(records), 2*blockRows-100)] // two blocks, one not full
		var in model.Batch
		in.Rows = len(records)
		for _, f := range fast.Signature().Inputs {
			in.Columns = append(in.Columns, textColumn(names, records, f.Name))
		}
		for _, batch := range []*model.Batch{&in, numbers(&in, fast.Signature().Inputs)} {
			if err := sameScores(fast, slow, batch); err != nil {
				t.Errorf("%s: %v", row["pmml"], err)
			}
		}
		a, b := countForests(fast.plan.root)
		if trees += a; a > b {
			t.Logf("%s: %d of %d trees are walked one by one", row["pmml"], a-b, a)
		}
		forests += b
	}
	t.Logf("%d of %d trees are in forests", forests, trees)
}

// numbers is a batch of text with the columns that are numbers as such.
func numbers(in *model.Batch, fields []model.Field) *model.Batch {
	out := &model.Batch{Rows: in.Rows}
	for i := range in.Columns {
		c := in.Columns[i]
		if fields[i].Type == model.Float64 {
			x := model.Column{Type: model.Float64, Width: 1, Float64: make([]float64, in.Rows), State: c.State}
			ok := true
			for row, s := range c.String {
				var err error
				if x.Float64[row], err = strconv.ParseFloat(s, 64); err != nil && c.StateOf(row) == model.Valid {
					ok = false
				}
			}
			if ok {
				c = x
			}
		}
		out.Columns = append(out.Columns, c)
	}
	return out
}

// loadTwice loads a document and makes a copy without shortcuts.
func loadTwice(doc []byte) (fast, slow *Model, err error) {
	if fast, err = Load(context.Background(), bytes.NewReader(doc), Options{SkipVerification: true}); err != nil {
		return nil, nil, err
	}
	if slow, err = Load(context.Background(), bytes.NewReader(doc), Options{SkipVerification: true}); err != nil {
		return nil, nil, err
	}
	slow.plan.general = true
	return fast, slow, nil
}

// countForests counts the trees of a model, and those that are in forests.
func countForests(p *modelPlan) (trees, planted int) {
	switch m := p.eval.(type) {
	case *treeModel:
		if m.forest != nil {
			return 1, 1
		}
		return 1, 0
	case *miningModel:
		for _, s := range m.segments {
			a, b := countForests(s.model)
			trees, planted = trees+a, planted+b
		}
		if m.ensemble != nil {
			return trees, trees
		}
	}
	return trees, planted
}

// sameScores compares two models on a batch and on parts of it.
func sameScores(a, b *Model, in *model.Batch) error {
	var x, y model.Batch
	if err := a.Score(context.Background(), in, &x); err != nil {
		return err
	}
	if err := b.Score(context.Background(), in, &y); err != nil {
		return err
	}
	for i := range in.Rows {
		if !reflect.DeepEqual(x.Err(i), y.Err(i)) {
			return fmt.Errorf("row %d: error %v, row by row %v", i, x.Err(i), y.Err(i))
		}
		for c := range x.Columns {
			v, w := x.Columns[c].Value(i), y.Columns[c].Value(i)
			if p, ok := v.(float64); ok {
				if q, ok := w.(float64); ok && math.Float64bits(p) == math.Float64bits(q) {
					continue
				}
			}
			if v != w {
				return fmt.Errorf("row %d: %q is %v, row by row %v", i, a.Signature().Outputs[c].Name, v, w)
			}
		}
	}
	return nil
}

// TestForestOnRandomTrees draws ensembles of all shapes, predicates and
// strategies, and rows with missing values.
func TestForestOnRandomTrees(t *testing.T) {
	planted := 0
	rapid.Check(t, func(t *rapid.T) {
		doc := drawEnsemble(t)
		fast, slow, err := loadTwice([]byte(doc))
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if _, n := countForests(fast.plan.root); n > 0 {
			planted++
		}
		in := drawRows(t, fast.Signature().Inputs)
		if err := sameScores(fast, slow, in); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
	})
	if planted == 0 {
		t.Error("no ensemble became a forest")
	}
}

const randomDictionary = `<DataDictionary>
<DataField name="a" optype="continuous" dataType="double"/>
<DataField name="b" optype="continuous" dataType="float"/>
<DataField name="c" optype="categorical" dataType="string"/>
<DataField name="d" optype="continuous" dataType="integer"/>
<DataField name="y" optype="%s" dataType="%s"/>
</DataDictionary>`

const randomSchema = `<MiningSchema><MiningField name="a"/><MiningField name="b"/><MiningField name="c"/><MiningField name="d"/><MiningField name="y" usageType="target"/></MiningSchema>`

func drawEnsemble(t *rapid.T) string {
	kind := rapid.SampledFrom([]string{"regression", "classification"}).Draw(t, "function")
	method := rapid.SampledFrom([]string{"sum", "average", "weightedAverage", "weightedSum", "max"}).Draw(t, "method")
	typ := rapid.SampledFrom([]string{"double", "float", "integer"}).Draw(t, "type")
	optype := "continuous"
	if kind == "classification" {
		method = rapid.SampledFrom([]string{"majorityVote", "weightedMajorityVote", "average", "weightedAverage"}).Draw(t, "method")
		typ, optype = "string", "categorical"
	}
	math := rapid.SampledFrom([]string{"", ` x-mathContext="float"`}).Draw(t, "math")
	treatment := rapid.SampledFrom([]string{"continue", "skipSegment", "returnMissing"}).Draw(t, "treatment")
	var b strings.Builder
	fmt.Fprintf(&b, `<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>`+randomDictionary, optype, typ)
	trees := rapid.IntRange(0, 9).Draw(t, "trees")
	if trees == 0 {
		drawTree(t, &b, kind, math)
		return b.String() + `</PMML>`
	}
	fmt.Fprintf(&b, `<MiningModel functionName="%s"%s>%s<Segmentation multipleModelMethod="%s" missingPredictionTreatment="%s">`, kind, math, randomSchema, method, treatment)
	for range trees {
		fmt.Fprintf(&b, `<Segment weight="%g"><True/>`, rapid.SampledFrom([]float64{1, 0.3, 2, 0}).Draw(t, "weight"))
		drawTree(t, &b, kind, math)
		b.WriteString(`</Segment>`)
	}
	b.WriteString(`</Segmentation></MiningModel></PMML>`)
	return b.String()
}

func drawTree(t *rapid.T, b *strings.Builder, kind, math string) {
	missing := rapid.SampledFrom([]string{"none", "nullPrediction", "lastPrediction", "defaultChild", "aggregateNodes"}).Draw(t, "missing")
	noTrue := rapid.SampledFrom([]string{"returnNullPrediction", "returnLastPrediction"}).Draw(t, "noTrue")
	fmt.Fprintf(b, `<TreeModel functionName="%s" missingValueStrategy="%s" noTrueChildStrategy="%s"%s>%s`, kind, missing, noTrue, math, randomSchema)
	d := treeDrawer{T: t, b: b, kind: kind, defaults: missing == "defaultChild"}
	d.node(`<True/>`, 0)
	b.WriteString(`</TreeModel>`)
}

type treeDrawer struct {
	*rapid.T
	b        *strings.Builder
	kind     string
	defaults bool
	ids      int
}

// node draws a node and what is below it.
func (d *treeDrawer) node(predicate string, depth int) {
	d.ids++
	kids := 0
	if depth < 5 {
		kids = rapid.SampledFrom([]int{2, 2, 2, 0, 1, 3}).Draw(d.T, "kids")
	}
	fmt.Fprintf(d.b, `<Node id="n%d"`, d.ids)
	if rapid.IntRange(0, 19).Draw(d.T, "scored") > 0 {
		if d.kind == "regression" {
			fmt.Fprintf(d.b, ` score="%v"`, rapid.SampledFrom([]any{1, 2, -0.1, 0.7, 1e-3, -5, 1.0 / 3}).Draw(d.T, "score"))
		} else {
			fmt.Fprintf(d.b, ` score="%s"`, rapid.SampledFrom([]string{"x", "y", "z"}).Draw(d.T, "score"))
		}
	}
	if d.defaults && kids > 0 && rapid.IntRange(0, 9).Draw(d.T, "default") > 0 {
		fmt.Fprintf(d.b, ` defaultChild="n%d"`, d.ids+1)
	}
	fmt.Fprintf(d.b, `>%s`, predicate)
	if d.kind == "classification" && rapid.IntRange(0, 9).Draw(d.T, "distribution") > 0 {
		for _, class := range []string{"x", "y", "z"} {
			fmt.Fprintf(d.b, `<ScoreDistribution value="%s" recordCount="%d"/>`, class, rapid.IntRange(0, 7).Draw(d.T, "count"))
		}
	}
	if kids == 2 && rapid.Bool().Draw(d.T, "complement") {
		field, x := d.number()
		for _, op := range rapid.SampledFrom([][2]string{{"lessOrEqual", "greaterThan"}, {"lessThan", "greaterOrEqual"}, {"greaterThan", "lessOrEqual"}}).Draw(d.T, "operators") {
			d.node(simplePredicate(field, op, x), depth+1)
		}
	} else {
		for range kids {
			d.node(d.predicate(0), depth+1)
		}
	}
	d.b.WriteString(`</Node>`)
}

func (d *treeDrawer) number() (field, value string) {
	return rapid.SampledFrom([]string{"a", "b", "d"}).Draw(d.T, "field"), rapid.SampledFrom([]string{"-1", "0", "-0.0", "0.1", "1", "2.5", "Infinity"}).Draw(d.T, "value")
}

func simplePredicate(field, op, value string) string {
	return fmt.Sprintf(`<SimplePredicate field="%s" operator="%s" value="%s"/>`, field, op, value)
}

func (d *treeDrawer) predicate(depth int) string {
	kinds := 7
	if depth > 1 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds).Draw(d.T, "predicate") {
	case 0:
		return rapid.SampledFrom([]string{`<True/>`, `<False/>`}).Draw(d.T, "constant")
	case 1:
		field := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(d.T, "field")
		op := rapid.SampledFrom([]string{"isMissing", "isNotMissing"}).Draw(d.T, "operator")
		return fmt.Sprintf(`<SimplePredicate field="%s" operator="%s"/>`, field, op)
	case 2:
		op := rapid.SampledFrom([]string{"equal", "notEqual"}).Draw(d.T, "operator")
		return simplePredicate("c", op, rapid.SampledFrom([]string{"p", "q", "r"}).Draw(d.T, "value"))
	case 3:
		op := rapid.SampledFrom([]string{"isIn", "isNotIn"}).Draw(d.T, "operator")
		field, values := "c", []string{"p", "q", "r", "s", "t"}
		if rapid.Bool().Draw(d.T, "numbers") {
			field, values = "d", []string{"-1", "0", "1", "2", "3"}
		}
		some := rapid.SliceOfDistinct(rapid.SampledFrom(values), rapid.ID[string]).Draw(d.T, "values")
		return fmt.Sprintf(`<SimpleSetPredicate field="%s" booleanOperator="%s"><Array type="string" n="%d">%s</Array></SimpleSetPredicate>`, field, op, len(some), strings.Join(some, " "))
	case 6, 7:
		op := rapid.SampledFrom([]string{"and", "or", "xor", "surrogate"}).Draw(d.T, "operator")
		var b strings.Builder
		for range rapid.IntRange(2, 3).Draw(d.T, "parts") {
			b.WriteString(d.predicate(depth + 1))
		}
		return fmt.Sprintf(`<CompoundPredicate booleanOperator="%s">%s</CompoundPredicate>`, op, b.String())
	}
	field, x := d.number()
	op := rapid.SampledFrom([]string{"equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"}).Draw(d.T, "operator")
	return simplePredicate(field, op, x)
}

// drawRows draws a batch, often of values that the predicates name.
func drawRows(t *rapid.T, fields []model.Field) *model.Batch {
	in := &model.Batch{}
	in.Reset(fields, rapid.IntRange(1, 40).Draw(t, "rows"))
	for i, f := range fields {
		c := &in.Columns[i]
		gaps := rapid.Bool().Draw(t, "gaps")
		for row := range in.Rows {
			switch {
			case gaps && rapid.IntRange(0, 3).Draw(t, "gap") == 0:
				c.SetState(row, in.Rows, model.Missing)
			case f.Type == model.Float64:
				c.Float64[row] = rapid.SampledFrom([]float64{-1, 0, math.Copysign(0, -1), 0.1, 1, 2.5, 7, -3, math.Inf(1), math.NaN(), float64(float32(0.1)), 1e-320}).Draw(t, "x")
			case f.Type == model.Int64:
				c.Int64[row] = int64(rapid.IntRange(-2, 4).Draw(t, "n"))
			default:
				c.String[row] = rapid.SampledFrom([]string{"p", "q", "r", "s", "unheard"}).Draw(t, "s")
			}
		}
	}
	return in
}
