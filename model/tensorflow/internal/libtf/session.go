//go:build tensorflow

package libtf

// #include <stdlib.h>
// #include "stub.h"
import "C"

import (
	"unsafe"
)

// Session runs a graph. It may be used by several goroutines, each with a
// [Call] of its own.
type Session struct{ c *C.TF_Session }

// NewSession makes a session of the graph; config is a serialized ConfigProto.
func NewSession(g *Graph, config []byte) (*Session, error) {
	options, err := sessionOptions(config)
	if err != nil {
		return nil, err
	}
	defer C.TF_DeleteSessionOptions(options)
	s := newStatus()
	session := C.TF_NewSession(g.c, options, s.c)
	if err := s.err(); err != nil {
		return nil, err
	}
	return &Session{session}, nil
}

// LoadSavedModel loads the SavedModel in a directory, restores its variables
// and runs its initializer.
func LoadSavedModel(dir string, tags []string, config []byte) (*Graph, *Session, error) {
	options, err := sessionOptions(config)
	if err != nil {
		return nil, nil, err
	}
	defer C.TF_DeleteSessionOptions(options)
	cDir := C.CString(dir)
	defer C.free(unsafe.Pointer(cDir))
	cTags := make([]*C.char, len(tags)+1)
	for i, tag := range tags {
		cTags[i] = C.CString(tag)
		defer C.free(unsafe.Pointer(cTags[i]))
	}
	g := NewGraph()
	s := newStatus()
	session := C.TF_LoadSessionFromSavedModel(options, nil, cDir, &cTags[0], C.int(len(tags)), g.c, nil, s.c)
	if err := s.err(); err != nil {
		g.Close()
		return nil, nil, err
	}
	return g, &Session{session}, nil
}

func sessionOptions(config []byte) (*C.TF_SessionOptions, error) {
	options := C.TF_NewSessionOptions()
	if len(config) == 0 {
		return options, nil
	}
	s := newStatus()
	C.TF_SetConfig(options, unsafe.Pointer(&config[0]), C.size_t(len(config)), s.c)
	if err := s.err(); err != nil {
		C.TF_DeleteSessionOptions(options)
		return nil, err
	}
	return options, nil
}

// Close ends the session and frees it. Its calls must be closed before.
func (s *Session) Close() error {
	st := newStatus()
	C.TF_CloseSession(s.c, st.c)
	err := st.err()
	st = newStatus()
	C.TF_DeleteSession(s.c, st.c)
	s.c = nil
	if deleted := st.err(); err == nil {
		err = deleted
	}
	return err
}

// Call is the memory of one run: the tensors that are fed and fetched. Use it
// again and again: set the inputs, Run, read the outputs, Release.
type Call struct {
	c       *C.ms_call
	inputs  []C.ms_tensor // views of the call's C memory
	outputs []C.ms_tensor
}

// NewCall makes a call; runOptions is a serialized RunOptions or nothing.
func NewCall(s *Session, runOptions []byte, feeds, fetches []Output) *Call {
	var options unsafe.Pointer
	if len(runOptions) > 0 {
		options = unsafe.Pointer(&runOptions[0])
	}
	c := C.ms_call_new(s.c, options, C.size_t(len(runOptions)), C.int(len(feeds)), C.int(len(fetches)))
	inputs := unsafe.Slice(c.input_outputs, len(feeds))
	for i, o := range feeds {
		inputs[i] = o.c()
	}
	outputs := unsafe.Slice(c.output_outputs, len(fetches))
	for i, o := range fetches {
		outputs[i] = o.c()
	}
	return &Call{
		c:       c,
		inputs:  unsafe.Slice(c.inputs, len(feeds)),
		outputs: unsafe.Slice(c.outputs, len(fetches)),
	}
}

// Close frees the call.
func (c *Call) Close() {
	C.ms_call_free(c.c)
	c.c, c.inputs, c.outputs = nil, nil, nil
}

// MaxDims is the greatest number of dimensions of an input or output.
const MaxDims = C.MS_MAX_DIMS

// setShape sets an input's type and shape: rows, then the dimensions of a row.
func (c *Call) setShape(i int, t DataType, rows int, row []int) (in *C.ms_tensor, n int) {
	in = &c.inputs[i]
	in._type = C.TF_DataType(t)
	in.num_dims = C.int(1 + len(row))
	in.dims[0] = C.int64_t(rows)
	n = rows
	for d, size := range row {
		in.dims[1+d] = C.int64_t(size)
		n *= size
	}
	return in, n
}

// Element is a Go type whose memory is that of a tensor's elements.
type Element interface {
	~float32 | ~float64 | ~int8 | ~uint8 | ~int16 | ~int32 | ~int64 | ~bool
}

// Input sets the type and shape of the i-th input and returns its memory for
// the caller to fill before Run. T must fit t. It returns nil when there is no
// memory.
func Input[T Element](c *Call, i int, t DataType, rows int, row []int) []T {
	in, n := c.setShape(i, t, rows, row)
	in.bytes = C.size_t(n) * C.size_t(unsafe.Sizeof(*new(T)))
	if in.bytes > in.capacity || in.data == nil {
		if C.ms_call_reserve(in, in.bytes) == 0 {
			return nil
		}
	}
	return unsafe.Slice((*T)(in.data), n)
}

// InputStrings sets the i-th input to strings: their bytes one after the other,
// and their lengths.
func (c *Call) InputStrings(i, rows int, row []int, text []byte, lengths []uintptr) {
	in, n := c.setShape(i, String, rows, row)
	var cText *C.char
	if len(text) > 0 {
		cText = (*C.char)(unsafe.Pointer(&text[0]))
	}
	var cLengths *C.size_t
	if n > 0 {
		cLengths = (*C.size_t)(unsafe.Pointer(&lengths[0]))
	}
	C.ms_strings_set(in, cText, cLengths, C.size_t(n))
}

// Run runs the session. After it, with or without error, Release must follow.
func (c *Call) Run() error {
	if C.ms_call_run(c.c) == C.TF_OK {
		return nil
	}
	if err := errorOf(c.c.status); err != nil {
		return err
	}
	return &Error{Code: C.TF_INVALID_ARGUMENT, Message: "an output has more dimensions than are supported"}
}

// Release frees what the last run made. Outputs are not valid any more.
func (c *Call) Release() { C.ms_call_release(c.c) }

// OutputType returns the type of the i-th output of the last run.
func (c *Call) OutputType(i int) DataType { return DataType(c.outputs[i]._type) }

// OutputDims appends the shape of the i-th output of the last run to dims.
func (c *Call) OutputDims(i int, dims []int64) []int64 {
	o := &c.outputs[i]
	for d := range int(o.num_dims) {
		dims = append(dims, int64(o.dims[d]))
	}
	return dims
}

// Result returns the elements of the i-th output of the last run, valid until
// Release. T must fit the output's type.
func Result[T Element](c *Call, i int) []T {
	o := &c.outputs[i]
	n := int(o.bytes) / int(unsafe.Sizeof(*new(T)))
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(o.data), n)
}

// ResultStrings copies the n elements of the i-th output, which are strings.
func (c *Call) ResultStrings(i int, dst []string) {
	n := len(dst)
	if n == 0 {
		return
	}
	texts := make([]*C.char, n)
	lengths := make([]C.size_t, n)
	C.ms_strings_get(&c.outputs[i], &texts[0], &lengths[0], C.size_t(n))
	for j := range dst {
		dst[j] = C.GoStringN(texts[j], C.int(lengths[j]))
	}
}
