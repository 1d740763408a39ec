package xmlread

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// Limits bounds what a document may cost. Zero means the default.
type Limits struct {
	Bytes      int64 // of the whole document after transcoding to UTF-8; default 256 MiB
	Depth      int   // of nested elements; default 1,000
	Elements   int   // in the document; default 5 million
	Attributes int   // of one element; default 256
	Token      int   // bytes of one name, attribute value or piece of text; default 64 MiB
}

// WithDefaults returns the limits with the defaults filled in.
func (l Limits) WithDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	if l.Bytes <= 0 {
		l.Bytes = 256 << 20
	}
	def(&l.Depth, 1000)
	def(&l.Elements, 5_000_000)
	def(&l.Attributes, 256)
	def(&l.Token, 64<<20)
	return l
}

// Error is a document that is not well-formed, or that breaks a limit.
type Error struct {
	Line   int
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Kind is the kind of a token.
type Kind uint8

// The kinds of tokens.
const (
	Start Kind = iota + 1
	End
	Text
	EOF
)

// Attr is an attribute of a start tag. Namespace declarations are attributes
// like any other, with the prefix "xmlns" or the name "xmlns".
type Attr struct {
	Prefix, Name, Value []byte
}

// Reader reads one document.
type Reader struct {
	src    io.Reader
	limits Limits

	buf      []byte // the window of the document
	pos, end int
	read     int64
	line     int
	srcErr   error // of src, kept until the window is empty

	arena    []byte // the current token's bytes
	spans    []span // the current tag's attributes as offsets into arena
	attrs    []Attr
	prefix   []byte
	name     []byte
	tagLine  int
	elements int
	open     []byte // names of the open elements, one after another
	openAt   []int  // where each begins
	selfEnd  bool   // a self-closing tag's end is still to be told
	rooted   bool
	err      error
}

type span struct{ name, colon, value, end int }

// New returns a reader of the document in src.
func New(src io.Reader, limits Limits) *Reader {
	return &Reader{
		src: newUTF8(src), limits: limits.WithDefaults(),
		buf: make([]byte, 64<<10), line: 1,
	}
}

// Name returns the current start or end tag's prefix (without the colon) and
// local name.
func (r *Reader) Name() (prefix, local []byte) { return r.prefix, r.name }

// Attrs returns the current start tag's attributes.
func (r *Reader) Attrs() []Attr { return r.attrs }

// Text returns the current piece of text. One text may come in pieces.
func (r *Reader) Text() []byte { return r.arena }

// Line returns the line on which the current token begins.
func (r *Reader) Line() int { return r.tagLine }

// Depth returns the number of open elements.
func (r *Reader) Depth() int { return len(r.openAt) }

// Next reads the next token. After an error it returns that error for ever.
func (r *Reader) Next() (Kind, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.selfEnd {
		r.selfEnd = false
		r.pop()
		return End, nil
	}
	for {
		kind, again := r.token()
		if r.err != nil {
			return 0, r.err
		}
		if !again {
			return kind, nil
		}
	}
}

func (r *Reader) token() (kind Kind, again bool) {
	r.arena = r.arena[:0]
	r.tagLine = r.line
	if !r.fill() {
		return r.finish()
	}
	if r.buf[r.pos] != '<' {
		return r.text()
	}
	r.pos++
	switch c := r.peek(); {
	case c == '/':
		r.pos++
		return r.endTag(), false
	case c == '!':
		r.pos++
		return r.declaration()
	case c == '?':
		r.pos++
		r.until("?>", nil)
		return 0, true
	default:
		return r.startTag(), false
	}
}

func (r *Reader) finish() (Kind, bool) {
	if r.err != nil {
		return 0, false
	}
	if len(r.openAt) > 0 {
		r.fail("the document ends inside of <%s>", r.open[r.openAt[len(r.openAt)-1]:])
	} else if !r.rooted {
		r.fail("the document has no element")
	}
	return EOF, false
}

// text reads character data up to the next tag.
func (r *Reader) text() (Kind, bool) {
	for r.fill() && r.buf[r.pos] != '<' {
		window := r.buf[r.pos:r.end]
		n := bytes.IndexByte(window, '<')
		if n < 0 {
			n = len(window)
		}
		if amp := bytes.IndexByte(window[:n], '&'); amp == 0 {
			r.pos++
			r.reference()
		} else {
			if amp > 0 {
				n = amp
			}
			r.take(n)
		}
		if r.err != nil {
			return 0, false
		}
	}
	if len(r.openAt) == 0 {
		if len(bytes.TrimSpace(r.arena)) > 0 {
			r.fail("text outside of the root element")
		}
		return 0, true
	}
	r.checkText(r.arena)
	return Text, false
}

// checkText refuses what is not text: broken UTF-8 and control characters.
func (r *Reader) checkText(b []byte) {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			r.fail("control character %q inside of text", c)
			return
		}
	}
	if !utf8.Valid(b) {
		r.fail("text is not valid UTF-8")
	}
}

