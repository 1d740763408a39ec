package record

import (
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// protoPlan says how to read the inputs of one signature from the wire bytes of
// one message type. It never changes once it is compiled.
type protoPlan struct {
	root     *messagePlan
	straight []straightField
	initial  []initialValue // one an input
	lists    []listPlan
	runs     sync.Pool // of *protoRun: memory for the next batch
}

// messagePlan is what to do with the fields of a message.
type messagePlan struct {
	fields []*fieldPlan
	dense  []*fieldPlan          // by field number; nil: pass over
	sparse map[uint64]*fieldPlan // numbers beyond dense
	// implicit are the fields that have a value as soon as the message is there.
	// Only messages below the root need them.
	implicit []*fieldPlan
}

// maxDense is the greatest field number that is looked up in a slice.
const maxDense = 255

// fieldPlan is what to do with a field that is used.
type fieldPlan struct {
	number  uint64
	kind    protoreflect.Kind
	wire    byte   // the wire type of one value
	path    string // for errors
	enum    protoreflect.EnumDescriptor
	sub     *messagePlan
	direct  direct
	columns []int // inputs that take the single value
	lists   []int // protoPlan.lists that take each element
	// clears are the inputs that lose their value when this field comes, because
	// they belong to another member of the same oneof.
	clears, clearsLists []int
}

// direct says that a field feeds exactly one input, in a way that needs no
// conversion worth the name.
type direct uint8

const (
	directNone   direct = iota
	directDouble        // to a column of floats
	directFloat         // to a column of floats
	directInt           // a varint that is its own value, to any column of numbers
	directText          // to a column of strings
)

// directOf returns how a field that feeds one scalar input may be read.
func directOf(kind protoreflect.Kind, to model.ElementType) direct {
	floats := to == model.Float64 || to == model.Float32
	switch kind {
	case protoreflect.DoubleKind:
		if floats {
			return directDouble
		}
	case protoreflect.FloatKind:
		if floats {
			return directFloat
		}
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.EnumKind:
		if floats || to == model.Int64 {
			return directInt
		}
	case protoreflect.StringKind:
		if to == model.String {
			return directText
		}
	}
	return directNone
}

// initialValue is what an input holds before any field was read.
type initialValue struct {
	zero *fieldPlan // the zero value of this field; nil: nothing, it is missing
	list bool       // neither: lists are decided at the end of the row
}

// listPlan is an input that is fed element by element.
type listPlan struct {
	column int
	path   string
}

// lookup returns the plan of a field number, or nil.
func (m *messagePlan) lookup(number uint64) *fieldPlan {
	if number < uint64(len(m.dense)) {
		return m.dense[number]
	}
	return m.sparse[number]
}

func (m *messagePlan) add(f *fieldPlan) {
	m.fields = append(m.fields, f)
	if f.number > maxDense {
		if m.sparse == nil {
			m.sparse = map[uint64]*fieldPlan{}
		}
		m.sparse[f.number] = f
		return
	}
	for uint64(len(m.dense)) <= f.number {
		m.dense = append(m.dense, nil)
	}
	m.dense[f.number] = f
}

// chooseDirect finds the fields that can be read directly.
func (m *messagePlan) chooseDirect(inputs []model.Field) {
	for _, f := range m.fields {
		if f.sub != nil {
			f.sub.chooseDirect(inputs)
		}
		if f.sub != nil || len(f.columns) != 1 || len(f.lists)+len(f.clears)+len(f.clearsLists) != 0 {
			continue
		}
		if input := &inputs[f.columns[0]]; input.Width() == 1 {
			f.direct = directOf(f.kind, input.Type)
		}
	}
}

// zero is the value of an absent field without presence.
func (f *fieldPlan) zero() scalar {
	s := scalar{enum: f.enum}
	switch f.kind {
	case protoreflect.DoubleKind:
		s.class = classFloat64
	case protoreflect.FloatKind:
		s.class = classFloat32
	case protoreflect.BoolKind:
		s.class = classBool
	case protoreflect.EnumKind:
		s.class = classEnum
	case protoreflect.StringKind, protoreflect.BytesKind:
		s.class = classText
	default:
		s.class = classInt
	}
	return s
}

// wireTypeOf returns the wire type of one value of a kind.
func wireTypeOf(kind protoreflect.Kind) byte {
	switch kind {
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return byte(protowire.Fixed64Type)
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return byte(protowire.Fixed32Type)
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return byte(protowire.BytesType)
	case protoreflect.GroupKind:
		return byte(protowire.StartGroupType)
	}
	return byte(protowire.VarintType)
}
