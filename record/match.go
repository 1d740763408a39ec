package record

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Names match exactly or else loosely: ignoring case, spaces, underscores,
// dashes and dots, so that "fixed acidity", fixed_acidity and fixedAcidity are
// one name, and so are Sepal.Length and sepal_length.

// loose returns the loose form of a name.
func loose(name string) string { return string(appendLoose(nil, name)) }

// appendLoose appends the loose form of a name. It does not allocate when dst
// has room.
func appendLoose[T string | []byte](dst []byte, name T) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		switch {
		case c == ' ' || c == '_' || c == '-' || c == '.':
			i++
		case c < utf8.RuneSelf:
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(string(name[i:min(i+utf8.UTFMax, len(name))]))
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
			i += size
		}
	}
	return dst
}

// findField returns the field of a message that a name means: by its exact
// name, by its exact JSON name, or by the only one that it matches loosely. It
// returns nil when there is none.
func findField(m protoreflect.MessageDescriptor, name string) (field protoreflect.FieldDescriptor, exact bool, err error) {
	fields := m.Fields()
	if f := fields.ByName(protoreflect.Name(name)); f != nil {
		return f, true, nil
	}
	if f := fields.ByJSONName(name); f != nil {
		return f, true, nil
	}
	want := loose(name)
	for i := range fields.Len() {
		f := fields.Get(i)
		if loose(string(f.Name())) != want && loose(f.JSONName()) != want {
			continue
		}
		if field != nil {
			return nil, false, fmt.Errorf("%q could be field %s or field %s of %s: map it to one of them in the configuration",
				name, field.Name(), f.Name(), m.FullName())
		}
		field = f
	}
	return field, false, nil
}

// splitPath splits a dotted path into names. A dot that belongs to a name is
// written as \. and a backslash as \\.
func splitPath(path string) ([]string, error) {
	var names []string
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			b.WriteByte(path[i])
		case c == '.':
			names = append(names, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	names = append(names, b.String())
	if slices.Contains(names, "") {
		return nil, fmt.Errorf("%q is not a field name or a dotted path of field names", path)
	}
	return names, nil
}

// closest returns at most three of the message's field names, the most similar
// to name first, as text for people.
func closest(m protoreflect.MessageDescriptor, name string) string {
	type candidate struct {
		name     string
		distance int
	}
	want := loose(name)
	var all []candidate
	for i := range m.Fields().Len() {
		n := string(m.Fields().Get(i).Name())
		all = append(all, candidate{n, editDistance(want, loose(n))})
	}
	if len(all) == 0 {
		return "it has no fields"
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, c := range all[:min(3, len(all))] {
		names = append(names, c.name)
	}
	return "the closest of its fields are " + strings.Join(names, ", ")
}

// editDistance is the Levenshtein distance of two names, of which it looks at
// the first 128 bytes.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 128)], b[:min(len(b), 128)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
