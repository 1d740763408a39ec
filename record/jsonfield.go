package record

// jsonFieldReader returns a reader of the first member with a path of exact
// keys: a string, or a number as it is written.
func jsonFieldReader(name string, limits Limits) (func([]byte) ([]byte, bool), error) {
	path, err := splitPath(name)
	if err != nil {
		return nil, err
	}
	return func(payload []byte) ([]byte, bool) {
		if len(payload) > limits.PayloadBytes {
			return nil, false
		}
		s := scanner{b: payload}
		value, ok := s.find(s.space(0), path, limits.Depth)
		return value, ok && len(value) > 0 && validText(value)
	}, nil
}

// find returns the value at the end of path in the object that opens at pos.
func (s *scanner) find(pos int, path []string, depth int) (value []byte, ok bool) {
	if pos >= len(s.b) || s.b[pos] != '{' || depth == 0 {
		return nil, false
	}
	pos = s.space(pos + 1)
	for pos < len(s.b) && s.b[pos] == '"' {
		start := pos + 1
		next, escaped := s.str(pos)
		if next < 0 {
			return nil, false
		}
		key := s.b[start : next-1]
		if pos = s.colon(next); pos < 0 {
			return nil, false
		}
		if escaped {
			key = unescaped(key)
		}
		if string(key) == path[0] {
			if len(path) > 1 {
				return s.find(pos, path[1:], depth-1)
			}
			return s.text(pos)
		}
		if pos = s.skip(pos, depth-1); pos < 0 {
			return nil, false
		}
		var more bool
		if pos, more = s.comma(pos, '}'); !more {
			return nil, false
		}
	}
	return nil, false
}

// text returns the text of the string or number at pos.
func (s *scanner) text(pos int) ([]byte, bool) {
	if pos < len(s.b) && s.b[pos] == '"' {
		next, escaped := s.str(pos)
		if next < 0 {
			return nil, false
		}
		inside := s.b[pos+1 : next-1]
		if escaped {
			inside = unescaped(inside)
		}
		return inside, true
	}
	next := s.skipNumber(pos)
	if next < 0 {
		return nil, false
	}
	return s.b[pos:next], true
}
