package graphdef

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// Limits bound what a graph may be.
type Limits struct {
	Elements      int   // messages, strings and byte strings in the serialized form
	Depth         int   // nesting of messages
	Nodes         int   // operations, those of functions included
	ExpandedNodes int   // operations when every function call is inlined
	CallDepth     int   // nesting of function calls
	TensorBytes   int64 // all constants together, as tensors in memory
	Rank          int   // dimensions of a tensor
}

// DefaultLimits are far above every model that we know of.
func DefaultLimits() Limits {
	return Limits{
		Elements:      4_000_000,
		Depth:         64,
		Nodes:         200_000,
		ExpandedNodes: 2_000_000,
		CallDepth:     64,
		TensorBytes:   2 << 30,
		Rank:          32,
	}
}

// Unmarshal parses b into m, which is empty, and drops fields that are not
// known. The number of elements is counted before anything is allocated: two
// bytes can stand for a structure of hundreds.
func Unmarshal(b []byte, m proto.Message, limits Limits) error {
	name := string(m.ProtoReflect().Descriptor().Name())
	left := limits.Elements
	if reason := scan(b, m.ProtoReflect().Descriptor(), limits.Depth, &left); reason != "" {
		return &model.LoadError{Reason: reason, Where: name}
	}
	options := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: limits.Depth + 1}
	if err := options.Unmarshal(b, m); err != nil {
		return &model.LoadError{Reason: "the bytes are not a valid message", Where: name, Err: err}
	}
	return nil
}

// scan walks a message on the wire, counts its elements down and says what is
// wrong, or "".
func scan(b []byte, d protoreflect.MessageDescriptor, depth int, left *int) string {
	if depth == 0 {
		return "its messages are nested too deeply"
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return "the bytes are not a valid message: " + protowire.ParseError(n).Error()
		}
		b = b[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return "the bytes are not a valid message: " + protowire.ParseError(n).Error()
			}
			b = b[n:]
			continue
		}
		if *left--; *left < 0 {
			return "it has too many elements"
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return "the bytes are not a valid message: " + protowire.ParseError(n).Error()
		}
		b = b[n:]
		field := d.Fields().ByNumber(number)
		if field == nil || field.Kind() != protoreflect.MessageKind {
			continue
		}
		if reason := scan(value, field.Message(), depth-1, left); reason != "" {
			return reason
		}
	}
	return ""
}
