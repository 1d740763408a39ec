//go:build tensorflow

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sort"
	"strings"
	"time"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	types "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

var R *rand.Rand

func pick[T any](s ...T) T { return s[R.IntN(len(s))] }

func shape() *shapepb.TensorShapeProto {
	if R.IntN(3) == 0 {
		return &shapepb.TensorShapeProto{UnknownRank: true}
	}
	s := &shapepb.TensorShapeProto{}
	for range R.IntN(5) {
		s.Dim = append(s.Dim, &shapepb.TensorShapeProto_Dim{Size: pick[int64](-1, -1, 0, 1, 2, 3, 5)})
	}
	return s
}
func ints() int64 {
	return pick[int64](-105, -1, -2, 0, 0, 1, 1, 2, 3, 7, 1<<31-1, 1<<31, -(1 << 31), 1<<40, -1<<63, 1<<62)
}
func str() []byte {
	return []byte(pick("", "SAME", "VALID", "EXPLICIT", "NHWC", "NCHW", "x", "ab,bc->ac", "...i,ij->...j", "REFLECT", "SYMMETRIC", "UTF-8", "ij", "->", "a->", "(", "MIN_COMBINED", "nearest", "linear"))
}
func floats() float32 { return pick[float32](0, 1, -1, 0.5, 1e30, -1e30, float32(nan())) }
func nan() float64    { z := 0.0; return z / z }

func resolve(ts []types.DataType) types.DataType {
	all := []types.DataType{types.DataType_DT_FLOAT, types.DataType_DT_INT32, types.DataType_DT_INT64, types.DataType_DT_DOUBLE, types.DataType_DT_STRING, types.DataType_DT_BOOL, types.DataType_DT_UINT8, types.DataType_DT_HALF}
	if len(ts) > 0 && R.IntN(20) > 0 {
		var ok []types.DataType
		for _, t := range ts {
			for _, a := range all {
				if t == a {
					ok = append(ok, t)
				}
			}
		}
		if len(ok) > 0 {
			return pick(ok...)
		}
		return pick(ts...)
	}
	return pick(all...)
}

func tens(dt types.DataType) *tensorpb.TensorProto {
	t := &tensorpb.TensorProto{Dtype: dt, TensorShape: &shapepb.TensorShapeProto{}}
	n := int64(1)
	for range R.IntN(3) {
		d := pick[int64](0, 1, 2, 3, 4)
		n *= d
		t.TensorShape.Dim = append(t.TensorShape.Dim, &shapepb.TensorShapeProto_Dim{Size: d})
	}
	for range n {
		switch dt {
		case types.DataType_DT_FLOAT:
			t.FloatVal = append(t.FloatVal, floats())
		case types.DataType_DT_DOUBLE:
			t.DoubleVal = append(t.DoubleVal, float64(floats()))
		case types.DataType_DT_INT32, types.DataType_DT_UINT8, types.DataType_DT_INT16, types.DataType_DT_INT8:
			t.IntVal = append(t.IntVal, int32(ints()))
		case types.DataType_DT_INT64:
			t.Int64Val = append(t.Int64Val, ints())
		case types.DataType_DT_BOOL:
			t.BoolVal = append(t.BoolVal, R.IntN(2) == 0)
		case types.DataType_DT_STRING:
			t.StringVal = append(t.StringVal, str())
		case types.DataType_DT_HALF:
			t.HalfVal = append(t.HalfVal, int32(R.IntN(65536)))
		}
	}
	return t
}

