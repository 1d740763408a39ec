package record

import (
	"encoding/binary"
	"math"
	"slices"
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
	tagScoringNS  = 9<<3 | byte(protowire.VarintType)

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
	head     []byte   // data type and generation
	topicTag []byte   // topic, in Source
	keys     [][]byte // of each output: its key, in the entry

	numbers []byte  // head, target if it is a number, all numeric outputs
	patches []patch // where the numbers of the template go
	others  []int   // outputs that are not numbers
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
		w.head = append(w.head, tagGeneration)
		w.head = protowire.AppendBytes(w.head, generation)
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

// buildTemplate encodes the head, a numeric target and the numeric outputs
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
		w.numbers = append(w.numbers, tagOutputs)
		w.numbers = protowire.AppendVarint(w.numbers, uint64(len(w.keys[i])+2+9))
		w.numbers = append(w.numbers, w.keys[i]...)
		w.numbers = append(w.numbers, tagValue, 9)
		zero(i)
	}
}

func (w *protoResults) appendResult(dst []byte, raw *Raw, out *model.Batch, row int, t Times) []byte {
	start := len(dst)
	dst = append(dst, w.numbers...)
	if !patchNumbers(dst[start:], w.patches, out.Columns, row) {
		return w.appendPieces(dst[:start], raw, out, row, t)
	}
	if len(w.others) != 0 {
		if w.target >= 0 && w.outputs[w.target].kind != kindNumber {
			dst = w.appendTarget(dst, out, row)
		}
		for _, i := range w.others {
			dst = w.appendOutput(dst, i, out, row)
		}
	}
	return w.appendSource(dst, raw, t)
}

// patchNumbers writes the row's numbers into a copy of the template. It returns
// false when a column has no value in that row.
func patchNumbers(template []byte, patches []patch, columns []model.Column, row int) bool {
	for i := range patches {
		p := &patches[i]
		c := &columns[p.column]
		if len(c.State) != 0 && c.State[row] != model.Valid {
			return false
		}
		var v float64
		if c.Type == model.Float64 {
			v = c.Float64[row]
		} else {
			v = float64(c.Float32[row])
		}
		binary.LittleEndian.PutUint64(template[p.at:], math.Float64bits(v))
	}
	return true
}

// appendPieces appends the result of a row that lacks a numeric output.
func (w *protoResults) appendPieces(dst []byte, raw *Raw, out *model.Batch, row int, t Times) []byte {
	dst = append(dst, w.head...)
	if w.target >= 0 {
		dst = w.appendTarget(dst, out, row)
	}
	for i := range w.outputs {
		dst = w.appendOutput(dst, i, out, row)
	}
	return w.appendSource(dst, raw, t)
}

// sourceRoom is the most that source and times take besides the topic: five
// tags with integers, and the tag and length of source itself.
const sourceRoom = 5*(1+binary.MaxVarintLen64) + 1 + binary.MaxVarintLen64

// appendSource appends what depends on the record but not on its scores: where
// it came from and the times.
func (w *protoResults) appendSource(dst []byte, raw *Raw, t Times) []byte {
	dst = slices.Grow(dst, sourceRoom+len(w.topicTag))
	size := len(w.topicTag) + sizeInteger(int64(raw.Partition)) + sizeInteger(raw.Offset)
	n := len(dst)
	b := dst[:cap(dst)]
	b[n] = tagSource
	n = putUvarint(b, n+1, uint64(size))
	n += copy(b[n:], w.topicTag)
	n = putInteger(b, n, tagPartition, int64(raw.Partition))
	n = putInteger(b, n, tagOffset, raw.Offset)
	n = putInteger(b, n, tagRecordTime, raw.TimeMS)
	n = putInteger(b, n, tagScoredTime, t.ScoredUS)
	n = putInteger(b, n, tagScoringNS, int64(t.ScoringNS))
	return b[:n]
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

func (w *protoResults) appendError(dst []byte, raw *Raw, err *model.RecordError, t Times) []byte {
	dst = append(dst, w.head...)
	dst = w.appendSource(dst, raw, t)
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

// putInteger writes an integer field; zero is the default and left out.
func putInteger(b []byte, n int, tag byte, v int64) int {
	if v == 0 {
		return n
	}
	b[n] = tag
	return putUvarint(b, n+1, uint64(v))
}

// sizeInteger is the size of what putInteger writes.
func sizeInteger(v int64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(uint64(v))
}

func putUvarint(b []byte, n int, v uint64) int {
	for v >= 0x80 {
		b[n] = byte(v) | 0x80
		v >>= 7
		n++
	}
	b[n] = byte(v)
	return n + 1
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
