package record

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

// build encodes a message given as text.
func build(tb testing.TB, f *Format, text string) []byte {
	tb.Helper()
	m := dynamicpb.NewMessage(f.Message())
	if err := (prototext.UnmarshalOptions{AllowPartial: true}).Unmarshal([]byte(text), m); err != nil {
		tb.Fatal(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// show writes a value of a batch the way that the tables expect it.
func show(b *model.Batch, column, row int) string {
	if err := b.Err(row); err != nil {
		return err.Error()
	}
	c := &b.Columns[column]
	if s := c.StateOf(row); s != model.Valid {
		return s.String()
	}
	if s, ok := c.Value(row).(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(c.Value(row))
}

func TestDecodeWine(t *testing.T) {
	d := bind(t, Wine(), nil, wineSignature().Inputs...)
	records := winePayloads(t, 7)
	records[2].Payload = records[2].Payload[:20]
	var batch model.Batch
	for range 2 { // the second time with used memory
		d.Decode(records, &batch)
		for row := range records {
			if row == 2 {
				continue
			}
			m := new(messages.WineRecord)
			if err := proto.Unmarshal(records[row].Payload, m); err != nil {
				t.Fatal(err)
			}
			want := []float64{
				m.GetFixedAcidity(), m.GetVolatileAcidity(), m.GetCitricAcid(), m.GetResidualSugar(), m.GetChlorides(),
				m.GetFreeSulfurDioxide(), m.GetTotalSulfurDioxide(), m.GetDensity(), m.GetPH(), m.GetSulphates(), m.GetAlcohol(),
			}
			for i := range want {
				if got := batch.Columns[i].Float64[row]; got != want[i] || batch.Columns[i].StateOf(row) != model.Valid {
					t.Errorf("row %d column %d: got %v, want %v", row, i, got, want[i])
				}
			}
		}
		if len(batch.Errors) != 1 || batch.Errors[0].Row != 2 || batch.Errors[0].Err.Kind != model.Malformed {
			t.Errorf("errors: %v, want row 2 malformed", batch.Errors)
		}
		for i := range batch.Columns {
			if len(batch.Columns[i].State) != 0 {
				t.Errorf("column %d has states although all rows are valid", i)
			}
		}
	}
}

// TestDecodePresence is protobuf's field presence
// (protobuf.dev/programming-guides/field_presence), message by message.
func TestDecodePresence(t *testing.T) {
	tests := []struct {
		message, text string
		path          string
		as            model.ElementType
		want          string
	}{
		{"All", ``, "d", model.Float64, "0"},
		{"All", ``, "i64", model.Int64, "0"},
		{"All", ``, "b", model.Bool, "false"},
		{"All", ``, "s", model.String, `""`},
		{"All", ``, "color", model.String, `"UNKNOWN"`},
		{"All", ``, "far", model.Float64, "0"},
		{"All", ``, "maybe", model.Float64, "missing"},
		{"All", `maybe: 0`, "maybe", model.Float64, "0"},
		{"All", ``, "number", model.Float64, "missing"},
		{"All", `number: 0`, "number", model.Float64, "0"},
		{"All", `text: "1"`, "number", model.Float64, "missing"},
		{"All", ``, "wrapped", model.Float64, "missing"},
		{"All", `wrapped {}`, "wrapped", model.Float64, "0"},
		{"All", `wrapped {value: 2}`, "wrapped", model.Float64, "2"},
		{"All", ``, "inner.ph", model.Float64, "missing"},
		{"All", `inner {}`, "inner.ph", model.Float64, "0"},
		{"All", `inner {}`, "inner.acid", model.Float64, "missing"},
		{"All", `inner {acid: 0}`, "inner.acid", model.Float64, "0"},
		{"All", `inner {}`, "inner.deeper.ph", model.Float64, "missing"},
		{"All", `inner {deeper {}}`, "inner.deeper.ph", model.Float64, "0"},
		{"All", `inner {deeper {ph: 3}}`, "inner.deeper.ph", model.Float64, "3"},
		{"All", `message {ph: 3}`, "message.ph", model.Float64, "3"},
		{"Old", ``, "d", model.Float64, "missing"},
		{"Old", `d: 0`, "d", model.Float64, "0"},
		{"Old", ``, "s", model.String, "missing"},
		{"Old", ``, "r", model.Int64, "missing"},
		{"Old", `Part {ph: 4}`, "part.ph", model.Float64, "4"},
		{"Old", `Part {}`, "part.ph", model.Float64, "missing"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s of {%s}", test.path, test.text), func(t *testing.T) {
			f := testFormat(t, test.message)
			d := bind(t, f, map[string]string{"x": test.path}, input("x", test.as))
			var batch model.Batch
			// Between two full rows, so that nothing leaks from one to another.
			records := []Raw{{Payload: build(t, f, test.text)}, {Payload: build(t, f, test.text)}}
			d.Decode(records, &batch)
			for row := range records {
				if got := show(&batch, 0, row); got != test.want {
					t.Errorf("row %d: got %s, want %s", row, got, test.want)
				}
			}
		})
	}
}

// TestDecodeWire decodes bytes that encoders seldom write.
func TestDecodeWire(t *testing.T) {
	const one, two = "000000000000f03f", "0000000000000040"
	tests := []struct {
		name    string
		message string
		hex     string
		path    string
		as      model.ElementType
		shape   []int
		want    string
	}{
		{"the last value wins", "All", "09" + one + "09" + two, "d", model.Float64, nil, "2"},
		{"out of order, f not as declared", "All", "18 05 10 01 09" + one, "d", model.Float64, nil, "1"},
		{"tag in two bytes", "All", "8900" + one, "d", model.Float64, nil, "1"},
		{"far field", "All", "c1b802" + one, "far", model.Float64, nil, "1"},
		{"a negative int32 in ten bytes", "All", "18 ffffffffffffffffff01", "i32", model.Int64, nil, "-1"},
		{"an int32 of more bits is cut", "All", "18 8180808010", "i32", model.Int64, nil, "1"},
		{"zigzag", "All", "38 03", "s32", model.Int64, nil, "-2"},
		{"uint64 above int64", "All", "30 ffffffffffffffffff01", "u64", model.Int64, nil, "invalid"},
		{"uint64 above int64 as a number", "All", "30 ffffffffffffffffff01", "u64", model.Float64, nil, "1.8446744073709552e+19"},
		{"bool of any varint", "All", "68 05", "b", model.Bool, nil, "true"},
		{"unknown enum", "All", "8001 07", "color", model.String, nil, `"7"`},
		{"merged messages", "All", "9a01 09 09" + one + "9a01 00", "inner.ph", model.Float64, nil, "1"},
		{"oneof: the last member wins", "All", "c101" + one + "ca01 01 61", "number", model.Float64, nil, "missing"},
		{"oneof: and back", "All", "ca01 01 61 c101" + one, "number", model.Float64, nil, "1"},
		{"oneof: a message loses its fields", "All", "d201 09 09" + one + "c101" + one, "message.ph", model.Float64, nil, "missing"},
		{"packed", "All", "a201 10" + one + two, "packed", model.Float64, []int{2}, "[1 2]"},
		{"packed in two parts", "All", "a201 08" + one + "a201 08" + two, "packed", model.Float64, []int{2}, "[1 2]"},
		{"not packed although declared", "All", "a101" + one + "a101" + two, "packed", model.Float64, []int{2}, "[1 2]"},
		{"packed although not declared", "All", "b201 02 01 02", "unpacked", model.Int64, []int{2}, "[1 2]"},
		{"packed to float32", "All", "a201 10" + one + two, "packed", model.Float32, []int{2}, "[1 2]"},
		{"packed to text", "All", "a201 10" + one + two, "packed", model.String, []int{2}, "[1 2]"},
		{"no elements", "All", "", "packed", model.Float64, []int{2}, "missing"},
		{"too few elements", "All", "a201 08" + one, "packed", model.Float64, []int{2}, `invalid-input: field "packed": has 1 values, but the model takes 2`},
		{"too many elements", "All", "a201 10" + one + two, "packed", model.Float64, nil, `invalid-input: field "packed": has 2 values, but the model takes 1`},
		{"one element for a scalar", "All", "a201 08" + one, "packed", model.Float64, nil, "1"},
		{"list in a message", "All", "9a01 0a 2a 08" + one, "inner.list", model.Float64, nil, "1"},
		{"words to numbers", "All", "ba01 01 31 ba01 01 78", "words", model.Float64, []int{2}, "invalid"},
		{"group", "Old", "13 09" + one + "14", "part.ph", model.Float64, nil, "1"},
		{"unused group", "All", "f301 f301 0801 f401 f401 09" + one, "d", model.Float64, nil, "1"},

		{"cut in a double", "All", "09 0000", "d", model.Float64, nil, `malformed: field "d": the message is cut off within the field that starts at byte 0`},
		{"cut in a string", "All", "72 05 61", "s", model.String, nil, `malformed: field "s": the message is cut off within the field that starts at byte 0`},
		{"cut behind a tag", "All", "72 01 61 72", "s", model.String, nil, `malformed: field "s": the message is cut off within the field that starts at byte 3`},
		{"cut in an unused field", "All", "72 01 61 11", "d", model.Float64, nil, `malformed: the message is cut off within the field that starts at byte 3`},
		{"cut in a message", "All", "9a01 02 0900", "inner.ph", model.Float64, nil, `malformed: field "inner.ph": the message is cut off within the field that starts at byte 3`},
		{"cut in a packed list", "All", "a201 0c" + one + "00000000", "packed", model.Float64, nil, `malformed: field "packed": the message is cut off within the field that starts at byte 0`},
		{"length above 2^63", "All", "72 ffffffffffffffffff01", "s", model.String, nil, `malformed: field "s": the message is cut off within the field that starts at byte 0`},
		{"varint of 65 bits", "All", "18 ffffffffffffffffff02", "i32", model.Int64, nil, `malformed: field "i32": a variable-length integer has more than 64 bits (at byte 0)`},
		{"unused varint of 65 bits", "All", "18 ffffffffffffffffff02", "d", model.Float64, nil, `malformed: a variable-length integer has more than 64 bits (at byte 0)`},
		{"field number 0", "All", "00", "d", model.Float64, nil, `malformed: a field number is out of range (at byte 0)`},
		{"field number too large", "All", "f8ffffff7f00", "d", model.Float64, nil, `malformed: a field number is out of range (at byte 0)`},
		{"unknown wire type", "All", "1f", "d", model.Float64, nil, `malformed: a wire type is not one of protobuf's (at byte 0)`},
		{"another wire type than the schema's", "All", "08 01", "d", model.Float64, nil, `malformed: field "d": the wire type does not fit the field's type: was it written with another schema? (at byte 0)`},
		{"end of no group", "All", "0c", "d", model.Float64, nil, `malformed: a group ends that did not start, or starts and does not end (at byte 0)`},
		{"group without end", "All", "f301", "d", model.Float64, nil, `malformed: a group ends that did not start, or starts and does not end (at byte 0)`},
		{"end of another group", "All", "f301 fc01", "d", model.Float64, nil, `malformed: a group ends that did not start, or starts and does not end (at byte 0)`},
		{"used group without end", "Old", "13", "part.ph", model.Float64, nil, `malformed: a group ends that did not start, or starts and does not end (at byte 1)`},
		{"groups too deep", "All", strings.Repeat("f301", 65) + strings.Repeat("f401", 65), "d", model.Float64, nil, `malformed: values are nested too deep (at byte 0)`},
		{"text that is not UTF-8", "All", "72 01 ff", "s", model.String, nil, `malformed: field "s": text is not valid UTF-8 (at byte 0)`},
		{"unused text that is not UTF-8", "All", "72 01 ff 09" + one, "d", model.Float64, nil, "1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			payload, err := hex.DecodeString(strings.ReplaceAll(test.hex, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			d := bind(t, testFormat(t, test.message), map[string]string{"x": test.path}, input("x", test.as, test.shape...))
			var batch model.Batch
			d.Decode([]Raw{{Payload: payload}, {}}, &batch)
			if got := show(&batch, 0, 0); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			var alone model.Batch
			d.Decode([]Raw{{}}, &alone)
			if got, want := show(&batch, 0, 1), show(&alone, 0, 0); got != want {
				t.Errorf("the next row is %s, without this one it is %s", got, want)
			}
		})
	}
}

func TestDecodeDropsStates(t *testing.T) {
	f := testFormat(t, "All")
	d := bind(t, f, nil, input("maybe", model.Float64), input("number", model.Float64))
	records := []Raw{{Payload: build(t, f, "maybe: 1 number: 2")}, {Payload: build(t, f, "maybe: 3")}}
	var batch model.Batch
	d.Decode(records, &batch)
	if len(batch.Columns[0].State) != 0 || len(batch.Columns[1].State) != 2 {
		t.Errorf("states are %v and %v: only the second column lacks a value", batch.Columns[0].State, batch.Columns[1].State)
	}
}

func TestDecodeLimits(t *testing.T) {
	f := Wine().WithLimits(Limits{PayloadBytes: 10})
	d := bind(t, f, nil, input("alcohol", model.Float64))
	var batch model.Batch
	d.Decode([]Raw{{Payload: make([]byte, 11)}, {Payload: build(t, Wine(), "alcohol: 1")}}, &batch)
	if err := batch.Err(0); err == nil || !strings.Contains(err.Rule, "larger than the 10 allowed") {
		t.Errorf("got %v, want the payload to be too large", err)
	}
	if got := show(&batch, 0, 1); got != "1" {
		t.Errorf("the next row is %s, want 1", got)
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	d := bind(t, Wine(), nil, wineSignature().Inputs...)
	records := winePayloads(t, 64)
	var batch model.Batch
	d.Decode(records, &batch)
	if n := testing.AllocsPerRun(100, func() { d.Decode(records, &batch) }); n >= 16 { // the race detector makes pools forget
		t.Errorf("%v allocations for a batch of 64 records, want none", n)
	}
}

func TestBlankValues(t *testing.T) {
	f := testFormat(t, "All")
	var batch model.Batch
	mapping := map[string]string{"a": "maybe", "b": "maybe", "c": "maybe", "d": "maybe", "e": "maybe"}
	d := bind(t, f, mapping, input("a", model.Float64), input("b", model.Float32), input("c", model.Int64), input("d", model.Bool), input("e", model.String))
	records := []Raw{{Payload: build(t, f, "maybe: 1")}}
	d.Decode(records, &batch)
	records[0].Payload = nil
	d.Decode(records, &batch)
	c := batch.Columns
	if !math.IsNaN(c[0].Float64[0]) || !math.IsNaN(float64(c[1].Float32[0])) || c[2].Int64[0] != 0 || c[3].Bool[0] || c[4].String[0] != "" {
		t.Errorf("missing values hold %v, want NaN, NaN, 0, false and \"\"", c)
	}
}
