package pmml

import (
	"strings"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// mapExpr looks values up in a table (DMG 4.4, MapValues): by one column with
// a map from value to result, by several with one from the joined texts.
type mapExpr struct {
	of        []expr
	types     []dataType // of the columns, as the fields have them
	single    map[value]value
	joined    map[string]value
	otherwise value
	ifMissing value
	t         dataType
}

func (s *scope) mapValues(e *document.MapValues, p params) expr {
	m := &mapExpr{t: orString(dataTypeOf(e.DataType)), single: map[value]value{}, joined: map[string]value{}}
	if len(e.Columns) == 0 {
		s.c.refuse(e, "<FieldColumnPair> is missing inside")
	}
	for i := range e.Columns {
		of := s.operand(e.Columns[i].Field, &e.Columns[i], p)
		m.of = append(m.of, of)
		m.types = append(m.types, orString(of.typ()))
	}
	m.otherwise = s.typed(e, e.DefaultValue, m.t)
	m.ifMissing = s.typed(e, e.MapMissingTo, m.t)
	for i := range e.Table.Rows {
		s.mapRow(m, e, &e.Table.Rows[i])
	}
	return m
}

func (s *scope) mapRow(m *mapExpr, e *document.MapValues, row *document.Row) {
	at := document.Pos{Element: "row", Line: row.Line}
	out, ok := row.Get(e.OutputColumn)
	if !ok {
		s.c.refuse(at, "column %q is missing", e.OutputColumn)
	}
	result := s.typed(at, document.Some(out), m.t)
	var b strings.Builder
	for i := range e.Columns {
		cell, ok := row.Get(e.Columns[i].Column)
		if !ok {
			return // a row without this key matches nothing
		}
		v := parse(cell, m.types[i])
		if v.isFailed() {
			return // nor does a key that the field cannot have
		}
		if len(e.Columns) == 1 {
			if _, twice := m.single[key(v)]; !twice {
				m.single[key(v)] = result
			}
			return
		}
		joinKey(&b, v)
	}
	if _, twice := m.joined[b.String()]; !twice {
		m.joined[b.String()] = result
	}
}

// joinKey appends a value so that different lists of values differ.
func joinKey(b *strings.Builder, v value) {
	if v.t == tInteger || v.t == tFloat {
		v.t = tDouble
	}
	b.WriteString(v.format())
	b.WriteByte(0)
}

func (e *mapExpr) typ() dataType { return e.t }

func (e *mapExpr) eval(f *frame, row int32) value {
	if len(e.of) == 1 {
		v := e.of[0].eval(f, row)
		switch {
		case v.isMissing():
			return e.ifMissing
		case v.isFailed():
			return v
		}
		if v.t != e.types[0] {
			v = v.cast(e.types[0])
		}
		if r, ok := e.single[key(v)]; ok {
			return r
		}
		return e.otherwise
	}
	var b strings.Builder
	for i, of := range e.of {
		v := of.eval(f, row)
		switch {
		case v.isMissing():
			return e.ifMissing
		case v.isFailed():
			return v
		}
		joinKey(&b, v.cast(e.types[i]))
	}
	if r, ok := e.joined[b.String()]; ok {
		return r
	}
	return e.otherwise
}
