package record

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// class says which part of a scalar holds its value.
type class uint8

const (
	classFloat64 class = iota // bits: an IEEE 754 double
	classFloat32              // bits: an IEEE 754 double that a float32 holds exactly
	classInt                  // bits: an int64
	classUint                 // bits: a uint64
	classBool                 // bits: 0 or 1
	classEnum                 // bits: an int64; enum: its type
	classText                 // text: valid UTF-8
	classNumber               // text: a number as JSON writes it
)

// scalar is one value of a payload on its way to a column.
type scalar struct {
	class class
	bits  uint64
	text  []byte
	enum  protoreflect.EnumDescriptor
}

func (s *scalar) float() float64 { return math.Float64frombits(s.bits) }

// store writes a scalar to a place of a column and returns the state that this
// makes. It writes nothing when that is not [model.Valid].
func store(c *model.Column, at int, s *scalar, a *arena) model.State {
	switch c.Type {
	case model.Float64:
		v, state := s.asFloat()
		if state == model.Valid {
			c.Float64[at] = v
		}
		return state
	case model.Float32:
		v, state := s.asFloat()
		if state == model.Valid {
			c.Float32[at] = float32(v)
		}
		return state
	case model.Int64:
		v, state := s.asInt()
		if state == model.Valid {
			c.Int64[at] = v
		}
		return state
	case model.Bool:
		v, state := s.asBool()
		if state == model.Valid {
			c.Bool[at] = v
		}
		return state
	case model.String:
		v, state := s.asText(a)
		if state == model.Valid {
			c.String[at] = v
		}
		return state
	}
	return model.Invalid
}

// blank writes the value of a row that has none: NaN, 0, false or "".
func blank(c *model.Column, row int) {
	for at := row * c.Width; at < (row+1)*c.Width; at++ {
		switch c.Type {
		case model.Float64:
			c.Float64[at] = math.NaN()
		case model.Float32:
			c.Float32[at] = float32(math.NaN())
		case model.Int64:
			c.Int64[at] = 0
		case model.Bool:
			c.Bool[at] = false
		case model.String:
			c.String[at] = ""
		}
	}
}

// setState gives a row a state, and a row that is not valid its blank value.
func setState(c *model.Column, row, rows int, s model.State) {
	if s != model.Valid {
		c.SetState(row, rows, s)
		blank(c, row)
	} else if len(c.State) != 0 {
		c.State[row] = model.Valid
	}
}

// repeatFirstRow gives every row the value and the state of the first.
func repeatFirstRow(c *model.Column) {
	repeat(c.State, 1)
	switch c.Type {
	case model.Float64:
		repeat(c.Float64, c.Width)
	case model.Float32:
		repeat(c.Float32, c.Width)
	case model.Int64:
		repeat(c.Int64, c.Width)
	case model.Bool:
		repeat(c.Bool, c.Width)
	case model.String:
		repeat(c.String, c.Width)
	}
}

// repeat fills a slice with its first n values.
func repeat[T any](s []T, n int) {
	for n < len(s) {
		n += copy(s[n:], s[:n])
	}
}

// storeRow writes a scalar as a row's whole value: a scalar column's value, or
// a vector column's numbers from text that lists them.
func storeRow(c *model.Column, row, rows int, s *scalar, a *arena) {
	var state model.State
	if c.Width == 1 {
		state = store(c, row, s, a)
	} else {
		state = storeList(c, row, s, a)
	}
	setState(c, row, rows, state)
}

// storeList splits text at its commas ("0.5,1,2") into a row of a vector column.
// A wrong number of values is invalid.
func storeList(c *model.Column, row int, s *scalar, a *arena) model.State {
	if s.class != classText {
		return model.Invalid
	}
	if len(s.text) == 0 {
		return model.Missing
	}
	at, end := row*c.Width, (row+1)*c.Width
	element := scalar{class: classText}
	for rest := s.text; ; at++ {
		if at == end {
			return model.Invalid
		}
		n := storeNumber(c, at, rest)
		if n == 0 {
			if n = bytes.IndexByte(rest, ','); n < 0 {
				n = len(rest)
			}
			element.text = rest[:n]
			if store(c, at, &element, a) != model.Valid {
				return model.Invalid
			}
		}
		if n == len(rest) {
			break
		}
		rest = rest[n+1:]
	}
	if at+1 != end {
		return model.Invalid
	}
	return model.Valid
}

