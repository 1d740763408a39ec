// Package record turns the payloads of topics into the columns that a model
// scores, and scores into the payloads of the result topic.
//
// A [Format] says how payloads are written: protobuf of one message type, or
// JSON. [Format.Bind] matches the inputs of a model's signature to the fields of
// a format, once per generation, and returns a [Decoder] that fills a
// [model.Batch] with nothing but those fields. [Format.FieldReader] reads the
// one field that names a record's data type and leaves the rest alone.
// [Encoder] writes records, for publishers and tests. [ResultEncoder] writes
// what leaves.
//
// # Ownership
//
// The package owns no goroutine. It is a leaf: it knows no actors and no Kafka.
// Formats, decoders, readers and encoders never change once they are made and
// are safe for concurrent use. A batch belongs to its caller, and strings in its
// columns may be views into the payloads, so payloads must not change while the
// batch is in use.
//
// # Failures
//
// Payloads are foreign input: nothing in them makes this package panic, recurse
// without a limit or allocate more than a small multiple of their size. A
// payload that cannot be decoded becomes a [*model.RecordError] of its row; the
// other rows go on. A signature that does not fit a format is a
// [*model.LoadError]: the generation is rejected.
//
// # Values
//
// A value is valid, missing or invalid (see [model.State]). Numbers are
// formatted for a text input and text is parsed for a numeric one; what cannot
// be converted without loss of meaning (text that is no number, 1.5 for an
// integer, 2 for a truth value) is invalid, and empty text is missing where a
// number is wanted. Rows without a valid value hold NaN, 0, false or "".
package record
