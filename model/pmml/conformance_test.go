package pmml

import (
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/modeltest"
)

// TestConformance runs the suite that every model type passes.
func TestConformance(t *testing.T) {
	doc := featureDocument("x:double n:integer s:string=a|b t:double", `<RegressionModel functionName="regression">
<MiningSchema><MiningField name="x"/><MiningField name="n" missingValueReplacement="10"/><MiningField name="s"/><MiningField name="t" usageType="target"/></MiningSchema>
<Output><OutputField name="twice" feature="transformedValue" dataType="double"><Apply function="*"><FieldRef field="x"/><Constant>2</Constant></Apply></OutputField>
<OutputField name="label" feature="transformedValue" dataType="string"><FieldRef field="s"/></OutputField></Output>
<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/><NumericPredictor name="n" coefficient="1"/><CategoricalPredictor name="s" value="a" coefficient="100"/></RegressionTable>
</RegressionModel>`)
	modeltest.Exercise(t, modeltest.Suite{
		Type:     Type(),
		Artifact: []byte(doc),
		Inputs: []model.Field{
			{Name: "x", Type: model.Float64}, {Name: "n", Type: model.Int64, Optional: true}, {Name: "s", Type: model.String},
		},
		Outputs: []model.Field{
			{Name: "t", Type: model.Float64}, {Name: "twice", Type: model.Float64}, {Name: "label", Type: model.String},
		},
		Target: "t",
		Cases: []modeltest.Case{
			{Name: "all there", In: map[string]any{"x": 3.0, "n": int64(4), "s": "a"}, Want: map[string]any{"t": 111.0, "twice": 6.0, "label": "a"}},
			{Name: "a replacement", In: map[string]any{"x": 3.0, "s": "b"}, Want: map[string]any{"t": 17.0, "twice": 6.0, "label": "b"}},
			{Name: "no prediction", In: map[string]any{"n": int64(4), "s": "b"}, Want: map[string]any{"t": nil, "twice": nil, "label": "b"}},
			{Name: "a value that is not allowed", In: map[string]any{"x": 3.0, "n": int64(4), "s": "c"}, Err: model.InvalidInput},
		},
		Bad: []modeltest.Bad{
			{Name: "another document", Artifact: []byte("<html/>"), Contains: []string{"html", "line 1"}},
			{Name: "an option", Options: map[string]string{"speed": "high"}, Contains: []string{"speed"}},
		},
	})
}
