package pmml

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// brokenEvaluator is a family with a mistake.
type brokenEvaluator struct{ on float64 }

func (b brokenEvaluator) eval(f *frame, rows []int32) {
	for _, row := range rows {
		if f.cols[0].num[row] == b.on {
			var nothing []int
			_ = nothing[row]
		}
	}
}

func linearModel(t *testing.T) *Model {
	t.Helper()
	doc := featureDocument("x:double t:double", `<RegressionModel functionName="regression">{schema x target:t}<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel>`)
	m, err := Load(context.Background(), strings.NewReader(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A panic while scoring is the error of that batch, which says where; the next
// batch is scored with a new frame.
func TestScoreContainsPanics(t *testing.T) {
	m := linearModel(t)
	m.plan.root.eval = brokenEvaluator{on: 7}
	in := &model.Batch{Rows: 1, Columns: []model.Column{{Type: model.Float64, Width: 1, Float64: []float64{7}}}}
	var out model.Batch
	err := m.Score(context.Background(), in, &out)
	if err == nil || !strings.Contains(err.Error(), "internal error, please report") || !strings.Contains(err.Error(), "brokenEvaluator") {
		t.Fatalf("got %v", err)
	}
	in.Columns[0].Float64[0] = 8
	if err := m.Score(context.Background(), in, &out); err != nil {
		t.Errorf("the next batch: %v", err)
	}
}

// A panic while compiling names the element under way.
func TestLoadContainsPanics(t *testing.T) {
	doc := &document.PMML{DataDictionary: &document.DataDictionary{}, Models: []document.Model{&document.TreeModel{
		ModelBase: document.ModelBase{Pos: document.Pos{Element: "TreeModel", Line: 7}, IsScorable: true}, // no mining schema: decoding would not let it pass
	}}}
	_, err := compileDocument(doc)
	var bad *model.LoadError
	if !errors.As(err, &bad) || bad.Where != "line 7: <TreeModel>" || !strings.Contains(bad.Reason, "internal error, please report") {
		t.Errorf("got %v", err)
	}
}

// A document with many fields is scored in smaller blocks, to the same results.
func TestManyFieldsSmallBlocks(t *testing.T) {
	const fields, rows = 8000, 300
	var schema, predictors strings.Builder
	for i := range fields {
		fmt.Fprintf(&schema, " x%d:double", i)
		fmt.Fprintf(&predictors, `<NumericPredictor name="x%d" coefficient="1"/>`, i)
	}
	names := strings.ReplaceAll(schema.String(), ":double", "")
	doc := featureDocument(schema.String()+" t:double", `<RegressionModel functionName="regression">{schema`+names+` target:t}<RegressionTable intercept="0">`+predictors.String()+`</RegressionTable></RegressionModel>`)
	m, err := Load(context.Background(), strings.NewReader(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if bytes := float64(m.plan.rows) * m.plan.rowBytes(); bytes > frameBudget || m.plan.rows >= blockRows {
		t.Errorf("a block has %d rows, %.0f bytes", m.plan.rows, bytes)
	}
	in := &model.Batch{Rows: rows}
	for i := range fields {
		c := model.Column{Type: model.Float64, Width: 1}
		for row := range rows {
			c.Float64 = append(c.Float64, float64(row*(i%2)))
		}
		in.Columns = append(in.Columns, c)
	}
	var out model.Batch
	if err := m.Score(context.Background(), in, &out); err != nil {
		t.Fatal(err)
	}
	for row := range rows {
		if got := out.Columns[0].Float64[row]; got != float64(row*fields/2) {
			t.Fatalf("row %d is %v", row, got)
		}
	}
}

// Fields that use fields, without end: refused before the stack is.
func TestDeepFieldsAreRefused(t *testing.T) {
	var b strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&b, `<DerivedField name="d%d" optype="continuous" dataType="double"><FieldRef field="d%d"/></DerivedField>`, i, i+1)
	}
	doc := featureDocument("x:double t:double", `<TransformationDictionary>`+b.String()+`<DerivedField name="d30000" optype="continuous" dataType="double"><FieldRef field="x"/></DerivedField></TransformationDictionary>
<RegressionModel functionName="regression">{schema x target:t}<RegressionTable intercept="1"><NumericPredictor name="d0" coefficient="2"/></RegressionTable></RegressionModel>`)
	if msg := problem(loadError(doc), "nested more than 20000 deep"); msg != "" {
		t.Error(msg)
	}
}

// Text that grows without end fails its row.
func TestGrowingTextFailsTheRow(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, `<DerivedField name="d%d" optype="categorical" dataType="string"><Apply function="concat"><FieldRef field="%[2]s"/><FieldRef field="%[2]s"/></Apply></DerivedField>`, i+1, fmt.Sprintf("d%d", i))
	}
	doubling := featureDocument("d0:string", `<TransformationDictionary>`+b.String()+`</TransformationDictionary><RegressionModel functionName="regression">{schema d0}
<Output><OutputField name="o" feature="transformedValue" dataType="string"><FieldRef field="d40"/></OutputField></Output><RegressionTable intercept="0"/></RegressionModel>`)
	rewriting := featureDocument("d0:string", `<RegressionModel functionName="regression">{schema d0}
<Output><OutputField name="o" feature="transformedValue" dataType="double"><TextIndex textField="d0"><TextIndexNormalization recursive="true"><InlineTable><row><string>a</string><stem>aa</stem></row></InlineTable></TextIndexNormalization><Constant>a</Constant></TextIndex></OutputField></Output><RegressionTable intercept="0"/></RegressionModel>`)
	replacing := featureDocument("d0:string", `<RegressionModel functionName="regression">{schema d0}
<Output><OutputField name="o" feature="transformedValue" dataType="string"><Apply function="replace"><FieldRef field="d0"/><Constant dataType="string"></Constant><Constant dataType="string">`+strings.Repeat("x", 500_000)+`</Constant></Apply></OutputField></Output><RegressionTable intercept="0"/></RegressionModel>`)
	for name, doc := range map[string]string{"concat": doubling, "TextIndexNormalization": rewriting, "replace": replacing} {
		m, err := Load(context.Background(), strings.NewReader(doc), Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = m.Evaluate(map[string]any{"d0": "a word"})
		var bad *model.RecordError
		if !errors.As(err, &bad) || !strings.Contains(bad.Rule, "grows longer") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
