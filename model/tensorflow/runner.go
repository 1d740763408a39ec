//go:build tensorflow

package tensorflow

import (
	"fmt"
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

// runner is the memory of one run at a time: the tensors in C's memory and what
// packing needs.
type runner struct {
	call    *libtf.Call
	inputs  []input
	bad     []int // rows that are fed as zeros and whose outputs mean nothing
	dims    []int64
	text    []byte
	lengths []uintptr
}

// findBad lists the rows that cannot be fed, and reports those that are not
// reported already. They are fed as zeros, which the model is known to take.
func (r *runner) findBad(e *evaluator, in, out *model.Batch) {
	r.bad = r.bad[:0]
	for i := range in.Errors {
		r.bad = append(r.bad, in.Errors[i].Row)
	}
	reported := len(r.bad)
	for i := range in.Columns {
		for row, state := range in.Columns[i].State {
			if state == model.Valid || slices.Contains(r.bad[:reported], row) {
				continue
			}
			kind, rule := model.MissingInput, "the model needs a value"
			if state == model.Invalid {
				kind, rule = model.InvalidInput, "it is not a value of the input's type"
			}
			out.Fail(row, &model.RecordError{Kind: kind, Field: e.signature.Inputs[i].Name, Rule: rule})
			r.bad = append(r.bad, row)
		}
	}
}

// pack copies the rows from lo to hi into the tensors.
func (r *runner) pack(in, out *model.Batch, lo, hi int) error {
	for i := range r.inputs {
		b := &r.inputs[i]
		ok := true
		switch b.dtype {
		case libtf.Float:
			ok = pack(r, i, in, lo, hi, func(c *model.Column) []float32 { return c.Float32 })
		case libtf.Double:
			ok = pack(r, i, in, lo, hi, func(c *model.Column) []float64 { return c.Float64 })
		case libtf.Int64:
			ok = pack(r, i, in, lo, hi, func(c *model.Column) []int64 { return c.Int64 })
		case libtf.Bool:
			ok = pack(r, i, in, lo, hi, func(c *model.Column) []bool { return c.Bool })
		case libtf.Int32:
			ok = packInts[int32](r, i, in, out, lo, hi, math.MinInt32, math.MaxInt32)
		case libtf.Int16:
			ok = packInts[int16](r, i, in, out, lo, hi, math.MinInt16, math.MaxInt16)
		case libtf.Int8:
			ok = packInts[int8](r, i, in, out, lo, hi, math.MinInt8, math.MaxInt8)
		case libtf.Uint8:
			ok = packInts[uint8](r, i, in, out, lo, hi, 0, math.MaxUint8)
		case libtf.String:
			r.packStrings(i, in, lo, hi)
		}
		if !ok {
			return &model.TransientError{Reason: fmt.Sprintf("no memory for %d rows of input %q", hi-lo, b.name)}
		}
	}
	return nil
}

// pack copies columns whose memory is that of the tensor's elements.
func pack[T libtf.Element](r *runner, i int, in *model.Batch, lo, hi int, values func(*model.Column) []T) bool {
	b := &r.inputs[i]
	dst := libtf.Input[T](r.call, i, b.dtype, hi-lo, b.row)
	if dst == nil {
		return false
	}
	if b.features == 0 {
		copy(dst, values(&in.Columns[b.column])[lo*b.width:hi*b.width])
	} else {
		for f := range b.features {
			at := f
			for _, v := range values(&in.Columns[b.column+f])[lo:hi] {
				dst[at] = v
				at += b.features
			}
		}
	}
	zeroRows(dst, b.width, r.bad, lo, hi)
	return true
}

// zeroRows clears the bad rows among those from lo to hi.
func zeroRows[T any](dst []T, width int, bad []int, lo, hi int) {
	for _, row := range bad {
		if row >= lo && row < hi {
			clear(dst[(row-lo)*width : (row-lo+1)*width])
		}
	}
}

// packInts copies Int64 columns into a tensor of smaller integers, and reports
// rows with a value that does not fit.
func packInts[T ~int8 | ~uint8 | ~int16 | ~int32](r *runner, i int, in, out *model.Batch, lo, hi int, least, greatest int64) bool {
	b := &r.inputs[i]
	dst := libtf.Input[T](r.call, i, b.dtype, hi-lo, b.row)
	if dst == nil {
		return false
	}
	stride, perColumn := b.width, b.width
	if b.features > 0 {
		perColumn = 1
	}
	for f := range max(b.features, 1) {
		values := in.Columns[b.column+f].Int64[lo*perColumn : hi*perColumn]
		for j, v := range values {
			row := j / perColumn
			if v < least || v > greatest {
				r.outOfRange(out, lo+row, b, v, least, greatest)
				v = 0
			}
			dst[row*stride+f+j%perColumn] = T(v)
		}
	}
	zeroRows(dst, b.width, r.bad, lo, hi)
	return true
}

func (r *runner) outOfRange(out *model.Batch, row int, b *input, v, least, greatest int64) {
	if slices.Contains(r.bad, row) {
		return
	}
	r.bad = append(r.bad, row)
	out.Fail(row, &model.RecordError{
		Kind: model.InvalidInput, Field: b.name, Value: fmt.Sprint(v),
		Rule: fmt.Sprintf("it must be from %d to %d", least, greatest),
	})
}

func (r *runner) packStrings(i int, in *model.Batch, lo, hi int) {
	b := &r.inputs[i]
	r.text, r.lengths = r.text[:0], r.lengths[:0]
	for row := lo; row < hi; row++ {
		bad := slices.Contains(r.bad, row)
		for f := range max(b.features, 1) {
			texts := in.Columns[b.column+f].String
			if b.features > 0 {
				texts = texts[row : row+1]
			} else {
				texts = texts[row*b.width : (row+1)*b.width]
			}
			for _, text := range texts {
				if bad {
					text = ""
				}
				r.text = append(r.text, text...)
				r.lengths = append(r.lengths, uintptr(len(text)))
			}
		}
	}
	r.call.InputStrings(i, hi-lo, b.row, r.text, r.lengths)
}

// unpack copies the outputs of a run into the rows from lo to hi.
func (r *runner) unpack(e *evaluator, out *model.Batch, lo, hi int) error {
	for k := range e.outputs {
		o := &e.outputs[k]
		r.dims = r.call.OutputDims(k, r.dims[:0])
		if !fits(r.dims, hi-lo, o.row) || r.call.OutputType(k) != o.dtype {
			return fmt.Errorf("output %q has the shape %v for %d rows, which is not the one that it had at load", o.name, r.dims, hi-lo)
		}
		c := &out.Columns[k]
		from, to := lo*o.width, hi*o.width
		switch {
		case k == 0 && len(e.labels) > 0:
			for j, class := range libtf.Result[int64](r.call, k) {
				c.String[from+j] = e.labels[class]
			}
		case o.dtype == libtf.Float:
			copy(c.Float32[from:to], libtf.Result[float32](r.call, k))
		case o.dtype == libtf.Double:
			copy(c.Float64[from:to], libtf.Result[float64](r.call, k))
		case o.dtype == libtf.Int64:
			copy(c.Int64[from:to], libtf.Result[int64](r.call, k))
		case o.dtype == libtf.Bool:
			copy(c.Bool[from:to], libtf.Result[bool](r.call, k))
		case o.dtype == libtf.String:
			r.call.ResultStrings(k, c.String[from:to])
		case o.dtype == libtf.Int32:
			widen(c.Int64[from:to], libtf.Result[int32](r.call, k))
		case o.dtype == libtf.Int16:
			widen(c.Int64[from:to], libtf.Result[int16](r.call, k))
		case o.dtype == libtf.Int8:
			widen(c.Int64[from:to], libtf.Result[int8](r.call, k))
		case o.dtype == libtf.Uint8:
			widen(c.Int64[from:to], libtf.Result[uint8](r.call, k))
		}
	}
	if e.classifies {
		r.findNaN(e, out, lo, hi)
	}
	return nil
}

func fits(dims []int64, rows int, row []int) bool {
	if len(dims) != 1+len(row) || dims[0] != int64(rows) {
		return false
	}
	for d, size := range row {
		if dims[1+d] != int64(size) {
			return false
		}
	}
	return true
}

func widen[T ~int8 | ~uint8 | ~int16 | ~int32](dst []int64, src []T) {
	for i, v := range src {
		dst[i] = int64(v)
	}
}

// findNaN reports rows whose class is meaningless because a value that it is
// taken from is not a number.
func (r *runner) findNaN(e *evaluator, out *model.Batch, lo, hi int) {
	o, c := &e.outputs[1], &out.Columns[1]
	if o.dtype == libtf.Float {
		failNaN(r, o, c.Float32, out, lo, hi)
	} else {
		failNaN(r, o, c.Float64, out, lo, hi)
	}
}

func failNaN[T float32 | float64](r *runner, o *output, values []T, out *model.Batch, lo, hi int) {
	if !hasNaN(values[lo*o.width : hi*o.width]) {
		return
	}
	for row := lo; row < hi; row++ {
		if hasNaN(values[row*o.width:(row+1)*o.width]) && !slices.Contains(r.bad, row) {
			out.Fail(row, &model.RecordError{Kind: model.NoResult, Field: o.name, Value: "NaN", Rule: "the model gives no number for this row"})
		}
	}
}

func hasNaN[T float32 | float64](values []T) bool {
	for _, v := range values {
		if math.IsNaN(float64(v)) {
			return true
		}
	}
	return false
}
