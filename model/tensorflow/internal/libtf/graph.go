//go:build tensorflow

package libtf

// #include <stdlib.h>
// #include "stub.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// DataType is TensorFlow's number of an element type.
type DataType int32

// The element types that models are served with.
const (
	Float  DataType = C.TF_FLOAT
	Double DataType = C.TF_DOUBLE
	Int32  DataType = C.TF_INT32
	Uint8  DataType = C.TF_UINT8
	Int16  DataType = C.TF_INT16
	Int8   DataType = C.TF_INT8
	String DataType = C.TF_STRING
	Int64  DataType = C.TF_INT64
	Bool   DataType = C.TF_BOOL
)

// Graph is a graph in the library's memory.
type Graph struct{ c *C.TF_Graph }

// Output is one output of an operation of a graph, valid as long as the graph.
type Output struct {
	op    *C.TF_Operation
	index C.int
}

func (o Output) c() C.TF_Output { return C.TF_Output{oper: o.op, index: o.index} }

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{C.TF_NewGraph()} }

// Close frees the graph. Sessions of it must be closed before.
func (g *Graph) Close() {
	C.TF_DeleteGraph(g.c)
	g.c = nil
}

// Import adds the operations of a serialized GraphDef under a name prefix (or
// "") and connects its placeholders named by mapped to outputs of g.
func (g *Graph) Import(def []byte, prefix string, mapped map[string]Output) error {
	options := C.TF_NewImportGraphDefOptions()
	defer C.TF_DeleteImportGraphDefOptions(options)
	cPrefix := C.CString(prefix)
	defer C.free(unsafe.Pointer(cPrefix))
	C.TF_ImportGraphDefOptionsSetPrefix(options, cPrefix)
	for name, output := range mapped {
		cName := C.CString(name)
		defer C.free(unsafe.Pointer(cName))
		C.TF_ImportGraphDefOptionsAddInputMapping(options, cName, 0, output.c())
	}
	buffer := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buffer)
	var pinner runtime.Pinner
	defer pinner.Unpin()
	if len(def) > 0 {
		pinner.Pin(&def[0])
		buffer.data = unsafe.Pointer(&def[0])
	}
	buffer.length = C.size_t(len(def))
	s := newStatus()
	C.TF_GraphImportGraphDef(g.c, buffer, options, s.c)
	buffer.data, buffer.length = nil, 0
	return s.err()
}

// Output returns an output of an operation by name.
func (g *Graph) Output(operation string, index int) (Output, error) {
	name := C.CString(operation)
	defer C.free(unsafe.Pointer(name))
	op := C.TF_GraphOperationByName(g.c, name)
	if op == nil {
		return Output{}, fmt.Errorf("the graph has no operation %q", operation)
	}
	if n := int(C.TF_OperationNumOutputs(op)); index < 0 || index >= n {
		return Output{}, fmt.Errorf("operation %q has %d outputs, not one with number %d", operation, n, index)
	}
	return Output{op: op, index: C.int(index)}, nil
}

// Type returns the element type of an output.
func (o Output) Type() DataType { return DataType(C.TF_OperationOutputType(o.c())) }

// Shape returns the shape that is known of an output before any run: -1 stands
// for an unknown dimension, known is false when not even their number is.
func (g *Graph) Shape(o Output) (dims []int64, known bool, err error) {
	s := newStatus()
	n := C.TF_GraphGetTensorNumDims(g.c, o.c(), s.c)
	if err := s.err(); err != nil {
		return nil, false, err
	}
	if n <= 0 {
		return nil, n == 0, nil
	}
	cDims := make([]C.int64_t, n)
	s = newStatus()
	C.TF_GraphGetTensorShape(g.c, o.c(), &cDims[0], n, s.c)
	dims = make([]int64, n)
	for i := range dims {
		dims[i] = int64(cDims[i])
	}
	return dims, true, s.err()
}
