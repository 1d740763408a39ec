package document

import (
	"strings"

	"github.com/modelstream/modelserver/model/pmml/xmlread"
)

// InlineTable is a table inside of the document. Column names are those of the
// cells' elements, without namespace.
type InlineTable struct {
	Pos
	Rows []Row
}

// Row is a row of an [InlineTable].
type Row struct {
	Line  int
	Cells []Cell
}

// Cell is one value of a row.
type Cell struct {
	Column ColumnName
	Value  string
}

// Get returns the value in a column.
func (r *Row) Get(column ColumnName) (string, bool) {
	for i := range r.Cells {
		if r.Cells[i].Column == column {
			return r.Cells[i].Value, true
		}
	}
	return "", false
}

// maxColumns bounds the cells of one row.
const maxColumns = 100_000

func (t *InlineTable) decodeElement(d *decoder, pos Pos) error {
	for {
		kind, err := d.r.Next()
		switch {
		case err != nil:
			return err
		case kind == xmlread.End:
			return nil
		case kind == xmlread.Text:
			continue
		}
		switch _, name := d.r.Name(); string(name) {
		case "Extension":
			if err := d.skip(); err != nil {
				return err
			}
		case "row":
			row := Row{Line: d.r.Line()}
			if err := row.decode(d); err != nil {
				return err
			}
			t.Rows = append(t.Rows, row)
		default:
			return refuse(pos.Where(), "<%s> is not known inside", name)
		}
	}
}

func (r *Row) decode(d *decoder) error {
	for {
		kind, err := d.r.Next()
		switch {
		case err != nil:
			return err
		case kind == xmlread.End:
			return nil
		case kind == xmlread.Text:
			continue
		}
		_, name := d.r.Name()
		if string(name) == "Extension" {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		if len(r.Cells) >= maxColumns {
			return d.errorf("<row> with more than %d cells", maxColumns)
		}
		cell := Cell{Column: ColumnName(d.intern(name))}
		if cell.Value, err = d.text(string(cell.Column)); err != nil {
			return err
		}
		r.Cells = append(r.Cells, cell)
	}
}

// text reads the text of an element that has nothing else inside.
func (d *decoder) text(name string) (string, error) {
	var b []byte
	for {
		kind, err := d.r.Next()
		switch {
		case err != nil:
			return "", err
		case kind == xmlread.End:
			return d.intern(b), nil
		case kind == xmlread.Start:
			_, inner := d.r.Name()
			return "", d.errorf("<%s> is not known inside of <%s>", inner, name)
		}
		b = append(b, d.r.Text()...)
	}
}

// TrimmedGet is Get without white space around the value.
func (r *Row) TrimmedGet(column ColumnName) (string, bool) {
	s, ok := r.Get(column)
	return strings.TrimSpace(s), ok
}
