package record

import (
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

// decode fills the batch, row by row. Encoders write fields in the order of
// their numbers, so a message that starts with doubles is first read in a
// straight line, each field recognized by its first byte; a field that is not
// there costs one comparison. Whatever comes then, the general loop reads it.
func (p *protoPlan) decode(records []Raw, into *model.Batch, limits Limits) {
	r := p.runs.Get().(*protoRun)
	defer p.release(r)
	r.columns, r.rows = into.Columns, into.Rows
	r.lists = append(r.lists[:0], make([]listRun, len(p.lists))...)
	r.initialize()

	var buffer [maxStraight]straightColumn
	straight, doubles := p.bindStraight(&buffer, into.Columns)
	for row := range records {
		b := records[row].Payload
		r.row = row
		if len(b) > limits.PayloadBytes {
			into.Errors = append(into.Errors, model.RowError{Row: row, Err: tooLarge(len(b), limits)})
			continue
		}
		pos := 0
		switch {
		case len(straight) == 0:
		case doubles:
			pos = readDoubles(straight, b, row)
		default:
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

func (p *protoPlan) release(r *protoRun) {
	r.columns = nil
	p.runs.Put(r)
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
