package xmlread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Line: r.line, Reason: fmt.Sprintf(format, args...)}
	}
}

// fill makes at least one byte available, or says that there is none: at the
// end of the document, or with r.err set.
func (r *Reader) fill() bool {
	if r.err != nil {
		return false
	}
	for r.pos == r.end {
		if r.srcErr != nil {
			var mine *Error
			switch {
			case errors.Is(r.srcErr, io.EOF):
			case errors.As(r.srcErr, &mine):
				r.fail("%s", mine.Reason)
			default:
				r.err = r.srcErr
			}
			return false
		}
		n, err := r.src.Read(r.buf)
		r.pos, r.end, r.srcErr = 0, n, err
		if r.read += int64(n); r.read > r.limits.Bytes {
			r.fail("the document is larger than %d bytes", r.limits.Bytes)
			return false
		}
	}
	return true
}

// more is fill where the document must not end.
func (r *Reader) more() bool {
	if r.fill() {
		return true
	}
	r.fail("the document ends inside of a tag, a comment or a section")
	return false
}

// peek returns the next byte without taking it, or 0 with r.err set.
func (r *Reader) peek() byte {
	if !r.more() {
		return 0
	}
	return r.buf[r.pos]
}

// take moves n bytes of the window into the token.
func (r *Reader) take(n int) {
	chunk := r.buf[r.pos : r.pos+n]
	if len(r.arena)+n > r.limits.Token {
		r.fail("a name, value or text is longer than %d bytes", r.limits.Token)
		return
	}
	r.line += bytes.Count(chunk, []byte{'\n'})
	r.arena = append(r.arena, chunk...)
	r.pos += n
}

func (r *Reader) skipSpace() (any bool) {
	for r.fill() {
		switch r.buf[r.pos] {
		case '\n':
			r.line++
		case ' ', '\t', '\r':
		default:
			return any
		}
		any = true
		r.pos++
	}
	return any
}

func (r *Reader) expect(s string) bool {
	for i := range len(s) {
		if c := r.peek(); r.err != nil {
			return false
		} else if c != s[i] {
			r.fail("%q where %q is wanted", c, s)
			return false
		}
		r.pos++
	}
	return true
}

// until skips to behind the delimiter; into gets what comes before it.
func (r *Reader) until(delimiter string, into *[]byte) {
	matched := 0
	size := 0
	for r.more() {
		c := r.buf[r.pos]
		r.pos++
		if c == '\n' {
			r.line++
		}
		if into != nil {
			*into = append(*into, c)
		}
		if size++; size > r.limits.Token {
			r.fail("a comment or section is longer than %d bytes", r.limits.Token)
			return
		}
		// The delimiters begin with repeated characters at most ("-->", "]]>").
		switch {
		case c == delimiter[matched]:
			matched++
		case matched == len(delimiter)-1 && c == delimiter[0] && c == delimiter[matched-1]:
		case c == delimiter[0]:
			matched = 1
		default:
			matched = 0
		}
		if matched == len(delimiter) {
			if into != nil {
				*into = (*into)[:len(*into)-len(delimiter)]
				r.checkText(*into)
			}
			return
		}
	}
}

// readName reads a name to the end of the arena and returns where its colon
// and its end are; colon is -1 without a prefix.
func (r *Reader) readName() (colon, end int) {
	start := len(r.arena)
	colon = -1
	for r.more() {
		c := r.buf[r.pos]
		if !nameByte(c, len(r.arena) == start) {
			break
		}
		if c == ':' {
			if colon >= 0 || len(r.arena) == start {
				r.fail("a name with more than one colon, or with nothing before it")
				break
			}
			colon = len(r.arena)
		}
		if len(r.arena)-start >= 1024 {
			r.fail("a name is longer than 1024 bytes")
			break
		}
		r.arena = append(r.arena, c)
		r.pos++
	}
	end = len(r.arena)
	if r.err == nil && (end == start || colon == end-1) {
		r.fail("a name is wanted")
	}
	return colon, end
}

func nameByte(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':', c >= utf8.RuneSelf:
		return true
	case c >= '0' && c <= '9', c == '-', c == '.':
		return !first
	}
	return false
}

// reference reads an entity or character reference behind its ampersand.
func (r *Reader) reference() {
	var name [16]byte
	n := 0
	for {
		c := r.peek()
		if r.err != nil {
			return
		}
		r.pos++
		if c == ';' {
			break
		}
		if n == len(name) || c == '<' || c == '"' {
			r.fail("a bare & (write &amp;)")
			return
		}
		name[n] = c
		n++
	}
	c, ok := resolve(string(name[:n]))
	if !ok {
		r.fail("entity &%s; is refused: only lt, gt, amp, quot, apos and characters are known", name[:n])
		return
	}
	if len(r.arena) >= r.limits.Token {
		r.fail("a value or text is longer than %d bytes", r.limits.Token)
		return
	}
	r.arena = utf8.AppendRune(r.arena, c)
}

func resolve(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	c, err := strconv.ParseUint(digits, base, 32)
	if err != nil || !utf8.ValidRune(rune(c)) || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
		return 0, false
	}
	return rune(c), true
}