// storeNumber stores the number that text starts with, up to a comma or the end,
// in a column of floats. It returns the number's length, 0 when there is none.
func storeNumber(c *model.Column, at int, text []byte) int {
	if c.Type != model.Float64 && c.Type != model.Float32 {
		return 0
	}
	v, n := scanFloat(text)
	if n == 0 || math.IsInf(v, 0) || n < len(text) && text[n] != ',' {
		return 0
	}
	if c.Type == model.Float64 {
		c.Float64[at] = v
	} else {
		c.Float32[at] = float32(v)
	}
	return n
}

func (s *scalar) asFloat() (float64, model.State) {
	switch s.class {
	case classFloat64, classFloat32:
		return s.float(), model.Valid
	case classInt, classEnum:
		return float64(int64(s.bits)), model.Valid
	case classUint, classBool:
		return float64(s.bits), model.Valid
	}
	text := bytes.TrimSpace(s.text)
	if len(text) == 0 {
		return 0, model.Missing
	}
	v, ok := parseFloat(text)
	if !ok {
		return 0, model.Invalid
	}
	return v, model.Valid
}

func (s *scalar) asInt() (int64, model.State) {
	switch s.class {
	case classInt, classEnum, classBool:
		return int64(s.bits), model.Valid
	case classUint:
		if s.bits > math.MaxInt64 {
			return 0, model.Invalid
		}
		return int64(s.bits), model.Valid
	case classText, classNumber:
		if v, err := strconv.ParseInt(view(bytes.TrimSpace(s.text)), 10, 64); err == nil {
			return v, model.Valid
		}
	}
	v, state := s.asFloat()
	if state != model.Valid {
		return 0, state
	}
	if v != math.Trunc(v) || v < -1<<63 || v >= 1<<63 { // NaN is not its own truncation
		return 0, model.Invalid
	}
	return int64(v), model.Valid
}

func (s *scalar) asBool() (v bool, state model.State) {
	if s.class == classText {
		switch text := bytes.TrimSpace(s.text); {
		case bytes.EqualFold(text, []byte("true")):
			return true, model.Valid
		case bytes.EqualFold(text, []byte("false")):
			return false, model.Valid
		}
	}
	f, state := s.asFloat()
	if state == model.Valid && f != 0 && f != 1 {
		state = model.Invalid
	}
	return f == 1, state
}

func (s *scalar) asText(a *arena) (string, model.State) {
	a.reserve()
	start := len(a.buf)
	switch s.class {
	case classText:
		return view(s.text), model.Valid
	case classBool:
		if s.bits != 0 {
			return "true", model.Valid
		}
		return "false", model.Valid
	case classEnum:
		if v := s.enum.Values().ByNumber(protoreflect.EnumNumber(int64(s.bits))); v != nil {
			return string(v.Name()), model.Valid
		}
		a.buf = strconv.AppendInt(a.buf, int64(s.bits), 10)
	case classInt:
		a.buf = strconv.AppendInt(a.buf, int64(s.bits), 10)
	case classUint:
		a.buf = strconv.AppendUint(a.buf, s.bits, 10)
	case classFloat64:
		a.buf = appendFloat(a.buf, s.float(), 64)
	case classFloat32:
		a.buf = appendFloat(a.buf, s.float(), 32)
	case classNumber:
		if bytes.IndexByte(s.text, '.') < 0 && bytes.IndexByte(s.text, 'e') < 0 && bytes.IndexByte(s.text, 'E') < 0 {
			return view(s.text), model.Valid // an integer of any length keeps all its digits
		}
		v, ok := parseFloat(s.text)
		if !ok {
			return "", model.Invalid
		}
		a.buf = appendFloat(a.buf, v, 64)
	}
	return view(a.buf[start:]), model.Valid
}

// appendFloat appends the canonical text of a number: the shortest that reads
// back as the same number, as ECMAScript and JSON write it.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	if a := math.Abs(v); a == 0 || a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, v, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' { // e-07 is e-7
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// arena holds the text that conversions make. Text is only ever added, in chunks
// shared by many strings, so that a conversion seldom allocates.
type arena struct{ buf []byte }

const (
	arenaChunk = 4 << 10
	arenaRoom  = 64 // no number's text is longer
)

// reserve makes room for the text of one number.
func (a *arena) reserve() {
	if cap(a.buf)-len(a.buf) < arenaRoom {
		a.buf = make([]byte, 0, arenaChunk)
	}
}

// view returns bytes as a string without a copy: they must not change any more.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// validText says whether bytes are text that a column may hold.
func validText(b []byte) bool {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return utf8.Valid(b[i:])
		}
	}
	return true
}
