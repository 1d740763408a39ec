package pmml

import (
	"slices"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// tri is a truth value of three-valued logic.
type tri int8

const (
	no      tri = 0
	yes     tri = 1
	unknown tri = -1
)

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

// op is what a test does.
type op uint8

const (
	opTrue op = iota
	opFalse
	opUnknown // compares with a value that the field's type does not have
	opEqual
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opMissing
	opNotMissing
	opIn
	opNotIn
	opOrder // an order of strings, see ordered
	opAnd
	opOr
	opXor
	opSurrogate
)

// test is a compiled predicate: where the standard allows it one comparison of
// numbers (strings are compared by their dictionary codes).
type test struct {
	op   op
	slot slot
	x    float64
	set  *numberSet
	ord  *ordered
	kids []test
}

// ordered compares strings: by the rank of an ordinal field's values, or by
// their text.
type ordered struct {
	op    op
	value string
	ranks map[string]int
}

// numberSet is a set of numbers or dictionary codes.
type numberSet struct {
	bits []uint64 // small non-negative integers
	rest []float64
}

func (s *numberSet) has(x float64) bool {
	if i := int(x); x >= 0 && float64(i) == x && i < len(s.bits)*64 {
		return s.bits[i>>6]&(1<<(i&63)) != 0
	}
	return slices.Contains(s.rest, x)
}

// maxBits bounds the memory of one set.
const maxBits = 1 << 16

func (s *numberSet) add(x float64) {
	i := int(x)
	if x < 0 || float64(i) != x || i >= maxBits {
		s.rest = append(s.rest, x)
		return
	}
	for i>>6 >= len(s.bits) {
		s.bits = append(s.bits, 0)
	}
	s.bits[i>>6] |= 1 << (i & 63)
}

// eval tests a row (DMG 4.4, Trees: predicates; missing values are unknown).
func (t *test) eval(f *frame, row int32) tri {
	switch t.op {
	case opTrue:
		return yes
	case opFalse:
		return no
	case opAnd, opOr, opXor, opSurrogate:
		return t.compound(f, row)
	}
	c := &f.cols[t.slot]
	if !c.clean {
		switch c.state[row] {
		case valid:
		case absent:
			if t.op == opMissing || t.op == opNotMissing {
				return truth(t.op == opMissing)
			}
			return unknown
		default:
			f.refuse(t.slot, row)
			return unknown
		}
	}
	x := c.num[row]
	switch t.op {
	case opEqual:
		return truth(x == t.x)
	case opNotEqual:
		return truth(x != t.x)
	case opLess:
		return truth(x < t.x)
	case opLessEqual:
		return truth(x <= t.x)
	case opGreater:
		return truth(x > t.x)
	case opGreaterEqual:
		return truth(x >= t.x)
	case opMissing:
		return no
	case opNotMissing:
		return yes
	case opIn:
		return truth(t.set.has(x))
	case opNotIn:
		return truth(!t.set.has(x))
	case opOrder:
		return t.ord.eval(c.str[row])
	}
	return unknown
}

func (t *test) compound(f *frame, row int32) tri {
	switch t.op {
	case opSurrogate:
		for i := range t.kids {
			if v := t.kids[i].eval(f, row); v != unknown {
				return v
			}
		}
		return unknown
	case opXor:
		v := no
		for i := range t.kids {
			k := t.kids[i].eval(f, row)
			if k == unknown {
				return unknown
			}
			v ^= k
		}
		return v
	}
	decides, result := no, yes // of and
	if t.op == opOr {
		decides, result = yes, no
	}
	for i := range t.kids {
		switch t.kids[i].eval(f, row) {
		case decides:
			return decides
		case unknown:
			result = unknown
		}
	}
	return result
}

// alternative says that a surrogate predicate was decided by a substitute.
func (t *test) alternative(f *frame, row int32) bool {
	return t.op == opSurrogate && len(t.kids) > 0 && t.kids[0].eval(f, row) == unknown
}

func (o *ordered) eval(s string) tri {
	var d int
	if o.ranks != nil {
		a, ok := o.ranks[s]
		b, ok2 := o.ranks[o.value]
		if !ok || !ok2 {
			return unknown
		}
		d = a - b
	} else {
		d, _ = text(s).compare(text(o.value))
	}
	switch o.op {
	case opLess:
		return truth(d < 0)
	case opLessEqual:
		return truth(d <= 0)
	case opGreater:
		return truth(d > 0)
	}
	return truth(d >= 0)
}

var operators = map[string]op{
	"equal": opEqual, "notEqual": opNotEqual, "lessThan": opLess, "lessOrEqual": opLessEqual,
	"greaterThan": opGreater, "greaterOrEqual": opGreaterEqual, "isMissing": opMissing, "isNotMissing": opNotMissing,
	"isIn": opIn, "isNotIn": opNotIn, "and": opAnd, "or": opOr, "xor": opXor, "surrogate": opSurrogate,
}

// predicate compiles a predicate.
func (s *scope) predicate(p document.Predicate) test {
	s.c.at = p.Position()
	switch p := p.(type) {
	case *document.True:
		return test{op: opTrue}
	case *document.False:
		return test{op: opFalse}
	case *document.SimplePredicate:
		return s.simple(p)
	case *document.SimpleSetPredicate:
		return s.simpleSet(p)
	case *document.CompoundPredicate:
		if len(p.Predicates) < 2 && (p.Operator != "surrogate" || len(p.Predicates) == 0) {
			s.c.refuse(p, "two predicates are wanted at least")
		}
		t := test{op: operators[p.Operator]}
		for _, kid := range p.Predicates {
			t.kids = append(t.kids, s.predicate(kid))
		}
		return t
	}
	s.c.refuse(p, "the predicate is not supported")
	return test{}
}

func (s *scope) simple(p *document.SimplePredicate) test {
	t := test{op: operators[p.Operator], slot: s.field(p.Field, p)}
	if t.op == opMissing || t.op == opNotMissing {
		if p.Value.Set {
			s.c.refuseAttr(p, "value", "contradicts operator %q", p.Operator)
		}
		return t
	}
	if !p.Value.Set {
		s.c.refuseAttr(p, "value", "the attribute is missing")
	}
	info := s.c.info(t.slot)
	if info.typ == tString && t.op > opNotEqual {
		return test{op: opOrder, slot: t.slot, ord: &ordered{op: t.op, value: p.Value.V, ranks: info.ranks}}
	}
	v, ok := s.c.constant(t.slot, p.Value.V)
	if !ok {
		s.c.refuseAttr(p, "value", "%q is no value of field %q, which is of type %s", p.Value.V, p.Field, info.typ)
	}
	t.x = v.n
	return t
}

func (s *scope) simpleSet(p *document.SimpleSetPredicate) test {
	t := test{op: operators[p.Operator], slot: s.field(p.Field, p), set: &numberSet{}}
	for _, text := range p.Array.Values {
		v, ok := s.c.constant(t.slot, text)
		if !ok {
			s.c.refuse(p.Array, "%q is no value of field %q, which is of type %s", text, p.Field, s.c.info(t.slot).typ)
		}
		t.set.add(v.n)
	}
	return t
}
