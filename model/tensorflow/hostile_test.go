//go:build tensorflow

package tensorflow_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// The pieces of hostile graphs in text form.
const (
	placeholder = ` node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: -1 } } } } } `
	versions    = ` versions { producer: 1882 } `

	// oldLoop never ends: its condition is that the counter, which stays 0, is at
	// least 0.
	oldLoop = placeholder + `
		node { name: "zero" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 0 } } } }
		node { name: "enter" op: "Enter" input: "zero" attr { key: "T" value { type: DT_FLOAT } } attr { key: "frame_name" value { s: "f" } } attr { key: "parallel_iterations" value { i: 10 } } }
		node { name: "merge" op: "Merge" input: "enter" input: "next" attr { key: "T" value { type: DT_FLOAT } } attr { key: "N" value { i: 2 } } }
		node { name: "limit" op: "Const" input: "^merge" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 0 } } } }
		node { name: "less" op: "GreaterEqual" input: "merge" input: "limit" attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "cond" op: "LoopCond" input: "less" }
		node { name: "switch" op: "Switch" input: "merge" input: "cond" attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "next" op: "NextIteration" input: "switch:1" attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "exit" op: "Exit" input: "switch" attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "y" op: "AddV2" input: "x" input: "exit" attr { key: "T" value { type: DT_FLOAT } } } ` + versions
)

// whileLoop adds 1 to its input as long as the condition's function says.
func whileLoop(op, condition string) string {
	return placeholder + `
		node { name: "y" op: "` + op + `" input: "x" attr { key: "T" value { list { type: DT_FLOAT } } }
			attr { key: "cond" value { func { name: "c" } } } attr { key: "body" value { func { name: "b" } } } }
		library {
			function { signature { name: "c" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_BOOL } } ` + condition + ` }
			function { signature { name: "b" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } }
				node_def { name: "one" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 1 } } } }
				node_def { name: "i" op: "AddV2" input: "a" input: "one:output:0" attr { key: "T" value { type: DT_FLOAT } } } ret { key: "r" value: "i:z:0" } } } ` + versions
}

const (
	always = `node_def { name: "t" op: "Const" attr { key: "dtype" value { type: DT_BOOL } } attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: true } } } } ret { key: "r" value: "t:output:0" }`
	// whileSmall goes on while the greatest value is below 10.
	whileSmall = `
		node_def { name: "zero" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 1 } } int_val: 0 } } } }
		node_def { name: "max" op: "Max" input: "a" input: "zero:output:0" attr { key: "T" value { type: DT_FLOAT } } attr { key: "Tidx" value { type: DT_INT32 } } }
		node_def { name: "ten" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 10 } } } }
		node_def { name: "l" op: "Less" input: "max:output:0" input: "ten:output:0" attr { key: "T" value { type: DT_FLOAT } } } ret { key: "r" value: "l:z:0" }`
)

func tryLoad(ctx context.Context, mt model.Type, artifact []byte, options map[string]string) (model.Evaluator, error) {
	return mt.Load(ctx, model.Spec{Name: "hostile", Artifact: model.Artifact{Bytes: artifact}, Options: options})
}

// TestEndlessLoopsEndWithTheirTimeLimit loads graphs that never end. The run at
// load finds that out.
func TestEndlessLoopsEndWithTheirTimeLimit(t *testing.T) {
	mt := modelType(t, config(t), tensorflow.Frozen)
	for name, graph := range map[string]string{
		"of the old form": oldLoop, "While": whileLoop("While", always), "StatelessWhile": whileLoop("StatelessWhile", always),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tryLoad(context.Background(), mt, marshal(t, parse(t, graph)), map[string]string{"outputs": "y", "timeout": "300ms"})
			var loadError *model.LoadError
			if !errors.As(err, &loadError) {
				t.Fatalf("the graph is not refused: %v", err)
			}
		})
	}
}

// TestLoopEndsWithItsContext has a loop that ends for some rows and not for
// others, so that it loads and then hangs.
func TestLoopEndsWithItsContext(t *testing.T) {
	mt := modelType(t, config(t), tensorflow.Frozen)
	e := load(t, mt, marshal(t, parse(t, whileLoop("While", whileSmall))), map[string]string{"outputs": "y", "timeout": "2s"})
	in, out := new(model.Batch), new(model.Batch)
	in.Reset(e.Signature().Inputs, 2)
	in.Columns[0].Float32[0], in.Columns[0].Float32[1] = 0.5, 3.5
	if err := e.Score(context.Background(), in, out); err != nil || out.Columns[0].Float32[0] != 7.5 || out.Columns[0].Float32[1] != 10.5 {
		t.Fatal(err, out.Columns[0].Float32)
	}

	minusInfinity := float32(-1e38) // where adding 1 changes nothing
	in.Columns[0].Float32[0], in.Columns[0].Float32[1] = minusInfinity, minusInfinity
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := e.Score(ctx, in, out); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the run did not end with its context: %v", err)
	}
	if err := e.Score(context.Background(), in, out); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("the run did not end with its time limit: %v", err)
	}
	in.Columns[0].Float32[0], in.Columns[0].Float32[1] = 9.5, 3.5
	if err := e.Score(context.Background(), in, out); err != nil || out.Columns[0].Float32[1] != 4.5 {
		t.Errorf("after that the model does not score any more: %v, %v", err, out.Columns[0].Float32)
	}
}

