// Package libtf is the only place that calls TensorFlow's C library.
//
// A program that is built with the tag "tensorflow" does not link the library:
// stub.c defines each function of its C API that the Go binding and this
// package use (include/tensorflow/c/functions.h lists them) as a call through a
// pointer, and [Open] loads the library and sets the pointers when the first
// TensorFlow model arrives. So the program builds and starts on machines that
// have no TensorFlow, costs nothing until then, and the library's environment
// can still be set.
//
// To build with the tag, the C compiler has to find the header files and the
// linker an (empty) libtensorflow.a of this package:
//
//	CGO_CFLAGS=-I…/internal/libtf/include CGO_LDFLAGS=-L…/internal/libtf/lib
//
// # Memory and goroutines
//
// Everything here is C memory with an explicit Close; nothing depends on
// finalizers. [Session] is safe for concurrent use, a [Call] belongs to one
// goroutine at a time, a [Graph] to the goroutine that builds it.
//
// # Failures
//
// Functions return [*Error] with TensorFlow's code. A wrong use of the C API, a
// CHECK failure of the library and a function called before Open end the
// process; package graphdef keeps models away that would cause that.
package libtf
