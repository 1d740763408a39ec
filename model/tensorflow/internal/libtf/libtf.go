//go:build tensorflow

package libtf

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "stub.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unsafe"
)

// Error is an error of the C library.
type Error struct {
	Code    int // TensorFlow's TF_Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// Timeout says that the run was ended because it took too long.
func (e *Error) Timeout() bool { return e.Code == C.TF_DEADLINE_EXCEEDED }

// Refused says that the library refused the values that a run was given.
func (e *Error) Refused() bool {
	return e.Code == C.TF_INVALID_ARGUMENT || e.Code == C.TF_OUT_OF_RANGE
}

// Exhausted says that the library could not get the memory that it needed.
func (e *Error) Exhausted() bool { return e.Code == C.TF_RESOURCE_EXHAUSTED }

// libraries are the pairs of files under which the C API is distributed: with
// the Python and Java packages, and as a library of its own.
var libraries = []string{"libtensorflow_cc.so.2", "libtensorflow.so.2"}

const framework = "libtensorflow_framework.so.2"

// opened is the one thing here that belongs to the process: a C library can be
// loaded once and never unloaded.
var opened struct {
	sync.Mutex
	done bool
}

// ErrNotFound says that there is no TensorFlow library where [Open] looked.
var ErrNotFound = errors.New("the TensorFlow library is not there")

// Open loads the library from dir, or from where the system looks for libraries
// when dir is "". After the first success it does nothing.
func Open(dir string) error {
	opened.Lock()
	defer opened.Unlock()
	if opened.done {
		return nil
	}
	setEnvironment()
	var first error
	for _, library := range libraries {
		err := open(dir, library)
		if err == nil {
			opened.done = true
			return nil
		}
		if first == nil || errors.Is(first, ErrNotFound) {
			first = err
		}
	}
	return first
}

// setEnvironment sets what the library reads when it is loaded, unless the user
// has set it. oneDNN makes runs of small models several times slower.
func setEnvironment() {
	for name, value := range map[string]string{"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "2"} {
		if _, set := os.LookupEnv(name); !set {
			os.Setenv(name, value) // with cgo this sets C's environment too
		}
	}
}

func open(dir, library string) error {
	cFramework := C.CString(framework)
	if dir != "" {
		library = filepath.Join(dir, library)
		if _, err := os.Stat(library); err != nil {
			return fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		C.free(unsafe.Pointer(cFramework))
		cFramework = C.CString(filepath.Join(dir, framework))
	}
	defer C.free(unsafe.Pointer(cFramework))
	cLibrary := C.CString(library)
	defer C.free(unsafe.Pointer(cLibrary))
	if message := C.ms_open(cFramework, cLibrary); message != nil {
		defer C.free(unsafe.Pointer(message))
		if dir == "" {
			return fmt.Errorf("%w: %s", ErrNotFound, C.GoString(message))
		}
		return errors.New(C.GoString(message))
	}
	return nil
}

// Version returns the version of the library that is open.
func Version() string { return C.GoString(C.TF_Version()) }

// Operations returns the serialized OpList of the operations that the library has.
func Operations() []byte {
	b := C.TF_GetAllOpList()
	defer C.TF_DeleteBuffer(b)
	return C.GoBytes(b.data, C.int(b.length))
}

// status is a TF_Status for one call.
type status struct{ c *C.TF_Status }

func newStatus() status { return status{C.TF_NewStatus()} }

// err frees the status and returns its error.
func (s status) err() error {
	defer C.TF_DeleteStatus(s.c)
	return errorOf(s.c)
}

func errorOf(s *C.TF_Status) error {
	code := C.TF_GetCode(s)
	if code == C.TF_OK {
		return nil
	}
	return &Error{Code: int(code), Message: C.GoString(C.TF_Message(s))}
}