func build(op *opdefpb.OpDef) (*graphpb.GraphDef, []string) {
	g := &graphpb.GraphDef{}
	n := &nodepb.NodeDef{Name: "op", Op: op.Name, Attr: map[string]*attrpb.AttrValue{}}
	for _, a := range op.Attr {
		if a.DefaultValue != nil && R.IntN(2) == 0 {
			n.Attr[a.Name] = proto.Clone(a.DefaultValue).(*attrpb.AttrValue)
			continue
		}
		v := &attrpb.AttrValue{}
		list := strings.HasPrefix(a.Type, "list(")
		k := strings.TrimSuffix(strings.TrimPrefix(a.Type, "list("), ")")
		l := &attrpb.AttrValue_ListValue{}
		count := 1
		if list {
			count = pick(0, 1, 1, 2, 3, 4, 4, 4, 5)
		}
		for range count {
			switch k {
			case "int":
				i := ints()
				if list && R.IntN(3) > 0 {
					i = pick[int64](1, 1, 2)
				}
				if a.HasMinimum && i < a.Minimum && !list {
					i = a.Minimum
				}
				if a.Name == "N" || a.Name == "num_split" || a.Name == "num" {
					i = int64(1 + R.IntN(3))
				}
				l.I = append(l.I, i)
				v.Value = &attrpb.AttrValue_I{I: i}
			case "float":
				f := floats()
				l.F = append(l.F, f)
				v.Value = &attrpb.AttrValue_F{F: f}
			case "bool":
				b := R.IntN(2) == 0
				l.B = append(l.B, b)
				v.Value = &attrpb.AttrValue_B{B: b}
			case "string":
				s := str()
				if al := a.GetAllowedValues().GetList().GetS(); len(al) > 0 {
					s = pick(al...)
				}
				l.S = append(l.S, s)
				v.Value = &attrpb.AttrValue_S{S: s}
			case "type":
				t := resolve(a.GetAllowedValues().GetList().GetType())
				l.Type = append(l.Type, t)
				v.Value = &attrpb.AttrValue_Type{Type: t}
			case "shape":
				s := shape()
				l.Shape = append(l.Shape, s)
				v.Value = &attrpb.AttrValue_Shape{Shape: s}
			case "tensor":
				t := tens(resolve(nil))
				l.Tensor = append(l.Tensor, t)
				v.Value = &attrpb.AttrValue_Tensor{Tensor: t}
			}
		}
		if list {
			v.Value = &attrpb.AttrValue_List{List: l}
		}
		n.Attr[a.Name] = v
	}
	var feeds []string
	add := func(dt types.DataType) {
		name := fmt.Sprint("in", len(n.Input))
		in := &nodepb.NodeDef{Name: name, Op: "Placeholder", Attr: map[string]*attrpb.AttrValue{"dtype": {Value: &attrpb.AttrValue_Type{Type: dt}}}}
		if R.IntN(2) == 0 && dt != types.DataType_DT_RESOURCE && dt != types.DataType_DT_VARIANT {
			in.Op = "Const"
			in.Attr["value"] = &attrpb.AttrValue{Value: &attrpb.AttrValue_Tensor{Tensor: tens(dt)}}
		} else {
			in.Attr["shape"] = &attrpb.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: shape()}}
			feeds = append(feeds, name)
		}
		g.Node = append(g.Node, in)
		n.Input = append(n.Input, name)
	}
	for _, a := range op.InputArg {
		count := 1
		if a.NumberAttr != "" {
			count = int(n.Attr[a.NumberAttr].GetI())
			if count > 10 || count < 0 {
				count = 2
			}
		}
		switch {
		case a.TypeListAttr != "":
			for _, t := range n.Attr[a.TypeListAttr].GetList().GetType() {
				add(t)
			}
		case a.TypeAttr != "":
			for range count {
				add(n.Attr[a.TypeAttr].GetType())
			}
		default:
			for range count {
				add(a.Type)
			}
		}
	}
	g.Node = append(g.Node, n)
	return g, feeds
}

