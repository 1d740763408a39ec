package record

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Encoder writes rows of text, such as those of a CSV file, as payloads. It
// never changes and is safe for concurrent use.
type Encoder struct {
	columns []string
	format  *Format
	paths   [][]protoreflect.FieldDescriptor // of each column, for protobuf
	root    *jsonShape                       // for JSON
}

// EncodeError says which cell of a table cannot become part of a payload.
type EncodeError struct {
	Row    int    // as the caller counts
	Column string // its header, or "" when the row as a whole is wrong
	Value  string
	Reason string
}

func (e *EncodeError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("row %d: %s", e.Row, e.Reason)
	}
	return fmt.Sprintf("row %d, column %q: %q %s", e.Row, e.Column, e.Value, e.Reason)
}

// Encoder returns an encoder of rows with these columns. A column's name is a
// field's name or the dotted path to one, matched as [Format.Bind] matches the
// inputs of models; for JSON it is the path of the key to write. Every column
// must have a field, and no two columns the same one.
func (f *Format) Encoder(columns []string) (*Encoder, error) {
	e := &Encoder{columns: columns, format: f}
	if f.message == nil {
		var err error
		if e.root, err = newJSONShape(columns); err != nil {
			return nil, err
		}
		return e, nil
	}
	taken := map[string]string{}
	for _, column := range columns {
		path, err := resolveColumn(f.message, column)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", column, err)
		}
		name := pathName(path)
		if first, ok := taken[name]; ok {
			return nil, fmt.Errorf("columns %q and %q are both field %s", first, column, name)
		}
		taken[name] = column
		e.paths = append(e.paths, path)
	}
	return e, nil
}

// resolveColumn finds the field of a column, as a name or else as a path.
func resolveColumn(m protoreflect.MessageDescriptor, column string) ([]protoreflect.FieldDescriptor, error) {
	field, _, err := findField(m, column)
	if err != nil {
		return nil, err
	}
	path := []protoreflect.FieldDescriptor{field}
	if field == nil {
		if path, err = resolvePath(m, column); err != nil {
			return nil, err
		}
	}
	leaf := path[len(path)-1]
	if wrapped := wrappedField(leaf); wrapped != nil {
		return append(path, wrapped), nil
	}
	if leaf.IsMap() || leaf.Message() != nil {
		return nil, fmt.Errorf("field %s is not a scalar", leaf.Name())
	}
	return path, nil
}

// Append appends the payload of a row with one cell for each column. An empty
// cell leaves its field out. A repeated field takes numbers separated by commas,
// semicolons or spaces. row is only for errors, which are [*EncodeError]s.
func (e *Encoder) Append(dst []byte, row int, cells []string) ([]byte, error) {
	if len(cells) != len(e.columns) {
		return nil, &EncodeError{Row: row, Reason: fmt.Sprintf("has %d cells, but the header has %d columns", len(cells), len(e.columns))}
	}
	if e.root != nil {
		return e.root.append(dst, cells), nil
	}
	m := dynamicpb.NewMessage(e.format.message)
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		if reason := setCell(m, e.paths[i], cell); reason != "" {
			return nil, &EncodeError{Row: row, Column: e.columns[i], Value: shorten(cell), Reason: reason}
		}
	}
	payload, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, m)
	if err != nil {
		return nil, &EncodeError{Row: row, Reason: err.Error()}
	}
	return payload, nil
}

// setCell sets the field at the end of path. It returns why it cannot, or "".
func setCell(m protoreflect.Message, path []protoreflect.FieldDescriptor, cell string) string {
	for _, step := range path[:len(path)-1] {
		m = m.Mutable(step).Message()
	}
	leaf := path[len(path)-1]
	if !leaf.IsList() {
		v, reason := parseCell(leaf, cell)
		if reason == "" {
			m.Set(leaf, v)
		}
		return reason
	}
	list := m.Mutable(leaf).List()
	for _, element := range splitCell(leaf, cell) {
		v, reason := parseCell(leaf, element)
		if reason != "" {
			return reason
		}
		list.Append(v)
	}
	return ""
}

// splitCell splits the text of a list. Texts may hold spaces, numbers may not.
func splitCell(leaf protoreflect.FieldDescriptor, cell string) []string {
	if leaf.Kind() == protoreflect.StringKind || leaf.Kind() == protoreflect.BytesKind {
		return strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ';' })
	}
	return strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\t' })
}

// parseCell reads a cell as a field's kind. It returns why it cannot, or "".
func parseCell(field protoreflect.FieldDescriptor, cell string) (v protoreflect.Value, reason string) {
	text := strings.TrimSpace(cell)
	bits, wire := 64, wireTypeOf(field.Kind())
	switch field.Kind() {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		bits = 32
	}
	switch field.Kind() {
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		f, ok := parseFloat([]byte(text))
		if !ok {
			return v, "is not a number"
		}
		if wire == byte(protowire.Fixed32Type) {
			if !math.IsInf(f, 0) && math.IsInf(float64(float32(f)), 0) {
				return v, "is too large for a float"
			}
			return protoreflect.ValueOfFloat32(float32(f)), ""
		}
		return protoreflect.ValueOfFloat64(f), ""
	case protoreflect.BoolKind:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return v, "is not true or false"
		}
		return protoreflect.ValueOfBool(b), ""
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(mend(cell)), ""
	case protoreflect.BytesKind:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return v, "is not base64, which a bytes field wants"
		}
		return protoreflect.ValueOfBytes(b), ""
	case protoreflect.EnumKind:
		return parseEnum(field.Enum(), text)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		u, err := strconv.ParseUint(text, 10, bits)
		if err != nil {
			return v, fmt.Sprintf("is not a whole number from 0 that %d bits hold", bits)
		}
		if bits == 32 {
			return protoreflect.ValueOfUint32(uint32(u)), ""
		}
		return protoreflect.ValueOfUint64(u), ""
	}
	i, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return v, fmt.Sprintf("is not a whole number that %d bits hold", bits)
	}
	if bits == 32 {
		return protoreflect.ValueOfInt32(int32(i)), ""
	}
	return protoreflect.ValueOfInt64(i), ""
}

func parseEnum(enum protoreflect.EnumDescriptor, text string) (v protoreflect.Value, reason string) {
	if value := enum.Values().ByName(protoreflect.Name(text)); value != nil {
		return protoreflect.ValueOfEnum(value.Number()), ""
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), ""
	}
	return v, fmt.Sprintf("is neither a name nor a number of %s", enum.FullName())
}

// shorten cuts a value down to what an error message bears.
func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
