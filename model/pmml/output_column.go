package pmml

import "github.com/modelstream/modelserver/model"

// Most outputs are a prediction or a probability of every row. They are copied
// column by column; what is not as plain goes value by value.

// direct says that the output is the number of a result as it is.
func (o *output) direct() bool {
	if m, ok := o.source.(*miningModel); o.source != nil && !(ok && !m.delegates()) {
		return false
	}
	if len(o.others) > 0 || o.typ != tDouble {
		return false
	}
	switch o.doc.Feature {
	case "probability":
		return !o.target.numeric && o.class >= -1
	case "predictedValue":
		return o.target.numeric && o.target.typ == tDouble
	}
	return false
}

// column fills the slot for all rows, or does nothing when some row has no
// prediction.
func (o *output) column(f *frame, rows []int32) bool {
	r := &f.results[o.target.id]
	probability := !o.target.numeric
	for _, row := range rows {
		if r.state[row] != valid || probability && (!r.hasP[row] || r.num[row] < 0) {
			return false
		}
	}
	c := &f.cols[o.to]
	k := len(o.target.classes)
	switch {
	case !probability:
		for _, row := range rows {
			c.num[row] = r.num[row]
		}
	case o.class >= 0:
		for _, row := range rows {
			c.num[row] = r.prob[int(row)*k+o.class]
		}
	default:
		for _, row := range rows {
			c.num[row] = r.prob[int(row)*k+int(r.num[row])]
		}
	}
	if len(rows) == f.n {
		c.clean = true
		return true
	}
	for _, row := range rows {
		c.mark(row, valid)
	}
	return true
}

// storeColumn copies a whole block, or does nothing when some row has an error
// or no value.
func (o *outputColumn) storeColumn(f *frame, rows []int32, c *model.Column, lo int) bool {
	if f.plan.general || f.bad > 0 || len(rows) < f.n || len(c.State) > 0 {
		return false
	}
	if o.target == nil {
		if from := &f.cols[o.slot]; c.Type == model.Float64 && from.clean {
			copy(c.Float64[lo:], from.num[:f.n])
			return true
		}
		return false
	}
	r := &f.results[o.target.id]
	if r.text != nil {
		return false
	}
	for i, s := range r.state[:f.n] {
		if s != valid || !o.target.numeric && r.num[i] < 0 {
			return false
		}
	}
	switch {
	case o.target.numeric && c.Type == model.Float64:
		copy(c.Float64[lo:], r.num[:f.n])
	case !o.target.numeric && c.Type == model.String && len(o.target.classes) > 0:
		to := c.String[lo:][:f.n]
		for i := range to {
			to[i] = o.target.classes[int(r.num[i])]
		}
	default:
		return false
	}
	return true
}
