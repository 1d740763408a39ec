//go:build tensorflow

package tensorflow_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	corepb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	tg "github.com/galeone/tfgo"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model/tensorflow"
)

// build builds a graph with tfgo. The library is opened for it by loading a
// model, as the server does.
func build(t testing.TB, c tensorflow.Config, f func(root *op.Scope)) *graphpb.GraphDef {
	t.Helper()
	openLibrary(t, c)
	root := tg.NewRoot()
	f(root)
	g, err := root.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := g.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	def := new(graphpb.GraphDef)
	if err := proto.Unmarshal(b.Bytes(), def); err != nil {
		t.Fatal(err)
	}
	return def
}

// openLibrary has the library loaded, which the first model of all does.
func openLibrary(t testing.TB, c tensorflow.Config) {
	t.Helper()
	load(t, modelType(t, c, tensorflow.Frozen), marshal(t, parse(t, `
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: -1 } } } } }
		node { name: "y" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
		versions { producer: 1882 }`)), nil)
}

// parse reads a graph in text form.
func parse(t testing.TB, text string) *graphpb.GraphDef {
	t.Helper()
	def := new(graphpb.GraphDef)
	if err := prototext.Unmarshal([]byte(text), def); err != nil {
		t.Fatal(err)
	}
	return def
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// linear builds y = softmax-less scores of three features: x·w + b.
func linear(root *op.Scope) {
	x := op.Placeholder(root.SubScope("x"), tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 3)))
	w := tg.Const(root.SubScope("w"), [][]float32{{1, 0}, {0, 1}, {1, -1}})
	b := tg.Const(root.SubScope("b"), []float32{0.5, 0})
	op.BiasAdd(root.SubScope("scores"), op.MatMul(root.SubScope("product"), x, w), b)
}

// savedModel packs a graph without variables as the SavedModel of one signature.
func savedModel(t testing.TB, def *graphpb.GraphDef, signature *corepb.SignatureDef) []byte {
	t.Helper()
	return zipFiles(t, map[string][]byte{"model/saved_model.pb": marshal(t, savedModelProto(def, signature, nil))})
}

func savedModelProto(def *graphpb.GraphDef, signature *corepb.SignatureDef, saver *corepb.SaverDef) *corepb.SavedModel {
	return &corepb.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*corepb.MetaGraphDef{{
		MetaInfoDef:  &corepb.MetaGraphDef_MetaInfoDef{Tags: []string{"serve"}},
		GraphDef:     def,
		SaverDef:     saver,
		SignatureDef: map[string]*corepb.SignatureDef{"serving_default": signature},
	}}}
}

func signature(inputs, outputs map[string]string) *corepb.SignatureDef {
	infos := func(tensors map[string]string) map[string]*corepb.TensorInfo {
		m := make(map[string]*corepb.TensorInfo)
		for name, tensor := range tensors {
			m[name] = &corepb.TensorInfo{Encoding: &corepb.TensorInfo_Name{Name: tensor}}
		}
		return m
	}
	return &corepb.SignatureDef{Inputs: infos(inputs), Outputs: infos(outputs)}
}

// withVariable builds a SavedModel that doubles its input with a variable whose
// value 2 is in a checkpoint, written by TensorFlow itself.
func withVariable(t testing.TB, c tensorflow.Config) map[string][]byte {
	t.Helper()
	openLibrary(t, c)
	dir := t.TempDir()
	prefix := filepath.Join(dir, "variables")
	root := tg.NewRoot()
	value := tg.Const(root, float32(2))
	save := op.SaveV2(root, tg.Const(root, prefix), tg.Const(root, []string{"factor"}), tg.Const(root, []string{""}), []tf.Output{value})
	graph, err := root.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := session.Run(nil, nil, []*tf.Operation{save}); err != nil {
		t.Fatal(err)
	}
	def := build(t, c, func(root *op.Scope) {
		factor := op.VarHandleOp(root.SubScope("factor"), tf.Float, tf.ScalarShape(), op.VarHandleOpSharedName("factor"))
		x := op.Placeholder(root.SubScope("x"), tf.Float, op.PlaceholderShape(tf.MakeShape(-1)))
		op.Mul(root.SubScope("y"), x, op.ReadVariableOp(root.SubScope("read"), factor, tf.Float))
		file := op.Placeholder(root.SubScope("file"), tf.String, op.PlaceholderShape(tf.ScalarShape()))
		restored := op.RestoreV2(root.SubScope("restore"), file, tg.Const(root.SubScope("names"), []string{"factor"}),
			tg.Const(root.SubScope("slices"), []string{""}), []tf.DataType{tf.Float})
		op.AssignVariableOp(root.SubScope("assign"), factor, restored[0])
	})
	saver := &corepb.SaverDef{FilenameTensorName: "file/Placeholder:0", RestoreOpName: "assign/AssignVariableOp", Version: corepb.SaverDef_V2}
	saved := savedModelProto(def, signature(map[string]string{"x": "x/Placeholder:0"}, map[string]string{"y": "y/Mul:0"}), saver)
	files := map[string][]byte{"saved_model.pb": marshal(t, saved)}
	for _, name := range []string{"variables.index", "variables.data-00000-of-00001"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files["variables/"+name] = b
	}
	return files
}

// stringModel has named scalar inputs of several types.
func scalarsModel(root *op.Scope) {
	scalar := func(name string, dtype tf.DataType) tf.Output {
		return op.Placeholder(root.SubScope(name), dtype, op.PlaceholderShape(tf.MakeShape(-1)))
	}
	a, n, on, s := scalar("a", tf.Double), scalar("n", tf.Int32), scalar("on", tf.Bool), scalar("s", tf.String)
	sum := op.Add(root.SubScope("sum"), a, op.Cast(root.SubScope("cast"), n, tf.Double))
	op.Select(root.SubScope("y"), on, sum, op.Neg(root.SubScope("neg"), sum))
	op.StringUpper(root.SubScope("upper"), s)
}

func scalarsSaved(t testing.TB, c tensorflow.Config) []byte {
	t.Helper()
	return savedModel(t, build(t, c, scalarsModel), signature(
		map[string]string{"a": "a/Placeholder:0", "n": "n/Placeholder:0", "on": "on/Placeholder:0", "s": "s/Placeholder:0"},
		map[string]string{"y": "y/Select:0", "upper": "upper/StringUpper:0"}))
}
