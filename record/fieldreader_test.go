package record

import (
	"strings"
	"testing"
)

func TestFieldReader(t *testing.T) {
	proto := testFormat(t, "All")
	text := func(s string) string { return string(build(t, proto, s)) }
	tests := []struct {
		name    string
		format  *Format
		field   string
		payload string
		want    string // "": not there
	}{
		{"wine", Wine(), "data_type", string(winePayloads(t, 1)[0].Payload), "wine"},
		{"wine, named loosely", Wine(), "DataType", string(winePayloads(t, 1)[0].Payload), "wine"},
		{"absent", proto, "s", text(`d: 1`), ""},
		{"empty", proto, "text", text(`text: ""`), ""},
		{"among others", proto, "s", text(`d: 1 f: 2 i32: 3 s: "wine" packed: [1, 2] far: 4`), "wine"},
		{"the last wins", proto, "s", text(`s: "beer"`) + text(`s: "wine"`), "wine"},
		{"nested", proto, "inner.deeper.note", text(`inner {note: "a" deeper {note: "wine"}}`), "wine"},
		{"nested and merged", proto, "inner.note", text(`inner {note: "wine"}`) + text(`inner {ph: 1}`), "wine"},
		{"oneof cleared", proto, "text", text(`text: "wine"`) + text(`number: 1`), ""},
		{"oneof message cleared", proto, "message.note", text(`message {note: "wine"}`) + text(`text: "x"`), ""},
		{"malformed behind it", proto, "s", text(`s: "wine"`) + "\x09\x00", ""},
		{"malformed in a path", proto, "inner.note", "\x9a\x01\x02\x1a\x05", ""},
		{"not UTF-8", proto, "s", "\x72\x01\xff", ""},
		{"field number 0", proto, "s", "\x01\x00\x00\x00\x00\x00\x00\x00\x00" + text(`s: "wine"`), ""},
		{"another wire type", proto, "s", "\x70\x01", ""},
		{"nothing", proto, "s", "", ""},
		{"too large", Wine().WithLimits(Limits{PayloadBytes: 3}), "data_type", "\x62\x04wine", ""},

		{"JSON", JSON(), "dataType", `{"x":[1,{"dataType":"beer"}],"dataType":"wine","y":`, "wine"},
		{"JSON is exact", JSON(), "dataType", `{"data_type":"wine"}`, ""},
		{"JSON path", JSON(), "meta.type", `{"meta":{"x":1,"type":"wine"}}`, "wine"},
		{"JSON key with a dot", JSON(), `meta\.type`, `{"meta.type":"wine"}`, "wine"},
		{"JSON number", JSON(), "type", `{"type":7}`, "7"},
		{"JSON escapes", JSON(), "type", `{"t\u0079pe":"w\u0069ne"}`, "wine"},
		{"JSON null", JSON(), "type", `{"type":null}`, ""},
		{"JSON object", JSON(), "type", `{"type":{}}`, ""},
		{"JSON empty", JSON(), "type", `{"type":""}`, ""},
		{"JSON absent", JSON(), "type", `{"x":1}`, ""},
		{"JSON malformed before it", JSON(), "type", `{"x":01,"type":"wine"}`, ""},
		{"JSON cut", JSON(), "type", `{"type":"wi`, ""},
		{"JSON not UTF-8", JSON(), "type", "{\"type\":\"\xff\"}", ""},
		{"no JSON", JSON(), "type", `wine`, ""},
		{"JSON too deep", JSON(), "type", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"type":"wine"}`, ""},
		{"JSON too large", JSON().WithLimits(Limits{PayloadBytes: 3}), "type", `{"type":"wine"}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			read, err := test.format.FieldReader(test.field)
			if err != nil {
				t.Fatal(err)
			}
			value, ok := read([]byte(test.payload))
			if string(value) != test.want && ok || ok != (test.want != "") {
				t.Errorf("got %q, %v, want %q", value, ok, test.want)
			}
		})
	}
}

func TestFieldReaderRefuses(t *testing.T) {
	for field, format := range map[string]*Format{
		"nowhere":   testFormat(t, "All"),
		"d":         testFormat(t, "All"),
		"words":     testFormat(t, "All"),
		"inner":     testFormat(t, "All"),
		"part.note": testFormat(t, "Old"),
		"a..b":      JSON(),
		"":          JSON(),
	} {
		if _, err := format.FieldReader(field); err == nil {
			t.Errorf("%q of %v must be refused", field, format)
		}
	}
}

func TestFieldReaderDoesNotAllocate(t *testing.T) {
	for _, test := range []struct {
		format  *Format
		payload []byte
	}{{Wine(), winePayloads(t, 1)[0].Payload}, {JSON(), wineJSON(1)[0].Payload}} {
		read, err := test.format.FieldReader("data_type")
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { read(test.payload) }); n != 0 {
			t.Errorf("%v: %v allocations, want none", test.format, n)
		}
	}
}
