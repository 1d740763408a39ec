//go:build tensorflow

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

// generator makes a graph of one operation, its inputs constants or
// placeholders, every value sane or, now and then, hostile.
type generator struct {
	random  *rand.Rand
	op      *opdefpb.OpDef
	graph   *graphpb.GraphDef
	node    *nodepb.NodeDef
	feeds   []string
	hostile int // one value in so many
}

func pick[T any](g *generator, values ...T) T { return values[g.random.IntN(len(values))] }

func (g *generator) isHostile() bool { return g.random.IntN(g.hostile) == 0 }

func (g *generator) integer() int64 {
	if g.isHostile() {
		return pick[int64](g, -105, -2, -1, 100, math.MaxInt32, math.MinInt32, 1<<31, 1<<40, 1<<62, math.MinInt64)
	}
	return pick[int64](g, 0, 1, 1, 1, 2, 3)
}

func (g *generator) float() float32 {
	if g.isHostile() {
		return pick(g, -1, 1e30, -1e30, float32(math.NaN()), float32(math.Inf(1)))
	}
	return pick[float32](g, 0, 0.5, 1, 2)
}

func (g *generator) text() []byte {
	return []byte(pick(g, "", "SAME", "VALID", "EXPLICIT", "NHWC", "NCHW", "ab,bc->ac", "...i,ij->...j", "->", "a->",
		"REFLECT", "SYMMETRIC", "UTF-8", "(", "x"))
}

func (g *generator) shape() *shapepb.TensorShapeProto {
	if g.isHostile() {
		return &shapepb.TensorShapeProto{UnknownRank: true}
	}
	s := new(shapepb.TensorShapeProto)
	for range g.random.IntN(5) {
		s.Dim = append(s.Dim, &shapepb.TensorShapeProto_Dim{Size: pick[int64](g, -1, 0, 1, 2, 3)})
	}
	return s
}

// common are the types that inputs are made of.
var common = []typespb.DataType{
	typespb.DataType_DT_FLOAT, typespb.DataType_DT_FLOAT, typespb.DataType_DT_INT32, typespb.DataType_DT_INT64,
	typespb.DataType_DT_DOUBLE, typespb.DataType_DT_STRING, typespb.DataType_DT_BOOL, typespb.DataType_DT_HALF,
}

func (g *generator) dataType(allowed []typespb.DataType) typespb.DataType {
	var candidates []typespb.DataType
	for _, c := range common {
		for _, a := range allowed {
			if a == c {
				candidates = append(candidates, c)
			}
		}
	}
	switch {
	case len(candidates) > 0:
		return pick(g, candidates...)
	case len(allowed) > 0:
		return pick(g, allowed...)
	}
	return pick(g, common...)
}

func (g *generator) tensor(t typespb.DataType) *tensorpb.TensorProto {
	p := &tensorpb.TensorProto{Dtype: t, TensorShape: new(shapepb.TensorShapeProto)}
	n := 1
	for range g.random.IntN(4) {
		d := pick(g, 1, 2, 2, 3)
		if g.isHostile() {
			d = 0
		}
		n *= d
		p.TensorShape.Dim = append(p.TensorShape.Dim, &shapepb.TensorShapeProto_Dim{Size: int64(d)})
	}
	for range n {
		switch t {
		case typespb.DataType_DT_FLOAT:
			p.FloatVal = append(p.FloatVal, g.float())
		case typespb.DataType_DT_DOUBLE:
			p.DoubleVal = append(p.DoubleVal, float64(g.float()))
		case typespb.DataType_DT_INT64:
			p.Int64Val = append(p.Int64Val, g.integer())
		case typespb.DataType_DT_BOOL:
			p.BoolVal = append(p.BoolVal, pick(g, true, false))
		case typespb.DataType_DT_STRING:
			p.StringVal = append(p.StringVal, g.text())
		case typespb.DataType_DT_HALF:
			p.HalfVal = append(p.HalfVal, g.random.Int32N(1<<16))
		default:
			p.IntVal = append(p.IntVal, int32(g.integer()))
		}
	}
	return p
}

// build fills in graph, node and feeds.
func (g *generator) build() {
	g.hostile = pick(g, 3, 10, 30)
	g.graph = &graphpb.GraphDef{}
	g.node = &nodepb.NodeDef{Name: "op", Op: g.op.GetName(), Attr: make(map[string]*attrpb.AttrValue)}
	for _, a := range g.op.GetAttr() {
		g.node.Attr[a.GetName()] = g.attribute(a)
	}
	for _, a := range g.op.GetInputArg() {
		count := 1
		if a.GetNumberAttr() != "" {
			count = int(min(max(g.node.Attr[a.GetNumberAttr()].GetI(), 0), 5))
		}
		if a.GetTypeListAttr() != "" {
			for _, t := range g.node.Attr[a.GetTypeListAttr()].GetList().GetType() {
				g.input(t)
			}
			continue
		}
		t := a.GetType()
		if a.GetTypeAttr() != "" {
			t = g.node.Attr[a.GetTypeAttr()].GetType()
		}
		for range count {
			g.input(t)
		}
	}
	g.graph.Node = append(g.graph.Node, g.node)
}

