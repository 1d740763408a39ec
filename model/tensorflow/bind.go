//go:build tensorflow

package tensorflow

import (
	"fmt"
	"strings"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

// input binds a fed tensor to the columns of a batch: to one column, or to one
// for each of its features.
type input struct {
	name     string
	dtype    libtf.DataType
	row      []int // the dimensions of a row in the tensor
	width    int   // the product of row
	column   int   // the first column
	features int   // the number of columns, 0 for one column that holds whole rows
}

// output binds a fetched tensor to a column of the result.
type output struct {
	name  string
	dtype libtf.DataType
	row   []int
	width int
}

// maxWidth bounds the values in one row of a tensor.
const maxWidth = 1 << 24

// elementTypes are the types that tensors may be fed and fetched with. Small
// integers are widened to Int64 columns.
var elementTypes = map[libtf.DataType]model.ElementType{
	libtf.Float: model.Float32, libtf.Double: model.Float64, libtf.Int64: model.Int64, libtf.Int32: model.Int64,
	libtf.Int16: model.Int64, libtf.Int8: model.Int64, libtf.Uint8: model.Int64, libtf.Bool: model.Bool,
	libtf.String: model.String,
}

// bindInputs makes the fields of the signature's inputs.
func (o *opened) bindInputs(opts *options) ([]input, []model.Field, error) {
	if len(opts.features) > 0 && len(o.inputs) != 1 {
		return nil, nil, &model.LoadError{
			Where:  "option " + optFeatures,
			Reason: fmt.Sprintf("it goes with a model of one input; this one has %d", len(o.inputs)),
		}
	}
	var inputs []input
	var fields []model.Field
	for i := range o.inputs {
		t := &o.inputs[i]
		place := fmt.Sprintf("input %q", t.name)
		elementType, ok := elementTypes[t.output.Type()]
		if !ok {
			return nil, nil, &model.LoadError{Where: place, Reason: fmt.Sprintf("TensorFlow's element type %d is not supported", t.output.Type())}
		}
		row, problem := o.rowShape(t, len(opts.features))
		if problem != "" {
			return nil, nil, &model.LoadError{Where: place, Reason: problem}
		}
		in := input{name: t.name, dtype: t.output.Type(), row: row, width: product(row), column: len(fields)}
		if in.width > maxWidth {
			return nil, nil, &model.LoadError{Where: place, Reason: fmt.Sprintf("a row has %d values; the limit is %d", in.width, maxWidth)}
		}
		if n := len(opts.features); n > 0 {
			in.features = n
			for _, name := range opts.features {
				fields = append(fields, model.Field{Name: name, Type: elementType})
			}
		} else {
			fields = append(fields, model.Field{Name: t.name, Type: elementType, Shape: fieldShape(row)})
		}
		inputs = append(inputs, in)
	}
	return inputs, fields, nil
}

// rowShape returns the dimensions of one row of a fed tensor, or what is wrong.
func (o *opened) rowShape(t *tensor, features int) ([]int, string) {
	dims := t.dims
	if len(dims) == 0 { // unknown, or lost when the graph was frozen
		dims = []int64{-1, -1}
		if features == 0 {
			dims[1] = o.widthOf(t)
		}
	}
	if dims[0] >= 0 {
		return nil, fmt.Sprintf("its first dimension is %d, not the unknown number of rows: export the model for any batch size", dims[0])
	}
	if len(dims) > libtf.MaxDims {
		return nil, fmt.Sprintf("it has %d dimensions; the limit is %d", len(dims), libtf.MaxDims)
	}
	row := make([]int, len(dims)-1)
	for d, size := range dims[1:] {
		if size < 0 && len(row) == 1 && features > 0 {
			size = int64(features)
		}
		if size <= 0 || size > maxWidth {
			return nil, fmt.Sprintf("the shape of a row is not known (%v): if it is a matrix, name its columns with the option %s", dims, optFeatures)
		}
		row[d] = int(size)
	}
	if features > 0 && (len(row) != 1 || row[0] != features) {
		return nil, fmt.Sprintf("option %s names %d columns, but a row has the shape %v", optFeatures, features, row)
	}
	return row, ""
}

// widthOf is the width of the rows of a tensor without shape, or -1.
func (o *opened) widthOf(t *tensor) int64 {
	weights, dimension, ok := graphdef.MatMulWeights(o.def, t.graph)
	if !ok {
		return -1
	}
	op, index, err := graphdef.OutputOf(strings.TrimPrefix(weights, "^"))
	if err != nil {
		return -1
	}
	w, err := o.graph.Output(op, index)
	if err != nil {
		return -1
	}
	dims, _, err := o.graph.Shape(w)
	if err != nil || len(dims) != 2 {
		return -1
	}
	return dims[dimension]
}

// bindOutputs makes the fields of outputs out of what a run gave, which had the
// given number of rows.
func bindOutputs(call *libtf.Call, tensors []tensor, rows int) ([]output, []model.Field, error) {
	var outputs []output
	var fields []model.Field
	for i := range tensors {
		place := fmt.Sprintf("output %q", tensors[i].name)
		dtype := call.OutputType(i)
		elementType, ok := elementTypes[dtype]
		if !ok {
			return nil, nil, &model.LoadError{Where: place, Reason: fmt.Sprintf("TensorFlow's element type %d is not supported", dtype)}
		}
		dims := call.OutputDims(i, nil)
		if len(dims) == 0 || dims[0] != int64(rows) {
			return nil, nil, &model.LoadError{Where: place, Reason: fmt.Sprintf("for %d rows it has the shape %v: the first dimension must be the rows", rows, dims)}
		}
		row := make([]int, len(dims)-1)
		for d, size := range dims[1:] {
			if size <= 0 || size > maxWidth {
				return nil, nil, &model.LoadError{Where: place, Reason: fmt.Sprintf("it has the shape %v; a row must have values", dims)}
			}
			row[d] = int(size)
		}
		out := output{name: tensors[i].name, dtype: dtype, row: row, width: product(row)}
		if out.width > maxWidth {
			return nil, nil, &model.LoadError{Where: place, Reason: fmt.Sprintf("a row has %d values; the limit is %d", out.width, maxWidth)}
		}
		outputs = append(outputs, out)
		fields = append(fields, model.Field{Name: out.name, Type: elementType, Shape: fieldShape(row)})
	}
	return outputs, fields, nil
}

// fieldShape is a row's shape as a field has it: one value is a scalar.
func fieldShape(row []int) []int {
	if product(row) == 1 {
		return nil
	}
	return row
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		if d > maxWidth/max(n, 1) {
			return maxWidth + 1
		}
		n *= d
	}
	return n
}
