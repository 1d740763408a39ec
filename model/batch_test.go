package model_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// A batch that is used again has the new rows' shape, no old states and no old
// errors, whatever it held before.
func TestBatchIsUsedAgain(t *testing.T) {
	wide := []model.Field{{Name: "v", Type: model.Float32, Shape: []int{2, 3}}, {Name: "s", Type: model.String}}
	narrow := []model.Field{{Name: "n", Type: model.Int64}}
	var b model.Batch
	for _, c := range []struct {
		fields []model.Field
		rows   int
	}{{wide, 4}, {narrow, 9}, {wide, 1}, {nil, 3}, {wide, 4}} {
		b.Reset(c.fields, c.rows)
		if b.Rows != c.rows || len(b.Columns) != len(c.fields) || len(b.Errors) != 0 {
			t.Fatalf("%d rows, %d columns, %d errors", b.Rows, len(b.Columns), len(b.Errors))
		}
		for i := range b.Columns {
			col := &b.Columns[i]
			if col.Type != c.fields[i].Type || col.Width != c.fields[i].Width() {
				t.Errorf("column %d is %v × %d", i, col.Type, col.Width)
			}
			for row := range c.rows {
				if col.StateOf(row) != model.Valid {
					t.Errorf("row %d of column %d is %v", row, i, col.StateOf(row))
				}
			}
			col.SetState(0, c.rows, model.Missing)
		}
		if len(c.fields) > 0 {
			b.Fail(0, &model.RecordError{Kind: model.MissingInput})
		}
	}
	if got := len(b.Columns[0].Float32); got != 4*6 {
		t.Errorf("%d values for 4 rows of [2 3]", got)
	}
}

func TestColumnValues(t *testing.T) {
	const rows = 3
	f := model.Field{Name: "x", Type: model.Float64}
	var c model.Column
	c.Reset(&f, rows)
	copy(c.Float64, []float64{1, 2, 3})
	c.SetState(1, rows, model.Valid)
	if len(c.State) != 0 {
		t.Error("states were made where all rows are valid")
	}
	c.SetState(2, rows, model.Invalid)
	for row, want := range []any{1.0, 2.0, nil} {
		if got := c.Value(row); got != want {
			t.Errorf("row %d: %v, want %v", row, got, want)
		}
	}
}

func TestFirstErrorOfARowIsKept(t *testing.T) {
	var b model.Batch
	first := &model.RecordError{Kind: model.InvalidInput, Field: "a", Value: "7", Rule: "must be less than 5"}
	b.Fail(2, first)
	b.Fail(2, &model.RecordError{Kind: model.NoResult})
	if len(b.Errors) != 1 || b.Err(2) != first || b.Err(1) != nil {
		t.Errorf("errors: %v", b.Errors)
	}
	if got, want := first.Error(), `invalid-input: field "a": value "7": must be less than 5`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRegistry(t *testing.T) {
	load := func(context.Context, model.Spec) (model.Evaluator, error) { return nil, errors.New("not called") }
	good := model.Type{Name: "good", Load: load}
	for name, types := range map[string][]model.Type{
		"no name":         {{Load: load}},
		"upper case":      {{Name: "Good", Load: load}},
		"no Load":         {{Name: "good"}},
		"the same twice":  {good, good},
		"a name too long": {{Name: strings.Repeat("x", 65), Load: load}},
	} {
		if _, err := model.NewRegistry(types...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r, err := model.NewRegistry(good, model.Type{Name: "another", Load: load})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Lookup("good"); err != nil || got.Name != "good" {
		t.Errorf("good: %v, %v", got, err)
	}
	var refused *model.LoadError
	if _, err := r.Lookup("god"); !errors.As(err, &refused) || !strings.Contains(err.Error(), "another, good") {
		t.Errorf("an unknown name: %v", err)
	}
}
