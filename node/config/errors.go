package config

import (
	"errors"
	"fmt"
	"strings"
)

// KeyError says what is wrong with one key of the configuration.
type KeyError struct {
	Key     string // "kafka.brokers"
	Where   string // "modelserver.yaml:12", "MODELSERVER_KAFKA_BROKERS", "--set", or ""
	Problem string // what is wrong and how to mend it
}

func (e *KeyError) Error() string {
	s := e.Key + ": " + e.Problem
	if e.Where != "" {
		s = e.Where + ": " + s
	}
	return s
}

// Error is everything that is wrong with a configuration.
type Error struct{ Errs []error }

func (e *Error) Error() string {
	if len(e.Errs) == 1 {
		return "configuration: " + e.Errs[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d errors", len(e.Errs))
	for _, err := range e.Errs {
		b.WriteString("\n  " + err.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find each.
func (e *Error) Unwrap() []error { return e.Errs }

// Errors turns an error of another package about settings, or several joined
// ones, which begin with the key, into an [*Error]. It returns nil for nil.
func Errors(err error) error { return together(keyed(err)) }

// together flattens joined errors into one [*Error], or nil.
func together(errs ...error) error {
	flat := flatten(nil, errs)
	if len(flat) == 0 {
		return nil
	}
	return &Error{Errs: flat}
}

func flatten(to, errs []error) []error {
	for _, err := range errs {
		var many interface{ Unwrap() []error }
		switch {
		case err == nil:
		case errors.As(err, new(*KeyError)) && !errors.As(err, &many):
			to = append(to, err)
		case errors.As(err, &many):
			to = flatten(to, many.Unwrap())
		default:
			to = append(to, err)
		}
	}
	return to
}
