package record

import (
	"bytes"
	"fmt"
	"math"

	"github.com/modelstream/modelserver/model"
)

// jsonRun decodes one batch. It is kept for the next one, because records of a
// topic tend to have the same keys in the same order.
type jsonRun struct {
	scanner
	columns []model.Column
	rows    int
	row     int
	depth   int
	arena   arena
	marks   []jsonMark // one a column
	stamp   uint64     // of the row; no two rows have the same
	fed     int        // columns that the row has fed so far
	doubts  bool       // some mark has a rival or a length
	err     *model.RecordError
	layout  []jsonMember
	scratch []byte
}

// jsonMark remembers which key has fed a column.
type jsonMark struct {
	stamp uint64
	exact bool
	key   []byte // as written
	rival []byte // a later key that is only like the input's name, too, or nil
	// length is the number of elements when that is not what the input takes, or 0.
	length int
}

// jsonMember is the key that stood at a place of the last record, and what it
// means: a comparison then saves a lookup. The memory is bounded by maxLayout
// and maxLayoutKey, whatever keys a stranger sends.
type jsonMember struct {
	token []byte // the key in its quotes, and the colon
	key   *jsonKey
}

const (
	maxLayout    = 1024
	maxLayoutKey = 64
)

// decode fills the batch, row by row.
func (p *jsonPlan) decode(records []Raw, into *model.Batch, limits Limits) {
	r := p.runs.Get().(*jsonRun)
	defer p.release(r)
	r.columns, r.rows, r.depth = into.Columns, into.Rows, limits.Depth
	for row := range records {
		b := records[row].Payload
		if len(b) > limits.PayloadBytes {
			into.Errors = append(into.Errors, model.RowError{Row: row, Err: tooLarge(len(b), limits)})
			continue
		}
		r.row, r.b, r.fed, r.doubts, r.err = row, b, 0, false, nil
		r.stamp++
		r.record(p.root)
		if r.err != nil {
			into.Errors = append(into.Errors, model.RowError{Row: row, Err: r.err})
		}
	}
}

func (p *jsonPlan) release(r *jsonRun) {
	r.b, r.columns = nil, nil
	for i := range r.marks {
		r.marks[i].key, r.marks[i].rival = nil, nil
	}
	p.runs.Put(r)
}

// record reads a payload and decides what the row misses.
func (r *jsonRun) record(root *jsonObject) {
	pos := r.space(0)
	if pos >= len(r.b) || r.b[pos] != '{' {
		r.err = malformed(faultJSONObject, "", pos)
		return
	}
	r.field = ""
	if pos = r.object(root, pos, r.depth-1, true); pos >= 0 {
		if pos = r.space(pos); pos != len(r.b) {
			pos = r.fail(faultJSONTrailing, pos)
		}
	}
	if pos < 0 {
		r.err = malformed(r.fault, r.field, r.at)
		return
	}
	if r.doubts {
		r.refuseDoubts()
	}
	if r.fed == len(r.columns) {
		return
	}
	for i := range r.columns {
		if r.marks[i].stamp != r.stamp {
			setState(&r.columns[i], r.row, r.rows, model.Missing)
		}
	}
}

// refuseDoubts fails the row when an input has several keys that are like its
// name and none that is its name, or a vector of another length.
func (r *jsonRun) refuseDoubts() {
	for i := range r.marks {
		m := &r.marks[i]
		if m.stamp != r.stamp {
			continue
		}
		if !m.exact && m.rival != nil {
			r.err = &model.RecordError{
				Kind:  model.Malformed,
				Field: string(m.key),
				Rule:  fmt.Sprintf("keys %q and %q are both like the name of one input: send one of them, or map the input in the configuration", m.key, m.rival),
			}
			return
		}
		if m.length != 0 {
			r.err = wrongLength(string(m.key), m.length, r.columns[i].Width)
			return
		}
	}
}

