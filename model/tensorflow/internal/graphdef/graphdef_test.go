package graphdef_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
)

// small are limits that a test can reach.
func small() graphdef.Limits {
	return graphdef.Limits{
		Elements: 2000, Depth: 20, Nodes: 50, ExpandedNodes: 200, CallDepth: 5, TensorBytes: 1 << 20, Rank: 4,
	}
}

// The nodes and functions that the tests put graphs together from.
const (
	x = ` node { name: "x" op: "Placeholder" device: "/gpu:0" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "_hint" value { i: 7 } } } `
	y = ` node { name: "y" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } } `

	// double is a function that adds its argument to itself.
	double = ` function { signature { name: "double" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } }
		node_def { name: "s" op: "AddV2" input: "a" input: "a" attr { key: "T" value { type: DT_FLOAT } } } ret { key: "r" value: "s:z:0" } } `
)

func op(name, op, inputs string) string {
	var b strings.Builder
	fmt.Fprintf(&b, " node { name: %q op: %q ", name, op)
	for _, input := range strings.Fields(inputs) {
		fmt.Fprintf(&b, "input: %q ", input)
	}
	return b.String() + "} "
}

func constant(name, dtype, value string) string {
	return fmt.Sprintf(` node { name: %q op: "Const" attr { key: "dtype" value { type: %s } } attr { key: "value" value { tensor { %s } } } } `, name, dtype, value)
}

// call is a node that calls a function by its attribute f.
func call(name, function, input string) string {
	return fmt.Sprintf(` node { name: %q op: "PartitionedCall" input: %q attr { key: "f" value { func { name: %q } } } } `, name, input, function)
}

// caller is a function whose body calls another one n times.
func caller(name, callee string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, ` function { signature { name: %q input_arg { name: "a" type: DT_FLOAT } } `, name)
	for i := range n {
		fmt.Fprintf(&b, ` node_def { name: "c%d" op: "PartitionedCall" input: "a" attr { key: "f" value { func { name: %q } } } } `, i, callee)
	}
	return b.String() + "} "
}

func library(functions ...string) string { return " library { " + strings.Join(functions, "") + "} " }