// declaration reads a comment or a CDATA section; anything else is refused.
func (r *Reader) declaration() (Kind, bool) {
	switch r.peek() {
	case '-':
		if r.expect("--") {
			r.until("-->", nil)
		}
		return 0, true
	case '[':
		if !r.expect("[CDATA[") {
			return 0, false
		}
		if len(r.openAt) == 0 {
			r.fail("text outside of the root element")
		}
		r.until("]]>", &r.arena)
		return Text, false
	}
	r.fail("document type declarations and entities are refused; remove <!DOCTYPE …>")
	return 0, false
}

func (r *Reader) startTag() Kind {
	if r.rooted && len(r.openAt) == 0 {
		r.fail("a second root element")
		return 0
	}
	if r.elements++; r.elements > r.limits.Elements {
		r.fail("more than %d elements", r.limits.Elements)
		return 0
	}
	if len(r.openAt) >= r.limits.Depth {
		r.fail("elements nested more than %d deep", r.limits.Depth)
		return 0
	}
	colon, end := r.readName()
	r.spans = r.spans[:0]
	for r.err == nil {
		spaced := r.skipSpace()
		switch c := r.peek(); {
		case r.err != nil:
			return 0
		case c == '>':
			r.pos++
			r.push(colon, end)
			return Start
		case c == '/':
			r.pos++
			if r.expect(">") {
				r.selfEnd = true
				r.push(colon, end)
			}
			return Start
		case !spaced:
			r.fail("a space is wanted before an attribute")
		default:
			r.attribute()
		}
	}
	return 0
}

// push makes the tag that was read the current one.
func (r *Reader) push(colon, end int) {
	r.rooted = true
	r.openAt = append(r.openAt, len(r.open))
	r.open = append(r.open, r.arena[:end]...)
	r.prefix, r.name = split(r.arena, 0, colon, end)
	r.attrs = r.attrs[:0]
	for _, s := range r.spans {
		prefix, name := split(r.arena, s.name, s.colon, s.value)
		for _, a := range r.attrs {
			if bytes.Equal(a.Name, name) && bytes.Equal(a.Prefix, prefix) {
				r.fail("attribute %s of <%s> is given twice", name, r.name)
				return
			}
		}
		r.attrs = append(r.attrs, Attr{prefix, name, r.arena[s.value:s.end]})
	}
	if !utf8.Valid(r.arena) {
		r.fail("a tag is not valid UTF-8")
	}
}

func split(b []byte, start, colon, end int) (prefix, local []byte) {
	if colon < 0 {
		return nil, b[start:end]
	}
	return b[start:colon], b[colon+1 : end]
}

func (r *Reader) attribute() {
	if len(r.spans) >= r.limits.Attributes {
		r.fail("more than %d attributes in one element", r.limits.Attributes)
		return
	}
	var s span
	s.name = len(r.arena)
	s.colon, s.value = r.readName()
	r.skipSpace()
	if !r.expect("=") {
		return
	}
	r.skipSpace()
	quote := r.peek()
	if r.err != nil {
		return
	}
	if quote != '"' && quote != '\'' {
		r.fail("the value of attribute %s is not quoted", r.arena[s.name:s.value])
		return
	}
	r.pos++
	r.value(quote)
	s.end = len(r.arena)
	r.spans = append(r.spans, s)
}

// value reads an attribute's value and its closing quote. White space becomes
// spaces (XML 1.0, 3.3.3).
func (r *Reader) value(quote byte) {
	for r.more() {
		window := r.buf[r.pos:r.end]
		n := 0
		for n < len(window) && window[n] != quote && window[n] != '&' && window[n] != '<' && window[n] >= ' ' {
			n++
		}
		r.take(n)
		if n == len(window) || r.err != nil {
			continue
		}
		c := r.buf[r.pos]
		r.pos++
		switch c {
		case quote:
			return
		case '&':
			r.reference()
		case '\t', '\r':
			r.arena = append(r.arena, ' ')
		case '\n':
			r.line++
			r.arena = append(r.arena, ' ')
		default:
			r.fail("character %q inside of an attribute's value", c)
		}
	}
}

func (r *Reader) endTag() Kind {
	_, end := r.readName()
	r.skipSpace()
	if !r.expect(">") {
		return 0
	}
	if len(r.openAt) == 0 {
		r.fail("</%s> closes nothing", r.arena[:end])
		return 0
	}
	if open := r.open[r.openAt[len(r.openAt)-1]:]; !bytes.Equal(open, r.arena[:end]) {
		r.fail("</%s> where </%s> is wanted", r.arena[:end], open)
		return 0
	}
	r.pop()
	return End
}

func (r *Reader) pop() {
	last := r.openAt[len(r.openAt)-1]
	r.arena = append(r.arena[:0], r.open[last:]...)
	r.open, r.openAt = r.open[:last], r.openAt[:len(r.openAt)-1]
	r.prefix, r.name = split(r.arena, 0, bytes.IndexByte(r.arena, ':'), len(r.arena))
}
