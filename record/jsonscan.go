package record

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON text (RFC 8259) by position: a step takes the position that
// it starts at and returns the one behind it, or -1 when fault and at are set.
type scanner struct {
	b     []byte
	fault fault
	at    int
	// field is where it happened, if that is in a field that is used.
	field string
}

func (s *scanner) fail(f fault, at int) int {
	s.fault, s.at = f, at
	return -1
}

// unexpected fails at a byte that cannot stand there.
func (s *scanner) unexpected(pos int) int {
	if pos >= len(s.b) {
		return s.fail(faultJSONEnd, len(s.b))
	}
	return s.fail(faultJSONSyntax, pos)
}

// space passes over white space.
func (s *scanner) space(pos int) int {
	for pos < len(s.b) {
		switch s.b[pos] {
		case ' ', '\n', '\t', '\r':
			pos++
		default:
			return pos
		}
	}
	return pos
}

// str passes over the string whose opening quote is at pos. escaped says that
// its text differs from its bytes.
func (s *scanner) str(pos int) (next int, escaped bool) {
	b := s.b
	for i := pos + 1; i < len(b); i++ {
		if i = plain(b, i); i == len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i = s.escape(i); i < 0 {
				return -1, false
			}
		case c < ' ':
			return s.fail(faultJSONString, i), false
		}
	}
	return s.fail(faultJSONEnd, len(b)), false
}

// plain passes over bytes that mean themselves, eight at a time as long as it
// can. The arithmetic finds the first byte of a word that is a quote, a
// backslash or below a space; bytes behind it may be marked wrongly.
func plain(b []byte, pos int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(b)-pos >= 8 {
		w := binary.LittleEndian.Uint64(b[pos:])
		quote, slash := w^ones*'"', w^ones*'\\'
		special := ((w-ones*' ')&^w | (quote-ones)&^quote | (slash-ones)&^slash) & tops
		if special != 0 {
			return pos + bits.TrailingZeros64(special)>>3
		}
		pos += 8
	}
	for pos < len(b) && b[pos] >= ' ' && b[pos] != '"' && b[pos] != '\\' {
		pos++
	}
	return pos
}

// escape checks the escape that starts at pos and returns its last position.
func (s *scanner) escape(pos int) int {
	if pos+1 >= len(s.b) {
		return s.fail(faultJSONEnd, len(s.b))
	}
	switch s.b[pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return pos + 1
	case 'u':
		for i := pos + 2; i < pos+6; i++ {
			if i >= len(s.b) {
				return s.fail(faultJSONEnd, len(s.b))
			}
			if hexDigit(s.b[i]) < 0 {
				return s.fail(faultJSONString, pos)
			}
		}
		return pos + 5
	}
	return s.fail(faultJSONString, pos)
}

// skip passes over any value, checking its syntax. depth is how many more
// levels may open.
func (s *scanner) skip(pos, depth int) int {
	if pos >= len(s.b) {
		return s.unexpected(pos)
	}
	switch s.b[pos] {
	case '"':
		next, _ := s.str(pos)
		return next
	case '{':
		return s.skipObject(pos, depth-1)
	case '[':
		return s.skipArray(pos, depth-1)
	case 't':
		return s.word(pos, "true")
	case 'f':
		return s.word(pos, "false")
	case 'n':
		return s.word(pos, "null")
	}
	return s.skipNumber(pos)
}

// word passes over a literal.
func (s *scanner) word(pos int, w string) int {
	for i := range len(w) {
		if pos+i >= len(s.b) || s.b[pos+i] != w[i] {
			return s.unexpected(pos + i)
		}
	}
	return pos + len(w)
}

// skipNumber passes over a number.
func (s *scanner) skipNumber(pos int) int {
	if pos < len(s.b) && s.b[pos] == '-' {
		pos++
	}
	next := s.digits(pos)
	switch {
	case next < 0:
		return -1
	case s.b[pos] == '0' && next != pos+1:
		return s.unexpected(pos + 1)
	}
	pos = next
	if pos < len(s.b) && s.b[pos] == '.' {
		if pos = s.digits(pos + 1); pos < 0 {
			return -1
		}
	}
	if pos < len(s.b) && s.b[pos]|0x20 == 'e' {
		pos++
		if pos < len(s.b) && (s.b[pos] == '+' || s.b[pos] == '-') {
			pos++
		}
		return s.digits(pos)
	}
	return pos
}

// digits passes over one or more digits.
func (s *scanner) digits(pos int) int {
	start := pos
	for pos < len(s.b) && s.b[pos]-'0' <= 9 {
		pos++
	}
	if pos == start {
		return s.unexpected(pos)
	}
	return pos
}

func (s *scanner) skipObject(pos, depth int) int {
	if depth < 0 {
		return s.fail(faultDepth, pos)
	}
	pos = s.space(pos + 1)
	if pos < len(s.b) && s.b[pos] == '}' {
		return pos + 1
	}
	for {
		if pos >= len(s.b) || s.b[pos] != '"' {
			return s.unexpected(pos)
		}
		if pos, _ = s.str(pos); pos < 0 {
			return -1
		}
		if pos = s.colon(pos); pos < 0 {
			return -1
		}
		if pos = s.skip(pos, depth); pos < 0 {
			return -1
		}
		var more bool
		if pos, more = s.comma(pos, '}'); !more {
			return pos
		}
	}
}

func (s *scanner) skipArray(pos, depth int) int {
	if depth < 0 {
		return s.fail(faultDepth, pos)
	}
	pos = s.space(pos + 1)
	if pos < len(s.b) && s.b[pos] == ']' {
		return pos + 1
	}
	for {
		if pos = s.skip(pos, depth); pos < 0 {
			return -1
		}
		var more bool
		if pos, more = s.comma(pos, ']'); !more {
			return pos
		}
	}
}

// colon passes over the colon behind a key, and the space around it.
func (s *scanner) colon(pos int) int {
	if pos < len(s.b) && s.b[pos] != ':' {
		pos = s.space(pos)
	}
	if pos >= len(s.b) || s.b[pos] != ':' {
		return s.unexpected(pos)
	}
	return s.space(pos + 1)
}

// comma passes over what stands behind a member or an element: a comma, with
// more to come, or the end of the object or array; and the space around it.
func (s *scanner) comma(pos int, end byte) (next int, more bool) {
	pos = s.space(pos)
	if pos < len(s.b) {
		switch s.b[pos] {
		case ',':
			return s.space(pos + 1), true
		case end:
			return pos + 1, false
		}
	}
	return s.unexpected(pos), false
}

// unescaped returns the text of a string's inside, which str has passed over
// before, in memory of its own. Half a surrogate pair becomes U+FFFD.
func unescaped(inside []byte) []byte {
	dst := make([]byte, 0, len(inside))
	for i := 0; i < len(inside); i++ {
		c := inside[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch c = inside[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(inside[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				full := rune(utf8.RuneError)
				if rest := inside[i+1:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
					full = utf16.DecodeRune(r, hex4(rest[2:]))
				}
				if full != utf8.RuneError {
					i += 6
				}
				r = full
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// hex4 reads four hexadecimal digits that were checked before.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		r = r<<4 | rune(hexDigit(c))
	}
	return r
}

// hexDigit is the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
