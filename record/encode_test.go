package record

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/modelstream/modelserver/model"
)

// encode writes one row whose header and cells are given as "name=cell".
func encode(tb testing.TB, f *Format, cells ...string) ([]byte, error) {
	tb.Helper()
	var header, row []string
	for _, cell := range cells {
		name, value, _ := strings.Cut(cell, "=")
		header, row = append(header, name), append(row, value)
	}
	e, err := f.Encoder(header)
	if err != nil {
		tb.Fatal(err)
	}
	return e.Append(nil, 3, row)
}

func TestEncodeProtobuf(t *testing.T) {
	tests := []struct{ cells, want string }{
		{"d=1.5", `d: 1.5`},
		{"d= 1.5 ", `d: 1.5`},
		{"d=", ``},
		{"d=-Infinity", `d: -inf`},
		{"f=0.1", `f: 0.1`},
		{"i32=-3|i64=4|u32=5|u64=6|s32=-7|s64=-8|x32=9|x64=10|sx32=-11|sx64=-12", `i32: -3 i64: 4 u32: 5 u64: 6 s32: -7 s64: -8 x32: 9 x64: 10 sx32: -11 sx64: -12`},
		{"b=TRUE|s= text |raw=YWI=", `b: true s: " text " raw: "ab"`},
		{"color=RED", `color: RED`},
		{"color=7", `color: 7`},
		{"maybe=0|wrapped=0", `maybe: 0 wrapped {}`},
		{"inner.ph=1|Inner.deeper.note=x", `inner {ph: 1 deeper {note: "x"}}`},
		{"packed=1,2; 3 4|words=a b,c", `packed: [1, 2, 3, 4] words: ["a b", "c"]`},
		{"fixed acidity=7", `fixedAcidity: "7"`},
	}
	f := testFormat(t, "All")
	for _, test := range tests {
		t.Run(test.cells, func(t *testing.T) {
			payload, err := encode(t, f, strings.Split(test.cells, "|")...)
			if err != nil {
				t.Fatal(err)
			}
			got, want := dynamicpb.NewMessage(f.Message()), dynamicpb.NewMessage(f.Message())
			if err := proto.Unmarshal(payload, got); err != nil {
				t.Fatal(err)
			}
			if err := prototext.Unmarshal([]byte(test.want), want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestEncodeErrors(t *testing.T) {
	tests := []struct{ cell, want string }{
		{"d=seven", `row 3, column "d": "seven" is not a number`},
		{"f=1e300", `row 3, column "f": "1e300" is too large for a float`},
		{"i32=2147483648", `row 3, column "i32": "2147483648" is not a whole number that 32 bits hold`},
		{"i64=1.5", `row 3, column "i64": "1.5" is not a whole number that 64 bits hold`},
		{"u32=-1", `row 3, column "u32": "-1" is not a whole number from 0 that 32 bits hold`},
		{"b=yes", `row 3, column "b": "yes" is not true or false`},
		{"raw=?", `row 3, column "raw": "?" is not base64, which a bytes field wants`},
		{"color=PINK", `row 3, column "color": "PINK" is neither a name nor a number of test.Color`},
		{"packed=1,x", `row 3, column "packed": "1,x" is not a number`},
		{"d=" + strings.Repeat("é", 99), `row 3, column "d": "` + strings.Repeat("é", 20) + `…" is not a number`},
	}
	for _, test := range tests {
		_, err := encode(t, testFormat(t, "All"), test.cell)
		var cell *EncodeError
		if !errors.As(err, &cell) || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
	e, err := JSON().Encoder([]string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Append(nil, 7, []string{"1"}); err == nil || err.Error() != "row 7: has 1 cells, but the header has 2 columns" {
		t.Errorf("got %v, want the number of cells", err)
	}
}

func TestEncodeJSON(t *testing.T) {
	tests := []struct{ cells, want string }{
		{"a=1.5", `{"a":1.5}`},
		{"a= 1e3 |b=01|c=NaN|d=-", `{"a":1e3,"b":"01","c":"NaN","d":"-"}`},
		{"a=true|b=False|c=null", `{"a":true,"b":"False","c":"null"}`},
		{"a=|b=x", `{"b":"x"}`},
		{"a=", `{}`},
		{"a=quo\"te\n", `{"a":"quo\"te\n"}`},
		{"a=[1,2]|b=[1,", `{"a":[1,2],"b":"[1,"}`},
		{`m.x=1|y=2|m.n.z=3|k\.v=4`, `{"m":{"x":1,"n":{"z":3}},"y":2,"k.v":4}`},
		{"m.x=|y=2", `{"m":{},"y":2}`},
	}
	for _, test := range tests {
		got, err := encode(t, JSON(), strings.Split(test.cells, "|")...)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.cells, got, err, test.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
	}
}

func TestEncoderRefuses(t *testing.T) {
	for columns, f := range map[string]*Format{
		"nowhere":       testFormat(t, "All"),
		"inner":         testFormat(t, "All"),
		"features":      testFormat(t, "All"),
		"d|D":           testFormat(t, "All"),
		"Fixed Acidity": testFormat(t, "Twins"),
		"a|a":           JSON(),
		"a|a.b":         JSON(),
		"a.b|a":         JSON(),
		"a..b":          JSON(),
	} {
		if e, err := f.Encoder(strings.Split(columns, "|")); err == nil || e != nil {
			t.Errorf("%v: columns %s must be refused", f, columns)
		}
	}
}

// TestEncodeThenDecode: what publishers write is what models read.
func TestEncodeThenDecode(t *testing.T) {
	header := []string{"fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide", "total sulfur dioxide", "density", "pH", "sulphates", "alcohol", "data_type"}
	row := []string{"7.4", "0.7", "0", "1.9", "0.076", "11", "34", "0.9978", "3.51", "0.56", "9.4", "wine"}
	for _, f := range []*Format{Wine(), JSON()} {
		e, err := f.Encoder(header)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := e.Append(nil, 1, row)
		if err != nil {
			t.Fatal(err)
		}
		d := bind(t, f, nil, wineSignature().Inputs...)
		var batch model.Batch
		d.Decode([]Raw{{Payload: payload}}, &batch)
		for i := range batch.Columns {
			if got := show(&batch, i, 0); got != row[i] {
				t.Errorf("%v: %s is %s, want %s", f, header[i], got, row[i])
			}
		}
		read, err := f.FieldReader("data_type")
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := read(payload); !ok || string(v) != "wine" {
			t.Errorf("%v: the data type is %q, %v, want wine", f, v, ok)
		}
	}
}
