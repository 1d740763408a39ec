package record

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

// The tags of ServingResult and the messages in it, each below 16 and so one
// byte long. A test compares what is written with the schema.
const (
	tagDataType   = 1<<3 | byte(protowire.BytesType)
	tagTarget     = 2<<3 | byte(protowire.BytesType)
	tagOutputs    = 3<<3 | byte(protowire.BytesType)
	tagGeneration = 4<<3 | byte(protowire.BytesType)
	tagSource     = 5<<3 | byte(protowire.BytesType)
	tagRecordTime = 6<<3 | byte(protowire.VarintType)
	tagScoredTime = 7<<3 | byte(protowire.VarintType)
	tagError      = 8<<3 | byte(protowire.BytesType)

	tagKey      = 1<<3 | byte(protowire.BytesType) // of an entry of outputs
	tagValue    = 2<<3 | byte(protowire.BytesType)
	tagNumber   = 1<<3 | byte(protowire.Fixed64Type) // of Value
	tagLabel    = 2<<3 | byte(protowire.BytesType)
	tagInteger  = 3<<3 | byte(protowire.VarintType)
	tagFlag     = 4<<3 | byte(protowire.VarintType)
	tagNumbers  = 5<<3 | byte(protowire.BytesType)
	tagLabels   = 6<<3 | byte(protowire.BytesType)
	tagElements = 1<<3 | byte(protowire.BytesType) // of Numbers (packed) and of each of Labels

	tagTopic     = 1<<3 | byte(protowire.BytesType) // of Source
	tagPartition = 2<<3 | byte(protowire.VarintType)
	tagOffset    = 3<<3 | byte(protowire.VarintType)
)

// protoResults writes results as protobuf.
//
// Everything that does not depend on the record is encoded once. Numbers have a
// fixed size on the wire, so all numeric outputs form one template, copied whole
// and then patched; other outputs are written one by one. A row without a value
// somewhere is written piece by piece.
type protoResults struct {
	resultConstants
	head     []byte   // data type
	tail     []byte   // generation
	topicTag []byte   // topic, in Source
	keys     [][]byte // of each output: its key, in the entry

	numbers []byte  // data type, target if it is a number, all numeric outputs
	patches []patch // where the numbers of the template go
	others  []int   // outputs that are not numbers
	columns []int   // numeric outputs
}

// patch is the place of a number in a template.
type patch struct{ column, at int }

func newProtoResults(c resultConstants) (*protoResults, error) {
	w := &protoResults{resultConstants: c}
	if c.dataType != "" {
		w.head = appendText(w.head, tagDataType, c.dataType)
	}
	if c.generation != nil {
		generation, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.generation)
		if err != nil {
			return nil, err
		}
		w.tail = append(w.tail, tagGeneration)
		w.tail = protowire.AppendBytes(w.tail, generation)
	}
	if c.topic != "" {
		w.topicTag = appendText(nil, tagTopic, c.topic)
	}
	for _, o := range c.outputs {
		w.keys = append(w.keys, appendText(nil, tagKey, o.name))
	}
	w.buildTemplate()
	return w, nil
}

// buildTemplate encodes the data type, a numeric target and the numeric outputs
// around zeros, and remembers where those are.
func (w *protoResults) buildTemplate() {
	w.numbers = append(w.numbers, w.head...)
	zero := func(column int) {
		w.numbers = append(w.numbers, tagNumber)
		w.patches = append(w.patches, patch{column, len(w.numbers)})
		w.numbers = append(w.numbers, make([]byte, 8)...)
	}
	if w.target >= 0 && w.outputs[w.target].kind == kindNumber {
		w.numbers = append(w.numbers, tagTarget, 9)
		zero(w.target)
	}
	for i, o := range w.outputs {
		if o.kind != kindNumber {
			w.others = append(w.others, i)
			continue
		}
		w.columns = append(w.columns, i)
		w.numbers = append(w.numbers, tagOutputs)
		w.numbers = protowire.AppendVarint(w.numbers, uint64(len(w.keys[i])+2+9))
		w.numbers = append(w.numbers, w.keys[i]...)
		w.numbers = append(w.numbers, tagValue, 9)
		zero(i)
	}
}

func (w *protoResults) appendResult(dst []byte, raw *Raw, out *model.Batch, row int, scoredUS int64) []byte {
	if w.allNumbers(out, row) {
		start := len(dst)
		dst = append(dst, w.numbers...)
		body := dst[start:]
		for _, p := range w.patches {
			c := &out.Columns[p.column]
			v := 0.0
			if c.Type == model.Float64 {
				v = c.Float64[row]
			} else {
				v = number(c, row)
			}
			binary.LittleEndian.PutUint64(body[p.at:], math.Float64bits(v))
		}
		if len(w.others) != 0 {
			if w.target >= 0 && w.outputs[w.target].kind != kindNumber {
				dst = w.appendTarget(dst, out, row)
			}
			for _, i := range w.others {
				dst = w.appendOutput(dst, i, out, row)
			}
		}
	} else {
		dst = append(dst, w.head...)
		if w.target >= 0 {
			dst = w.appendTarget(dst, out, row)
		}
		for i := range w.outputs {
			dst = w.appendOutput(dst, i, out, row)
		}
	}
	return w.appendTail(dst, raw, scoredUS)
}

// allNumbers says whether the row has a value of every numeric output.
func (w *protoResults) allNumbers(out *model.Batch, row int) bool {
	for _, i := range w.columns {
		if c := &out.Columns[i]; len(c.State) != 0 && c.State[row] != model.Valid {
			return false
		}
	}
	return true
}