// TestHostileGraphs loads graphs that the vetting lets through to the library,
// and others that it must not, for the whole way.
func TestHostileGraphs(t *testing.T) {
	c := config(t)
	mt := modelType(t, c, tensorflow.Frozen)
	floats := func(name, op string, inputs ...string) string {
		return ` node { name: "` + name + `" op: "` + op + `" input: "` + strings.Join(inputs, `" input: "`) + `" attr { key: "T" value { type: DT_FLOAT } } } `
	}
	for _, test := range []struct {
		name, graph, contains string
		options               map[string]string
	}{
		{"reads a file", placeholder + ` node { name: "f" op: "Const" attr { key: "dtype" value { type: DT_STRING } } attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { } string_val: "/etc/passwd" } } } } node { name: "y" op: "ReadFile" input: "f" } `, "ReadFile", nil},
		{"writes a file beside the output", placeholder + floats("y", "Neg", "x", "^w") + ` node { name: "w" op: "WriteFile" input: "x" input: "x" } `, "WriteFile", nil},
		{"aborts by a constant", placeholder + ` node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 } } } } ` + floats("y", "AddV2", "x", "c"), "DT_INT32", nil},
		{"calls itself for ever", placeholder + ` node { name: "y" op: "f" input: "x" } library { function { signature { name: "f" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } } node_def { name: "n" op: "f" input: "a" } ret { key: "r" value: "n:r:0" } } } `, "calls itself", nil},
		{"is a cycle", placeholder + floats("a", "Neg", "b") + floats("b", "Neg", "a") + floats("y", "AddV2", "x", "a"), "cycle", nil},
		{"has an input of another type", placeholder + ` node { name: "y" op: "LogicalNot" input: "x" } `, "TensorFlow refuses", nil},
		{"lacks an attribute", placeholder + ` node { name: "y" op: "ArgMax" input: "x" input: "x" } `, "TensorFlow refuses", nil},
		{"has no operations", "", "output", nil},
		{"has two outputs", placeholder + floats("y", "Neg", "x") + floats("z", "Neg", "x"), "2 operations", nil},
		{"has one result for all rows", placeholder + ` node { name: "axis" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } } node { name: "y" op: "Sum" input: "x" input: "axis" attr { key: "T" value { type: DT_FLOAT } } attr { key: "Tidx" value { type: DT_INT32 } } }`, "first dimension", nil},
		{"is for a fixed number of rows", ` node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 1 } dim { size: 3 } } } } } ` + floats("y", "Neg", "x"), "batch size", nil},
		{"hides the width of its input", ` node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { unknown_rank: true } } } } ` + floats("y", "Neg", "x"), "features", nil},
		{"has numbers that cannot be columns", ` node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_COMPLEX64 } } attr { key: "shape" value { shape { dim { size: -1 } } } } } node { name: "y" op: "Neg" input: "x" attr { key: "T" value { type: DT_COMPLEX64 } } }`, "element type", nil},
		{"takes our names", placeholder + floats("modelserver_postprocessing/scores/Placeholder", "Neg", "x") + floats("y", "Neg", "modelserver_postprocessing/scores/Placeholder"), "argmax", map[string]string{"result": "argmax"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			options := maps.Clone(test.options)
			_, err := tryLoad(context.Background(), mt, marshal(t, parse(t, test.graph+versions)), options)
			var loadError *model.LoadError
			if !errors.As(err, &loadError) || !strings.Contains(err.Error(), test.contains) {
				t.Errorf("the error does not say %q: %v", test.contains, err)
			}
		})
	}
}

// TestLibraryAbsent has a machine without TensorFlow. Once the library is open in
// a process it is for all models, so the test needs one of its own.
func TestLibraryAbsent(t *testing.T) {
	if !inProcessOfItsOwn(t) {
		return
	}
	mt := modelType(t, tensorflow.Config{LibraryDir: t.TempDir()}, tensorflow.Frozen)
	_, err := tryLoad(context.Background(), mt, []byte("any"), nil)
	var loadError *model.LoadError
	if !errors.As(err, &loadError) || !strings.Contains(err.Error(), "make tensorflow") ||
		!strings.Contains(err.Error(), tensorflow.LibraryDirVariable) {
		t.Errorf("the error does not say how to get the library: %v", err)
	}
}
