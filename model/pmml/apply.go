package pmml

import (
	"strings"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// apply compiles a function application (DMG 4.4, Functions).
func (s *scope) apply(e *document.Apply, p params) expr {
	args := make([]expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = s.expr(a, p)
	}
	c := &callExpr{
		name: e.Function, args: args, ifMissing: optText(e.MapMissingTo), otherwise: optText(e.DefaultValue),
		mapMissing: e.MapMissingTo.Set, asMissing: e.InvalidValueTreatment == "asMissing", asIs: e.InvalidValueTreatment == "asIs",
	}
	if s.c.doc.Is("4.1") && c.mapMissing {
		// PMML 4.1 named so what is the default value from 4.2 on.
		c.otherwise, c.ifMissing, c.mapMissing = c.ifMissing, missing, false
	}
	if b, name, ok := s.builtin(e.Function); ok {
		c.name = name
		if len(args) < b.min || b.max >= 0 && len(args) > b.max {
			s.c.refuse(e, "function %q with %d arguments", e.Function, len(args))
		}
		if b.prepare != nil {
			b.fn = b.prepare(s, e, args)
		}
		c.fn, c.t, c.lenient = b.fn, b.result(args), b.lenient
		return simplify(c)
	}
	def := s.c.functions[e.Function]
	if def == nil {
		s.c.refuseAttr(e, "function", "function %q is not known", e.Function)
	}
	c.body = s.define(def, e)
	if len(args) != len(def.Parameters) {
		s.c.refuse(e, "function %q takes %d arguments, not %d", e.Function, len(def.Parameters), len(args))
	}
	c.lenient, c.t = true, c.body.typ()
	return c
}

// builtin finds a built-in function. Exporters write those that came with a
// later version than the document's with an "x-".
func (s *scope) builtin(name string) (b builtin, plain string, ok bool) {
	if plain, extended := strings.CutPrefix(name, "x-"); extended && s.c.functions[name] == nil {
		name = plain
	}
	b, ok = s.c.builtins[name]
	return b, name, ok
}

// simplify replaces what needs no call: a choice evaluates one branch only,
// arithmetic of two numbers needs no list of arguments.
func simplify(c *callExpr) expr {
	plain := !c.mapMissing && c.otherwise.none() && !c.asMissing && !c.asIs
	switch op := c.name; {
	case op == "if":
		return &ifExpr{call: c}
	case plain && (op == "+" || op == "-" || op == "*" || op == "/"):
		return &arithExpr{op: op[0], a: c.args[0], b: c.args[1], t: c.t}
	}
	return c
}

// define compiles a function's body once for each function; parameters are
// registers of the frame.
func (s *scope) define(def *document.DefineFunction, at document.Located) *functionBody {
	if b := s.c.bodies[def]; b != nil {
		if b.expr == nil {
			s.c.refuse(at, "function %q calls itself", def.Name)
		}
		s.c.spend(at, b.cost)
		return b
	}
	b := &functionBody{first: s.c.plan.regs, t: dataTypeOf(def.DataType)}
	s.c.bodies[def] = b
	p := params{}
	for i, f := range def.Parameters {
		t := dataTypeOf(f.DataType)
		b.types = append(b.types, t)
		p[f.Name] = &paramExpr{reg: b.first + i, t: t}
	}
	s.c.plan.regs += len(def.Parameters)
	if s.c.calls++; s.c.calls > maxCalls {
		s.c.refuse(at, "functions call functions more than %d deep", maxCalls)
	}
	before := s.c.work
	for _, f := range def.Fields {
		if p[f.Name] != nil {
			s.c.refuseAttr(f, "name", "%q is there twice", f.Name)
		}
		from := s.c.work
		e := s.expr(f.Expression, p)
		p[f.Name] = &innerExpr{of: e, t: dataTypeOf(f.DataType), cost: s.c.work - from}
	}
	e := s.expr(def.Expression, p)
	b.cost = s.c.work - before
	s.c.calls--
	if b.t == tMissing {
		b.result = e.typ()
	} else {
		b.result = b.t
	}
	b.expr = e
	return b
}

// innerExpr is a field that a function derives for itself: an expression, as
// often as it is used.
type innerExpr struct {
	of   expr
	t    dataType // or tMissing to keep that of the expression
	cost int
}

func (e *innerExpr) typ() dataType {
	if e.t == tMissing {
		return e.of.typ()
	}
	return e.t
}

func (e *innerExpr) eval(f *frame, row int32) value { return e.of.eval(f, row).cast(e.t) }

// functionBody is a compiled DefineFunction.
type functionBody struct {
	first  int // register
	types  []dataType
	t      dataType // of the result, or tMissing to keep it
	result dataType // what is known about the result
	expr   expr
	cost   int // expressions that a call evaluates
}

func (b *functionBody) typ() dataType { return b.result }

func (b *functionBody) call(f *frame, row int32, args []value) value {
	for i, v := range args {
		v = v.cast(b.types[i])
		if v.isFailed() {
			return v
		}
		f.regs[b.first+i] = v
	}
	return b.expr.eval(f, row).cast(b.t)
}

// callExpr applies a built-in function or the body of a defined one.
type callExpr struct {
	name       string
	args       []expr
	fn         func(f *frame, args []value) value
	body       *functionBody
	t          dataType
	lenient    bool // the function itself deals with missing arguments
	mapMissing bool
	ifMissing  value
	otherwise  value // for a missing result
	asMissing  bool  // an invalid result counts as a missing one
	asIs       bool  // NaN is as good as any number
}

func (e *callExpr) typ() dataType { return e.t }

func (e *callExpr) eval(f *frame, row int32) value {
	base := len(f.args)
	for _, a := range e.args {
		v := a.eval(f, row)
		if v.isFailed() || v.isMissing() && (e.mapMissing || !e.lenient) {
			f.args = f.args[:base]
			switch {
			case v.isFailed():
				return v
			case e.mapMissing:
				return e.ifMissing
			}
			return missingArgument(e.name)
		}
		f.args = append(f.args, v)
	}
	var v value
	if e.body != nil {
		v = e.body.call(f, row, f.args[base:])
	} else {
		v = e.fn(f, f.args[base:])
	}
	f.args = f.args[:base]
	return e.finish(v)
}

// missingArgument is the result of a function that has nothing to say about a
// missing argument. The standard leaves it open; the reference refuses the row.
func missingArgument(function string) value {
	return failure("function " + function + ": an argument is missing; mapMissingTo would help")
}

// finish applies the treatments of a result.
func (e *callExpr) finish(v value) value {
	if !e.asIs {
		v = v.defined()
	}
	switch {
	case v.isMissing():
		return e.otherwise
	case v.isFailed() && e.asMissing:
		return e.otherwise
	case v.isFailed() && !containsAny(v.s, ":"):
		return failure("function " + e.name + ": " + v.s)
	}
	return v
}

// defined is the value, unless it is NaN: a function that has no result for its
// arguments has an invalid one (DMG 4.4, Functions: invalidValueTreatment).
func (v value) defined() value {
	if v.n != v.n && (v.t == tDouble || v.t == tFloat) {
		return failure("the result is not a number")
	}
	return v
}

// ifExpr evaluates its condition and the branch that it chooses.
type ifExpr struct{ call *callExpr }

func (e *ifExpr) typ() dataType { return e.call.t }

func (e *ifExpr) eval(f *frame, row int32) value {
	c := e.call
	v := c.args[0].eval(f, row)
	if v.isMissing() {
		if c.mapMissing {
			return c.ifMissing
		}
		return missingArgument("if")
	}
	if v = v.cast(tBoolean); v.isFailed() {
		return v
	}
	branch := 1
	if v.n == 0 {
		branch = 2
	}
	if branch < len(c.args) {
		v = c.args[branch].eval(f, row)
		if v.isMissing() && c.mapMissing {
			return c.ifMissing
		}
	} else {
		v = missing
	}
	if v.isMissing() {
		return c.otherwise
	}
	if v.isFailed() && c.asMissing {
		return c.otherwise
	}
	return v
}

// arithExpr is +, −, × or ÷ of two numbers.
type arithExpr struct {
	op   byte
	a, b expr
	t    dataType
}

func (e *arithExpr) typ() dataType { return e.t }

func (e *arithExpr) eval(f *frame, row int32) value {
	return arithmetic(e.op, e.a.eval(f, row), e.b.eval(f, row)).defined()
}

// arithmetic computes in the wider type of its operands: integers divide to
// integers, floats round to single precision.
func arithmetic(op byte, a, b value) value {
	if a.t != tDouble || b.t != tDouble {
		switch {
		case a.isFailed():
			return a
		case b.isFailed():
			return b
		case a.isMissing() || b.isMissing():
			return missing
		}
		if a = a.asNumber(); a.isFailed() {
			return a
		}
		if b = b.asNumber(); b.isFailed() {
			return b
		}
	}
	t := max(a.t, b.t)
	var x float64
	switch op {
	case '+':
		x = a.n + b.n
	case '-':
		x = a.n - b.n
	case '*':
		x = a.n * b.n
	default:
		if t == tInteger {
			if b.n == 0 {
				return failure("division by zero")
			}
			return integer(trunc(a.n / b.n))
		}
		x = a.n / b.n
	}
	if t == tFloat {
		x = single(x)
	}
	return value{t: t, n: x}
}

// asNumber is the value as an integer, float or double.
func (v value) asNumber() value {
	switch {
	case v.t.numeric() || v.none():
		return v
	case v.t.integerLike():
		return integer(v.n)
	case v.t == tString:
		if n := guess(v.s); n.t != tString {
			return n
		}
		return failure("text \"" + document.Short(v.s) + "\" where a number is wanted")
	}
	return failure("is of type " + v.t.String() + ", a number is wanted")
}
