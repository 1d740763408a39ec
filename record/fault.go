package record

import (
	"fmt"

	"github.com/modelstream/modelserver/model"
)

// fault says what is wrong with a payload.
type fault int

const (
	faultNone fault = iota
	faultTruncated
	faultVarint
	faultTag
	faultWireType
	faultGroup
	faultDepth
	faultMismatch
	faultUTF8
	faultJSONEnd
	faultJSONSyntax
	faultJSONObject
	faultJSONString
	faultJSONTrailing
	faultJSONTwice
)

// rules are the faults as text, with a place for the position.
var rules = [...]string{
	faultTruncated:    "the message is cut off within the field that starts at byte %d",
	faultVarint:       "a variable-length integer has more than 64 bits (at byte %d)",
	faultTag:          "a field number is out of range (at byte %d)",
	faultWireType:     "a wire type is not one of protobuf's (at byte %d)",
	faultGroup:        "a group ends that did not start, or starts and does not end (at byte %d)",
	faultDepth:        "values are nested too deep (at byte %d)",
	faultMismatch:     "the wire type does not fit the field's type: was it written with another schema? (at byte %d)",
	faultUTF8:         "text is not valid UTF-8 (at byte %d)",
	faultJSONEnd:      "the JSON text ends too early (at byte %d)",
	faultJSONSyntax:   "the payload is not JSON: unexpected byte at %d",
	faultJSONObject:   "the payload is not a JSON object (at byte %d)",
	faultJSONString:   "a JSON string has a control character or an unknown escape (at byte %d)",
	faultJSONTrailing: "something follows the JSON object (at byte %d)",
	faultJSONTwice:    "the JSON key stands twice in its object (at byte %d)",
}

// malformed is the record error for a fault at a position of a payload.
func malformed(f fault, field string, at int) *model.RecordError {
	return &model.RecordError{Kind: model.Malformed, Field: field, Rule: fmt.Sprintf(rules[f], at)}
}

// tooLarge is the error for a payload above the limit.
func tooLarge(size int, l Limits) *model.RecordError {
	return &model.RecordError{
		Kind: model.Malformed,
		Rule: fmt.Sprintf("a payload of %d bytes is larger than the %d allowed: raise the limit or send less", size, l.PayloadBytes),
	}
}

// wrongLength is the error for a vector of another length than the model takes.
func wrongLength(field string, got, want int) *model.RecordError {
	return &model.RecordError{
		Kind:  model.InvalidInput,
		Field: field,
		Rule:  fmt.Sprintf("has %d values, but the model takes %d", got, want),
	}
}