func parse(t testing.TB, text string) *graphpb.GraphDef {
	t.Helper()
	g := new(graphpb.GraphDef)
	if err := prototext.Unmarshal([]byte(text), g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestVetKeepsWhatIsNeeded(t *testing.T) {
	g := parse(t, x+y+
		op("unused", "ReadFile", "x")+op("training", "RandomUniform", "x")+
		call("z", "double", "y")+library(double, caller("unusedFunction", "double", 1)))
	v, err := graphdef.Vet(g, graphdef.Roots{Serve: []string{"z"}}, small())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range v.Def.GetNode() {
		names = append(names, n.GetName())
		if n.GetDevice() != "" || n.GetAttr()["_hint"] != nil {
			t.Errorf("%s keeps a device or hint: %v", n.GetName(), n)
		}
	}
	if !slices.Equal(names, []string{"x", "y", "z"}) {
		t.Errorf("kept are %q", names)
	}
	if f := v.Def.GetLibrary().GetFunction(); len(f) != 1 || f[0].GetSignature().GetName() != "double" {
		t.Errorf("kept functions: %v", f)
	}
	if v.Loops || v.Variables {
		t.Errorf("the graph has neither loops nor variables: %+v", v)
	}
}

func TestVetTellsLoopsAndVariables(t *testing.T) {
	while := ` node { name: "w" op: "While" input: "x" attr { key: "cond" value { func { name: "double" } } } attr { key: "body" value { func { name: "double" } } } } `
	v, err := graphdef.Vet(parse(t, x+while+library(double)), graphdef.Roots{Serve: []string{"w"}}, small())
	if err != nil || !v.Loops {
		t.Errorf("a While is a loop: %v, %v", v, err)
	}
	v, err = graphdef.Vet(parse(t, op("v", "VarHandleOp", "")+op("r", "ReadVariableOp", "v")), graphdef.Roots{Serve: []string{"r"}}, small())
	if err != nil || !v.Variables {
		t.Errorf("a VarHandleOp is a variable: %v, %v", v, err)
	}
}

// TestVetRefuses lists graphs that would do harm in the library: those that
// touch files, run code, abort the process, or grow without bound.
func TestVetRefuses(t *testing.T) {
	deep := make([]string, 0, 8)
	for i := range 7 {
		deep = append(deep, caller(fmt.Sprint("f", i), fmt.Sprint("f", i+1), 1))
	}
	bomb := make([]string, 0, 8)
	for i := range 3 {
		bomb = append(bomb, caller(fmt.Sprint("b", i), fmt.Sprint("b", i+1), 8))
	}
	bomb = append(bomb, caller("b3", "double", 1))
	for _, test := range []struct{ name, graph, contains string }{
		{"reads a file", x + op("out", "ReadFile", "x"), "ReadFile"},
		{"writes a file", x + y + op("out", "WriteFile", "x y"), "WriteFile"},
		{"writes a file as a control input", x + op("w", "WriteFile", "x x") + op("out", "Neg", "x ^w"), "WriteFile"},
		{"runs Python", x + op("out", "PyFunc", "x"), "PyFunc"},
		{"saves a checkpoint", x + op("out", "SaveV2", "x x x"), "SaveV2"},
		{"reads a checkpoint", x + op("out", "RestoreV2", "x x x"), "RestoreV2"},
		{"is random", x + op("out", "RandomUniform", "x"), "RandomUniform"},
		{"has an operation of its own", x + op("out", "MyCustomOp", "x"), "MyCustomOp"},
		{"has an internal operation", x + op("out", "_Recv", "x"), "_Recv"},
		{"assigns a variable", op("v", "VarHandleOp", "") + x + op("out", "AssignVariableOp", "v x"), "AssignVariableOp"},
		{"reads a file in a function", x + call("out", "f", "x") + library(`function { signature { name: "f" } node_def { name: "r" op: "ReadFile" } }`), "ReadFile"},
		{"reads a file in a branch", x + ` node { name: "out" op: "If" input: "x" attr { key: "then_branch" value { func { name: "f" } } } } ` + library(`function { signature { name: "f" } node_def { name: "r" op: "ReadFile" } }`), "ReadFile"},
		{"reads a file in one of several branches", x + ` node { name: "out" op: "Case" input: "x" attr { key: "branches" value { list { func { name: "double" } func { name: "f" } } } } } ` + library(double, `function { signature { name: "f" } node_def { name: "r" op: "ReadFile" } }`), "ReadFile"},
		{"reads a file in a function called as an operation", x + op("out", "f", "x") + library(`function { signature { name: "f" } node_def { name: "r" op: "ReadFile" } }`), "ReadFile"},
		{"calls itself", x + call("out", "f", "x") + library(caller("f", "f", 1)), "calls itself"},
		{"calls itself by way of another", x + call("out", "f", "x") + library(caller("f", "g", 1), caller("g", "f", 1)), "calls itself"},
		{"calls what is not there", x + call("out", "f", "x"), `"f"`},
		{"calls too deeply", x + call("out", "f0", "x") + library(append(deep, caller("f7", "double", 1), double)...), "deep"},
		{"grows when inlined", x + call("out", "b0", "x") + library(append(bomb, double)...), "200"},
		{"takes an operation's name for a function", x + op("out", "Neg", "x") + library(caller("Neg", "Neg", 1)), "Neg"},
		{"has a loop of the old form in a function", x + call("out", "f", "x") + library(`function { signature { name: "f" } node_def { name: "n" op: "NextIteration" } }`), "While"},
		{"constant of another type", constant("out", "DT_FLOAT", "dtype: DT_INT32 tensor_shape { } int_val: 1"), "DT_INT32"},
		{"constant with values of another type", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { } int_val: 1"), "another type"},
		{"constant with too many values", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { } float_val: 1 float_val: 2"), "2 values"},
		{"constant with too little content", constant("out", "DT_FLOAT", `dtype: DT_FLOAT tensor_shape { dim { size: 2 } } tensor_content: "1234"`), "not 8"},
		{"constant with content and values", constant("out", "DT_FLOAT", `dtype: DT_FLOAT tensor_shape { dim { size: 1 } } tensor_content: "1234" float_val: 1`), "content"},
		{"constant without shape", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { unknown_rank: true }"), "shape"},
		{"constant with a negative dimension", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { dim { size: -1 } }"), "negative"},
		{"constant of a few bytes for gigabytes", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { dim { size: 1000000 } } float_val: 1"), "limit"},
		{"constant whose size overflows", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { dim { size: 4611686018427387904 } dim { size: 4 } }"), "too great"},
		{"constant whose size overflows beside a zero", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { dim { size: 0 } dim { size: 4611686018427387904 } dim { size: 4 } }"), "too great"},
		{"constant of too many dimensions", constant("out", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { "+strings.Repeat("dim { size: 1 } ", 5)+"}"), "dimensions"},
		{"constant handle of a resource", constant("out", "DT_RESOURCE", `dtype: DT_RESOURCE tensor_shape { } resource_handle_val { name: "r" }`), "DT_RESOURCE"},
		{"constant variant", constant("out", "DT_VARIANT", `dtype: DT_VARIANT tensor_shape { } variant_val { type_name: "t" }`), "DT_VARIANT"},
		{"constants that are too great together", constant("a", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { dim { size: 200000 } }") + constant("b", "DT_FLOAT", "dtype: DT_FLOAT tensor_shape { dim { size: 200000 } }") + op("out", "AddV2", "a b"), "together"},
		{"constant in a list of attributes", x + ` node { name: "out" op: "Neg" input: "x" attr { key: "l" value { list { tensor { dtype: DT_FLOAT tensor_shape { dim { size: 9999999 } } } } } } } `, "limit"},
		{"constant in a function's attributes", x + ` node { name: "out" op: "PartitionedCall" input: "x" attr { key: "f" value { func { name: "double" attr { key: "k" value { tensor { dtype: DT_VARIANT } } } } } } } ` + library(double), "DT_VARIANT"},
		{"shape that overflows", ` node { name: "out" op: "Placeholder" attr { key: "shape" value { shape { dim { size: 4294967296 } dim { size: 4294967296 } } } } } `, "too great"},
		{"shape with a negative dimension", ` node { name: "out" op: "Placeholder" attr { key: "shape" value { shape { dim { size: -7 } } } } } `, "negative"},
		{"attribute that the operation trusts", x + ` node { name: "out" op: "GatherV2" input: "x" input: "x" input: "x" attr { key: "batch_dims" value { i: -105 } } } `, "batch_dims"},
		{"attribute beyond 32 bits", x + ` node { name: "out" op: "Squeeze" input: "x" attr { key: "squeeze_dims" value { list { i: 1 i: 4294967296 } } } } `, "squeeze_dims"},
		{"input that must be a constant", x + op("out", "GatherV2", "x x x"), "constant"},
		{"constant input out of range", x + constant("axis", "DT_INT32", `dtype: DT_INT32 tensor_shape { } int_val: -2147483648`) + op("out", "GatherV2", "x x axis"), "-2147483648"},
		{"constant input out of range as content", x + constant("axis", "DT_INT32", `dtype: DT_INT32 tensor_shape { } tensor_content: "\377\377\377\177"`) + op("out", "GatherV2", "x x axis"), "2147483647"},
		{"constant input of another rank", x + constant("sizes", "DT_INT32", `dtype: DT_INT32 tensor_shape { } int_val: 1`) + op("out", "SplitV", "x sizes sizes"), "dimensions"},
		{"more inputs than there can be", x + ` node { name: "out" op: "ShapeN" input: "x" attr { key: "N" value { i: 2147483647 } } } `, "65536"},
		{"constant input out of range in a function", x + call("out", "f", "x") + library(`function { signature { name: "f" input_arg { name: "a" type: DT_FLOAT } }
			node_def { name: "axis" op: "Const" attr { key: "dtype" value { type: DT_INT64 } } attr { key: "value" value { tensor { dtype: DT_INT64 tensor_shape { } int64_val: 99 } } } }
			node_def { name: "g" op: "GatherV2" input: "a" input: "a" input: "axis:output:0" } }`), "99"},
		{"two operations of one name", x + x + op("out", "Neg", "x"), "two operations"},
		{"two functions of one name", x + call("out", "double", "x") + library(double, double), "two functions"},
		{"an input that is not there", op("out", "Neg", "nowhere"), "nowhere"},
		{"no such output", x, `"out"`},
		{"too many operations", x + many(60) + op("out", "Neg", "x"), "50"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := graphdef.Vet(parse(t, test.graph), graphdef.Roots{Serve: []string{"out"}}, small())
			var load *model.LoadError
			if !errors.As(err, &load) {
				t.Fatalf("the graph is not refused with a LoadError: %v", err)
			}
			if !strings.Contains(err.Error(), test.contains) {
				t.Errorf("the error does not say %q: %v", test.contains, err)
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(op(fmt.Sprint("n", i), "Neg", "x"))
	}
	return b.String()
}

// TestVetAllowsOnlyTheOwnCheckpoint has graphs that are initialized from a file:
// it must be the one whose path the loader feeds, whatever way the path takes.
func TestVetAllowsOnlyTheOwnCheckpoint(t *testing.T) {
	file := ` node { name: "file" op: "Placeholder" attr { key: "dtype" value { type: DT_STRING } } } `
	other := constant("other", "DT_STRING", `dtype: DT_STRING tensor_shape { } string_val: "/etc/passwd"`)
	restore := ` function { signature { name: "restore" input_arg { name: "prefix" type: DT_STRING } input_arg { name: "b" type: DT_STRING } }
		node_def { name: "i" op: "Identity" input: "prefix" } node_def { name: "r" op: "RestoreV2" input: "i:output:0" input: "b" input: "b" } } `
	for _, test := range []struct {
		name, graph string
		allowed     bool
	}{
		{"own file", file + op("init", "RestoreV2", "file file file"), true},
		{"own file through Identity", file + op("i", "Identity", "file") + op("init", "RestoreV2", "i:0 file file"), true},
		{"own file in a function", file + other + op("init", "restore", "file other") + library(restore), true},
		{"own file in a function called by attribute", file + other + ` node { name: "init" op: "StatefulPartitionedCall" input: "file" input: "other" attr { key: "f" value { func { name: "restore" } } } } ` + library(restore), true},
		{"another file", file + other + op("init", "RestoreV2", "other file file"), false},
		{"another file in a function", file + other + op("init", "restore", "other file") + library(restore), false},
		{"another file in the second call", file + other + op("a", "restore", "file other") + op("b", "restore", "other file") + op("init", "NoOp", "^a ^b") + library(restore), false},
		{"a file made of the own one", file + other + op("j", "StringJoin", "file other") + op("init", "RestoreV2", "j file file"), false},
		{"the own file as a control input", file + other + op("init", "RestoreV2", "^file other other"), false},
		{"no file", op("init", "RestoreV2", ""), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := graphdef.Vet(parse(t, test.graph), graphdef.Roots{Init: []string{"init"}, Checkpoint: "file"}, small())
			if (err == nil) != test.allowed {
				t.Errorf("allowed: %v, error: %v", test.allowed, err)
			}
			if _, err := graphdef.Vet(parse(t, test.graph), graphdef.Roots{Serve: []string{"init"}, Checkpoint: "file"}, small()); err == nil {
				t.Error("a checkpoint is read for serving")
			}
		})
	}
}

func TestUnmarshalIsLimited(t *testing.T) {
	repeated := func(n int) []byte { return []byte(strings.Repeat("\x0a\x00", n)) } // empty nodes of two bytes
	for _, test := range []struct {
		name, contains string
		bytes          []byte
	}{
		{"noise", "not a valid message", []byte{0xff, 0xff, 0xff}},
		{"cut short", "not a valid message", []byte("\x0a\x05abc")},
		{"many elements in few bytes", "too many elements", repeated(2001)},
		{"invalid text", "not a valid message", []byte("\x0a\x04\x0a\x02\xff\xff")},
	} {
		err := graphdef.Unmarshal(test.bytes, new(graphpb.GraphDef), small())
		var load *model.LoadError
		if !errors.As(err, &load) || !strings.Contains(err.Error(), test.contains) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := graphdef.Unmarshal(repeated(1000), new(graphpb.GraphDef), small()); err != nil {
		t.Error(err)
	}
	if err := graphdef.Unmarshal(deepAttr(t, 30), new(graphpb.GraphDef), small()); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("deep nesting: %v", err)
	}
}

// deepAttr is a graph with an attribute that is nested n times.
func deepAttr(t testing.TB, n int) []byte {
	t.Helper()
	text := `i: 1`
	for range n {
		text = `func { name: "f" attr { key: "k" value { ` + text + ` } } }`
	}
	b, err := proto.Marshal(parse(t, ` node { name: "x" op: "NoOp" attr { key: "a" value { `+text+` } } } `))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOutputOf(t *testing.T) {
	for _, test := range []struct {
		tensor, operation string
		index             int
		ok                bool
	}{
		{"dense/Sigmoid", "dense/Sigmoid", 0, true},
		{"dense:1", "dense", 1, true},
		{"dense:x", "", 0, false},
		{":0", "", 0, false},
		{"dense:-1", "", 0, false},
		{"a:1:2", "", 0, false},
	} {
		operation, index, err := graphdef.OutputOf(test.tensor)
		if (err == nil) != test.ok || operation != test.operation || index != test.index {
			t.Errorf("%q: %q, %d, %v", test.tensor, operation, index, err)
		}
	}
}

// FuzzVet has every graph either refused or rewritten into one that passes again
// and holds only what is allowed.
func FuzzVet(f *testing.F) {
	for _, text := range []string{
		x + y, x + call("y", "double", "x") + library(double), x + call("y", "f", "x") + library(caller("f", "f", 1)),
		constant("y", "DT_FLOAT", `dtype: DT_FLOAT tensor_shape { dim { size: 1 } } tensor_content: "1234"`),
		x + op("y", "ReadFile", "x"), x + op("i", "Identity", "x") + op("y", "RestoreV2", "i x x"),
	} {
		b, err := proto.Marshal(parse(f, text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	roots := graphdef.Roots{Serve: []string{"y"}, Init: []string{"y"}, Checkpoint: "x"}
	f.Fuzz(func(t *testing.T, b []byte) {
		g := new(graphpb.GraphDef)
		if err := graphdef.Unmarshal(b, g, small()); err != nil {
			return
		}
		v, err := graphdef.Vet(g, roots, small())
		if err != nil {
			var load *model.LoadError
			if !errors.As(err, &load) {
				t.Fatalf("%v (%T)", err, err)
			}
			return
		}
		if _, err := graphdef.Vet(proto.Clone(v.Def).(*graphpb.GraphDef), roots, small()); err != nil {
			t.Fatalf("the rewritten graph is refused: %v", err)
		}
	})
}
