package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// input is a field that the caller provides.
type input struct {
	name string
	typ  dataType
}

// boundInput fills a slot from an input's column: checks against the data
// dictionary, then the treatments of the mining schema (DMG 4.4, Mining
// Schema).
type boundInput struct {
	treatment
	to        slot
	source    int // the input
	typ       dataType
	intervals []document.Interval
	values    map[value]string // property of each declared value
	texts     map[string]string
	closed    bool // there are valid values: others are invalid
	invalid   string
	invalidAs value
	plain     bool               // nothing to check but intervals
	known     map[string]float64 // of a string field: valid values with their codes
}

// treatment is what a mining field does with missing and outlying values.
type treatment struct {
	replacement  value // for missing values, or missing
	missingFails bool
	outliers     outliers
	low, high    float64
}

type outliers uint8

const (
	keepOutliers  outliers = iota
	dropOutliers           // asMissingValues
	clampOutliers          // asExtremeValues
)

func (c *compiler) treatment(s slot, mf *document.MiningField) treatment {
	t := treatment{low: mf.LowValue.Or(math.Inf(-1)), high: mf.HighValue.Or(math.Inf(1))}
	switch mf.Outliers {
	case "asMissingValues":
		t.outliers = dropOutliers
	case "asExtremeValues":
		t.outliers = clampOutliers
	}
	if t.outliers != keepOutliers {
		if !mf.LowValue.Set && !mf.HighValue.Set {
			c.refuseAttr(mf, "lowValue", "outliers need a lowValue or a highValue")
		}
		if !c.info(s).typ.numeric() {
			c.refuseAttr(mf, "outliers", "field %q is no number", mf.Name)
		}
	}
	switch mf.MissingValueTreatment {
	case "returnInvalid", "x-returnInvalid":
		t.missingFails = true
		if mf.MissingValueReplacement.Set {
			c.refuseAttr(mf, "missingValueReplacement", "contradicts missingValueTreatment=%q", mf.MissingValueTreatment)
		}
	}
	if mf.MissingValueReplacement.Set {
		v, ok := c.constant(s, mf.MissingValueReplacement.V)
		if !ok {
			c.refuseAttr(mf, "missingValueReplacement", "%q is no value of field %q", mf.MissingValueReplacement.V, mf.Name)
		}
		t.replacement = v
	}
	return t
}

// retype is a constant of one slot as a constant of another.
func (c *compiler) retype(to slot, v value) (value, bool) {
	if v.t != tString {
		return v, true
	}
	return c.constant(to, v.s)
}

// apply treats a value that is missing or valid.
func (t *treatment) apply(v value) value {
	switch {
	case v.isMissing():
		return t.missing()
	case v.isFailed() || t.outliers == keepOutliers:
		return v
	case v.n < t.low:
		if t.outliers == dropOutliers {
			return t.replacement
		}
		v.n = t.low
	case v.n > t.high:
		if t.outliers == dropOutliers {
			return t.replacement
		}
		v.n = t.high
	}
	return v
}

func (t *treatment) missing() value {
	if t.missingFails {
		return failure("is missing; the model cannot do without it")
	}
	return t.replacement
}

// treatStep applies the treatments of a nested mining schema.
type treatStep struct {
	treatment
	from, to slot
}

func (t *treatStep) run(f *frame, rows []int32) {
	for _, r := range rows {
		f.put(t.to, r, t.apply(f.get(t.from, r)))
	}
}

// boundInput tells how a slot is filled from the caller's column.
func (c *compiler) boundInput(to slot, df *document.DataField, mf *document.MiningField) boundInput {
	b := boundInput{
		treatment: c.treatment(to, mf), to: to, typ: c.info(to).typ,
		intervals: df.Intervals, invalid: mf.InvalidValueTreatment,
		values: map[value]string{}, texts: map[string]string{},
	}
	if len(df.Intervals) > 0 && c.info(to).op != "continuous" {
		c.refuse(&df.Intervals[0], "field %q is not continuous", df.Name)
	}
	for i := range df.Values {
		c.declareValue(&b, to, &df.Values[i])
	}
	if r := mf.InvalidValueReplacement; r.Set {
		v, ok := c.constant(to, r.V)
		if !ok {
			c.refuseAttr(mf, "invalidValueReplacement", "%q is no value of field %q", r.V, mf.Name)
		}
		b.invalidAs = v
	}
	if (b.invalid == "asValue" || b.invalid == "x-asValue") && b.invalidAs.none() {
		c.refuseAttr(mf, "invalidValueReplacement", "the attribute is missing")
	}
	b.plain = len(b.values) == 0 && len(b.texts) == 0 && !b.closed && b.outliers == keepOutliers
	b.source = c.addInput(df, dataTypeOf(df.DataType))
	return b
}

