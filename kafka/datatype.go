package kafka

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxDataTypeBytes bounds a data type's name. It names an actor and a metric,
// and it comes from strangers.
const maxDataTypeBytes = 200

// maxInterned bounds the remembered data types of a topic.
const maxInterned = 4096

// checkDataType returns why these bytes cannot be a data type, or nil.
func checkDataType(name []byte) error {
	switch {
	case len(name) == 0:
		return errors.New("the data type is empty")
	case len(name) > maxDataTypeBytes:
		return fmt.Errorf("the data type has %d bytes; at most %d are allowed", len(name), maxDataTypeBytes)
	case !utf8.Valid(name):
		return errors.New("the data type is not valid UTF-8")
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return errors.New("the data type has a control character")
		}
	}
	return nil
}

// dataTyper finds the data type of a topic's records. It belongs to the poll
// goroutine.
type dataTyper struct {
	rule     DataTypeRule
	field    fieldReader
	interned map[string]*dataType
	last     *dataType
}

// fieldReader reads a field of a payload without decoding the rest; see
// [record.Format.FieldReader].
type fieldReader func(payload []byte) (value []byte, ok bool)

// dataType is an interned name with the batch that is being filled for it.
type dataType struct {
	name string
	key  []byte  // the name as a results' key; shared, never changed
	open *flight // of the current poll, or nil; the poll goroutine's

	entries []*entry // by partition; the actor's
}

func newDataTyper(rule DataTypeRule, field fieldReader) *dataTyper {
	return &dataTyper{rule: rule, field: field, interned: map[string]*dataType{}}
}

// of returns the data type of a record, or why it has none.
func (t *dataTyper) of(r *kgo.Record) (*dataType, error) {
	name := t.raw(r)
	if t.last != nil && string(name) == t.last.name { // compares without allocation
		return t.last, nil
	}
	if len(name) == 0 {
		if t.rule.Default == "" {
			return nil, t.missing()
		}
		name = []byte(t.rule.Default)
	}
	dt, ok := t.interned[string(name)]
	if !ok {
		if err := checkDataType(name); err != nil {
			return nil, err
		}
		if len(t.interned) >= maxInterned {
			clear(t.interned)
		}
		dt = &dataType{name: string(name)}
		dt.key = []byte(dt.name)
		t.interned[dt.name] = dt
	}
	t.last = dt
	return dt, nil
}

// raw returns the bytes that the rule points at; empty when there are none.
func (t *dataTyper) raw(r *kgo.Record) []byte {
	switch t.rule.From {
	case FromKey:
		return r.Key
	case FromField:
		value, _ := t.field(r.Value)
		return value
	case FromHeader:
		for i := len(r.Headers) - 1; i >= 0; i-- { // the last one counts
			if r.Headers[i].Key == t.rule.Name {
				return r.Headers[i].Value
			}
		}
		return nil
	}
	if t.last != nil {
		return t.last.key
	}
	return []byte(t.rule.Name)
}

func (t *dataTyper) missing() error {
	if t.rule.From == FromKey {
		return errors.New("the record has no key to take the data type from, and there is no default")
	}
	return fmt.Errorf("the record has no %s %q to take the data type from, and there is no default", t.rule.From, t.rule.Name)
}