func child(opName string, seed0, seed1 int) {
	b, _ := os.ReadFile("/tmp/tfdl/opl/ops.pb")
	var ops opdefpb.OpList
	if err := proto.Unmarshal(b, &ops); err != nil {
		panic(err)
	}
	var op *opdefpb.OpDef
	for _, o := range ops.Op {
		if o.Name == opName {
			op = o
		}
	}
	if op == nil {
		fmt.Println("UNKNOWN")
		return
	}
	if err := libtf.Open("/work/main/.cache/tensorflow"); err != nil {
		panic(err)
	}
	imported, ran := 0, 0
	cfg := []byte{0x10, 1, 0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}
	for s := seed0; s < seed1; s++ {
		R = rand.New(rand.NewPCG(uint64(s), 7))
		g, feeds := build(op)
		fmt.Println("SEED", s)
		if os.Getenv("SHOW") != "" {
			fmt.Println(g)
		}
		v, err := graphdef.Vet(g, graphdef.Roots{Serve: []string{"op"}}, graphdef.DefaultLimits())
		if err != nil {
			continue
		}
		b, _ := proto.Marshal(v.Def)
		gr := libtf.NewGraph()
		if err := gr.Import(b, "", nil); err == nil {
			imported++
			if ses, err := libtf.NewSession(gr, cfg); err == nil {
				var fs, outs []libtf.Output
				for _, f := range feeds {
					o, _ := gr.Output(f, 0)
					fs = append(fs, o)
				}
				if o, err := gr.Output("op", 0); err == nil {
					outs = append(outs, o)
					c := libtf.NewCall(ses, nil, fs, outs)
					for i, f := range fs {
						_ = f
						row := []int{}
						for range R.IntN(3) {
							row = append(row, 1+R.IntN(3))
						}
						switch f.Type() {
						case libtf.Float:
							clear(libtf.Input[float32](c, i, f.Type(), 2, row))
						case libtf.Double:
							clear(libtf.Input[float64](c, i, f.Type(), 2, row))
						case libtf.Int32:
							m := libtf.Input[int32](c, i, f.Type(), 2, row); for j := range m { m[j] = int32(pick[int64](0,0,1,2,-1,100,1<<31-1,-1<<31)) }
						case libtf.Int64:
							m := libtf.Input[int64](c, i, f.Type(), 2, row); for j := range m { m[j] = pick[int64](0,0,1,2,-1,100,1<<40,-1<<63) }
						case libtf.Bool:
							clear(libtf.Input[bool](c, i, f.Type(), 2, row))
						case libtf.String:
							n := 2
							for _, d := range row {
								n *= d
							}
							c.InputStrings(i, 2, row, nil, make([]uintptr, n))
						default:
							goto skip
						}
					}
					if c.Run() == nil {
						ran++
					}
					c.Release()
				skip:
					c.Close()
				}
				ses.Close()
			}
		}
		gr.Close()
	}
	fmt.Println("OK", imported, ran)
}

func main() {
	if len(os.Args) > 3 {
		var a, b int
		fmt.Sscan(os.Args[2], &a)
		fmt.Sscan(os.Args[3], &b)
		child(os.Args[1], a, b)
		return
	}
	var trials int
	fmt.Sscan(os.Args[1], &trials)
	var names []string
	if len(os.Args) > 2 {
		names = strings.Split(os.Args[2], ",")
	} else {
		names = graphdef.Computing()
	}
	sort.Strings(names)
	for _, name := range names {
		seed, crashes := 0, 0
		reasons := map[string]int{}
		result := ""
		for seed < trials && crashes < 12 {
			cmd := exec.Command(os.Args[0], name, fmt.Sprint(seed), fmt.Sprint(trials))
			var errb strings.Builder
			cmd.Stderr = &errb
			cmd.Env = append(os.Environ(), "GOTRACEBACK=none", "GOMEMLIMIT=1GiB")
			out, _ := cmd.StdoutPipe()
			cmd.Start()
			timer := time.AfterFunc(25*time.Second, func() { cmd.Process.Kill() })
			sc := bufio.NewScanner(out)
			last := -1
			ok := false
			for sc.Scan() {
				var s int
				if _, err := fmt.Sscanf(sc.Text(), "SEED %d", &s); err == nil {
					last = s
				} else {
					ok = true
					result = sc.Text()
				}
			}
			err := cmd.Wait()
			timer.Stop()
			if ok {
				break
			}
			crashes++
			why := fmt.Sprint(err)
			for _, l := range strings.Split(errb.String(), "\n") {
				if strings.Contains(l, " F ") || strings.Contains(l, "SIGFPE") || strings.Contains(l, "SIGSEGV") || strings.Contains(l, "terminate") || strings.Contains(l, "heck failed") {
					why = l
					if len(why) > 160 {
						why = why[:160]
					}
					break
				}
			}
			if i := strings.Index(why, " F "); i > 0 {
				why = why[i:]
			}
			reasons[why] = last
			seed = last + 1
		}
		fmt.Println(name, result, "crashes", crashes)
		for r, s := range reasons {
			fmt.Println("    CRASH", name, s, r)
		}
	}
}
