package pmml

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// A field of transactions is a collection: many values in one record. Batches
// have no such columns; the values travel as a text, a JSON array of strings,
// numbers and booleans. A text that is none is a collection of itself.

// collection returns the slot of a field that holds a collection, whatever the
// type of its values.
func (mc *modelCompiler) collection(mf *document.MiningField) slot {
	if df := mc.c.data[mf.Name]; df != nil {
		whole := *df
		whole.DataType, whole.OpType, whole.Values, whole.Intervals = "string", "categorical", nil, nil
		mc.c.data[mf.Name] = &whole
		i := slices.IndexFunc(mc.c.plan.inputs, func(in input) bool { return in.name == mf.Name })
		if i >= 0 {
			mc.c.plan.inputs[i].typ = tString
		}
	}
	return mc.field(mf.Name, mf)
}

// elements returns the values of a collection, as texts.
func elements(s string) []string {
	if len(s) == 0 || s[0] != '[' {
		return []string{s}
	}
	var values []any
	if err := json.Unmarshal([]byte(s), &values); err != nil {
		return []string{s}
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case float64:
			out = append(out, strconv.FormatFloat(v, 'f', -1, 64))
		case bool:
			out = append(out, strconv.FormatBool(v))
		}
	}
	return out
}
