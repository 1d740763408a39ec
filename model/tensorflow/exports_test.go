//go:build tensorflow

package tensorflow_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/modeltest"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// TestExportedModels has models of many kinds as people export them: the vetting
// lets them through, and they score as they do in Python. The files are made by
// scripts/tensorflow/exports.py.
func TestExportedModels(t *testing.T) {
	c := config(t)
	mt := modelType(t, c, tensorflow.Saved)
	archives, err := filepath.Glob("testdata/exports/*.zip")
	if err != nil || len(archives) < 16 {
		t.Fatalf("%d models, %v", len(archives), err)
	}
	for _, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".zip"), func(t *testing.T) {
			e := load(t, mt, read(t, archive), map[string]string{"result": "raw"})
			var want struct{ Inputs, Outputs map[string][]any }
			if err := json.Unmarshal(read(t, strings.TrimSuffix(archive, ".zip")+".json"), &want); err != nil {
				t.Fatal(err)
			}
			sig := e.Signature()
			if len(sig.Inputs) != len(want.Inputs) || len(sig.Outputs) != len(want.Outputs) {
				t.Fatalf("signature: %+v", sig)
			}
			in, out := new(model.Batch), new(model.Batch)
			in.Reset(sig.Inputs, len(want.Inputs[sig.Inputs[0].Name]))
			for i := range sig.Inputs {
				fill(t, &in.Columns[i], flatten(want.Inputs[sig.Inputs[i].Name]))
			}
			if err := e.Score(context.Background(), in, out); err != nil || len(out.Errors) > 0 {
				t.Fatal(err, out.Errors)
			}
			for i := range sig.Outputs {
				wanted := new(model.Batch)
				wanted.Reset(sig.Outputs, out.Rows)
				fill(t, &wanted.Columns[i], flatten(want.Outputs[sig.Outputs[i].Name]))
				for row := range out.Rows {
					if got, want := out.Columns[i].Value(row), wanted.Columns[i].Value(row); !modeltest.Near(got, want, 1e-5) {
						t.Errorf("row %d: %s is %v, not %v", row, sig.Outputs[i].Name, got, want)
					}
				}
			}
		})
	}
}

// flatten lists the elements of nested lists.
func flatten(list []any) []any {
	var flat []any
	for _, v := range list {
		if nested, ok := v.([]any); ok {
			flat = append(flat, flatten(nested)...)
		} else {
			flat = append(flat, v)
		}
	}
	return flat
}

// fill sets a column's values, which have to be as many.
func fill(t *testing.T, c *model.Column, values []any) {
	t.Helper()
	var column reflect.Value
	switch c.Type {
	case model.Float32:
		column = reflect.ValueOf(c.Float32)
	case model.Int64:
		column = reflect.ValueOf(c.Int64)
	case model.Bool:
		column = reflect.ValueOf(c.Bool)
	case model.String:
		column = reflect.ValueOf(c.String)
	default:
		t.Fatalf("columns of %s are not expected", c.Type)
	}
	if column.Len() != len(values) {
		t.Fatalf("%d values for %d places", len(values), column.Len())
	}
	for i, v := range values {
		column.Index(i).Set(reflect.ValueOf(v).Convert(column.Type().Elem()))
	}
}
