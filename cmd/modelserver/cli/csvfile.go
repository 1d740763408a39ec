package cli

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is a CSV file that is being read: a header, then rows.
type table struct {
	columns []string
	in      *csv.Reader
	line    int // of the last row that was read
}

// openTable reads the header. delimiter is one character; empty: a comma,
// semicolon or tab, whichever the header has most of.
func openTable(r io.Reader, delimiter string) (*table, error) {
	head := newHeadReader(r)
	comma, err := pickDelimiter(delimiter, head.firstLine())
	if err != nil {
		return nil, err
	}
	in := csv.NewReader(head)
	in.Comma = comma
	in.TrimLeadingSpace = true
	columns, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("the CSV has no header line: %w", err)
	}
	columns[0] = strings.TrimPrefix(columns[0], "\ufeff")
	return &table{columns: columns, in: in, line: 1}, nil
}

func pickDelimiter(wanted, header string) (rune, error) {
	switch {
	case wanted == `\t`:
		return '\t', nil
	case wanted != "":
		r, size := utf8.DecodeRuneInString(wanted)
		if size != len(wanted) {
			return 0, usagef("--delimiter %q must be one character", wanted)
		}
		return r, nil
	}
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if n := strings.Count(header, string(c)); n > most {
			best, most = c, n
		}
	}
	return best, nil
}

// next returns the next row, or io.EOF.
func (t *table) next() ([]string, error) {
	row, err := t.in.Read()
	if err != nil {
		return nil, err
	}
	t.line, _ = t.in.FieldPos(0)
	return row, nil
}

// headReader lets a reader's beginning be looked at before it is read.
type headReader struct {
	head []byte
	rest io.Reader
}

func newHeadReader(r io.Reader) *headReader {
	head := make([]byte, 64<<10)
	n, _ := io.ReadFull(r, head) // an error shows when it is read
	return &headReader{head: head[:n], rest: r}
}

func (h *headReader) firstLine() string {
	line, _, _ := strings.Cut(string(h.head), "\n")
	return line
}

func (h *headReader) Read(p []byte) (int, error) {
	if len(h.head) > 0 {
		n := copy(p, h.head)
		h.head = h.head[n:]
		return n, nil
	}
	return h.rest.Read(p)
}