// appendTail appends what follows the outputs: generation, source and times.
func (w *protoResults) appendTail(dst []byte, raw *Raw, scoredUS int64) []byte {
	dst = append(dst, w.tail...)
	size := len(w.topicTag)
	if raw.Partition != 0 {
		size += 1 + protowire.SizeVarint(uint64(raw.Partition))
	}
	if raw.Offset != 0 {
		size += 1 + protowire.SizeVarint(uint64(raw.Offset))
	}
	dst = append(dst, tagSource)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = append(dst, w.topicTag...)
	dst = appendInteger(dst, tagPartition, int64(raw.Partition))
	dst = appendInteger(dst, tagOffset, raw.Offset)
	dst = appendInteger(dst, tagRecordTime, raw.TimeMS)
	return appendInteger(dst, tagScoredTime, scoredUS)
}

func (w *protoResults) appendTarget(dst []byte, out *model.Batch, row int) []byte {
	c := &out.Columns[w.target]
	if c.StateOf(row) != model.Valid {
		return dst
	}
	kind := w.outputs[w.target].kind
	dst = append(dst, tagTarget)
	dst = protowire.AppendVarint(dst, uint64(sizeValue(kind, c, row)))
	return appendValue(dst, kind, c, row)
}

func (w *protoResults) appendOutput(dst []byte, i int, out *model.Batch, row int) []byte {
	c := &out.Columns[i]
	if c.StateOf(row) != model.Valid {
		return dst
	}
	kind := w.outputs[i].kind
	size := sizeValue(kind, c, row)
	dst = append(dst, tagOutputs)
	dst = protowire.AppendVarint(dst, uint64(len(w.keys[i])+1+protowire.SizeBytes(size)))
	dst = append(dst, w.keys[i]...)
	dst = append(dst, tagValue)
	dst = protowire.AppendVarint(dst, uint64(size))
	return appendValue(dst, kind, c, row)
}

func (w *protoResults) appendError(dst []byte, raw *Raw, err *model.RecordError, scoredUS int64) []byte {
	dst = append(dst, w.head...)
	dst = w.appendTail(dst, raw, scoredUS)
	detail, _ := proto.Marshal(scoringError(err)) // cannot fail: its strings are valid
	dst = append(dst, tagError)
	return protowire.AppendBytes(dst, detail)
}

// scoringError is a record error as a message.
func scoringError(err *model.RecordError) *messages.ScoringError {
	return &messages.ScoringError{Kind: err.Kind.String(), Message: mend(err.Error()), Field: mend(err.Field)}
}

// sizeValue is the size of a messages.Value.
func sizeValue(kind outputKind, c *model.Column, row int) int {
	switch kind {
	case kindLabel:
		return 1 + protowire.SizeBytes(sizeText(c.String[row]))
	case kindInteger:
		return 1 + protowire.SizeVarint(uint64(c.Int64[row]))
	case kindFlag:
		return 2
	case kindNumbers, kindLabels:
		return 1 + protowire.SizeBytes(sizeElements(kind, c, row))
	}
	return 9
}

// sizeElements is the size of a messages.Numbers or messages.Labels.
func sizeElements(kind outputKind, c *model.Column, row int) int {
	if kind == kindNumbers {
		return 1 + protowire.SizeBytes(8*c.Width)
	}
	size := 0
	for _, s := range c.String[row*c.Width : (row+1)*c.Width] {
		size += 1 + protowire.SizeBytes(sizeText(s))
	}
	return size
}

// appendValue appends a messages.Value.
func appendValue(dst []byte, kind outputKind, c *model.Column, row int) []byte {
	switch kind {
	case kindLabel:
		return appendText(dst, tagLabel, c.String[row])
	case kindInteger:
		dst = append(dst, tagInteger)
		return protowire.AppendVarint(dst, uint64(c.Int64[row]))
	case kindFlag:
		if c.Bool[row] {
			return append(dst, tagFlag, 1)
		}
		return append(dst, tagFlag, 0)
	case kindNumbers:
		dst = append(dst, tagNumbers)
		dst = protowire.AppendVarint(dst, uint64(sizeElements(kind, c, row)))
		dst = append(dst, tagElements)
		dst = protowire.AppendVarint(dst, uint64(8*c.Width))
		for at := row * c.Width; at < (row+1)*c.Width; at++ {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(number(c, at)))
		}
		return dst
	case kindLabels:
		dst = append(dst, tagLabels)
		dst = protowire.AppendVarint(dst, uint64(sizeElements(kind, c, row)))
		for _, s := range c.String[row*c.Width : (row+1)*c.Width] {
			dst = appendText(dst, tagElements, s)
		}
		return dst
	}
	dst = append(dst, tagNumber)
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(number(c, row)))
}

// appendInteger appends an integer field; zero is the default and left out.
func appendInteger(dst []byte, tag byte, v int64) []byte {
	if v == 0 {
		return dst
	}
	dst = append(dst, tag)
	return protowire.AppendVarint(dst, uint64(v))
}

// appendText appends a string field, mended if need be.
func appendText(dst []byte, tag byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = mend(s)
	}
	dst = append(dst, tag)
	dst = protowire.AppendVarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// sizeText is the length of text once it is mended.
func sizeText(s string) int {
	if utf8.ValidString(s) {
		return len(s)
	}
	return len(mend(s))
}
