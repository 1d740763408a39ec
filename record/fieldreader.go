package record

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// FieldReader returns a function that reads one text field of a payload, such as
// the one that holds the data type, and leaves the rest undecoded. name is a
// field's name or the dotted path to it; a protobuf field must be a string.
//
// The function returns a view into the payload. ok is false when the field is
// absent or empty, or when the payload up to it is malformed. It does not
// allocate and is safe for concurrent use.
func (f *Format) FieldReader(name string) (func(payload []byte) (value []byte, ok bool), error) {
	if f.message == nil {
		return jsonFieldReader(name, f.limits)
	}
	path, err := resolvePath(f.message, name)
	if err != nil {
		return nil, err
	}
	leaf := path[len(path)-1]
	if leaf.Kind() != protoreflect.StringKind || leaf.Cardinality() == protoreflect.Repeated {
		return nil, fmt.Errorf("field %s of %s is not a single string, so it cannot name the data type", pathName(path), f.message.FullName())
	}
	for _, step := range path {
		if step.Kind() == protoreflect.GroupKind {
			return nil, fmt.Errorf("field %s of %s lies in a group, where it cannot be read apart", pathName(path), f.message.FullName())
		}
	}
	r := &protoFieldReader{limits: f.limits}
	for _, step := range path {
		r.numbers = append(r.numbers, uint64(step.Number()))
		r.rivals = append(r.rivals, rivals(step))
	}
	return r.read, nil
}

// protoFieldReader reads the string at the end of a path of field numbers.
type protoFieldReader struct {
	numbers []uint64
	rivals  [][]uint64 // of each: the other members of its oneof
	limits  Limits
}

// rivals returns the numbers of the other members of a field's oneof.
func rivals(field protoreflect.FieldDescriptor) []uint64 {
	oneof := field.ContainingOneof()
	if oneof == nil {
		return nil
	}
	var numbers []uint64
	for i := range oneof.Fields().Len() {
		if n := oneof.Fields().Get(i).Number(); n != field.Number() {
			numbers = append(numbers, uint64(n))
		}
	}
	return numbers
}

func (r *protoFieldReader) read(payload []byte) ([]byte, bool) {
	if len(payload) > r.limits.PayloadBytes {
		return nil, false
	}
	value, ok := r.find(payload, nil, 0)
	return value, ok && len(value) > 0 && validText(value)
}

// find looks for the last occurrence of the path's level-th field in a message.
// Messages that come twice are merged, so a value found before stands until
// another one comes; ok is false when the message is malformed.
func (r *protoFieldReader) find(b, value []byte, level int) (_ []byte, ok bool) {
	want := r.numbers[level]<<3 | uint64(protowire.BytesType)
	rivals := r.rivals[level]
	for pos := 0; pos < len(b); {
		if rivals == nil {
			pos = skipDoubles(b, pos)
			if pos == len(b) {
				break
			}
		}
		tag := uint64(b[pos])
		pos++
		if tag >= 0x80 {
			if tag, pos = uvarint(b, pos-1); pos < 0 {
				return nil, false
			}
		}
		if tag == want {
			start, end := length(b, pos)
			if start < 0 {
				return nil, false
			}
			pos = end
			if level == len(r.numbers)-1 {
				value = b[start:end]
			} else if value, ok = r.find(b[start:end], value, level+1); !ok {
				return nil, false
			}
			continue
		}
		number := tag >> 3
		if number == 0 || number > uint64(protowire.MaxValidNumber) {
			return nil, false
		}
		if slices.Contains(rivals, number) {
			value = nil
		}
		if pos = skip(b, pos, number, byte(tag&7), r.limits.Depth); pos < 0 {
			return nil, false
		}
	}
	return value, true
}

// skipDoubles makes short work of the many doubles of a record: it passes over
// values of eight bytes whose fields have a number from 1 to 15.
func skipDoubles(b []byte, pos int) int {
	rest := b[pos:]
	for len(rest) >= 9 && rest[0]&0x87 == byte(protowire.Fixed64Type) && rest[0] > 7 {
		rest = rest[9:]
	}
	return len(b) - len(rest)
}
