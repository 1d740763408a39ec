package document

// Predicate is a condition on fields (DMG 4.4, Trees: PREDICATE).
type Predicate interface{ Located }

func predicates() map[string]Predicate {
	return map[string]Predicate{
		"SimplePredicate":    &SimplePredicate{},
		"SimpleSetPredicate": &SimpleSetPredicate{},
		"CompoundPredicate":  &CompoundPredicate{},
		"True":               &True{},
		"False":              &False{},
	}
}

// SimplePredicate compares a field with a value.
type SimplePredicate struct {
	Pos
	Field    string      `pmml:"field,required"`
	Operator string      `pmml:"operator,required,enum=equal|notEqual|lessThan|lessOrEqual|greaterThan|greaterOrEqual|isMissing|isNotMissing"`
	Value    Opt[string] `pmml:"value"`
}

// SimpleSetPredicate asks whether a field's value is one of a set.
type SimpleSetPredicate struct {
	Pos
	Field    string `pmml:"field,required"`
	Operator string `pmml:"booleanOperator,required,enum=isIn|isNotIn"`
	Array    *Array `pmml:"Array,required"`
}

// CompoundPredicate combines predicates.
type CompoundPredicate struct {
	Pos
	Operator   string      `pmml:"booleanOperator,required,enum=and|or|xor|surrogate"`
	Predicates []Predicate `pmml:"*"`
}

// True is always true.
type True struct{ Pos }

// False is always false.
type False struct{ Pos }
