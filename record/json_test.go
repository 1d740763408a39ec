package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// TestDecodeJSONValues is how a member's value becomes an input's.
func TestDecodeJSONValues(t *testing.T) {
	tests := []struct {
		json  string
		as    model.ElementType
		shape []int
		want  string
	}{
		{`7.4`, model.Float64, nil, "7.4"},
		{`-0`, model.Float64, nil, "-0"},
		{`1e-7`, model.Float64, nil, "1e-07"},
		{`12345678901234567890`, model.Float64, nil, "1.2345678901234567e+19"},
		{`1e999`, model.Float64, nil, "invalid"},
		{`"7.4"`, model.Float64, nil, "7.4"},
		{`" 7.4 "`, model.Float64, nil, "7.4"},
		{`"NaN"`, model.Float64, nil, "NaN"},
		{`"-Infinity"`, model.Float64, nil, "-Inf"},
		{`"seven"`, model.Float64, nil, "invalid"},
		{`""`, model.Float64, nil, "missing"},
		{`null`, model.Float64, nil, "missing"},
		{`true`, model.Float64, nil, "1"},
		{`{}`, model.Float64, nil, "invalid"},
		{`{"a":[1,{"b":null}]}`, model.Float64, nil, "invalid"},
		{`[7.4]`, model.Float64, nil, "7.4"},
		{`[]`, model.Float64, nil, "missing"},
		{`[1,2]`, model.Float64, nil, `invalid-input: field "x": has 2 values, but the model takes 1`},
		{`7`, model.Float32, nil, "7"},
		{`7`, model.Int64, nil, "7"},
		{`7.0`, model.Int64, nil, "7"},
		{`7e2`, model.Int64, nil, "700"},
		{`9007199254740993`, model.Int64, nil, "9007199254740993"},
		{`7.5`, model.Int64, nil, "invalid"},
		{`9223372036854775808`, model.Int64, nil, "invalid"},
		{`"7"`, model.Int64, nil, "7"},
		{`1`, model.Bool, nil, "true"},
		{`0.0`, model.Bool, nil, "false"},
		{`2`, model.Bool, nil, "invalid"},
		{`"False"`, model.Bool, nil, "false"},
		{`"red"`, model.String, nil, `"red"`},
		{`""`, model.String, nil, `""`},
		{`"r\u00f6t \"\n\ud83c\udf77"`, model.String, nil, `"röt \"\n🍷"`},
		{`"half \ud83c"`, model.String, nil, `"half ` + "\uFFFD" + `"`},
		{`7.50`, model.String, nil, `"7.5"`},
		{`123456789012345678901234567890`, model.String, nil, `"123456789012345678901234567890"`},
		{`1e-7`, model.String, nil, `"1e-7"`},
		{`true`, model.String, nil, `"true"`},
		{`null`, model.String, nil, "missing"},
		{`[1,2.5,-3e1]`, model.Float64, []int{3}, "[1 2.5 -30]"},
		{`[[1,2],[3,4]]`, model.Float32, []int{2, 2}, "[1 2 3 4]"},
		{`["a","b"]`, model.String, []int{2}, "[a b]"},
		{`[1,"2",true]`, model.Int64, []int{3}, "[1 2 1]"},
		{`[1,null,3]`, model.Float64, []int{3}, "invalid"},
		{`[1,"x",3]`, model.Float64, []int{3}, "invalid"},
		{`[1,2]`, model.Float64, []int{3}, `invalid-input: field "x": has 2 values, but the model takes 3`},
		{`[1,2,3,4]`, model.Float64, []int{3}, `invalid-input: field "x": has 4 values, but the model takes 3`},
		{`"1,2.5,-3e1"`, model.Float32, []int{3}, "[1 2.5 -30]"},
		{`" 1, 2 ,3 "`, model.Float32, []int{3}, "[1 2 3]"},
		{`"1,2"`, model.Float32, []int{3}, "invalid"},
		{`"1,2,3,4"`, model.Float32, []int{3}, "invalid"},
		{`"1,,3"`, model.Float32, []int{3}, "invalid"},
		{`""`, model.Float32, []int{3}, "missing"},
		{`7`, model.Float32, []int{3}, "invalid"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s as %v%v", test.json, test.as, test.shape), func(t *testing.T) {
			d := bind(t, JSON(), nil, input("x", test.as, test.shape...))
			var batch model.Batch
			d.Decode([]Raw{{Payload: []byte(`{"x":` + test.json + `}`)}, {Payload: []byte(` { "y" : 1 , "x" : ` + test.json + ` } `)}}, &batch)
			for row := range 2 {
				if got := show(&batch, 0, row); got != test.want {
					t.Errorf("row %d: got %s, want %s", row, got, test.want)
				}
			}
		})
	}
}

