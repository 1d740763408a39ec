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

// transactions makes one row of the verification rows of each transaction: of
// its items and of results that are collections all cells are wanted, of other
// results the first.
func (c *verifier) transactions(rows []document.Row) []document.Row {
	group := c.columns[c.model.plan.group]
	lists := map[document.ColumnName]bool{}
	for _, r := range c.results {
		lists[r.column] = c.model.outputs[r.index].typ == tList
	}
	var out []document.Row
	var cells []map[document.ColumnName][]string
	index := map[string]int{}
	for _, row := range rows {
		id, _ := row.Get(group)
		i, known := index[id]
		if !known {
			i = len(out)
			index[id] = i
			out = append(out, document.Row{Line: row.Line})
			cells = append(cells, map[document.ColumnName][]string{})
		}
		for _, cell := range row.Cells {
			cells[i][cell.Column] = append(cells[i][cell.Column], cell.Value)
		}
	}
	for i := range out {
		for column, values := range cells[i] {
			merged := values[0]
			if isList, result := lists[column]; isList {
				merged = list(values)
			} else if !result && column != group {
				merged = jsonArray(values)
			}
			out[i].Cells = append(out[i].Cells, document.Cell{Column: column, Value: merged})
		}
	}
	return out
}

// jsonArray writes a collection as records have it.
func jsonArray(values []string) string {
	s, err := json.Marshal(values)
	if err != nil {
		return list(values) // cannot be: every text has a JSON form
	}
	return string(s)
}
