package record

import (
	"encoding/binary"
	"math"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// protoRun decodes one batch.
type protoRun struct {
	plan    *protoPlan
	columns []model.Column
	rows    int
	row     int
	lists   []listRun
	arena   arena
	err     *model.RecordError // of the row
}

// listRun is how far a row's list has come.
type listRun struct {
	elements int
	invalid  bool
}

// protoRuns keeps the memory of finished runs.
var protoRuns = sync.Pool{New: func() any { return new(protoRun) }}

// straightColumn is a straight field with the memory that it goes to: one of the
// slices, or none to pass over.
type straightColumn struct {
	tag       byte
	double    bool // eight bytes, not four
	float64to []float64
	float32to []float32
}

// decode fills the batch, row by row. Encoders write fields in the order of
// their numbers, so a message that starts with doubles is first read in a
// straight line, each field recognized by its first byte; a field that is not
// there costs one comparison. Whatever comes then, the general loop reads it.
func (p *protoPlan) decode(records []Raw, into *model.Batch, limits Limits) {
	r := protoRuns.Get().(*protoRun)
	defer r.release()
	r.plan, r.columns, r.rows = p, into.Columns, into.Rows
	r.lists = append(r.lists[:0], make([]listRun, len(p.lists))...)
	r.initialize()

	var buffer [maxStraight]straightColumn
	straight := p.bindStraight(&buffer, into.Columns)
	for row := range records {
		b := records[row].Payload
		r.row = row
		if len(b) > limits.PayloadBytes {
			into.Errors = append(into.Errors, model.RowError{Row: row, Err: tooLarge(len(b), limits)})
			continue
		}
		pos := 0
		if len(straight) != 0 {
			pos = readStraight(straight, b, row)
		}
		if pos < len(b) {
			r.message(p.root, b, pos, 0, limits.Depth)
		}
		if len(r.lists) != 0 && r.err == nil {
			r.finishLists()
		}
		if r.err != nil {
			into.Errors = append(into.Errors, model.RowError{Row: row, Err: r.err})
			r.err = nil
			clear(r.lists)
		}
	}
	r.settle()
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

// bindStraight joins the straight fields with the columns of a batch.
func (p *protoPlan) bindStraight(buffer *[maxStraight]straightColumn, columns []model.Column) []straightColumn {
	straight := buffer[:len(p.straight)]
	for i, s := range p.straight {
		straight[i].tag, straight[i].double = s.tag, s.kind == protoreflect.DoubleKind
		if s.column < 0 {
			continue
		}
		if c := &columns[s.column]; c.Type == model.Float64 {
			straight[i].float64to = c.Float64
		} else {
			straight[i].float32to = c.Float32
		}
	}
	return straight
}

func (r *protoRun) release() {
	r.plan, r.columns = nil, nil
	protoRuns.Put(r)
}

// initialize gives every row what it has when no field comes: the zero value of
// fields without presence, missing for the others.
func (r *protoRun) initialize() {
	if r.rows == 0 {
		return
	}
	for i := range r.columns {
		c := &r.columns[i]
		switch initial := &r.plan.initial[i]; {
		case initial.list:
			continue
		case initial.zero == nil:
			setState(c, 0, r.rows, model.Missing)
		default:
			zero := initial.zero.zero()
			storeRow(c, 0, r.rows, &zero, &r.arena)
		}
		repeatFirstRow(c)
	}
}

// settle drops the states of columns whose rows all turned out to be valid, so
// that evaluators see that at a glance.
func (r *protoRun) settle() {
columns:
	for i := range r.columns {
		c := &r.columns[i]
		for _, s := range c.State {
			if s != model.Valid {
				continue columns
			}
		}
		c.State = c.State[:0]
	}
}

// message reads fields from pos to the end of b, or to the end of the group. It
// returns the position behind them, or a negative number when r.err is set.
func (r *protoRun) message(m *messagePlan, b []byte, pos int, group uint64, depth int) int {
	for pos < len(b) {
		start := pos
		tag := uint64(b[pos])
		pos++
		if tag >= 0x80 {
			if tag, pos = uvarint(b, start); pos < 0 {
				return r.fail(fault(-pos), "", start)
			}
		}
		number, wire := tag>>3, byte(tag&7)
		if number == 0 || number > uint64(protowire.MaxValidNumber) {
			return r.fail(faultTag, "", start)
		}
		if wire == byte(protowire.EndGroupType) {
			if group == 0 || number != group {
				return r.fail(faultGroup, "", start)
			}
			return pos
		}
		f := m.lookup(number)
		if f == nil {
			if pos = skip(b, pos, number, wire, depth); pos < 0 {
				return r.fail(fault(-pos), "", start)
			}
			continue
		}
		if f.direct != directNone && wire == f.wire {
			pos = r.direct(f, b, pos)
		} else {
			pos = r.field(f, b, pos, wire, depth)
		}
		if pos < 0 {
			if r.err == nil {
				r.fail(fault(-pos), f.path, start)
			}
			return -1
		}
	}
	if group != 0 {
		return r.fail(faultGroup, "", pos)
	}
	return pos
}

func (r *protoRun) fail(f fault, field string, at int) int {
	r.err = malformed(f, field, at)
	return -1
}

// field reads a value of a field that is used. It returns the position behind
// it, or a negated fault.
func (r *protoRun) field(f *fieldPlan, b []byte, pos int, wire byte, depth int) int {
	if len(f.clears)+len(f.clearsLists) != 0 {
		r.clear(f)
	}
	switch {
	case f.sub != nil:
		return r.submessage(f, b, pos, wire, depth)
	case len(f.columns)+len(f.lists) == 0: // known only for what it clears
		return skip(b, pos, f.number, wire, depth)
	case wire == f.wire:
		var s scalar
		if pos = f.read(b, pos, &s); pos >= 0 {
			r.store(f, &s)
		}
		return pos
	case wire == byte(protowire.BytesType) && len(f.lists) != 0 && f.kind != protoreflect.StringKind && f.kind != protoreflect.BytesKind:
		return r.packed(f, b, pos)
	}
	return -int(faultMismatch)
}

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

// submessage reads the fields of a message or group. A message that comes again
// is merged into the first.
func (r *protoRun) submessage(f *fieldPlan, b []byte, pos int, wire byte, depth int) int {
	if wire != f.wire {
		return -int(faultMismatch)
	}
	if depth--; depth < 0 {
		return -int(faultDepth)
	}
	for _, leaf := range f.sub.implicit {
		zero := leaf.zero()
		for _, column := range leaf.columns {
			if c := &r.columns[column]; c.StateOf(r.row) == model.Missing {
				storeRow(c, r.row, r.rows, &zero, &r.arena)
			}
		}
	}
	if wire == byte(protowire.StartGroupType) {
		return r.message(f.sub, b, pos, f.number, depth)
	}
	start, end := length(b, pos)
	if start < 0 {
		return start
	}
	return r.message(f.sub, b[:end], start, 0, depth)
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

// store writes a value to the inputs that its field feeds.
func (r *protoRun) store(f *fieldPlan, s *scalar) {
	for _, column := range f.columns {
		storeRow(&r.columns[column], r.row, r.rows, s, &r.arena)
	}
	for _, i := range f.lists {
		list := &r.lists[i]
		c := &r.columns[r.plan.lists[i].column]
		if list.elements < c.Width && store(c, r.row*c.Width+list.elements, s, &r.arena) != model.Valid {
			list.invalid = true
		}
		list.elements++
	}
}

// clear takes away the values of the other members of a oneof.
func (r *protoRun) clear(f *fieldPlan) {
	for _, column := range f.clears {
		setState(&r.columns[column], r.row, r.rows, model.Missing)
	}
	for _, i := range f.clearsLists {
		r.lists[i] = listRun{}
	}
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