// object reads the members of the object that opens at pos.
func (r *jsonRun) object(o *jsonObject, pos, depth int, root bool) int {
	if depth < 0 {
		return r.fail(faultDepth, pos)
	}
	pos = r.space(pos + 1)
	if pos < len(r.b) && r.b[pos] == '}' {
		return pos + 1
	}
	for member := 0; ; member++ {
		var key *jsonKey
		var written []byte
		if root && member < len(r.layout) && bytes.HasPrefix(r.b[pos:], r.layout[member].token) {
			known := &r.layout[member]
			key, written = known.key, known.token[1:len(known.token)-2]
			pos = r.space(pos + len(known.token))
		} else if key, written, pos = r.key(o, member, pos, root); pos < 0 {
			return -1
		}
		if key == nil {
			pos = r.skip(pos, depth)
		} else {
			pos = r.member(key, written, pos, depth)
		}
		if pos < 0 {
			return -1
		}
		var more bool
		if pos, more = r.comma(pos, '}'); !more {
			return pos
		}
	}
}

// key reads a key and its colon, looks the key up and remembers it.
func (r *jsonRun) key(o *jsonObject, member, pos int, root bool) (key *jsonKey, written []byte, next int) {
	if pos >= len(r.b) || r.b[pos] != '"' {
		return nil, nil, r.unexpected(pos)
	}
	end, escaped := r.str(pos)
	if end < 0 {
		return nil, nil, -1
	}
	if next = r.colon(end); next < 0 {
		return nil, nil, -1
	}
	written = r.b[pos+1 : end-1]
	name := written
	if escaped {
		name = unescaped(written)
	}
	key, r.scratch = o.find(name, r.scratch)
	if root && r.b[end] == ':' {
		r.learn(member, r.b[pos:end+1], key)
	}
	return key, written, next
}

// learn remembers the key at a place of the record.
func (r *jsonRun) learn(member int, token []byte, key *jsonKey) {
	if len(token) > maxLayoutKey || member > len(r.layout) || member >= maxLayout {
		return
	}
	if member == len(r.layout) {
		r.layout = append(r.layout, jsonMember{})
	}
	m := &r.layout[member]
	m.token, m.key = append(m.token[:0], token...), key
}

// member reads the value of a key that is used.
func (r *jsonRun) member(key *jsonKey, written []byte, pos, depth int) int {
	if key.sub != nil && pos < len(r.b) && r.b[pos] == '{' {
		return r.object(key.sub, pos, depth-1, false)
	}
	next := 0
	for _, t := range key.targets {
		accepted, ok := r.mark(t, written, pos)
		if !ok {
			return -1
		}
		if !accepted {
			continue
		}
		if next = r.value(t.column, pos, depth); next < 0 {
			if r.field == "" {
				r.field = string(written)
			}
			return -1
		}
	}
	if next == 0 { // somebody else's path leads here, or a better key was there
		return r.skip(pos, depth)
	}
	return next
}

// mark notes that a key feeds an input. The input's own name goes before a name
// that is like it; the same key twice is an error.
func (r *jsonRun) mark(t jsonTarget, written []byte, pos int) (accepted, ok bool) {
	m := &r.marks[t.column]
	switch {
	case m.stamp != r.stamp:
		m.stamp = r.stamp
		r.fed++
	case m.exact && t.exact:
		r.field = string(written)
		r.fail(faultJSONTwice, pos)
		return false, false
	case !t.exact: // matters only if none is exact
		m.rival, r.doubts = written, true
		return false, true
	}
	m.exact, m.key, m.rival, m.length = t.exact, written, nil, 0
	return true, true
}

