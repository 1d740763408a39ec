package model

import "context"

// Evaluator is a loaded model. All methods but Close are safe for concurrent
// use.
type Evaluator interface {
	// Signature returns what the evaluator takes and gives. The result is
	// shared and must not be changed.
	Signature() *Signature

	// Score evaluates every row of in and fills out.
	//
	// in has a column for each input of the signature; rows with an entry in
	// in.Errors are skipped. Score calls out.Reset(signature.Outputs, in.Rows)
	// itself and reports rows that it cannot score with out.Fail; it does not
	// copy in.Errors. It changes neither in nor keeps anything of it.
	//
	// A returned error concerns the whole batch: a [*TransientError] when
	// trying again may help, anything else is a failure of this model. Score
	// returns soon after ctx ends; the caller may ignore it from then on.
	Score(ctx context.Context, in, out *Batch) error

	// Close releases what the evaluator holds at once. It is called once,
	// after the last Score has returned.
	Close() error
}

// Verifier is an evaluator that can prove its own answers: with the
// verification rows of its document, for example. Verify is called once after
// Load; an error rejects the generation.
type Verifier interface {
	Verify(ctx context.Context) error
}

// Warmer is an evaluator that wants to be warmed in its own way. Any other one
// is warmed by scoring a batch of missing or zero values.
type Warmer interface {
	Warm(ctx context.Context) error
}

// Spec is all that a model type gets to know about the model that it loads.
type Spec struct {
	Name     string // the descriptor's name, for errors
	DataType string
	Artifact Artifact
	// Options are the descriptor's options. A type refuses the options that it
	// does not know, so that a typo does not go unnoticed.
	Options map[string]string
}

// Type is a model type: what turns an artifact into an evaluator.
type Type struct {
	// Name is what descriptors and configuration call it, in lower case.
	Name string
	// Doc is one line for people: what it reads.
	Doc string
	// Options documents each option that Load knows.
	Options map[string]string
	// Load makes an evaluator or explains with a [*LoadError] why it cannot. It
	// may take long; it returns soon after ctx ends. It never panics on any
	// input and keeps nothing when it fails.
	Load func(ctx context.Context, spec Spec) (Evaluator, error)
}
