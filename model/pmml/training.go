package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// A model that keeps training instances (nearest neighbors, Gaussian process)
// compares records with them in terms of its inputs, which may be derived
// fields. Instances that are not transformed yet are, at load, by the steps
// that transform records.

// training is the training instances of a model at load.
type training struct {
	mc    *modelCompiler
	doc   *document.TrainingInstances
	cells map[string]document.ColumnName // columns by field
}

func (mc *modelCompiler) training(doc *document.TrainingInstances) *training {
	t := &training{mc: mc, doc: doc, cells: map[string]document.ColumnName{}}
	for i := range doc.Fields.Fields {
		f := &doc.Fields.Fields[i]
		if _, twice := t.cells[f.Field]; twice {
			mc.c.refuseAttr(f, "field", "field %q is there twice", f.Field)
		}
		t.cells[f.Field] = f.Column
	}
	if len(doc.Table.Rows) == 0 {
		mc.c.refuse(doc.Table, "there is no <row> inside")
	}
	return t
}

// texts returns the cells of a field; a field that is not there is refused,
// and so is a row without it.
func (t *training) texts(field string, at document.Located) []string {
	column, ok := t.cells[field]
	if !ok {
		t.mc.c.refuse(at, "field %q is none of the <InstanceFields>", field)
	}
	out := make([]string, len(t.doc.Table.Rows))
	for i := range t.doc.Table.Rows {
		row := &t.doc.Table.Rows[i]
		if out[i], ok = row.TrimmedGet(column); !ok {
			t.mc.c.refuse(document.Pos{Element: "row", Line: row.Line}, "column %q is missing", column)
		}
	}
	return out
}

// numbers returns fields of all instances, instance × field, as they are
// compared with those of records: numbers and dictionary codes, and NaN for a
// missing value.
func (t *training) numbers(slots []slot) []float64 {
	c := t.mc.c
	c.plan.fit()
	f := newFrame(c.plan)
	var out []float64
	rows := t.doc.Table.Rows
	for lo := 0; lo < len(rows); lo += c.plan.rows {
		f.begin(min(c.plan.rows, len(rows)-lo))
		t.load(f, rows[lo:lo+f.n])
		for i := range f.n {
			for _, s := range slots {
				out = append(out, t.number(f, s, int32(i), rows[lo+i].Line))
			}
		}
	}
	return out
}

func (t *training) number(f *frame, s slot, row int32, line int) float64 {
	v := f.get(s, row)
	switch {
	case v.isMissing():
		return math.NaN()
	case v.isFailed():
		t.mc.c.refuse(document.Pos{Element: "row", Line: line}, "field %q %s", t.mc.c.info(s).name, v.s)
	case v.t == tString: // a value that no record was compared with so far
		return float64(t.mc.c.info(s).words.add(v.s))
	}
	return v.n
}

// load fills the frame with instances: the data fields, what is derived from
// them, and over that the derived fields that the table has itself.
func (t *training) load(f *frame, rows []document.Row) {
	c := t.mc.c
	for i := range c.plan.bound {
		b := &c.plan.bound[i]
		column, ok := t.cells[c.plan.slots[b.to].name]
		for r := range rows {
			raw := missing
			if s, given := rows[r].TrimmedGet(column); ok && given {
				raw = text(s)
			}
			f.put(b.to, int32(r), b.prepare(raw))
		}
	}
	t.derive(f, t.mc.scope)
	for field, column := range t.cells {
		s, known := t.mc.known[field]
		if !known || t.bound(s) {
			continue
		}
		for r := range rows {
			v := missing
			if cell, given := rows[r].TrimmedGet(column); given {
				v = parse(cell, c.info(s).typ)
			}
			f.put(s, int32(r), v)
		}
	}
}

func (t *training) derive(f *frame, s *scope) {
	if s.parent != nil {
		t.derive(f, s.parent)
	}
	for _, step := range s.steps {
		step.run(f, f.all[:f.n])
	}
}

// bound says whether a slot is filled from the data.
func (t *training) bound(s slot) bool {
	for i := range t.mc.c.plan.bound {
		if t.mc.c.plan.bound[i].to == s {
			return true
		}
	}
	return false
}
