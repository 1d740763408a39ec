package pmml

import (
	"context"
	"fmt"

	"github.com/modelstream/modelserver/model"
)

// Evaluate scores one record: input names to values of type float64, float32,
// int, int64, bool or string; absent or nil is missing. The result has a value
// (float64, int64, bool or string) for each output that is not missing. An
// error is a [*model.RecordError], or says that a value is of another type.
//
// A model that looks back at earlier records (Lag) cannot be evaluated so.
//
// It is convenient, not fast: use [Model.Score] for many records.
func (m *Model) Evaluate(record map[string]any) (map[string]any, error) {
	if len(m.plan.lags) > 0 {
		return nil, fmt.Errorf("%s: looks at earlier records; score them together", m.plan.lagAt.Where())
	}
	var in, out model.Batch
	in.Reset(m.signature.Inputs, 1)
	for i := range m.signature.Inputs {
		f := &m.signature.Inputs[i]
		if err := setValue(&in.Columns[i], record[f.Name]); err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
	}
	if err := m.score(context.Background(), &in, &out, false); err != nil {
		return nil, err
	}
	if err := out.Err(0); err != nil {
		return nil, err
	}
	result := make(map[string]any, len(m.outputs))
	for i := range m.signature.Outputs {
		if v := out.Columns[i].Value(0); v != nil {
			result[m.signature.Outputs[i].Name] = v
		}
	}
	return result, nil
}

// setValue stores a value as the column of its own type: the model converts.
func setValue(c *model.Column, v any) error {
	switch v := v.(type) {
	case nil:
		c.SetState(0, 1, model.Missing)
	case float64:
		*c = model.Column{Type: model.Float64, Width: 1, Float64: []float64{v}}
	case float32:
		*c = model.Column{Type: model.Float32, Width: 1, Float32: []float32{v}}
	case int:
		*c = model.Column{Type: model.Int64, Width: 1, Int64: []int64{int64(v)}}
	case int64:
		*c = model.Column{Type: model.Int64, Width: 1, Int64: []int64{v}}
	case bool:
		*c = model.Column{Type: model.Bool, Width: 1, Bool: []bool{v}}
	case string:
		*c = model.Column{Type: model.String, Width: 1, String: []string{v}}
	default:
		return fmt.Errorf("a value of type %T is not known", v)
	}
	return nil
}
