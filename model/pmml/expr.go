package pmml

import (
	"github.com/modelstream/modelserver/model/pmml/document"
)

// expr is a compiled expression. It is evaluated row by row over columns; an
// error is a value of type tFailed, which fails the row only if the result is
// used.
type expr interface {
	eval(f *frame, row int32) value
	typ() dataType // of the result where it is known, or tMissing
}

// columnExpr is an expression that can fill a whole column faster. It returns
// false when it cannot do so for these rows.
type columnExpr interface {
	expr
	column(f *frame, rows []int32, to slot, typ dataType) bool
}

// params are the parameters of the function whose body is being compiled.
type params map[string]expr

// expr compiles an expression (DMG 4.4, Transformation Dictionary).
func (s *scope) expr(e document.Expression, p params) expr {
	s.c.spend(e, 1)
	if s.c.depth++; s.c.depth > maxDepth {
		s.c.refuse(e, "expressions and the fields that they use are nested more than %d deep", maxDepth)
	}
	defer func() { s.c.depth-- }()
	switch e := e.(type) {
	case *document.Constant:
		return s.constant(e)
	case *document.FieldRef:
		return &refExpr{of: s.operand(e.Field, e, p), ifMissing: optText(e.MapMissingTo)}
	case *document.NormContinuous:
		return s.normContinuous(e, p)
	case *document.NormDiscrete:
		return s.normDiscrete(e, p)
	case *document.Discretize:
		return s.discretize(e, p)
	case *document.MapValues:
		return s.mapValues(e, p)
	case *document.TextIndex:
		return s.textIndex(e, p)
	case *document.Apply:
		return s.apply(e, p)
	case *document.Lag:
		return s.lag(e)
	case *document.Aggregate:
		return s.aggregate(e)
	case *document.ErrorExpression:
		return raised(e)
	}
	s.c.refuse(e, "the expression is not supported")
	return nil
}

func optText(o document.Opt[string]) value {
	if !o.Set {
		return missing
	}
	return text(o.V)
}

// operand is a field, or a parameter of the function being compiled.
func (s *scope) operand(name string, at document.Located, p params) expr {
	if e, ok := p[name]; ok {
		if inner, ok := e.(*innerExpr); ok {
			s.c.spend(at, inner.cost)
		}
		return e
	}
	sl := s.field(name, at)
	return &fieldExpr{slot: sl, t: s.c.info(sl).typ}
}

func (s *scope) constant(e *document.Constant) expr {
	if e.Missing {
		return constExpr{}
	}
	t := dataTypeOf(e.DataType)
	if t == tMissing {
		return constExpr{guess(e.Text)}
	}
	v := parse(e.Text, t)
	if v.isFailed() {
		s.c.refuse(e, "%q is no %s", document.Short(e.Text), t)
	}
	return constExpr{v}
}

// guess types a constant without a data type: an integer, a number, or text.
func guess(s string) value {
	if v := parse(s, tInteger); !v.isFailed() && !containsAny(s, ".eE") {
		return v
	}
	if v := parse(s, tDouble); !v.isFailed() {
		return v
	}
	return text(s)
}

// raised is an expression that fails the rows that evaluate it.
func raised(e *document.ErrorExpression) expr {
	if e.Message == "" {
		return constExpr{failure("the model raises an error here")}
	}
	return constExpr{failure("the model says: " + document.Short(e.Message))}
}

type constExpr struct{ v value }

func (e constExpr) eval(*frame, int32) value { return e.v }
func (e constExpr) typ() dataType            { return e.v.t }

type fieldExpr struct {
	slot slot
	t    dataType
}

func (e *fieldExpr) eval(f *frame, row int32) value { return f.get(e.slot, row) }
func (e *fieldExpr) typ() dataType                  { return e.t }

type refExpr struct {
	of        expr
	ifMissing value
}

func (e *refExpr) eval(f *frame, row int32) value {
	v := e.of.eval(f, row)
	if v.isMissing() {
		return e.ifMissing
	}
	return v
}

func (e *refExpr) typ() dataType { return e.of.typ() }

func (e *refExpr) column(f *frame, rows []int32, to slot, typ dataType) bool {
	k, ok := e.of.(columnExpr)
	return ok && k.column(f, rows, to, typ)
}

// paramExpr is a parameter of a function: a register of the frame.
type paramExpr struct {
	reg int
	t   dataType
}

func (e *paramExpr) eval(f *frame, _ int32) value { return f.regs[e.reg] }
func (e *paramExpr) typ() dataType                { return e.t }
