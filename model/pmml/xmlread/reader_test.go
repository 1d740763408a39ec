package xmlread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// tokens reads a document to the end and writes what was read: "<a x=1>",
// "</a>", text in quotes.
func tokens(r *Reader) ([]string, error) {
	var out []string
	text := ""
	for {
		kind, err := r.Next()
		if err != nil {
			return out, err
		}
		if kind != Text && text != "" {
			out = append(out, fmt.Sprintf("%q", text))
			text = ""
		}
		switch kind {
		case EOF:
			return out, nil
		case Text:
			text += string(r.Text())
		case End:
			prefix, name := r.Name()
			out = append(out, "</"+qualified(prefix, name)+">")
		case Start:
			prefix, name := r.Name()
			s := "<" + qualified(prefix, name)
			for _, a := range r.Attrs() {
				s += " " + qualified(a.Prefix, a.Name) + "=" + string(a.Value)
			}
			out = append(out, s+">")
		}
	}
}

func qualified(prefix, name []byte) string {
	if prefix == nil {
		return string(name)
	}
	return string(prefix) + ":" + string(name)
}

func TestRead(t *testing.T) {
	utf16 := func(s string, big bool) string {
		b := []byte{0xff, 0xfe}
		if big {
			b = []byte{0xfe, 0xff}
		}
		for _, c := range s {
			lo, hi := byte(c), byte(c>>8)
			if big {
				lo, hi = hi, lo
			}
			b = append(b, lo, hi)
		}
		return string(b)
	}
	for _, c := range []struct {
		name, doc string
		want      []string
	}{
		{"an element", `<a/>`, []string{"<a>", "</a>"}},
		{"white space and a comment around", "\n<!-- - -- --> <a></a>\n<?p i?>\n", []string{"<a>", "</a>"}},
		{"a declaration", `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><a/>`, []string{"<a>", "</a>"}},
		{"attributes", `<a x="1" y = '2' z=""/>`, []string{"<a x=1 y=2 z=>", "</a>"}},
		{"white space in an attribute's value", "<a x=\"1\n2\t3\"/>", []string{"<a x=1 2 3>", "</a>"}},
		{"a quote in the other quotes", `<a x='"' y="'"/>`, []string{`<a x=" y='>`, "</a>"}},
		{"greater than in a value and in text", `<a x=">">></a>`, []string{"<a x=>>", `">"`, "</a>"}},
		{"references", `<a x="&lt;&#65;&#x42;">&amp;&quot;&apos;&gt;</a>`, []string{"<a x=<AB>", `"&\"'>"`, "</a>"}},
		{"sections of characters", `<a>x<![CDATA[<b>&]]]></a>`, []string{"<a>", `"x<b>&]"`, "</a>"}},
		{"an empty section", `<a><![CDATA[]]></a>`, []string{"<a>", "</a>"}},
		{"text around elements", `<a>1<b>2</b>3</a>`, []string{"<a>", `"1"`, "<b>", `"2"`, "</b>", `"3"`, "</a>"}},
		{"a comment inside of text", `<a>1<!-- x -->2</a>`, []string{"<a>", `"12"`, "</a>"}},
		{"prefixes", `<p:a xmlns:p="u" p:x="1"><p:b/></p:a>`, []string{"<p:a xmlns:p=u p:x=1>", "<p:b>", "</p:b>", "</p:a>"}},
		{"names with all that is allowed", `<_a-b.c1 é="ü"/>`, []string{"<_a-b.c1 é=ü>", "</_a-b.c1>"}},
		{"a byte order mark", "\xef\xbb\xbf<a>ä</a>", []string{"<a>", `"ä"`, "</a>"}},
		{"Latin 1", "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>", []string{"<a>", `"ä"`, "</a>"}},
		{"Windows 1252", "<?xml version='1.0' encoding=\"windows-1252\"?><a>\x80</a>", []string{"<a>", `"€"`, "</a>"}},
		{"UTF-16, little end first", utf16("<a>ä€</a>", false), []string{"<a>", `"ä€"`, "</a>"}},
		{"UTF-16, big end first", utf16("<?xml version='1.0' encoding='UTF-16'?><a>ä€</a>", true), []string{"<a>", `"ä€"`, "</a>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tokens(New(strings.NewReader(c.doc), Limits{}))
			if err != nil || !slices.Equal(got, c.want) {
				t.Fatalf("got  %q, %v\nwant %q", got, err, c.want)
			}
			byByte, err := tokens(New(iotest.OneByteReader(strings.NewReader(c.doc)), Limits{}))
			if err != nil || !slices.Equal(byByte, c.want) {
				t.Fatalf("byte by byte %q, %v", byByte, err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		fits   string
		breaks string
		want   string
	}{
		{"bytes", Limits{Bytes: 20}, `<a>` + strings.Repeat(" ", 13) + `</a>`, `<a>` + strings.Repeat(" ", 14) + `</a>`, "line 1: the document is larger than 20 bytes"},
		{"bytes of UTF-16 count after transcoding", Limits{Bytes: 4}, "\xff\xfe<\x00a\x00/\x00>\x00", "\xff\xfe<\x00a\x00b\x00/\x00>\x00", "line 1: the document is larger than 4 bytes"},
		{"depth", Limits{Depth: 2}, `<a><b/></a>`, `<a><b><c/></b></a>`, "line 1: elements nested more than 2 deep"},
		{"elements", Limits{Elements: 3}, `<a><b/><b/></a>`, "<a><b/>\n<b/>\n<b/></a>", "line 3: more than 3 elements"},
		{"attributes", Limits{Attributes: 2}, `<a x="" y=""/>`, `<a x="" y="" z=""/>`, "line 1: more than 2 attributes in one element"},
		{"a value", Limits{Token: 8}, `<a x="12345"/>`, `<a x="1234567"/>`, "line 1: a name, value or text is longer than 8 bytes"},
		{"text", Limits{Token: 8}, `<a>12345678</a>`, `<a>123456789</a>`, "line 1: a name, value or text is longer than 8 bytes"},
		{"text of references", Limits{Token: 3}, `<a>&lt;&lt;&lt;</a>`, `<a>&lt;&lt;&lt;&lt;</a>`, "line 1: a value or text is longer than 3 bytes"},
		{"a section", Limits{Token: 8}, `<a><![CDATA[12345]]></a>`, `<a><![CDATA[123456]]></a>`, "line 1: a comment or section is longer than 8 bytes"},
		{"a comment", Limits{Token: 8}, `<a><!--12345--></a>`, `<a><!--123456--></a>`, "line 1: a comment or section is longer than 8 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := tokens(New(strings.NewReader(c.fits), c.limits)); err != nil {
				t.Errorf("%s: %v", c.fits, err)
			}
			_, err := tokens(New(strings.NewReader(c.breaks), c.limits))
			var bad *Error
			if !errors.As(err, &bad) || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestLinesAndDepth(t *testing.T) {
	r := New(strings.NewReader("<a>\n\n<b\n x='1'>t\n</b>\n</a>"), Limits{})
	var got []string
	for {
		kind, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if kind == EOF {
			break
		}
		got = append(got, fmt.Sprint(kind, " ", r.Line(), " ", r.Depth()))
	}
	want := []string{"1 1 1", "3 1 1", "1 3 2", "3 4 2", "2 5 1", "3 5 1", "2 6 0"}
	if !slices.Equal(got, want) {
		t.Errorf("kind, line, depth:\ngot  %q\nwant %q", got, want)
	}
}

func TestFailingSource(t *testing.T) {
	broken := errors.New("the disk is gone")
	r := New(io.MultiReader(strings.NewReader("<a>"), iotest.ErrReader(broken)), Limits{})
	_, err := tokens(r)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, again := r.Next(); !errors.Is(again, err) {
		t.Errorf("after an error: %v", again)
	}
}

// FuzzReader reads foreign bytes: no panic, tags that match, and the same
// whatever the pieces in which they come.
func FuzzReader(f *testing.F) {
	for _, s := range []string{`<a x="1">&lt;<![CDATA[]]]]></a>`, "<?xml encoding='latin1'?><a>\xe4</a>", "\xff\xfe<\x00a\x00/\x00>\x00", "<!-- --><a:b/>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		limits := Limits{Bytes: 1 << 16, Depth: 50}
		whole, err := tokens(New(bytes.NewReader(doc), limits))
		pieces, err2 := tokens(New(iotest.HalfReader(bytes.NewReader(doc)), limits))
		if (err == nil) != (err2 == nil) || err == nil && !slices.Equal(whole, pieces) {
			t.Fatalf("whole %q %v, in pieces %q %v", whole, err, pieces, err2)
		}
		if err != nil {
			return
		}
		depth := 0
		for _, s := range whole {
			switch {
			case strings.HasPrefix(s, "</"):
				depth--
			case strings.HasPrefix(s, "<"):
				depth++
			}
		}
		if depth != 0 {
			t.Fatalf("tags do not match: %q", whole)
		}
	})
}
