package document

import (
	"cmp"
	"slices"
	"strings"
)

// Array is a list of values separated by white space (DMG 4.4, Arrays of
// Values). Values with spaces are quoted.
type Array struct {
	Pos
	N    Opt[int] `pmml:"n"`
	Type string   `pmml:"type,enum=int|real|string"`
	Text string   `pmml:"#text"`

	// Values are the values as text.
	Values []string
}

func (a *Array) finish() error {
	values, ok := splitArray(a.Text)
	if !ok {
		return refuse(a.Where(), "a quote is not closed")
	}
	a.Values, a.Text = values, ""
	if a.N.Set && a.N.V != len(values) {
		return refuse(a.At("n"), "%d values are announced, %d are there", a.N.V, len(values))
	}
	return nil
}

// Floats returns the values as numbers.
func (a *Array) Floats() ([]float64, error) {
	out := make([]float64, len(a.Values))
	for i, s := range a.Values {
		x, err := ParseFloat(s)
		if err != nil {
			return nil, refuse(a.Where(), "%s", err)
		}
		out[i] = x
	}
	return out, nil
}

// splitArray splits at white space outside of double quotes; inside of them \"
// is a quote and \\ a backslash.
func splitArray(text string) (values []string, ok bool) {
	if !strings.Contains(text, `"`) {
		return strings.Fields(text), true
	}
	var b strings.Builder
	inside, quoted := false, false
	flush := func() {
		if b.Len() > 0 || quoted {
			values = append(values, b.String())
		}
		b.Reset()
		quoted = false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inside && c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case c == '"':
			inside = !inside
			quoted = true
		case !inside && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			flush()
		default:
			b.WriteByte(c)
		}
	}
	flush()
	return values, !inside
}

// SparseArray is a REAL-SparseArray or INT-SparseArray; indices begin at 1.
type SparseArray struct {
	Pos
	N            Opt[int] `pmml:"n"`
	DefaultValue float64  `pmml:"defaultValue,default=0"`
	Indices      *Numbers `pmml:"Indices"`
	Entries      *Numbers `pmml:"REAL-Entries,alias=INT-Entries"`
}

// Numbers is numbers separated by white space.
type Numbers struct {
	Pos
	Text string `pmml:"#text"`

	Values []float64
}

func (n *Numbers) finish() error {
	for s := range strings.FieldsSeq(n.Text) {
		x, err := ParseFloat(s)
		if err != nil {
			return refuse(n.Where(), "%s", err)
		}
		n.Values = append(n.Values, x)
	}
	n.Text = ""
	return nil
}

// maxSparse bounds the length that a sparse array may claim.
const maxSparse = 1_000_000

func (s *SparseArray) finish() error {
	if len(s.indices()) != len(s.entries()) {
		return refuse(s.Where(), "%d indices and %d entries", len(s.indices()), len(s.entries()))
	}
	if s.N.Set && (s.N.V < 0 || s.N.V > maxSparse) {
		return refuse(s.At("n"), "%d is not between 0 and %d", s.N.V, maxSparse)
	}
	for _, x := range s.indices() {
		if i := int(x); float64(i) != x || i < 1 || i > s.Len() {
			return refuse(s.Where(), "index %v is not between 1 and %d", x, s.Len())
		}
	}
	return nil
}

func (s *SparseArray) indices() []float64 {
	if s.Indices == nil {
		return nil
	}
	return s.Indices.Values
}

func (s *SparseArray) entries() []float64 {
	if s.Entries == nil {
		return nil
	}
	return s.Entries.Values
}

// Len is the number of values, those that are not written included.
func (s *SparseArray) Len() int {
	if s.N.Set {
		return s.N.V
	}
	n := 0.0
	for _, x := range s.indices() {
		n = max(n, min(x, maxSparse))
	}
	return int(n)
}

// Floats returns all values.
func (s *SparseArray) Floats() []float64 {
	out := make([]float64, s.Len())
	for i := range out {
		out[i] = s.DefaultValue
	}
	for k, x := range s.indices() {
		out[int(x)-1] = s.entries()[k]
	}
	return out
}

// Matrix is a matrix of numbers (DMG 4.4, Matrices).
type Matrix struct {
	Pos
	Kind           string       `pmml:"kind,enum=diagonal|symmetric|any,default=any"`
	Rows           Opt[int]     `pmml:"nbRows"`
	Cols           Opt[int]     `pmml:"nbCols"`
	DiagDefault    Opt[float64] `pmml:"diagDefault"`
	OffDiagDefault Opt[float64] `pmml:"offDiagDefault"`
	Arrays         []*Array     `pmml:"Array"`
	Cells          []MatCell    `pmml:"MatCell"`
}

// MatCell is one element of a sparse [Matrix]; row and col begin at 1.
type MatCell struct {
	Pos
	Row  int     `pmml:"row,required"`
	Col  int     `pmml:"col,required"`
	Text float64 `pmml:"#text"`
}

func (m *Matrix) finish() error {
	slices.SortFunc(m.Cells, compareCells)
	for i := 1; i < len(m.Cells); i++ {
		if c := &m.Cells[i]; compareCells(m.Cells[i-1], *c) == 0 {
			return refuse(c.Where(), "row %d and column %d are there twice", c.Row, c.Col)
		}
	}
	return nil
}

func compareCells(a, b MatCell) int {
	return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col))
}

// cell returns a cell; row and col begin at 0.
func (m *Matrix) cell(row, col int) (x float64, ok bool) {
	i, ok := slices.BinarySearchFunc(m.Cells, MatCell{Row: row + 1, Col: col + 1}, compareCells)
	if !ok {
		return 0, false
	}
	return m.Cells[i].Text, true
}

// At returns an element; row and col begin at 0.
func (m *Matrix) At(row, col int) (float64, error) {
	if x, ok := m.cell(row, col); ok {
		return x, nil
	}
	if m.Kind == "symmetric" && col > row {
		return m.At(col, row)
	}
	if m.Kind == "diagonal" && len(m.Arrays) == 1 {
		if row != col {
			return m.OffDiagDefault.Or(0), nil
		}
		return m.Arrays[0].float(col)
	}
	if row < len(m.Arrays) {
		return m.Arrays[row].float(col)
	}
	if len(m.Arrays) > 0 {
		return 0, refuse(m.Where(), "there is no row %d", row+1)
	}
	if row == col {
		return m.DiagDefault.Or(0), nil
	}
	return m.OffDiagDefault.Or(0), nil
}

// Dense returns the elements row by row.
func (m *Matrix) Dense(rows, cols int) ([]float64, error) {
	if r, c := m.Rows.Or(rows), m.Cols.Or(cols); r != rows || c != cols {
		return nil, refuse(m.Where(), "a matrix of %d × %d, wanted is one of %d × %d", r, c, rows, cols)
	}
	for i := range m.Cells {
		if c := &m.Cells[i]; c.Row < 1 || c.Row > rows || c.Col < 1 || c.Col > cols {
			return nil, refuse(c.Where(), "row %d and column %d are not in a matrix of %d × %d", c.Row, c.Col, rows, cols)
		}
	}
	out := make([]float64, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			x, err := m.At(i, j)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
	}
	return out, nil
}

func (a *Array) float(i int) (float64, error) {
	if i >= len(a.Values) {
		return 0, refuse(a.Where(), "there is no value %d", i+1)
	}
	x, err := ParseFloat(a.Values[i])
	if err != nil {
		return 0, refuse(a.Where(), "%s", err)
	}
	return x, nil
}
