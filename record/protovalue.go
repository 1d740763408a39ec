package record

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// direct reads a value of a field that has one input and needs no conversion. It
// returns the position behind it, or a negated fault.
func (r *protoRun) direct(f *fieldPlan, b []byte, pos int) int {
	c := &r.columns[f.columns[0]]
	if len(c.State) != 0 {
		c.State[r.row] = model.Valid
	}
	var v float64
	switch f.direct {
	case directDouble:
		if len(b)-pos < 8 {
			return -int(faultTruncated)
		}
		v = math.Float64frombits(binary.LittleEndian.Uint64(b[pos:]))
		pos += 8
	case directFloat:
		if len(b)-pos < 4 {
			return -int(faultTruncated)
		}
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[pos:])))
		pos += 4
	case directInt:
		u, next := uvarint(b, pos)
		if next < 0 {
			return next
		}
		pos = next
		i := int64(u)
		switch f.kind {
		case protoreflect.Uint32Kind:
			i = int64(uint32(u))
		case protoreflect.Int32Kind, protoreflect.EnumKind:
			i = int64(int32(u))
		}
		if c.Type == model.Int64 {
			c.Int64[r.row] = i
			return pos
		}
		v = float64(i)
	case directText:
		start, end := length(b, pos)
		if start < 0 {
			return start
		}
		if !validText(b[start:end]) {
			return -int(faultUTF8)
		}
		c.String[r.row] = view(b[start:end])
		return end
	}
	if c.Type == model.Float64 {
		c.Float64[r.row] = v
	} else {
		c.Float32[r.row] = float32(v)
	}
	return pos
}

// packed reads the elements of a packed list.
func (r *protoRun) packed(f *fieldPlan, b []byte, pos int) int {
	start, end := length(b, pos)
	if start < 0 {
		return start
	}
	b = b[:end]
	pos = start
	if f.kind == protoreflect.DoubleKind || f.kind == protoreflect.FloatKind {
		if next := r.packedFloats(f, b, pos); next != 0 {
			return next
		}
	}
	for pos < end {
		var s scalar
		if pos = f.read(b, pos, &s); pos < 0 {
			return pos
		}
		r.store(f, &s)
	}
	return end
}

// packedFloats reads a packed list that goes to one column of floats. It
// returns 0 when the list is not of that kind.
func (r *protoRun) packedFloats(f *fieldPlan, b []byte, pos int) int {
	size := 8
	if f.kind == protoreflect.FloatKind {
		size = 4
	}
	if len(f.lists) != 1 || len(f.columns) != 0 || (len(b)-pos)%size != 0 {
		return 0
	}
	list := &r.lists[f.lists[0]]
	c := &r.columns[r.plan.lists[f.lists[0]].column]
	n := (len(b) - pos) / size
	if list.elements+n > c.Width {
		return 0
	}
	at := r.row*c.Width + list.elements
	switch {
	case c.Type == model.Float64 && size == 8:
		for i := range c.Float64[at : at+n] {
			c.Float64[at+i] = math.Float64frombits(binary.LittleEndian.Uint64(b[pos+8*i:]))
		}
	case c.Type == model.Float64:
		for i := range c.Float64[at : at+n] {
			c.Float64[at+i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[pos+4*i:])))
		}
	case c.Type == model.Float32 && size == 8:
		for i := range c.Float32[at : at+n] {
			c.Float32[at+i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b[pos+8*i:])))
		}
	case c.Type == model.Float32:
		for i := range c.Float32[at : at+n] {
			c.Float32[at+i] = math.Float32frombits(binary.LittleEndian.Uint32(b[pos+4*i:]))
		}
	default:
		return 0
	}
	list.elements += n
	return len(b)
}

// finishLists decides the state of the row's lists and makes them ready for the
// next row. A list must have exactly as many elements as the input takes; an
// empty one is missing, because the wire does not tell it from an absent one.
func (r *protoRun) finishLists() {
	for i := range r.lists {
		list := r.lists[i]
		r.lists[i] = listRun{}
		plan := &r.plan.lists[i]
		c := &r.columns[plan.column]
		switch {
		case list.elements == 0:
			setState(c, r.row, r.rows, model.Missing)
		case list.elements != c.Width:
			r.err = wrongLength(plan.path, list.elements, c.Width)
		case list.invalid:
			setState(c, r.row, r.rows, model.Invalid)
		default:
			setState(c, r.row, r.rows, model.Valid)
		}
	}
}

// read reads one value with the field's own wire type. It returns the position
// behind it, or a negated fault.
func (f *fieldPlan) read(b []byte, pos int, s *scalar) int {
	switch protowire.Type(f.wire) {
	case protowire.Fixed64Type:
		if len(b)-pos < 8 {
			return -int(faultTruncated)
		}
		s.bits = binary.LittleEndian.Uint64(b[pos:])
		f.classify(s)
		return pos + 8
	case protowire.Fixed32Type:
		if len(b)-pos < 4 {
			return -int(faultTruncated)
		}
		s.bits = uint64(binary.LittleEndian.Uint32(b[pos:]))
		f.classify(s)
		return pos + 4
	case protowire.VarintType:
		v, next := uvarint(b, pos)
		s.bits = v
		f.classify(s)
		return next
	}
	start, end := length(b, pos)
	if start < 0 {
		return start
	}
	s.class, s.text = classText, b[start:end]
	if !validText(s.text) {
		return -int(faultUTF8)
	}
	return end
}

// classify turns the bits of the wire into the value of the field's kind.
func (f *fieldPlan) classify(s *scalar) {
	switch f.kind {
	case protoreflect.DoubleKind:
		s.class = classFloat64
	case protoreflect.FloatKind:
		s.class, s.bits = classFloat32, math.Float64bits(float64(math.Float32frombits(uint32(s.bits))))
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		s.class, s.bits = classInt, uint64(int64(int32(s.bits)))
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind:
		s.class = classInt
	case protoreflect.Sint32Kind:
		s.class, s.bits = classInt, uint64(protowire.DecodeZigZag(s.bits&math.MaxUint32))
	case protoreflect.Sint64Kind:
		s.class, s.bits = classInt, uint64(protowire.DecodeZigZag(s.bits))
	case protoreflect.Uint32Kind:
		s.class, s.bits = classUint, s.bits&math.MaxUint32
	case protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		s.class = classUint
	case protoreflect.BoolKind:
		s.class = classBool
		if s.bits != 0 {
			s.bits = 1
		}
	case protoreflect.EnumKind:
		s.class, s.enum, s.bits = classEnum, f.enum, uint64(int64(int32(s.bits)))
	}
}
