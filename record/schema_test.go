package record

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/modelstream/modelserver/model"
)

// The schemas of the tests, as a proto file would say it:
//
//	syntax = "proto3";
//	enum Color { UNKNOWN = 0; RED = 1; WHITE = 2; }
//	message Inner { double ph = 1; optional double acid = 2; string note = 3; Inner deeper = 4; repeated double list = 5; }
//	message All {
//	  double d = 1; float f = 2; int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6; sint32 s32 = 7; sint64 s64 = 8;
//	  fixed32 x32 = 9; fixed64 x64 = 10; sfixed32 sx32 = 11; sfixed64 sx64 = 12; bool b = 13; string s = 14; bytes raw = 15;
//	  Color color = 16; optional double maybe = 17; google.protobuf.DoubleValue wrapped = 18; Inner inner = 19;
//	  repeated double packed = 20; repeated float floats = 21; repeated int32 unpacked = 22 [packed = false]; repeated string words = 23;
//	  oneof choice { double number = 24; string text = 25; Inner message = 26; }
//	  double far = 5000; repeated Color colors = 5001; string fixedAcidity = 5002;
//	  map<string, double> features = 5003; repeated Inner inners = 5004;
//	}
//
//	syntax = "proto2";
//	message Old { optional double d = 1; optional group Part = 2 { optional double ph = 1; } optional string s = 3 [default = "x"]; required int32 r = 4; }
//
//	syntax = "proto3";
//	message Twins { double fixed_acidity = 1; double fixedAcidity_ = 2; double pH = 3; }

type fieldOption func(*descriptorpb.FieldDescriptorProto)

func repeated(f *descriptorpb.FieldDescriptorProto) {
	f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
}

func unpacked(f *descriptorpb.FieldDescriptorProto) {
	f.Options = &descriptorpb.FieldOptions{Packed: proto.Bool(false)}
}

func optional(f *descriptorpb.FieldDescriptorProto) { f.Proto3Optional = proto.Bool(true) }

func oneof(i int32) fieldOption {
	return func(f *descriptorpb.FieldDescriptorProto) { f.OneofIndex = proto.Int32(i) }
}

func ofType(name string) fieldOption {
	return func(f *descriptorpb.FieldDescriptorProto) { f.TypeName = proto.String(name) }
}

func required(f *descriptorpb.FieldDescriptorProto) {
	f.Label = descriptorpb.FieldDescriptorProto_LABEL_REQUIRED.Enum()
}

func defaultTo(v string) fieldOption {
	return func(f *descriptorpb.FieldDescriptorProto) { f.DefaultValue = proto.String(v) }
}

func field(name string, number int32, kind protoreflect.Kind, options ...fieldOption) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{
		Name:   proto.String(name),
		Number: proto.Int32(number),
		Type:   descriptorpb.FieldDescriptorProto_Type(kind).Enum(),
		Label:  descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	for _, option := range options {
		option(f)
	}
	return f
}

func message(name string, fields ...*descriptorpb.FieldDescriptorProto) *descriptorpb.DescriptorProto {
	return &descriptorpb.DescriptorProto{Name: proto.String(name), Field: fields}
}