func (c *compiler) declareValue(b *boundInput, to slot, v *document.Value) {
	if v.Property == "valid" {
		b.closed = true
	}
	k, ok := c.constant(to, v.Value)
	if !ok {
		if v.Property != "valid" { // "N/A" of a numeric field
			b.texts[v.Value] = v.Property
		}
		return
	}
	if _, twice := b.values[key(k)]; !twice {
		b.values[key(k)] = v.Property
	}
}

// key is a value as a map key: strings by text, numbers by number.
func key(v value) value {
	if v.t == tString {
		return value{t: tString, s: v.s}
	}
	return value{t: tDouble, n: v.n}
}

// addInput returns the index of an input, a new one if it is not listed yet.
func (c *compiler) addInput(df *document.DataField, t dataType) int {
	i := slices.IndexFunc(c.plan.inputs, func(in input) bool { return in.name == df.Name })
	if i < 0 {
		c.plan.inputs = append(c.plan.inputs, input{name: df.Name, typ: t})
		i = len(c.plan.inputs) - 1
	}
	return i
}

// row prepares one value. A string that cannot be used stays in the column for
// the error message.
func (b *boundInput) row(f *frame, in *model.Column, at int, row int32) {
	raw := rawValue(in, at)
	v := b.prepare(raw)
	f.put(b.to, row, v)
	if v.isFailed() {
		if c := &f.cols[b.to]; c.str != nil {
			c.str[row] = raw.format()
		}
	}
}

// rawValue reads the caller's column, whatever its element type.
func rawValue(in *model.Column, at int) value {
	switch in.StateOf(at) {
	case model.Missing:
		return missing
	case model.Invalid:
		return failure("could not be decoded")
	}
	switch in.Type {
	case model.Float64:
		if x := in.Float64[at]; x == x {
			return number(x)
		}
		return missing // "not a number" is no value
	case model.Float32:
		if x := in.Float32[at]; x == x {
			return value{t: tFloat, n: float64(x)}
		}
		return missing
	case model.Int64:
		return integer(float64(in.Int64[at]))
	case model.Bool:
		return boolean(in.Bool[at])
	}
	return text(in.String[at])
}

func (b *boundInput) prepare(raw value) value {
	if raw.isMissing() {
		return b.missing()
	}
	v := raw.cast(b.typ)
	property := b.property(raw, v)
	switch property {
	case "missing":
		return b.missing()
	case "valid":
		return b.apply(v)
	}
	switch b.invalid {
	case "asIs":
		if b.invalidAs.none() {
			return v
		}
		return b.invalidAs
	case "asValue", "x-asValue":
		return b.invalidAs
	case "asMissing":
		return b.replacement
	}
	if v.isFailed() {
		return v
	}
	return failure("is no valid value")
}

// property classes a value as valid, invalid or missing (DMG 4.4, Data
// Dictionary: values and intervals).
func (b *boundInput) property(raw, v value) string {
	if raw.t == tString && len(b.texts) > 0 {
		if p := b.texts[raw.s]; p != "" {
			return p
		}
	}
	if v.isFailed() {
		return "invalid"
	}
	if len(b.values) > 0 {
		if p := b.values[key(v)]; p != "" {
			return p
		}
	}
	if len(b.intervals) > 0 {
		for i := range b.intervals {
			if b.intervals[i].Contains(v.n) {
				return "valid"
			}
		}
		return "invalid"
	}
	if b.closed {
		return "invalid"
	}
	return "valid"
}
