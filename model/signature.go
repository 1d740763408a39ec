package model

import "fmt"

// Signature is what an evaluator takes and gives. It never changes after Load.
type Signature struct {
	// Inputs are the fields that the evaluator reads, in the order of the
	// columns of the batch it scores.
	Inputs []Field
	// Outputs are the fields that it makes, in the order of the columns it fills.
	Outputs []Field
	// Target is the index in Outputs of the value that the model is about (the
	// predicted label or number), or -1 when it has none.
	Target int
}

// Field is a named, typed input or output.
type Field struct {
	Name string
	Type ElementType
	// Shape is the shape of one row's value: nil for a scalar, [784] for a
	// vector. All dimensions are known and positive.
	Shape []int
	// Optional says that an input may be absent from a record's schema: the
	// model replaces or tolerates a missing value.
	Optional bool
	// Doc is a few words for people: units, allowed values. It may be empty.
	Doc string
}

// Width is the number of values in one row: the product of the shape.
func (f *Field) Width() int {
	w := 1
	for _, d := range f.Shape {
		w *= d
	}
	return w
}

// String shows a field as "name float64[784]".
func (f *Field) String() string {
	if len(f.Shape) == 0 {
		return f.Name + " " + f.Type.String()
	}
	return fmt.Sprintf("%s %s%v", f.Name, f.Type, f.Shape)
}