// testSchemas is the descriptor set of the tests' messages.
func testSchemas() *descriptorpb.FileDescriptorSet {
	const (
		double, float, text, raw = protoreflect.DoubleKind, protoreflect.FloatKind, protoreflect.StringKind, protoreflect.BytesKind
		msg                      = protoreflect.MessageKind
	)
	all := message("All",
		field("d", 1, double), field("f", 2, float),
		field("i32", 3, protoreflect.Int32Kind), field("i64", 4, protoreflect.Int64Kind),
		field("u32", 5, protoreflect.Uint32Kind), field("u64", 6, protoreflect.Uint64Kind),
		field("s32", 7, protoreflect.Sint32Kind), field("s64", 8, protoreflect.Sint64Kind),
		field("x32", 9, protoreflect.Fixed32Kind), field("x64", 10, protoreflect.Fixed64Kind),
		field("sx32", 11, protoreflect.Sfixed32Kind), field("sx64", 12, protoreflect.Sfixed64Kind),
		field("b", 13, protoreflect.BoolKind), field("s", 14, text), field("raw", 15, raw),
		field("color", 16, protoreflect.EnumKind, ofType(".test.Color")),
		field("maybe", 17, double, optional, oneof(1)),
		field("wrapped", 18, msg, ofType(".google.protobuf.DoubleValue")),
		field("inner", 19, msg, ofType(".test.Inner")),
		field("packed", 20, double, repeated), field("floats", 21, float, repeated),
		field("unpacked", 22, protoreflect.Int32Kind, repeated, unpacked), field("words", 23, text, repeated),
		field("number", 24, double, oneof(0)), field("text", 25, text, oneof(0)),
		field("message", 26, msg, ofType(".test.Inner"), oneof(0)),
		field("far", 5000, double), field("colors", 5001, protoreflect.EnumKind, ofType(".test.Color"), repeated),
		field("fixedAcidity", 5002, text),
		field("features", 5003, msg, repeated, ofType(".test.All.FeaturesEntry")),
		field("inners", 5004, msg, repeated, ofType(".test.Inner")),
	)
	all.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: proto.String("choice")}, {Name: proto.String("_maybe")}}
	entry := message("FeaturesEntry", field("key", 1, text), field("value", 2, double))
	entry.Options = &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)}
	all.NestedType = []*descriptorpb.DescriptorProto{entry}

	inner := message("Inner", field("ph", 1, double), field("acid", 2, double, optional, oneof(0)), field("note", 3, text),
		field("deeper", 4, msg, ofType(".test.Inner")), field("list", 5, double, repeated))
	inner.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: proto.String("_acid")}}

	old := message("Old", field("d", 1, double), field("part", 2, protoreflect.GroupKind, ofType(".test.Old.Part")),
		field("s", 3, text, defaultTo("x")), field("r", 4, protoreflect.Int32Kind, required))
	old.NestedType = []*descriptorpb.DescriptorProto{message("Part", field("ph", 1, double))}

	return &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		{
			Name: proto.String("new.proto"), Package: proto.String("test"), Syntax: proto.String("proto3"),
			Dependency: []string{"google/protobuf/wrappers.proto"}, // left out of the set, as many tools do
			MessageType: []*descriptorpb.DescriptorProto{
				all, inner,
				message("Twins", field("fixed_acidity", 1, double), field("fixedAcidity_", 2, double), field("pH", 3, double)),
			},
			EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("Color"), Value: []*descriptorpb.EnumValueDescriptorProto{
				{Name: proto.String("UNKNOWN"), Number: proto.Int32(0)},
				{Name: proto.String("RED"), Number: proto.Int32(1)},
				{Name: proto.String("WHITE"), Number: proto.Int32(2)},
			}}},
		},
		{
			Name: proto.String("old.proto"), Package: proto.String("test"), Syntax: proto.String("proto2"),
			MessageType: []*descriptorpb.DescriptorProto{old},
		},
	}}
}

func testMessage(tb testing.TB, name string) protoreflect.MessageDescriptor {
	tb.Helper()
	set, err := proto.Marshal(testSchemas())
	if err != nil {
		tb.Fatal(err)
	}
	m, err := LoadDescriptorSet(set, "test."+name)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func testFormat(tb testing.TB, name string) *Format {
	tb.Helper()
	f, err := Protobuf(testMessage(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// input is an input of a signature under test.
func input(name string, t model.ElementType, shape ...int) model.Field {
	return model.Field{Name: name, Type: t, Shape: shape}
}

func signature(inputs ...model.Field) *model.Signature {
	return &model.Signature{Inputs: inputs, Target: -1}
}

func bind(tb testing.TB, f *Format, mapping map[string]string, inputs ...model.Field) *Decoder {
	tb.Helper()
	d, err := f.Bind(signature(inputs...), mapping)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}
