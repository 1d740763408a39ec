//go:build tensorflow

package tensorflow_test

import (
	"math"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	tg "github.com/galeone/tfgo"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/modeltest"
	"github.com/modelstream/modelserver/model/tensorflow"
)

func TestFrozenConformance(t *testing.T) {
	c := config(t)
	f32 := func(name string) model.Field { return model.Field{Name: name, Type: model.Float32} }
	modeltest.Exercise(t, modeltest.Suite{
		Type:     modelType(t, c, tensorflow.Frozen),
		Artifact: marshal(t, build(t, c, linear)),
		Options:  map[string]string{"features": "p, q, r", "outputs": "scores/BiasAdd"},
		Inputs:   []model.Field{f32("p"), f32("q"), f32("r")},
		Outputs: []model.Field{
			{Name: "class", Type: model.Int64}, {Name: "scores", Type: model.Float32, Shape: []int{2}},
		},
		Target: "class",
		Cases: []modeltest.Case{
			{Name: "first class", In: row(1, 0, 0), Want: map[string]any{"class": 0, "scores": []float32{1.5, 0}}},
			{Name: "second class", In: row(0, 3, 1), Want: map[string]any{"class": 1, "scores": []float32{1.5, 2}}},
			{Name: "missing", In: map[string]any{"p": 1, "q": 1}, Err: model.MissingInput},
			{Name: "invalid", In: map[string]any{"p": 1, "q": model.Invalid, "r": 1}, Err: model.InvalidInput},
			{Name: "not a number", In: row(float32(math.NaN()), 0, 0), Err: model.NoResult},
		},
		BatchTolerance: 1e-6,
		Bad:            badOptions,
	})
}

func row(p, q, r any) map[string]any { return map[string]any{"p": p, "q": q, "r": r} }

var badOptions = []modeltest.Bad{
	{Name: "no such output", Options: map[string]string{"outputs": "nowhere"}, Contains: []string{"nowhere"}},
	{Name: "output number", Options: map[string]string{"outputs": "scores/BiasAdd:7"}, Contains: []string{"7"}},
	{Name: "output name", Options: map[string]string{"outputs": "scores:x"}, Contains: []string{"scores:x"}},
	{Name: "no such input", Options: map[string]string{"inputs": "nowhere"}, Contains: []string{"nowhere"}},
	{Name: "too few features", Options: map[string]string{"features": "p,q"}, Contains: []string{"features", "2"}},
	{Name: "repeated feature", Options: map[string]string{"features": "p,q,p"}, Contains: []string{"features", "repeated"}},
	{Name: "unknown result", Options: map[string]string{"result": "best"}, Contains: []string{"result", "softmax"}},
	{Name: "too few labels", Options: map[string]string{"labels": "a"}, Contains: []string{"labels", "2"}},
	{Name: "labels without class", Options: map[string]string{"labels": "a,b", "result": "raw"}, Contains: []string{"labels"}},
	{Name: "timeout", Options: map[string]string{"timeout": "soon"}, Contains: []string{"timeout", "soon"}},
	{Name: "option of the other type", Options: map[string]string{"signature": "x"}, Contains: []string{"signature"}},
}

func TestSavedConformance(t *testing.T) {
	c := config(t)
	modeltest.Exercise(t, modeltest.Suite{
		Type:     modelType(t, c, tensorflow.Saved),
		Artifact: scalarsSaved(t, c),
		Inputs: []model.Field{
			{Name: "a", Type: model.Float64}, {Name: "n", Type: model.Int64}, {Name: "on", Type: model.Bool}, {Name: "s", Type: model.String},
		},
		Outputs: []model.Field{{Name: "upper", Type: model.String}, {Name: "y", Type: model.Float64}},
		Cases: []modeltest.Case{
			{Name: "on", In: scalars(1.5, 2, true, "red"), Want: map[string]any{"y": 3.5, "upper": "RED"}},
			{Name: "off", In: scalars(1.5, 2, false, ""), Want: map[string]any{"y": -3.5, "upper": ""}},
			{Name: "too great for int32", In: scalars(1.5, 1<<40, true, "red"), Err: model.InvalidInput},
			{Name: "no text", In: scalars(1, 1, true, model.Missing), Err: model.MissingInput},
		},
		AllocatesPerRecord: true, // its output of strings
		Bad: []modeltest.Bad{
			{Name: "no such signature", Options: map[string]string{"signature": "predict"}, Contains: []string{"predict", "serving_default"}},
			{Name: "no such tags", Options: map[string]string{"tags": "train"}, Contains: []string{"train", "serve"}},
			{Name: "no such output", Options: map[string]string{"outputs": "z"}, Contains: []string{"z"}},
			{Name: "features of several inputs", Options: map[string]string{"features": "a,b"}, Contains: []string{"features"}},
			{Name: "argmax of two outputs", Options: map[string]string{"result": "argmax"}, Contains: []string{"argmax"}},
		},
	})
}