// TestDecodeJSONNames is which member an input takes.
func TestDecodeJSONNames(t *testing.T) {
	const likes = `are both like the name of one input: send one of them, or map the input in the configuration`
	tests := []struct {
		name, json string
		input      string
		mapping    string
		want       string
	}{
		{"equal", `{"fixed acidity":1}`, "fixed acidity", "", "1"},
		{"like", `{"fixedAcidity":1}`, "fixed acidity", "", "1"},
		{"like, too", `{"FIXED_acidity":1}`, "fixed acidity", "", "1"},
		{"escaped", `{"fixed\u0020acidity":1}`, "fixed acidity", "", "1"},
		{"equal before like", `{"fixed acidity":1,"fixed_acidity":2}`, "fixed acidity", "", "1"},
		{"equal after like", `{"fixed_acidity":2,"fixed-acidity":3,"fixed acidity":1}`, "fixed acidity", "", "1"},
		{"equal null before like", `{"fixed acidity":null,"fixed_acidity":2}`, "fixed acidity", "", "missing"},
		{"two alike", `{"fixed_acidity":2,"fixedAcidity":1}`, "fixed acidity", "", `malformed: field "fixed_acidity": keys "fixed_acidity" and "fixedAcidity" ` + likes},
		{"one alike twice", `{"fixed_acidity":2,"fixed_acidity":1}`, "fixed acidity", "", `malformed: field "fixed_acidity": keys "fixed_acidity" and "fixed_acidity" ` + likes},
		{"twice", `{"x":1,"x":2}`, "x", "", `malformed: field "x": the JSON key stands twice in its object (at byte 11)`},
		{"unused key twice", `{"y":1,"y":2,"x":3}`, "x", "", "3"},
		{"absent", `{}`, "x", "", "missing"},
		{"mapped", `{"x":1,"z":2}`, "x", "z", "2"},
		{"mapped is exact", `{"x":1,"Z":2}`, "x", "z", "missing"},
		{"path", `{"m":{"ph":3,"x":4}}`, "x", "m.ph", "3"},
		{"path to a missing object", `{"ph":3}`, "x", "m.ph", "missing"},
		{"path through a number", `{"m":3}`, "x", "m.ph", "missing"},
		{"path through null", `{"m":null}`, "x", "m.ph", "missing"},
		{"nested keys are not the root's", `{"m":{"x":1}}`, "x", "", "missing"},
		{"dot in a key", `{"m.ph":3,"m":{"ph":4}}`, "x", `m\.ph`, "3"},
		{"unmapped name with a dot", `{"Petal.Length":3}`, "Petal.Length", "", "3"},
		{"like a name with a dot", `{"petalLength":3}`, "Petal.Length", "", "3"},
		{"long key", `{"` + strings.Repeat("_", 300) + `x":1}`, "x", "", "missing"},
		{"key that is not UTF-8", "{\"\xff\":1,\"x\":2}", "x", "", "2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			mapping := map[string]string{}
			if test.mapping != "" {
				mapping[test.input] = test.mapping
			}
			d := bind(t, JSON(), mapping, input(test.input, model.Float64))
			var batch model.Batch
			for range 2 { // the second time with the key order learned
				d.Decode([]Raw{{Payload: []byte(test.json)}, {Payload: []byte(`{"a":1,"b":2}`)}, {Payload: []byte(test.json)}}, &batch)
				for _, row := range []int{0, 2} {
					if got := show(&batch, 0, row); got != test.want {
						t.Errorf("row %d: got %s, want %s", row, got, test.want)
					}
				}
			}
		})
	}
}

func TestDecodeJSONInputsLikeEachOther(t *testing.T) {
	d := bind(t, JSON(), nil, input("x 1", model.Float64), input("X1", model.Float64))
	var batch model.Batch
	d.Decode([]Raw{{Payload: []byte(`{"X1":1,"x 1":2}`)}, {Payload: []byte(`{"x1":1}`)}}, &batch)
	if batch.Columns[0].Float64[0] != 2 || batch.Columns[1].Float64[0] != 1 {
		t.Errorf("got %v, want each input's own key", batch.Columns)
	}
	if batch.Columns[0].StateOf(1) != model.Missing || batch.Columns[1].StateOf(1) != model.Missing {
		t.Error("a key that is like two inputs must feed neither")
	}
}

