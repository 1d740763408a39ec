package record

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/modelstream/modelserver/model"
)

// jsonResults writes results in protobuf's JSON mapping
// (protobuf.dev/programming-guides/json): lowerCamelCase names, 64-bit integers
// as strings, NaN and infinities as strings, default values left out.
type jsonResults struct {
	resultConstants
	head        []byte   // the opening brace, the data type, the generation
	topicMember []byte   // the topic, in the source
	names       [][]byte // of each output: its name as a key, with the colon
}

// The members of messages.Value: what stands before and behind a value.
var jsonValues = [...]struct{ before, behind string }{
	kindNumber:  {`{"number":`, `}`},
	kindLabel:   {`{"label":`, `}`},
	kindInteger: {`{"integer":"`, `"}`},
	kindFlag:    {`{"flag":`, `}`},
	kindNumbers: {`{"numbers":{"values":[`, `]}}`},
	kindLabels:  {`{"labels":{"values":[`, `]}}`},
}

func newJSONResults(c resultConstants) (*jsonResults, error) {
	w := &jsonResults{resultConstants: c, head: []byte{'{'}}
	if c.dataType != "" {
		w.head = append(w.head, `"dataType":`...)
		w.head = appendJSONText(w.head, c.dataType)
		w.head = append(w.head, ',')
	}
	if c.generation != nil {
		generation, err := protojson.Marshal(c.generation)
		if err != nil {
			return nil, err
		}
		var compact bytes.Buffer // protojson varies its white space on purpose
		if err := json.Compact(&compact, generation); err != nil {
			return nil, err
		}
		w.head = append(w.head, `"generation":`...)
		w.head = append(w.head, compact.Bytes()...)
		w.head = append(w.head, ',')
	}
	if c.topic != "" {
		w.topicMember = appendJSONText([]byte(`"topic":`), c.topic)
		w.topicMember = append(w.topicMember, ',')
	}
	for _, o := range c.outputs {
		w.names = append(w.names, append(appendJSONText(nil, o.name), ':'))
	}
	return w, nil
}

func (w *jsonResults) appendResult(dst []byte, raw *Raw, out *model.Batch, row int, t Times) []byte {
	dst = append(dst, w.head...)
	if w.target >= 0 {
		if c := &out.Columns[w.target]; c.StateOf(row) == model.Valid {
			dst = append(dst, `"target":`...)
			dst = appendJSONValue(dst, w.outputs[w.target].kind, c, row)
			dst = append(dst, ',')
		}
	}
	dst = append(dst, `"outputs":{`...)
	for i := range w.outputs {
		c := &out.Columns[i]
		if c.StateOf(row) != model.Valid {
			continue
		}
		dst = append(dst, w.names[i]...)
		dst = appendJSONValue(dst, w.outputs[i].kind, c, row)
		dst = append(dst, ',')
	}
	dst = append(endJSON(dst), ',')
	return endJSON(w.appendSource(dst, raw, t))
}

func (w *jsonResults) appendError(dst []byte, raw *Raw, err *model.RecordError, t Times) []byte {
	dst = append(dst, w.head...)
	dst = w.appendSource(dst, raw, t)
	e := scoringError(err)
	dst = append(dst, `"error":{"kind":`...)
	dst = appendJSONText(dst, e.GetKind())
	dst = append(dst, `,"message":`...)
	dst = appendJSONText(dst, e.GetMessage())
	if e.GetField() != "" {
		dst = append(dst, `,"field":`...)
		dst = appendJSONText(dst, e.GetField())
	}
	return append(dst, "}}"...)
}

// appendSource appends the source and the times, each with a comma behind it.
func (w *jsonResults) appendSource(dst []byte, raw *Raw, t Times) []byte {
	dst = append(dst, `"source":{`...)
	dst = append(dst, w.topicMember...)
	if raw.Partition != 0 {
		dst = append(dst, `"partition":`...)
		dst = strconv.AppendInt(dst, int64(raw.Partition), 10)
		dst = append(dst, ',')
	}
	dst = appendJSONInteger(dst, `"offset":"`, raw.Offset)
	dst = append(endJSON(dst), ',')
	dst = appendJSONInteger(dst, `"recordTimeMs":"`, raw.TimeMS)
	dst = appendJSONInteger(dst, `"scoredTimeUs":"`, t.ScoredUS)
	if t.ScoringNS == 0 {
		return dst
	}
	dst = append(dst, `"scoringNs":"`...)
	dst = strconv.AppendUint(dst, t.ScoringNS, 10)
	return append(dst, `",`...)
}

// endJSON closes an object, in place of the comma if there is one.
func endJSON(dst []byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = '}'
		return dst
	}
	return append(dst, '}')
}

// appendJSONInteger appends a 64-bit member, with a comma; zero is left out.
func appendJSONInteger(dst []byte, key string, v int64) []byte {
	if v == 0 {
		return dst
	}
	dst = append(dst, key...)
	dst = strconv.AppendInt(dst, v, 10)
	return append(dst, `",`...)
}

// appendJSONValue appends a messages.Value.
func appendJSONValue(dst []byte, kind outputKind, c *model.Column, row int) []byte {
	dst = append(dst, jsonValues[kind].before...)
	switch kind {
	case kindNumber:
		dst = appendJSONNumber(dst, number(c, row))
	case kindLabel:
		dst = appendJSONText(dst, c.String[row])
	case kindInteger:
		dst = strconv.AppendInt(dst, c.Int64[row], 10)
	case kindFlag:
		dst = strconv.AppendBool(dst, c.Bool[row])
	case kindNumbers, kindLabels:
		for at := row * c.Width; at < (row+1)*c.Width; at++ {
			if at > row*c.Width {
				dst = append(dst, ',')
			}
			if kind == kindLabels {
				dst = appendJSONText(dst, c.String[at])
			} else {
				dst = appendJSONNumber(dst, number(c, at))
			}
		}
	}
	return append(dst, jsonValues[kind].behind...)
}

func appendJSONNumber(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		dst = append(dst, '"')
		return append(appendFloat(dst, v, 64), '"')
	}
	return appendFloat(dst, v, 64)
}

// appendJSONText appends a JSON string. Text that is not UTF-8 is mended.
func appendJSONText(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = mend(s)
	}
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
