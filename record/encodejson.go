package record

import (
	"encoding/json"
	"fmt"
	"strings"
)

// jsonShape is the object that rows become: members in the order in which the
// columns first name them.
type jsonShape struct {
	members []jsonShapeMember
	index   map[string]int
}

// jsonShapeMember is a cell or an object.
type jsonShapeMember struct {
	key    string // as it is written, with quotes and colon
	column int    // -1: an object
	inner  *jsonShape
}

func newJSONShape(columns []string) (*jsonShape, error) {
	root := &jsonShape{index: map[string]int{}}
	for i, column := range columns {
		path, err := splitPath(column)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", column, err)
		}
		if !root.add(path, i) {
			return nil, fmt.Errorf("column %q stands twice, or both as a value and as an object", column)
		}
	}
	return root, nil
}

// add places a column. It returns false when the place is taken.
func (s *jsonShape) add(path []string, column int) bool {
	i, known := s.index[path[0]]
	if len(path) == 1 {
		if known {
			return false
		}
		s.index[path[0]] = len(s.members)
		s.members = append(s.members, jsonShapeMember{key: jsonShapeKey(path[0]), column: column})
		return true
	}
	if !known {
		i = len(s.members)
		s.index[path[0]] = i
		s.members = append(s.members, jsonShapeMember{
			key: jsonShapeKey(path[0]), column: -1, inner: &jsonShape{index: map[string]int{}},
		})
	}
	return s.members[i].inner != nil && s.members[i].inner.add(path[1:], column)
}

func jsonShapeKey(name string) string { return string(appendJSONText(nil, name)) + ":" }

// append appends the object of a row; members of empty cells are left out.
func (s *jsonShape) append(dst []byte, cells []string) []byte {
	dst = append(dst, '{')
	for _, m := range s.members {
		switch {
		case m.inner != nil:
			dst = append(dst, m.key...)
			dst = m.inner.append(dst, cells)
		case cells[m.column] == "":
			continue
		default:
			dst = append(dst, m.key...)
			dst = appendCell(dst, cells[m.column])
		}
		dst = append(dst, ',')
	}
	return endJSON(dst)
}

// appendCell writes numbers, truth values and arrays as they are and anything
// else as a string: JSON has no schema that would tell more.
func appendCell(dst []byte, cell string) []byte {
	text := strings.TrimSpace(cell)
	if text == "true" || text == "false" {
		return append(dst, text...)
	}
	if _, n := scanFloat([]byte(text)); n > 0 && n == len(text) {
		return append(dst, text...)
	}
	if strings.HasPrefix(text, "[") && json.Valid([]byte(text)) {
		return append(dst, text...)
	}
	return appendJSONText(dst, cell)
}