func scalars(a, n, on, s any) map[string]any { return map[string]any{"a": a, "n": n, "on": on, "s": s} }

func TestSavedWithVariablesConformance(t *testing.T) {
	c := config(t)
	modeltest.Exercise(t, modeltest.Suite{
		Type:     modelType(t, c, tensorflow.Saved),
		Artifact: zipFiles(t, withVariable(t, c)),
		Outputs:  []model.Field{{Name: "y", Type: model.Float32}},
		Inputs:   []model.Field{{Name: "x", Type: model.Float32}},
		Target:   "y",
		Cases: []modeltest.Case{
			{Name: "doubles", In: map[string]any{"x": 21}, Want: map[string]any{"y": 42}},
			{Name: "negative", In: map[string]any{"x": -0.5}, Want: map[string]any{"y": -1}},
		},
	})
}

func TestSoftmaxWithLabels(t *testing.T) {
	c := config(t)
	modeltest.Exercise(t, modeltest.Suite{
		Type:     modelType(t, c, tensorflow.Frozen),
		Artifact: marshal(t, build(t, c, linear)),
		Options:  map[string]string{"result": "softmax", "labels": "low,high", "outputs": "scores/BiasAdd"},
		Inputs:   []model.Field{{Name: "x/Placeholder", Type: model.Float32, Shape: []int{3}}},
		Outputs: []model.Field{
			{Name: "class", Type: model.String}, {Name: "probabilities", Type: model.Float32, Shape: []int{2}},
		},
		Target: "class",
		Cases: []modeltest.Case{
			{
				Name: "low", In: map[string]any{"x/Placeholder": []float32{0, 0, 0}},
				Want: map[string]any{"class": "low", "probabilities": []float64{0.62245933, 0.37754067}},
			},
			{
				Name: "high", In: map[string]any{"x/Placeholder": []float32{0, 1.5, 0}},
				Want: map[string]any{"class": "high", "probabilities": []float64{0.26894142, 0.73105858}},
			},
		},
		Tolerance:      1e-6,
		BatchTolerance: 1e-6,
	})
}

// TestBadRowIsFound has a graph that refuses a batch because of single rows: an
// index out of range.
func TestBadRowIsFound(t *testing.T) {
	c := config(t)
	def := build(t, c, func(root *op.Scope) {
		i := op.Placeholder(root.SubScope("i"), tf.Int64, op.PlaceholderShape(tf.MakeShape(-1)))
		table := tg.Const(root.SubScope("table"), []float32{10, 11, 12})
		op.GatherV2(root.SubScope("y"), table, i, tg.Const(root.SubScope("axis"), int32(0)))
	})
	modeltest.Exercise(t, modeltest.Suite{
		Type:     modelType(t, c, tensorflow.Frozen),
		Artifact: marshal(t, def),
		Options:  map[string]string{"outputs": "y/GatherV2"},
		Cases: []modeltest.Case{
			{Name: "first", In: map[string]any{"i/Placeholder": 0}, Want: map[string]any{"y/GatherV2": 10}},
			{Name: "beyond", In: map[string]any{"i/Placeholder": 3}, Err: model.InvalidInput},
			{Name: "last", In: map[string]any{"i/Placeholder": 2}, Want: map[string]any{"y/GatherV2": 12}},
			{Name: "before", In: map[string]any{"i/Placeholder": -1}, Err: model.InvalidInput},
		},
	})
}
