package record

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/model"
)

// protoCase is a signature over every field of test.All, with the types of its
// inputs turned: five cases bring every field to every type.
type protoCase struct {
	decoder *Decoder
	message protoreflect.MessageDescriptor
	inputs  []model.Field
	paths   [][]protoreflect.FieldDescriptor
}

var protoPaths = []string{
	"d", "f", "i32", "i64", "u32", "u64", "s32", "s64", "x32", "x64", "sx32", "sx64", "b", "s", "raw", "color", "maybe",
	"wrapped", "inner.ph", "inner.acid", "inner.note", "inner.list", "inner.deeper.ph", "packed", "floats", "unpacked", "words",
	"number", "text", "message.ph", "message.acid", "message.note", "message.deeper.ph", "message.list", "far", "colors", "fixedAcidity",
}

func protoCases(tb testing.TB) []protoCase {
	f := testFormat(tb, "All")
	var cases []protoCase
	for turn := range allTypes {
		c := protoCase{message: f.Message()}
		mapping := map[string]string{}
		for i, path := range protoPaths {
			in := model.Field{Name: path, Type: allTypes[(i+turn)%len(allTypes)]}
			fields, err := resolvePath(f.Message(), path)
			if err != nil {
				tb.Fatal(err)
			}
			leaf := fields[len(fields)-1]
			if leaf.IsList() && turn%2 == 0 || leaf.Kind() == protoreflect.StringKind && turn == 1 {
				in.Shape = []int{2}
			}
			mapping[path] = path
			c.inputs = append(c.inputs, in)
			c.paths = append(c.paths, fields)
		}
		c.decoder = bind(tb, f, mapping, c.inputs...)
		cases = append(cases, c)
	}
	return cases
}

// check compares a decoded payload with protobuf-go's reading of it.
func (c *protoCase) check(t failer, payload []byte) {
	var batch model.Batch
	c.decoder.Decode([]Raw{{Payload: payload}, {}}, &batch)
	if err := batch.Err(1); err != nil {
		t.Fatalf("the error of one row reached the next: %v", err)
	}
	m := dynamicpb.NewMessage(c.message)
	reference := proto.Unmarshal(payload, m)
	err := batch.Err(0)
	switch {
	case err != nil && err.Kind == model.Malformed:
		ours := strings.Contains(err.Rule, "wire type does not fit") || // protobuf-go takes it for an unknown field
			strings.Contains(err.Rule, "nested too deep") || // and goes deeper
			err.Field == "raw" // bytes that are no text
		if reference == nil && !ours {
			t.Fatalf("%x: got %v, but protobuf-go reads it", payload, err)
		}
		return
	case reference != nil:
		if err == nil && !wellFormed(payload) {
			t.Fatalf("%x: was read, but protobuf-go says %v", payload, reference)
		}
		return // something inside of a field that no input reads
	}
	anyFails := false
	for i := range c.inputs {
		want, state, fails := c.reference(m, i)
		if anyFails = anyFails || fails; fails || err != nil {
			continue
		}
		checkRow(t, fmt.Sprintf("%x: %s as %v", payload, protoPaths[i], &c.inputs[i]), &batch.Columns[i], 0, want, state)
	}
	if anyFails != (err != nil) {
		t.Fatalf("%x: got error %v, want an error: %v", payload, err, anyFails)
	}
}

// reference reads an input by reflection.
func (c *protoCase) reference(m protoreflect.Message, i int) (want []any, state model.State, fails bool) {
	path := c.paths[i]
	if wrapped := wrappedField(path[len(path)-1]); wrapped != nil {
		path = append(path[:len(path):len(path)], wrapped)
	}
	for _, step := range path[:len(path)-1] {
		if !m.Has(step) {
			return nil, model.Missing, false
		}
		m = m.Get(step).Message()
	}
	leaf := path[len(path)-1]
	if leaf.IsList() {
		var values []any
		for j := range m.Get(leaf).List().Len() {
			values = append(values, goValue(leaf, m.Get(leaf).List().Get(j)))
		}
		return convertRow(values, &c.inputs[i])
	}
	if leaf.HasPresence() && !m.Has(leaf) {
		return nil, model.Missing, false
	}
	return convertSingle(goValue(leaf, m.Get(leaf)), &c.inputs[i])
}

// goValue is a field's value as the oracle's conversions take it.
func goValue(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.EnumKind:
		if d := f.Enum().Values().ByNumber(v.Enum()); d != nil {
			return enumValue{string(d.Name()), v.Enum()}
		}
		return enumValue{fmt.Sprint(v.Enum()), v.Enum()}
	case protoreflect.BytesKind:
		return string(v.Bytes())
	}
	switch v := v.Interface().(type) {
	case int32:
		return int64(v)
	case uint32:
		return uint64(v)
	default:
		return v
	}
}

