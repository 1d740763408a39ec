package pmml

import (
	"github.com/modelstream/modelserver/model/pmml/document"
)

// aggregateExpr summarises a field that is a collection (DMG 4.4, Transformation
// Dictionary: Aggregate). The standard aggregates the rows of a table by a
// group; a record here is a group already, and the field has the values of all
// its rows (collection.go). A value that is no collection fails: an aggregate
// of a whole data set cannot be told from one record.
type aggregateExpr struct {
	of       slot
	element  dataType // of the elements
	function string
}

func (s *scope) aggregate(e *document.Aggregate) expr {
	if e.SQLWhere != "" {
		s.c.refuseAttr(e, "sqlWhere", "conditions in SQL are not evaluated; select the rows before")
	}
	if e.GroupField != "" {
		s.field(e.GroupField, e)
	}
	df := s.c.data[e.Field]
	if df == nil {
		s.c.refuseAttr(e, "field", "%q is no field of the data; only those can be collections", e.Field)
	}
	a := &aggregateExpr{of: s.whole(e, df), element: dataTypeOf(df.DataType), function: e.Function}
	switch e.Function {
	case "sum", "average", "min", "max":
		if !a.element.numeric() {
			s.c.refuseAttr(e, "function", "%q needs numbers; field %q has none", e.Function, e.Field)
		}
	}
	return a
}

// whole is the slot of a field as a collection: text, whatever its elements are.
func (s *scope) whole(e *document.Aggregate, df *document.DataField) slot {
	mf := s.mining[e.Field]
	if s.parent != nil {
		return s.parent.whole(e, df)
	}
	if mf == nil {
		s.c.refuseAttr(e, "field", "%q is not in the mining schema", e.Field)
	}
	all := *df
	all.DataType, all.OpType, all.Values, all.Intervals = "string", "categorical", nil, nil
	to := s.c.slot(slotInfo{name: e.Field, typ: tString, op: "categorical", data: df})
	b := s.c.boundInput(to, &all, mf)
	s.c.plan.inputs[b.source].typ = tString
	s.c.plan.bound = append(s.c.plan.bound, b)
	return to
}

func (e *aggregateExpr) typ() dataType {
	switch e.function {
	case "count":
		return tInteger
	case "average":
		return tDouble
	case "multiset":
		return tString
	}
	return e.element
}

func (e *aggregateExpr) eval(f *frame, row int32) value {
	v := f.get(e.of, row)
	if v.none() {
		return v
	}
	if len(v.s) == 0 || v.s[0] != '[' {
		return failure("\"" + document.Short(v.s) + "\" is no collection: a JSON array is wanted")
	}
	texts := elements(v.s)
	switch e.function {
	case "count":
		return integer(float64(len(texts)))
	case "multiset":
		return text(jsonArray(texts))
	}
	return e.number(texts)
}

// number summarises the numbers of a collection; of none there is no summary.
func (e *aggregateExpr) number(texts []string) value {
	if len(texts) == 0 {
		return missing
	}
	x := make([]float64, len(texts))
	for i, s := range texts {
		v := parse(s, e.element)
		if v.isFailed() {
			return failure("\"" + document.Short(s) + "\" in a collection is no " + e.element.String())
		}
		x[i] = v.n
	}
	switch e.function {
	case "average":
		return number(sum(x, tDouble) / float64(len(x)))
	case "sum":
		return value{t: e.element, n: sum(x, e.element)}
	case "min":
		return value{t: e.element, n: extreme(x, func(a, b float64) bool { return a < b })}
	}
	return value{t: e.element, n: extreme(x, func(a, b float64) bool { return a > b })}
}