func (g *generator) attribute(a *opdefpb.OpDef_AttrDef) *attrpb.AttrValue {
	if a.GetDefaultValue() != nil && !g.isHostile() {
		return proto.Clone(a.GetDefaultValue()).(*attrpb.AttrValue)
	}
	kind, isList := strings.CutPrefix(a.GetType(), "list(")
	kind = strings.TrimSuffix(kind, ")")
	if !isList {
		return g.value(kind, a)
	}
	list := new(attrpb.AttrValue_ListValue)
	for range pick(g, 1, 2, 3, 4, 4, 4, 5, 0) {
		switch v := g.value(kind, a).GetValue().(type) {
		case *attrpb.AttrValue_I:
			list.I = append(list.I, v.I)
		case *attrpb.AttrValue_F:
			list.F = append(list.F, v.F)
		case *attrpb.AttrValue_B:
			list.B = append(list.B, v.B)
		case *attrpb.AttrValue_S:
			list.S = append(list.S, v.S)
		case *attrpb.AttrValue_Type:
			list.Type = append(list.Type, v.Type)
		case *attrpb.AttrValue_Shape:
			list.Shape = append(list.Shape, v.Shape)
		}
	}
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_List{List: list}}
}

func (g *generator) value(kind string, a *opdefpb.OpDef_AttrDef) *attrpb.AttrValue {
	switch kind {
	case "int":
		i := g.integer()
		if a.GetHasMinimum() {
			i = max(i, a.GetMinimum())
		}
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_I{I: i}}
	case "float":
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_F{F: g.float()}}
	case "bool":
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_B{B: pick(g, true, false)}}
	case "type":
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_Type{Type: g.dataType(a.GetAllowedValues().GetList().GetType())}}
	case "shape":
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: g.shape()}}
	case "tensor":
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_Tensor{Tensor: g.tensor(g.dataType(nil))}}
	case "string":
		if allowed := a.GetAllowedValues().GetList().GetS(); len(allowed) > 0 {
			return &attrpb.AttrValue{Value: &attrpb.AttrValue_S{S: pick(g, allowed...)}}
		}
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_S{S: g.text()}}
	}
	return new(attrpb.AttrValue)
}

// input adds a constant or a placeholder and feeds it to the operation.
func (g *generator) input(t typespb.DataType) {
	n := &nodepb.NodeDef{
		Name: fmt.Sprint("in", len(g.node.GetInput())),
		Attr: map[string]*attrpb.AttrValue{"dtype": {Value: &attrpb.AttrValue_Type{Type: t}}},
	}
	if pick(g, true, false) {
		n.Op = "Const"
		n.Attr["value"] = &attrpb.AttrValue{Value: &attrpb.AttrValue_Tensor{Tensor: g.tensor(t)}}
	} else {
		n.Op = "Placeholder"
		n.Attr["shape"] = &attrpb.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: g.shape()}}
		g.feeds = append(g.feeds, n.Name)
	}
	g.graph.Node = append(g.graph.Node, n)
	g.node.Input = append(g.node.Input, n.Name)
}

// run vets, imports and runs the graph and says where that ended.
func (g *generator) run() string {
	vetted, err := graphdef.Vet(g.graph, graphdef.Roots{Serve: []string{"op"}}, graphdef.DefaultLimits())
	if err != nil {
		return "vetting"
	}
	def, err := proto.Marshal(vetted.Def)
	if err != nil {
		return "vetting"
	}
	graph := libtf.NewGraph()
	defer graph.Close()
	if err := graph.Import(def, "", nil); err != nil {
		return "import"
	}
	var feeds []libtf.Output
	for _, name := range g.feeds {
		o, err := graph.Output(name, 0)
		if err != nil {
			return "import"
		}
		feeds = append(feeds, o)
	}
	fetch, err := graph.Output("op", 0)
	if err != nil {
		return "ok" // it has no output
	}
	session, err := libtf.NewSession(graph, nil)
	if err != nil {
		return "session"
	}
	defer session.Close()
	call := libtf.NewCall(session, []byte{0x10, 0xd0, 0x0f}, feeds, []libtf.Output{fetch}) // two seconds
	defer call.Close()
	for i, o := range feeds {
		if !g.feed(call, i, o.Type()) {
			return "session"
		}
	}
	defer call.Release()
	if call.Run() != nil {
		return "run"
	}
	return "ok"
}

func (g *generator) feed(call *libtf.Call, i int, t libtf.DataType) bool {
	row := make([]int, g.random.IntN(3))
	n := 2
	for d := range row {
		row[d] = pick(g, 1, 2, 3)
		n *= row[d]
	}
	switch t {
	case libtf.Float:
		for j, v := 0, libtf.Input[float32](call, i, t, 2, row); j < len(v); j++ {
			v[j] = g.float()
		}
	case libtf.Double:
		clear(libtf.Input[float64](call, i, t, 2, row))
	case libtf.Bool:
		clear(libtf.Input[bool](call, i, t, 2, row))
	case libtf.Int32:
		for j, v := 0, libtf.Input[int32](call, i, t, 2, row); j < len(v); j++ {
			v[j] = int32(g.integer())
		}
	case libtf.Int64:
		for j, v := 0, libtf.Input[int64](call, i, t, 2, row); j < len(v); j++ {
			v[j] = g.integer()
		}
	case libtf.String:
		call.InputStrings(i, 2, row, nil, make([]uintptr, n))
	default:
		return false
	}
	return true
}
