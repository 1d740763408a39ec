package modeltest

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/modelstream/modelserver/model"
)

// panicError is what tryScore makes of a panic.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("Score panicked: %v", e.value) }

func tryScore(ctx context.Context, e model.Evaluator, in, out *model.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p}
		}
	}()
	return e.Score(ctx, in, out)
}

// batchOf makes a batch of the cases' rows.
func batchOf(sig *model.Signature, cases []Case) (*model.Batch, error) {
	b := new(model.Batch)
	b.Reset(sig.Inputs, len(cases))
	for row := range cases {
		named := 0
		for i := range sig.Inputs {
			value, ok := cases[row].In[sig.Inputs[i].Name]
			if ok {
				named++
			}
			if err := setValue(&b.Columns[i], row, len(cases), value); err != nil {
				return nil, fmt.Errorf("case %q, input %q: %w", cases[row].Name, sig.Inputs[i].Name, err)
			}
		}
		if named != len(cases[row].In) {
			return nil, fmt.Errorf("case %q names an input that the signature lacks", cases[row].Name)
		}
	}
	return b, nil
}

// mustBatch is batchOf for a suite's own cases.
func mustBatch(t reporter, sig *model.Signature, cases []Case) *model.Batch {
	t.Helper()
	b, err := batchOf(sig, cases)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

// setValue puts a case's value into a column, converted to the column's type.
func setValue(c *model.Column, row, rows int, value any) error {
	switch v := value.(type) {
	case nil:
		c.SetState(row, rows, model.Missing)
		return nil
	case model.State:
		c.SetState(row, rows, v)
		return nil
	}
	v := reflect.ValueOf(value)
	if c.Width == 1 && v.Kind() != reflect.Slice {
		return setElement(c, row, v)
	}
	if v.Kind() != reflect.Slice || v.Len() != c.Width {
		return fmt.Errorf("%v is not a slice of %d values", value, c.Width)
	}
	for i := range c.Width {
		if err := setElement(c, row*c.Width+i, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func setElement(c *model.Column, i int, v reflect.Value) error {
	switch c.Type {
	case model.Float64, model.Float32:
		var f float64
		switch {
		case v.CanFloat():
			f = v.Float()
		case v.CanInt():
			f = float64(v.Int())
		default:
			return fmt.Errorf("%v is not a number", v)
		}
		if c.Type == model.Float64 {
			c.Float64[i] = f
		} else {
			c.Float32[i] = float32(f)
		}
		return nil
	case model.Int64:
		if v.CanInt() {
			c.Int64[i] = v.Int()
			return nil
		}
	case model.Bool:
		if v.Kind() == reflect.Bool {
			c.Bool[i] = v.Bool()
			return nil
		}
	case model.String:
		if v.Kind() == reflect.String {
			c.String[i] = v.String()
			return nil
		}
	}
	return fmt.Errorf("%v is not a %s", v, c.Type)
}

// wellFormed checks what Score has to leave in out whatever the values are.
func wellFormed(sig *model.Signature, in, out *model.Batch) error {
	if out.Rows != in.Rows {
		return fmt.Errorf("out has %d rows, not %d", out.Rows, in.Rows)
	}
	if len(out.Columns) != len(sig.Outputs) {
		return fmt.Errorf("out has %d columns, not %d", len(out.Columns), len(sig.Outputs))
	}
	for i := range out.Columns {
		if err := wellFormedColumn(&sig.Outputs[i], &out.Columns[i], out.Rows); err != nil {
			return fmt.Errorf("output %q: %w", sig.Outputs[i].Name, err)
		}
	}
	seen := make(map[int]bool)
	for _, e := range out.Errors {
		if e.Row < 0 || e.Row >= out.Rows || e.Err == nil || seen[e.Row] {
			return fmt.Errorf("out.Errors has a bad or repeated entry: row %d, %v", e.Row, e.Err)
		}
		seen[e.Row] = true
	}
	return nil
}

func wellFormedColumn(f *model.Field, c *model.Column, rows int) error {
	if c.Type != f.Type || c.Width != f.Width() {
		return fmt.Errorf("the column is %s of width %d, the signature says %s", c.Type, c.Width, f)
	}
	lengths := map[model.ElementType]int{
		model.Float64: len(c.Float64), model.Float32: len(c.Float32), model.Int64: len(c.Int64),
		model.Bool: len(c.Bool), model.String: len(c.String),
	}
	if n := lengths[c.Type]; n != rows*c.Width {
		return fmt.Errorf("it has %d values, not %d", n, rows*c.Width)
	}
	if n := len(c.State); n != 0 && n != rows {
		return fmt.Errorf("it has %d states, not %d", n, rows)
	}
	return nil
}

// result is one row of an output batch, boxed for comparison.
type result struct {
	values []any
	err    *model.RecordError
}

func resultOf(out *model.Batch, row int) result {
	if err := out.Err(row); err != nil {
		return result{err: err}
	}
	r := result{values: make([]any, len(out.Columns))}
	for i := range out.Columns {
		v := out.Columns[i].Value(row)
		if rv := reflect.ValueOf(v); rv.IsValid() && rv.Kind() == reflect.Slice {
			v = reflect.AppendSlice(reflect.MakeSlice(rv.Type(), 0, rv.Len()), rv).Interface()
		}
		r.values[i] = v
	}
	return r
}

func resultsOf(out *model.Batch) []result {
	rs := make([]result, out.Rows)
	for row := range rs {
		rs[row] = resultOf(out, row)
	}
	return rs
}

// diff says how two results differ, or "".
func (r result) diff(other result, tolerance float64) string {
	if r.err != nil || other.err != nil {
		if r.err == nil || other.err == nil || r.err.Kind != other.err.Kind {
			return fmt.Sprintf("error %v, not %v", r.err, other.err)
		}
		return ""
	}
	for i := range r.values {
		if !near(r.values[i], other.values[i], tolerance) {
			return fmt.Sprintf("output %d is %v, not %v", i, r.values[i], other.values[i])
		}
	}
	return ""
}

// Near compares two values as [model.Column.Value] gives them: numbers within
// the tolerance, relative above 1 and absolute below, whatever their types;
// everything else exactly. NaN equals NaN.
func Near(got, want any, tolerance float64) bool { return near(got, want, tolerance) }

func near(got, want any, tolerance float64) bool {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if !g.IsValid() || !w.IsValid() {
		return g.IsValid() == w.IsValid()
	}
	if g.Kind() == reflect.Slice && w.Kind() == reflect.Slice {
		if g.Len() != w.Len() {
			return false
		}
		for i := range g.Len() {
			if !near(g.Index(i).Interface(), w.Index(i).Interface(), tolerance) {
				return false
			}
		}
		return true
	}
	gf, gok := number(g)
	wf, wok := number(w)
	if !gok || !wok {
		return g.Kind() == w.Kind() && g.Interface() == w.Interface()
	}
	if gf == wf || math.IsNaN(gf) && math.IsNaN(wf) {
		return true
	}
	return math.Abs(gf-wf) <= tolerance*max(1, math.Abs(wf))
}

func number(v reflect.Value) (float64, bool) {
	switch {
	case v.CanFloat():
		return v.Float(), true
	case v.CanInt():
		return float64(v.Int()), true
	}
	return 0, false
}

// cloneBatch returns a deep copy.
func cloneBatch(b *model.Batch) *model.Batch {
	c := &model.Batch{Rows: b.Rows, Columns: slices.Clone(b.Columns), Errors: slices.Clone(b.Errors)}
	for i := range c.Columns {
		col := &c.Columns[i]
		col.Float64, col.Float32 = slices.Clone(col.Float64), slices.Clone(col.Float32)
		col.Int64, col.Bool = slices.Clone(col.Int64), slices.Clone(col.Bool)
		col.String, col.State = slices.Clone(col.String), slices.Clone(col.State)
	}
	return c
}

// repeat returns n cases, the given ones over and over.
func repeat(cases []Case, n int) []Case {
	out := make([]Case, n)
	for i := range out {
		out[i] = cases[i%len(cases)]
	}
	return out
}
