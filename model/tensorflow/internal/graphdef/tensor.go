package graphdef

import (
	"fmt"
	"math"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// maxElements bounds the product of any shape, so that its size in bytes cannot
// overflow.
const maxElements = 1 << 40

// stringSize is the memory that an element of a string tensor takes at least.
const stringSize = 24

// elementSize is the size of the element types that a constant may have.
var elementSize = map[typespb.DataType]int64{
	typespb.DataType_DT_FLOAT: 4, typespb.DataType_DT_DOUBLE: 8, typespb.DataType_DT_HALF: 2,
	typespb.DataType_DT_BFLOAT16: 2, typespb.DataType_DT_INT8: 1, typespb.DataType_DT_INT16: 2,
	typespb.DataType_DT_INT32: 4, typespb.DataType_DT_INT64: 8, typespb.DataType_DT_UINT8: 1,
	typespb.DataType_DT_UINT16: 2, typespb.DataType_DT_UINT32: 4, typespb.DataType_DT_UINT64: 8,
	typespb.DataType_DT_BOOL: 1, typespb.DataType_DT_COMPLEX64: 8, typespb.DataType_DT_COMPLEX128: 16,
	typespb.DataType_DT_STRING: stringSize, typespb.DataType_DT_QINT8: 1, typespb.DataType_DT_QUINT8: 1,
	typespb.DataType_DT_QINT16: 2, typespb.DataType_DT_QUINT16: 2, typespb.DataType_DT_QINT32: 4,
}

// tensorBytes checks that a constant's type, shape and values fit each other,
// which the library takes for granted, and returns the memory that it needs.
func tensorBytes(t *tensorpb.TensorProto, limits *Limits) (int64, string) {
	size, ok := elementSize[t.GetDtype()]
	if !ok {
		return 0, fmt.Sprintf("a constant of type %s is not supported", t.GetDtype())
	}
	if t.GetTensorShape().GetUnknownRank() {
		return 0, "a constant has no shape"
	}
	n, problem := elements(t.GetTensorShape(), false, limits)
	if problem != "" {
		return 0, problem
	}
	if n > math.MaxInt64/size || n*size > limits.TensorBytes {
		return 0, fmt.Sprintf("a constant of shape %s is greater than the limit of %d bytes",
			shapeText(t.GetTensorShape()), limits.TensorBytes)
	}
	values, typed := typedValues(t)
	switch content := int64(len(t.GetTensorContent())); {
	case content > 0 && t.GetDtype() == typespb.DataType_DT_STRING:
		return 0, "a constant of strings has them as packed content"
	case content > 0 && (content != n*size || values > 0):
		return 0, fmt.Sprintf("a constant of shape %s has %d bytes of content, not %d",
			shapeText(t.GetTensorShape()), content, n*size)
	case values > 0 && values != typed:
		return 0, fmt.Sprintf("a constant of type %s has values of another type", t.GetDtype())
	case values > n:
		return 0, fmt.Sprintf("a constant of shape %s has %d values", shapeText(t.GetTensorShape()), values)
	}
	total := n * size
	for _, s := range t.GetStringVal() {
		total += int64(len(s))
	}
	return total, ""
}

// typedValues counts the values in all fields of a constant, and those in the
// field that its type uses.
func typedValues(t *tensorpb.TensorProto) (all, typed int64) {
	float, double, integer := len(t.GetFloatVal()), len(t.GetDoubleVal()), len(t.GetIntVal())
	text, scomplex, int64s := len(t.GetStringVal()), len(t.GetScomplexVal())/2, len(t.GetInt64Val())
	boolean, dcomplex, half := len(t.GetBoolVal()), len(t.GetDcomplexVal())/2, len(t.GetHalfVal())
	uint32s, uint64s := len(t.GetUint32Val()), len(t.GetUint64Val())
	all = int64(float + double + integer + text + scomplex + int64s + boolean + dcomplex + half + uint32s + uint64s +
		len(t.GetResourceHandleVal()) + len(t.GetVariantVal()) + len(t.GetScomplexVal())%2 + len(t.GetDcomplexVal())%2)
	switch t.GetDtype() {
	case typespb.DataType_DT_FLOAT:
		return all, int64(float)
	case typespb.DataType_DT_DOUBLE:
		return all, int64(double)
	case typespb.DataType_DT_STRING:
		return all, int64(text)
	case typespb.DataType_DT_COMPLEX64:
		return all, int64(scomplex)
	case typespb.DataType_DT_COMPLEX128:
		return all, int64(dcomplex)
	case typespb.DataType_DT_INT64:
		return all, int64(int64s)
	case typespb.DataType_DT_BOOL:
		return all, int64(boolean)
	case typespb.DataType_DT_HALF, typespb.DataType_DT_BFLOAT16:
		return all, int64(half)
	case typespb.DataType_DT_UINT32:
		return all, int64(uint32s)
	case typespb.DataType_DT_UINT64:
		return all, int64(uint64s)
	}
	return all, int64(integer)
}

// elements returns the product of a shape's dimensions; unknown ones, where
// they are allowed, count as 1.
func elements(s *shapepb.TensorShapeProto, unknown bool, limits *Limits) (int64, string) {
	if len(s.GetDim()) > limits.Rank {
		return 0, fmt.Sprintf("a shape has %d dimensions; the limit is %d", len(s.GetDim()), limits.Rank)
	}
	n, bound := int64(1), int64(1) // bound takes a 0 for 1: the library multiplies in any order
	for _, d := range s.GetDim() {
		size := d.GetSize()
		if size == -1 && unknown {
			continue
		}
		if size < 0 {
			return 0, fmt.Sprintf("the shape %s has a negative dimension", shapeText(s))
		}
		if size > 0 && bound > maxElements/size {
			return 0, fmt.Sprintf("the shape %s is too great", shapeText(s))
		}
		n *= size
		bound *= max(size, 1)
	}
	return n, ""
}

func shapeText(s *shapepb.TensorShapeProto) string {
	dims := make([]int64, len(s.GetDim()))
	for i, d := range s.GetDim() {
		dims[i] = d.GetSize()
	}
	return fmt.Sprint(dims)
}
