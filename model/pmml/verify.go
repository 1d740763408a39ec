package pmml

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// Verify evaluates the verification rows of the document and compares with the
// results that its producer noted (DMG 4.4, Model Verification). It does
// nothing for a document without such rows.
func (m *Model) Verify(ctx context.Context) error {
	v := m.verification
	if v == nil {
		return nil
	}
	check := m.verifier(v)
	var in, out model.Batch
	table := v.Table.Rows
	if m.plan.group != "" {
		table = check.transactions(table)
	}
	together := blockRows
	if m.plan.looksBack() {
		together = max(1, len(table)) // they are a data set
	}
	for rows := range slices.Chunk(table, together) {
		in.Rows, in.Columns = len(rows), in.Columns[:0]
		for i := range m.signature.Inputs {
			in.Columns = append(in.Columns, check.input(m.signature.Inputs[i].Name, rows))
		}
		if err := m.score(ctx, &in, &out, true); err != nil {
			return err
		}
		for i := range rows {
			if err := check.row(i, &rows[i], &out); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifier knows which column of the table is which field.
type verifier struct {
	model   *Model
	columns map[string]document.ColumnName // of inputs
	results []verifiedOutput
}

type verifiedOutput struct {
	field  *document.VerificationField
	column document.ColumnName
	index  int
	single bool // computed in single precision
}

func (m *Model) verifier(v *document.ModelVerification) *verifier {
	c := &verifier{model: m, columns: map[string]document.ColumnName{}}
	for i := range v.Fields.Fields {
		f := &v.Fields.Fields[i]
		column := f.Column
		if column == "" {
			column = document.ColumnName(f.Field)
		}
		output := slices.IndexFunc(m.signature.Outputs, func(o model.Field) bool { return o.Name == f.Field })
		input := slices.IndexFunc(m.signature.Inputs, func(o model.Field) bool { return o.Name == f.Field })
		if input >= 0 {
			c.columns[f.Field] = column
		}
		if output >= 0 {
			c.results = append(c.results, verifiedOutput{f, column, output, m.outputs[output].typ == tFloat || m.plan.root.targets[0].math.single})
		}
	}
	return c
}

// input makes a column of text; the model converts it.
func (c *verifier) input(name string, rows []document.Row) model.Column {
	col := model.Column{Type: model.String, Width: 1, String: make([]string, len(rows))}
	column, known := c.columns[name]
	for i := range rows {
		cell, ok := rows[i].Get(column)
		if !known || !ok {
			col.SetState(i, len(rows), model.Missing)
			continue
		}
		col.String[i] = cell
	}
	return col
}

func (c *verifier) row(i int, row *document.Row, out *model.Batch) error {
	at := document.Pos{Element: "row", Line: row.Line}
	if err := out.Err(i); err != nil {
		if !slices.ContainsFunc(c.results, func(r verifiedOutput) bool { _, ok := row.Get(r.column); return ok }) {
			return nil // no result is expected
		}
		return &model.LoadError{Where: at.Where(), Reason: "verification: the row cannot be scored", Err: err}
	}
	for _, r := range c.results {
		want, ok := row.Get(r.column)
		if !ok {
			continue
		}
		got := out.Columns[r.index].Value(i)
		if !agrees(want, got, &r) {
			return &model.LoadError{Where: at.Where(), Reason: fmt.Sprintf(
				"verification: %q is %v, the document expects %s within %g", r.field.Field, got, document.Short(want), r.field.Precision)}
		}
	}
	return nil
}

// agrees compares as the standard has it: relative to the expected value, or
// both within the threshold of zero.
func agrees(want string, got any, r *verifiedOutput) bool {
	f := *r.field
	if r.single {
		f.Precision = max(f.Precision, singlePrecision)
	}
	switch got := got.(type) {
	case nil:
		return false
	case float64:
		w, err := document.ParseFloat(want)
		if r.single {
			w = single(w)
		}
		return err == nil && near(w, got, &f)
	case int64:
		w, err := document.ParseFloat(want)
		return err == nil && near(w, float64(got), &f)
	case bool:
		w := parse(want, tBoolean)
		return !w.isFailed() && (w.n == 1) == got
	case string:
		if got == want {
			return true
		}
		w, err := document.ParseFloat(want)
		g, err2 := document.ParseFloat(got)
		return err == nil && err2 == nil && w == g
	}
	return false
}

// singlePrecision is what can be asked of single precision: four units in the
// last place. Exporters write 1e-13 even there.
const singlePrecision = 0x1p-21

func near(want, got float64, f *document.VerificationField) bool {
	if math.Abs(want) <= f.ZeroThreshold {
		return math.Abs(got) <= f.ZeroThreshold
	}
	return math.Abs(want-got) <= f.Precision*math.Abs(want) || math.IsNaN(want) && math.IsNaN(got)
}