func TestDecodeJSONMalformed(t *testing.T) {
	tests := []struct{ json, want string }{
		{``, "not a JSON object (at byte 0)"},
		{`[]`, "not a JSON object (at byte 0)"},
		{` 7`, "not a JSON object (at byte 1)"},
		{`{`, "ends too early (at byte 1)"},
		{`{"x"`, "ends too early (at byte 4)"},
		{`{"x":`, "ends too early (at byte 5)"},
		{`{"x":1`, "ends too early (at byte 6)"},
		{`{"x":1,`, "ends too early (at byte 7)"},
		{`{"x":1,}`, "unexpected byte at 7"},
		{`{x:1}`, "unexpected byte at 1"},
		{`{"x" 1}`, "unexpected byte at 5"},
		{`{"x":1 "y":2}`, "unexpected byte at 7"},
		{`{"x":01}`, "unexpected byte at 6"},
		{`{"x":.5}`, "unexpected byte at 5"},
		{`{"x":5.}`, "unexpected byte at 7"},
		{`{"x":1e}`, "unexpected byte at 7"},
		{`{"x":+1}`, "unexpected byte at 5"},
		{`{"x":-}`, "unexpected byte at 6"},
		{`{"x":NaN}`, "unexpected byte at 5"},
		{`{"x":tru}`, "unexpected byte at 8"},
		{`{"x":nul`, "ends too early (at byte 8)"},
		{`{"x":[1,}`, "unexpected byte at 8"},
		{`{"x":[1 2]}`, "unexpected byte at 8"},
		{`{"y":{"a"}}`, "unexpected byte at 9"},
		{`{"y":"a`, "ends too early (at byte 7)"},
		{`{"y":"\x"}`, "unknown escape (at byte 6)"},
		{`{"y":"\u12g4"}`, "unknown escape (at byte 6)"},
		{`{"y":"\u12`, "ends too early (at byte 10)"},
		{"{\"y\":\"\n\"}", "control character or an unknown escape (at byte 6)"},
		{`{"x":1} x`, "something follows the JSON object (at byte 8)"},
		{"{\"z\":\"\xff\"}", "not valid UTF-8 (at byte 5)"},
		{`{"y":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "nested too deep (at byte 68)"},
		{`{"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "nested too deep (at byte 68)"},
	}
	for _, test := range tests {
		t.Run(test.json, func(t *testing.T) {
			d := bind(t, JSON(), nil, input("x", model.Float64), input("z", model.String))
			var batch model.Batch
			d.Decode([]Raw{{Payload: []byte(`{"x":1}`)}, {Payload: []byte(test.json)}, {Payload: []byte(`{"x":2}`)}}, &batch)
			err := batch.Err(1)
			if err == nil || err.Kind != model.Malformed || !strings.Contains(err.Rule, test.want) {
				t.Errorf("got %v, want malformed: …%s", err, test.want)
			}
			if show(&batch, 0, 0) != "1" || show(&batch, 0, 2) != "2" {
				t.Error("the rows around must not suffer")
			}
		})
	}
}

func TestDecodeJSONDoesNotAllocate(t *testing.T) {
	d := bind(t, JSON(), nil, append(wineSignature().Inputs, input("data type", model.String))...)
	records := wineJSON(64)
	var batch model.Batch
	d.Decode(records, &batch)
	if n := testing.AllocsPerRun(100, func() { d.Decode(records, &batch) }); n >= 16 { // the race detector makes pools forget
		t.Errorf("%v allocations for a batch of 64 records, want none", n)
	}
}

func TestDecodeJSONBadMapping(t *testing.T) {
	if _, err := JSON().Bind(signature(input("x", model.Float64)), map[string]string{"x": "a..b"}); err == nil {
		t.Error("a mapping to an empty name must be refused")
	}
}

// TestHostileKeys: whatever keys come, what is remembered of them stays small.
func TestHostileKeys(t *testing.T) {
	d := bind(t, JSON(), nil, input("x", model.Float64))
	var payload strings.Builder
	payload.WriteString(`{"x":1`)
	for i := range 5000 {
		fmt.Fprintf(&payload, `,"key%d":0,"%s":1`, i, strings.Repeat("k", i))
	}
	payload.WriteString(`}`)
	r := d.json.runs.Get().(*jsonRun)
	r.b, r.columns, r.rows, r.depth = []byte(payload.String()), make([]model.Column, 1), 1, 64
	r.columns[0].Reset(&d.inputs[0], 1)
	r.stamp++
	r.record(d.json.root)
	if r.err != nil {
		t.Fatal(r.err)
	}
	if len(r.layout) > maxLayout {
		t.Errorf("%d keys are remembered", len(r.layout))
	}
	for _, m := range r.layout {
		if len(m.token) > maxLayoutKey {
			t.Errorf("a key of %d bytes is remembered", len(m.token))
		}
	}
}
