package model

import "fmt"

// ElementType is the type of a column's values (what inference protocols call
// the datatype of a tensor).
type ElementType uint8

// The element types. A new one needs a case in Column's methods, in the record
// decoders and in the result encoders.
const (
	Float64 ElementType = iota + 1
	Float32
	Int64
	Bool
	String
)

// String returns the name that configuration and messages use.
func (t ElementType) String() string {
	switch t {
	case Float64:
		return "float64"
	case Float32:
		return "float32"
	case Int64:
		return "int64"
	case Bool:
		return "bool"
	case String:
		return "string"
	}
	return fmt.Sprintf("ElementType(%d)", uint8(t))
}

// State says whether a row of a column has a value. It is explicit because NaN
// is a legal double, and because "no value" and "not a possible value" are
// treated differently by most models.
type State uint8

// The states of a value.
const (
	Valid State = iota
	Missing
	Invalid
)

// String returns the word that error messages use.
func (s State) String() string {
	switch s {
	case Valid:
		return "valid"
	case Missing:
		return "missing"
	case Invalid:
		return "invalid"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Column holds one field's values for every row of a batch. Exactly the slice
// that Type names is in use; its length is rows × Width, row after row.
//
// Strings may be views into the payload that they were decoded from: they are
// valid as long as the batch is, and must be cloned to outlive it.
type Column struct {
	Type  ElementType
	Width int // values per row: 1 for a scalar, the product of the shape otherwise

	Float64 []float64
	Float32 []float32
	Int64   []int64
	Bool    []bool
	String  []string

	// State has one entry a row, or is nil (length 0) when every row is valid.
	State []State
}

// Reset prepares the column for rows values of the field's type and width and
// reuses the memory it has. Values are not cleared; states are all valid.
func (c *Column) Reset(f *Field, rows int) {
	c.Type, c.Width = f.Type, f.Width()
	c.State = c.State[:0]
	n := rows * c.Width
	switch c.Type {
	case Float64:
		c.Float64 = grow(c.Float64, n)
	case Float32:
		c.Float32 = grow(c.Float32, n)
	case Int64:
		c.Int64 = grow(c.Int64, n)
	case Bool:
		c.Bool = grow(c.Bool, n)
	case String:
		c.String = grow(c.String, n)
	}
}

// StateOf returns the state of a row.
func (c *Column) StateOf(row int) State {
	if len(c.State) == 0 {
		return Valid
	}
	return c.State[row]
}

// SetState sets the state of one of the column's rows; rows is the batch's
// number of rows. It allocates only at the first state that is not [Valid].
func (c *Column) SetState(row, rows int, s State) {
	if len(c.State) == 0 {
		if s == Valid {
			return
		}
		c.State = grow(c.State, rows)
		clear(c.State)
	}
	c.State[row] = s
}

// Value returns a row's value boxed, or nil when the row's state is not valid:
// for tests, errors and other places where speed does not count. A row of a
// column wider than one comes as a slice of the column's memory.
func (c *Column) Value(row int) any {
	if c.StateOf(row) != Valid {
		return nil
	}
	lo, hi := row*c.Width, (row+1)*c.Width
	switch c.Type {
	case Float64:
		return scalarOr(c.Float64[lo:hi], c.Width)
	case Float32:
		return scalarOr(c.Float32[lo:hi], c.Width)
	case Int64:
		return scalarOr(c.Int64[lo:hi], c.Width)
	case Bool:
		return scalarOr(c.Bool[lo:hi], c.Width)
	case String:
		return scalarOr(c.String[lo:hi], c.Width)
	}
	return nil
}

func scalarOr[T any](s []T, width int) any {
	if width == 1 {
		return s[0]
	}
	return s
}

func grow[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n, n+n/4)
}
