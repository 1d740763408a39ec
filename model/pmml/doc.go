// Package pmml evaluates PMML models, versions 3.0 to 4.4, as JPMML does and
// many times faster. It is a library of its own and a model type of the server.
//
//	m, err := pmml.Load(ctx, file, pmml.Options{})
//	result, err := m.Evaluate(map[string]any{"alcohol": 9.4, "pH": 3.51})
//
// or, for many rows at once, [Model.Score] from a batch of columns to another.
//
// # Owners
//
// A document is read ([document.Decode]), compiled to an immutable plan, and
// forgotten. A [Model] is safe for concurrent use; what an evaluation needs
// comes from a pool and belongs to one goroutine meanwhile. There are no
// globals and no goroutines.
//
// # Failures
//
// A document that is not well-formed, breaks a limit, contradicts the standard
// or contains markup that is not supported is refused by Load with a
// [*model.LoadError] that names element, attribute and line. A row that cannot
// be scored has a [*model.RecordError] in the output batch and harms no other.
// Values are valid, missing or invalid; NaN in an input is missing.
//
// # Collections
//
// A field of association rules that holds the items of a whole transaction is
// a text: a JSON array, or one item; likewise a field that is aggregated, and
// one with the events of a baseline model up to now. Results that are
// collections come as text, too: "[a, b]".
//
// # Adding a family of models
//
// A file in package document declares the element as a struct, a file here
// compiles it to an evaluator, and a line in families (families.go) registers
// it. DESIGN.md tells the details.
package pmml
