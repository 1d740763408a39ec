package record

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

// ResultFormat is how results are written.
type ResultFormat uint8

// The result formats.
const (
	// ResultProtobuf is the message modelserver.v1.ServingResult.
	ResultProtobuf ResultFormat = iota + 1
	// ResultJSON is the same message in protobuf's JSON mapping.
	ResultJSON
)

// String returns the name that configuration uses.
func (f ResultFormat) String() string {
	switch f {
	case ResultProtobuf:
		return "protobuf"
	case ResultJSON:
		return "json"
	}
	return fmt.Sprintf("ResultFormat(%d)", uint8(f))
}

// ParseResultFormat returns the format of that name.
func ParseResultFormat(name string) (ResultFormat, error) {
	switch strings.ToLower(name) {
	case "protobuf":
		return ResultProtobuf, nil
	case "json":
		return ResultJSON, nil
	}
	return 0, fmt.Errorf("result format %q is not known: it is protobuf or json", name)
}

// ResultEncoder writes the results of one generation for the records of one
// topic. It never changes and is safe for concurrent use.
type ResultEncoder struct {
	writer resultWriter
}

// resultWriter is one format's way to write results.
type resultWriter interface {
	appendResult(dst []byte, raw *Raw, out *model.Batch, row int, t Times) []byte
	appendError(dst []byte, raw *Raw, err *model.RecordError, t Times) []byte
}

// Times says when and how fast records were scored. The rows of a batch share
// one.
type Times struct {
	ScoredUS  int64  // when, in microseconds since the Unix epoch
	ScoringNS uint64 // decoding and scoring: the batch's time divided by its records
}

// TimesOf returns the times of n records that were decoded and scored between
// start and now. What took any time at all took a nanosecond.
func TimesOf(start time.Time, n int) Times {
	now := time.Now()
	return Times{
		ScoredUS:  now.UnixMicro(),
		ScoringNS: uint64(max(now.Sub(start).Nanoseconds()/int64(max(n, 1)), 1)),
	}
}

// NewResultEncoder prepares all that the results of a generation have in common.
// generation may be nil, then results name none; it is not kept.
func NewResultEncoder(format ResultFormat, sig *model.Signature, dataType string, generation *messages.Generation, topic string) (*ResultEncoder, error) {
	if sig.Target >= len(sig.Outputs) {
		return nil, fmt.Errorf("the signature's target is output %d of %d", sig.Target, len(sig.Outputs))
	}
	c := resultConstants{dataType: mend(dataType), topic: mend(topic), target: max(sig.Target, -1)}
	if generation != nil {
		c.generation = proto.CloneOf(generation)
		c.generation.Name = mend(c.generation.GetName())
		c.generation.Version = mend(c.generation.GetVersion())
		c.generation.Sha256 = mend(c.generation.GetSha256())
	}
	seen := map[string]bool{}
	for i := range sig.Outputs {
		name := mend(sig.Outputs[i].Name)
		if seen[name] {
			return nil, fmt.Errorf("the model has two outputs named %q", name)
		}
		seen[name] = true
		c.outputs = append(c.outputs, outputOf(name, &sig.Outputs[i]))
	}
	var err error
	e := new(ResultEncoder)
	switch format {
	case ResultProtobuf:
		e.writer, err = newProtoResults(c)
	case ResultJSON:
		e.writer, err = newJSONResults(c)
	default:
		err = fmt.Errorf("%v is no result format", format)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Append appends the result of a row that was scored: every output that the row
// has a valid value of, and the target among them. out is the batch that the
// evaluator filled, with the columns of the signature. It allocates only to
// grow dst.
func (e *ResultEncoder) Append(dst []byte, raw *Raw, out *model.Batch, row int, t Times) []byte {
	return e.writer.appendResult(dst, raw, out, row, t)
}

// AppendError appends the result of a record that could not be scored.
func (e *ResultEncoder) AppendError(dst []byte, raw *Raw, err *model.RecordError, t Times) []byte {
	return e.writer.appendError(dst, raw, err, t)
}

// DecodeResult reads a result.
func DecodeResult(format ResultFormat, payload []byte) (*messages.ServingResult, error) {
	result := new(messages.ServingResult)
	var err error
	switch format {
	case ResultProtobuf:
		err = proto.Unmarshal(payload, result)
	case ResultJSON:
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(payload, result)
	default:
		err = fmt.Errorf("%v is no result format", format)
	}
	if err != nil {
		return nil, fmt.Errorf("the payload is not a result in %v: %w", format, err)
	}
	return result, nil
}

// resultConstants is what all results of an encoder have in common.
type resultConstants struct {
	dataType   string
	topic      string
	generation *messages.Generation // or nil
	outputs    []output
	target     int // index in outputs, or -1
}

// output is one output of a signature on its way to a result.
type output struct {
	name string
	kind outputKind
}

// outputKind is the member of messages.Value that an output becomes.
type outputKind uint8

const (
	kindNumber outputKind = iota
	kindLabel
	kindInteger
	kindFlag
	kindNumbers // the elements are doubles, integers or truth values (0 and 1)
	kindLabels
)

func outputOf(name string, f *model.Field) output {
	vector := f.Width() > 1
	switch {
	case f.Type == model.String && vector:
		return output{name, kindLabels}
	case vector:
		return output{name, kindNumbers}
	case f.Type == model.String:
		return output{name, kindLabel}
	case f.Type == model.Int64:
		return output{name, kindInteger}
	case f.Type == model.Bool:
		return output{name, kindFlag}
	}
	return output{name, kindNumber}
}

// number returns a value of a numeric column as the double that results hold.
func number(c *model.Column, at int) float64 {
	switch c.Type {
	case model.Float32:
		return float64(c.Float32[at])
	case model.Int64:
		return float64(c.Int64[at])
	case model.Bool:
		if c.Bool[at] {
			return 1
		}
		return 0
	}
	return c.Float64[at]
}

// mend returns text that is valid UTF-8, as protobuf demands of strings: bytes
// that are not become U+FFFD.
func mend(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
