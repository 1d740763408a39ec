package xmlread

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// newUTF8 returns the document as UTF-8 without a byte order mark. It knows
// UTF-8, US-ASCII, ISO-8859-1, windows-1252 and, by its mark, UTF-16.
func newUTF8(src io.Reader) io.Reader {
	in := bufio.NewReaderSize(src, 4096)
	head, _ := in.Peek(256) // a short document or a failing source shows again at Read
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = in.Discard(3) // they are in the buffer
		return in
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		_, _ = in.Discard(2)
		return &transcoder{next: utf16Reader(in, true)}
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		_, _ = in.Discard(2)
		return &transcoder{next: utf16Reader(in, false)}
	}
	switch name := strings.ToLower(declared(head)); name {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return in
	case "iso-8859-1", "latin1", "iso8859-1", "windows-1252", "cp1252":
		return &transcoder{next: func() (rune, error) {
			c, err := in.ReadByte()
			if c >= 0x80 && c < 0xa0 && strings.HasSuffix(name, "1252") {
				return windows1252[c-0x80], err
			}
			return rune(c), err
		}}
	default:
		return failing{&Error{Reason: fmt.Sprintf("encoding %q is not known; save the document as UTF-8", name)}}
	}
}

// declared returns the encoding that the XML declaration names.
func declared(head []byte) string {
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return ""
	}
	decl, _, _ := strings.Cut(string(head), "?>")
	_, rest, ok := strings.Cut(decl, "encoding")
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, " \t\r\n=")
	if rest == "" {
		return ""
	}
	value, _, _ := strings.Cut(rest[1:], rest[:1])
	return value
}

func utf16Reader(in *bufio.Reader, big bool) func() (rune, error) {
	unit := func() (rune, error) {
		a, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		b, err := in.ReadByte()
		if err != nil {
			return 0, &Error{Reason: "the document ends inside of a UTF-16 unit"}
		}
		if big {
			return rune(a)<<8 | rune(b), nil
		}
		return rune(b)<<8 | rune(a), nil
	}
	return func() (rune, error) {
		c, err := unit()
		if err != nil || !utf16.IsSurrogate(c) {
			return c, err
		}
		low, err := unit()
		if err != nil {
			return 0, err
		}
		r := utf16.DecodeRune(c, low)
		if r == utf8.RuneError {
			return 0, &Error{Reason: "half of a UTF-16 pair"}
		}
		return r, nil
	}
}

// transcoder turns runes into UTF-8.
type transcoder struct {
	next func() (rune, error)
	rest []byte
	mem  [utf8.UTFMax]byte
}

func (t *transcoder) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(t.rest) == 0 {
			c, err := t.next()
			if err != nil {
				return n, err
			}
			t.rest = utf8.AppendRune(t.mem[:0], c)
		}
		k := copy(p[n:], t.rest)
		t.rest = t.rest[k:]
		n += k
	}
	return n, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// windows1252 is the block 0x80–0x9f of that code page.
var windows1252 = [32]rune{
	'€', 0xfffd, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0xfffd, 'Ž', 0xfffd,
	0xfffd, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0xfffd, 'ž', 'Ÿ',
}
