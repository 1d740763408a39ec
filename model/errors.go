package model

import (
	"fmt"
	"strings"
)

// RecordError says why one record, or one row of a batch, could not be scored.
// What to do: skip the record, keep the batch.
type RecordError struct {
	Kind  RecordErrorKind
	Field string // the input concerned, or ""
	Value string // its value as text, shortened, or ""
	Rule  string // what it breaks and how to mend it: "must be one of …"
}

// RecordErrorKind classes record errors for metrics and for readers of results.
type RecordErrorKind uint8

// The kinds of record errors.
const (
	// Malformed: the payload could not be decoded at all.
	Malformed RecordErrorKind = iota + 1
	// InvalidInput: a value that the model does not allow.
	InvalidInput
	// MissingInput: a value that the model cannot do without.
	MissingInput
	// NoResult: the model has no answer for these inputs.
	NoResult
	// Panicked: the evaluator panicked on this row alone.
	Panicked
)

// String returns the name that metrics and results use.
func (k RecordErrorKind) String() string {
	switch k {
	case Malformed:
		return "malformed"
	case InvalidInput:
		return "invalid-input"
	case MissingInput:
		return "missing-input"
	case NoResult:
		return "no-result"
	case Panicked:
		return "panicked"
	}
	return fmt.Sprintf("RecordErrorKind(%d)", uint8(k))
}

func (e *RecordError) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Field != "" {
		fmt.Fprintf(&b, ": field %q", e.Field)
	}
	if e.Value != "" {
		fmt.Fprintf(&b, ": value %q", e.Value)
	}
	if e.Rule != "" {
		b.WriteString(": ")
		b.WriteString(e.Rule)
	}
	return b.String()
}

// LoadError says why a model cannot serve. What to do: reject the generation.
type LoadError struct {
	// Reason is a sentence without a stop: what is wrong and how to mend it.
	Reason string
	// Where names the place: an element and line of a document, an operation of
	// a graph, a file of an archive. It may be empty.
	Where string
	Err   error // the cause, or nil
}

func (e *LoadError) Error() string {
	s := e.Reason
	if e.Where != "" {
		s = e.Where + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *LoadError) Unwrap() error { return e.Err }

// TransientError says that an attempt failed for a reason outside of the
// records and the model. What to do: try again.
type TransientError struct {
	Reason string
	Err    error // the cause, or nil
}

func (e *TransientError) Error() string {
	if e.Err != nil {
		return e.Reason + ": " + e.Err.Error()
	}
	return e.Reason
}

func (e *TransientError) Unwrap() error { return e.Err }
