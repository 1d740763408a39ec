package record

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// straightField is one of the leading fields of a message that can be told by
// their first byte: a double or float with a number below 16, without presence.
type straightField struct {
	tag    byte
	kind   protoreflect.Kind
	column int // or -1: pass over
}

// maxStraight bounds the straight fields; numbers below 16 have one-byte tags.
const maxStraight = 15

// straightFields returns the doubles and floats that messages of this type start
// with when their fields are in the order of their numbers, as all encoders
// write them.
func straightFields(message protoreflect.MessageDescriptor, plan *protoPlan) []straightField {
	var straight []straightField
	for number := protoreflect.FieldNumber(1); number <= maxStraight; number++ {
		field := message.Fields().ByNumber(number)
		if field == nil {
			continue
		}
		if field.Kind() != protoreflect.DoubleKind && field.Kind() != protoreflect.FloatKind || field.IsList() || field.HasPresence() {
			break
		}
		s := straightField{
			tag:    byte(protowire.EncodeTag(number, protowire.Type(wireTypeOf(field.Kind())))),
			kind:   field.Kind(),
			column: -1,
		}
		if f := plan.root.lookup(uint64(number)); f != nil {
			if f.direct == directNone {
				break
			}
			s.column = f.columns[0]
		}
		straight = append(straight, s)
	}
	return straight
}

// straightColumn is a straight field with the memory that it goes to: one of the
// slices, or none to pass over.
type straightColumn struct {
	tag       byte
	double    bool // eight bytes, not four
	float64to []float64
	float32to []float32
}

// bindStraight joins the straight fields with the columns of a batch. doubles
// says that readDoubles will do.
func (p *protoPlan) bindStraight(buffer *[maxStraight]straightColumn, columns []model.Column) (straight []straightColumn, doubles bool) {
	straight, doubles = buffer[:len(p.straight)], true
	for i, s := range p.straight {
		straight[i].tag, straight[i].double = s.tag, s.kind == protoreflect.DoubleKind
		doubles = doubles && straight[i].double
		if s.column < 0 {
			continue
		}
		if c := &columns[s.column]; c.Type == model.Float64 {
			straight[i].float64to = c.Float64
		} else {
			straight[i].float32to, doubles = c.Float32, false
		}
	}
	return straight, doubles
}

// readDoubles is readStraight for fields that are all doubles and go to float64
// columns, the most frequent case.
func readDoubles(straight []straightColumn, b []byte, row int) int {
	rest := b
	for i := range straight {
		if len(rest) < 9 {
			break
		}
		s := &straight[i]
		if rest[0] != s.tag {
			continue
		}
		if row < len(s.float64to) {
			s.float64to[row] = math.Float64frombits(binary.LittleEndian.Uint64(rest[1:9]))
		}
		rest = rest[9:]
	}
	return len(b) - len(rest)
}

// readStraight reads straight fields as long as they come in order and returns
// the position behind the last one.
func readStraight(straight []straightColumn, b []byte, row int) int {
	rest := b
	for i := range straight {
		s := &straight[i]
		if len(rest) < 9 {
			if s.double || len(rest) < 5 {
				break
			}
		}
		if rest[0] != s.tag {
			continue
		}
		var v float64
		if s.double {
			v = math.Float64frombits(binary.LittleEndian.Uint64(rest[1:9]))
			rest = rest[9:]
		} else {
			v = float64(math.Float32frombits(binary.LittleEndian.Uint32(rest[1:5])))
			rest = rest[5:]
		}
		if row < len(s.float64to) {
			s.float64to[row] = v
		} else if row < len(s.float32to) {
			s.float32to[row] = float32(v)
		}
	}
	return len(b) - len(rest)
}