// wellFormed says whether a message's fields can be told apart.
func wellFormed(b []byte) bool {
	for len(b) > 0 {
		_, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// drawMessage writes fields of a message in any order and any number, mostly
// valid: what an encoder would write and what it would not.
func drawMessage(t *rapid.T, m protoreflect.MessageDescriptor, depth int) []byte {
	var b []byte
	for range rapid.IntRange(0, 8).Draw(t, "fields") {
		f := m.Fields().Get(rapid.IntRange(0, m.Fields().Len()-1).Draw(t, "field"))
		if f.Message() != nil && depth == 0 {
			continue
		}
		wire := protowire.Type(wireTypeOf(f.Kind()))
		if f.IsList() && wire != protowire.BytesType && rapid.Bool().Draw(t, "packed") {
			var list []byte
			for range rapid.IntRange(0, 3).Draw(t, "elements") {
				list = drawValue(t, list, f, depth)
			}
			b = protowire.AppendTag(b, f.Number(), protowire.BytesType)
			b = protowire.AppendBytes(b, list)
			continue
		}
		b = protowire.AppendTag(b, f.Number(), wire)
		b = drawValue(t, b, f, depth)
	}
	return b
}

func drawValue(t *rapid.T, b []byte, f protoreflect.FieldDescriptor, depth int) []byte {
	double := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 2, -7, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1 << 62, 1e-7}))
	switch protowire.Type(wireTypeOf(f.Kind())) {
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(b, math.Float64bits(double.Draw(t, "double")))
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(b, math.Float32bits(float32(double.Draw(t, "float"))))
	case protowire.VarintType:
		return protowire.AppendVarint(b, rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3)).Draw(t, "varint"))
	}
	if f.Message() != nil {
		return protowire.AppendBytes(b, drawMessage(t, f.Message(), depth-1))
	}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "1", " 2.5 ", "1,2", "-0", "nan", "TRUE", "1e400", "0x1", "1_0", "+1", ".5", "9223372036854775807", "x,"}))
	return protowire.AppendString(b, text.Draw(t, "text"))
}

func TestDecodeProtobufLikeProtobufGo(t *testing.T) {
	cases := protoCases(t)
	rapid.Check(t, func(t *rapid.T) {
		payload := drawMessage(t, cases[0].message, 2)
		for i := range cases {
			cases[i].check(t, payload)
		}
	})
}

func FuzzDecodeProtobuf(f *testing.F) {
	cases := protoCases(f)
	format := testFormat(f, "All")
	for _, seed := range []string{
		``, `d: 1 f: 2 i32: -3 s: "4" color: RED`, `inner {ph: 1 deeper {ph: 2} list: [1, 2]} message {ph: 3}`,
		`packed: [1, 2] floats: [3, 4] unpacked: [5, 6] words: ["7", "8"] colors: [RED, 9]`, `wrapped {value: 1} text: "1,2" far: 9 maybe: 0`,
	} {
		f.Add(build(f, format, seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for i := range cases {
			cases[i].check(t, payload)
		}
	})
}

func FuzzFieldReaderProtobuf(f *testing.F) {
	format := testFormat(f, "All")
	type reader struct {
		path []protoreflect.FieldDescriptor
		read func([]byte) ([]byte, bool)
	}
	var readers []reader
	for _, name := range []string{"s", "text", "inner.note", "message.note", "inner.deeper.note", "fixedAcidity"} {
		read, err := format.FieldReader(name)
		if err != nil {
			f.Fatal(err)
		}
		path, err := resolvePath(format.Message(), name)
		if err != nil {
			f.Fatal(err)
		}
		readers = append(readers, reader{path, read})
	}
	f.Add(build(f, format, `s: "wine" text: "x" inner {note: "n" deeper {note: "d"}} fixedAcidity: "7"`))
	f.Add(build(f, format, `d: 1 s: "" message {note: "n"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m := dynamicpb.NewMessage(format.Message())
		err := proto.Unmarshal(payload, m)
		for _, r := range readers {
			value, ok := r.read(payload)
			if err != nil {
				continue
			}
			var at protoreflect.Message = m
			for _, step := range r.path[:len(r.path)-1] {
				at = at.Get(step).Message()
			}
			want := at.Get(r.path[len(r.path)-1]).String()
			if string(value) != want && ok || ok != (want != "") {
				t.Fatalf("%x: %s: got %q, %v, want %q", payload, pathName(r.path), value, ok, want)
			}
		}
	})
}
