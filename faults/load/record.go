package load

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/messages"
)

// Format is how the records of a topic are written.
type Format string

// The formats.
const (
	// Wine is a WineRecord, which says its data type itself.
	Wine Format = "wine"
	// JSON is an object, whose data type is in a header.
	JSON Format = "json"
)

// DataTypeHeader is where records of the JSON topic have their data type.
const DataTypeHeader = "data_type"

// payload is a record of the JSON topic.
type payload struct {
	Number float64  `json:"fixed_acidity"`
	X      *float64 `json:"alcohol,omitempty"` // absent: the record has to fail
}

// encode writes a record's value. Only JSON records can be other than scored.
func encode(f Format, r *check.Record) ([]byte, error) {
	if f == Wine {
		return proto.Marshal(&messages.WineRecord{FixedAcidity: r.Number, Alcohol: r.X, DataType: r.DataType})
	}
	p := payload{Number: r.Number, X: &r.X}
	if r.Want == check.Failed {
		p.X = nil
	}
	b, err := json.Marshal(p)
	if r.Want == check.Refused {
		b = b[:len(b)-1]
	}
	return b, err
}

// DecodeRecord reads a message of a records topic. The data type is the
// header's.
func DecodeRecord(f Format, at check.Place, timeMS int64, dataType string, value []byte) (check.Record, error) {
	r := check.Record{Place: at, TimeMS: timeMS, DataType: dataType}
	if f == Wine {
		w := &messages.WineRecord{}
		if err := proto.Unmarshal(value, w); err != nil {
			return r, fmt.Errorf("load: %v: %w", at, err)
		}
		r.DataType, r.Number, r.X = w.GetDataType(), w.GetFixedAcidity(), w.GetAlcohol()
		return r, nil
	}
	var p payload
	switch err := json.Unmarshal(value, &p); {
	case err != nil:
		r.Want = check.Refused
	case p.X == nil:
		r.Want = check.Failed
		r.Number = p.Number
	default:
		r.Number, r.X = p.Number, *p.X
	}
	return r, nil
}