// value reads a value into the row of a column.
func (r *jsonRun) value(column, pos, depth int) int {
	c := &r.columns[column]
	if pos >= len(r.b) {
		return r.unexpected(pos)
	}
	switch r.b[pos] {
	case '[':
		return r.list(column, pos, depth-1)
	case '{':
		setState(c, r.row, r.rows, model.Invalid)
		return r.skip(pos, depth)
	case 'n':
		setState(c, r.row, r.rows, model.Missing)
		return r.word(pos, "null")
	}
	if c.Type == model.Float64 && c.Width == 1 && r.b[pos] != '"' {
		if v, n := scanFloat(r.b[pos:]); n > 0 && !math.IsInf(v, 0) {
			c.Float64[r.row] = v
			if len(c.State) != 0 {
				c.State[r.row] = model.Valid
			}
			return pos + n
		}
	}
	var s scalar
	if pos = r.scalar(pos, &s); pos >= 0 {
		storeRow(c, r.row, r.rows, &s, &r.arena)
	}
	return pos
}

// scalar reads a string, a number or a truth value.
func (r *jsonRun) scalar(pos int, s *scalar) int {
	switch r.b[pos] {
	case '"':
		next, escaped := r.str(pos)
		if next < 0 {
			return -1
		}
		s.class, s.text = classText, r.b[pos+1:next-1]
		if !validText(s.text) {
			return r.fail(faultUTF8, pos)
		}
		if escaped {
			s.text = unescaped(s.text)
		}
		return next
	case 't':
		s.class, s.bits = classBool, 1
		return r.word(pos, "true")
	case 'f':
		s.class, s.bits = classBool, 0
		return r.word(pos, "false")
	}
	next := r.skipNumber(pos)
	if next >= 0 {
		s.class, s.text = classNumber, r.b[pos:next]
	}
	return next
}

// list reads an array into the row of a column. Arrays in arrays are read row
// after row; an empty array is missing.
func (r *jsonRun) list(column, pos, depth int) int {
	c := &r.columns[column]
	l := jsonList{column: c, state: model.Valid}
	if pos = r.elements(&l, pos, depth); pos < 0 {
		return -1
	}
	switch {
	case l.n == 0:
		l.state = model.Missing
	case l.n != c.Width:
		r.marks[column].length, r.doubts = l.n, true
	}
	setState(c, r.row, r.rows, l.state)
	return pos
}

// jsonList is how far an array has been read.
type jsonList struct {
	column *model.Column
	n      int
	state  model.State
}

// elements reads the elements of the array that opens at pos.
func (r *jsonRun) elements(l *jsonList, pos, depth int) int {
	if depth < 0 {
		return r.fail(faultDepth, pos)
	}
	pos = r.space(pos + 1)
	if pos < len(r.b) && r.b[pos] == ']' {
		return pos + 1
	}
	for {
		if pos >= len(r.b) {
			return r.unexpected(pos)
		}
		if r.b[pos] == '[' {
			pos = r.elements(l, pos, depth-1)
		} else {
			pos = r.element(l, pos, depth)
			l.n++
		}
		if pos < 0 {
			return -1
		}
		var more bool
		if pos, more = r.comma(pos, ']'); !more {
			return pos
		}
	}
}

// element reads one element that is no array.
func (r *jsonRun) element(l *jsonList, pos, depth int) int {
	c := l.column
	at := r.row*c.Width + l.n
	fits := l.n < c.Width
	switch r.b[pos] {
	case '{', 'n':
		l.state = model.Invalid
		return r.skip(pos, depth)
	}
	if fits && r.b[pos] != '"' && (c.Type == model.Float64 || c.Type == model.Float32) {
		if v, n := scanFloat(r.b[pos:]); n > 0 && !math.IsInf(v, 0) {
			if c.Type == model.Float64 {
				c.Float64[at] = v
			} else {
				c.Float32[at] = float32(v)
			}
			return pos + n
		}
	}
	var s scalar
	if pos = r.scalar(pos, &s); pos >= 0 && fits && store(c, at, &s, &r.arena) != model.Valid {
		l.state = model.Invalid
	}
	return pos
}
