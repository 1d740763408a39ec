package file

import (
	"fmt"
	"runtime/debug"
)

// panicError is a panic of bbolt, or a fault in its memory map.
type panicError struct{ reason any }

func (e *panicError) Error() string { return fmt.Sprintf("reading the database failed: %v", e.reason) }

// guard calls f, which uses bbolt, and turns a panic into a [*panicError].
// Faults are panics too while it runs: a memory map of a file that was cut short
// faults, and would end the process.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			err = &panicError{reason: reason}
		}
	}()
	return f()
}
