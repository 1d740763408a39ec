package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/model"
)

// jsonCase is a signature with its decoder and mapping.
type jsonCase struct {
	decoder *Decoder
	inputs  []model.Field
	mapping map[string]string
}

func jsonCases(tb testing.TB) []jsonCase {
	mapping := map[string]string{"nested": "m.ph", "deep": "m.n.x", "mapped": "pH"}
	var cases []jsonCase
	for turn := range allTypes {
		c := jsonCase{mapping: mapping}
		for i, name := range []string{"fixed acidity", "ph", "nested", "deep", "mapped", "a", "b", "vector"} {
			in := model.Field{Name: name, Type: allTypes[(i+turn)%len(allTypes)]}
			if name == "vector" || name == "b" && turn == 0 {
				in.Shape = []int{2}
			}
			c.inputs = append(c.inputs, in)
		}
		c.decoder = bind(tb, JSON(), mapping, c.inputs...)
		cases = append(cases, c)
	}
	return cases
}

type jsonPair struct {
	key   string
	value json.RawMessage
}

// members returns the members of an object, duplicates and all.
func members(object []byte) []jsonPair {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var pairs []jsonPair
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil
		}
		pairs = append(pairs, jsonPair{key.(string), value})
	}
	return pairs
}

// pick returns the value of an input, or nil. fails says that it is not clear.
func (c *jsonCase) pick(object []byte, name string) (value json.RawMessage, fails bool) {
	path := []string{name}
	target, mapped := c.mapping[name]
	if mapped {
		path = strings.Split(target, ".")
	}
	objects := [][]byte{object}
	for _, step := range path[:len(path)-1] {
		var next [][]byte
		for _, o := range objects {
			for _, p := range members(o) {
				if p.key == step {
					next = append(next, p.value)
				}
			}
		}
		objects = next
	}
	var exact, like []json.RawMessage
	for _, o := range objects {
		for _, p := range members(o) {
			switch {
			case p.key == path[len(path)-1]:
				exact = append(exact, p.value)
			case !mapped && loose(p.key) == loose(name) && len(p.key) <= maxLooseKey:
				like = append(like, p.value)
			}
		}
	}
	switch {
	case len(exact) == 1:
		return exact[0], false
	case len(exact) > 1 || len(like) > 1:
		return nil, true
	case len(like) == 1:
		return like[0], false
	}
	return nil, false
}

// jsonReference is what an input must hold for a value.
func jsonReference(raw json.RawMessage, f *model.Field) (want []any, state model.State, fails bool) {
	switch {
	case raw == nil, raw[0] == 'n':
		return nil, model.Missing, false
	case raw[0] == '{':
		return nil, model.Invalid, false
	case raw[0] == '[':
		values := flatten(raw)
		if i := slices.Index(values, nil); i >= 0 && len(values) == f.Width() {
			return nil, model.Invalid, false
		}
		return convertRow(values, f)
	}
	return convertSingle(jsonValue(raw), f)
}

// flatten returns the elements of arrays in arrays; null and objects as nil.
func flatten(raw json.RawMessage) []any {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		panic(err)
	}
	var values []any
	for _, e := range elements {
		switch e[0] {
		case '[':
			values = append(values, flatten(e)...)
		case '{', 'n':
			values = append(values, nil)
		default:
			values = append(values, jsonValue(e))
		}
	}
	return values
}

func jsonValue(raw json.RawMessage) any {
	switch raw[0] {
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			panic(err)
		}
		return s
	case 't':
		return true
	case 'f':
		return false
	}
	return literal(raw)
}

// check compares a decoded payload with encoding/json's reading of it.
func (c *jsonCase) check(t failer, payload []byte) {
	t.Helper()
	var batch model.Batch
	c.decoder.Decode([]Raw{{Payload: payload}, {Payload: []byte(`{}`)}, {Payload: payload}}, &batch)
	if err := batch.Err(1); err != nil {
		t.Fatalf("the error of one row reached the next: %v", err)
	}
	err := batch.Err(0)
	if again := batch.Err(2); fmt.Sprint(err) != fmt.Sprint(again) {
		t.Fatalf("%q: first %v, then %v", payload, err, again)
	}
	if !utf8.Valid(payload) || err != nil && strings.Contains(err.Rule, "nested too deep") {
		return // encoding/json mends text and goes deeper
	}
	object := json.Valid(payload) && bytes.TrimLeft(payload, " \t\r\n")[0] == '{'
	if !object {
		if err == nil {
			t.Fatalf("%q was read, but it is no JSON object", payload)
		}
		return
	}
	anyFails := false
	for i := range c.inputs {
		value, fails := c.pick(payload, c.inputs[i].Name)
		var want []any
		var state model.State
		if !fails {
			want, state, fails = jsonReference(value, &c.inputs[i])
		}
		if anyFails = anyFails || fails; fails || err != nil {
			continue
		}
		for _, row := range []int{0, 2} {
			checkRow(t, fmt.Sprintf("%s: %v", payload, &c.inputs[i]), &batch.Columns[i], row, want, state)
		}
	}
	if anyFails != (err != nil) {
		t.Fatalf("%s: got error %v, want an error: %v", payload, err, anyFails)
	}
}

// drawJSON writes an object, with the keys that matter and others.
func drawJSON(t *rapid.T, depth int) string {
	keys := rapid.SampledFrom([]string{"fixed acidity", "fixed_acidity", "fixedAcidity", "ph", "pH", "PH", "m", "n", "x", "a", "A", "b", "vector", `\u0061`, "y", ""})
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"})
	var b strings.Builder
	b.WriteString("{" + space.Draw(t, "space"))
	for i := range rapid.IntRange(0, 6).Draw(t, "members") {
		if i > 0 {
			b.WriteString("," + space.Draw(t, "space"))
		}
		b.WriteString(`"` + keys.Draw(t, "key") + `"` + space.Draw(t, "space") + ":" + drawJSONValue(t, depth) + space.Draw(t, "space"))
	}
	b.WriteString("}")
	return b.String()
}

func drawJSONValue(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		return drawJSON(t, depth-1)
	case kind <= 2 && depth > 0:
		var elements []string
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			elements = append(elements, drawJSONValue(t, depth-1))
		}
		return "[" + strings.Join(elements, ",") + "]"
	case kind <= 4:
		return rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number")
	case kind == 5:
		b, _ := json.Marshal(rapid.String().Draw(t, "string"))
		return string(b)
	}
	return rapid.SampledFrom([]string{
		"0", "1", "-1", "2.5", "true", "false", "null", `""`, `"1"`, `"NaN"`, `"1,2"`, `"a"`, `"\u0031"`, `"\ud800"`, `" 3 "`, "9223372036854775807", "1e400",
	}).Draw(t, "sample")
}

func TestDecodeJSONLikeEncodingJSON(t *testing.T) {
	cases := jsonCases(t)
	rapid.Check(t, func(t *rapid.T) {
		payload := []byte(drawJSON(t, 3))
		if cut := rapid.IntRange(0, 20*len(payload)).Draw(t, "cut"); cut < len(payload) {
			payload = payload[:cut]
		}
		for i := range cases {
			cases[i].check(t, payload)
		}
	})
}

func FuzzDecodeJSON(f *testing.F) {
	cases := jsonCases(f)
	for _, seed := range []string{
		`{}`, `{"fixed acidity":7.4,"ph":"3.1","pH":0,"a":true,"b":[1,"2"],"vector":"1,2"}`,
		`{"m":{"ph":1,"n":{"x":[1]}},"vector":[[1],[2]]}`, `{"fixedAcidity":1e-3,"fixed_acidity":null}`, `{"\u0061":"\ud83c\udf77\n"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for i := range cases {
			cases[i].check(t, payload)
		}
	})
}

func FuzzFieldReaderJSON(f *testing.F) {
	read, err := JSON().FieldReader("data.type")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"data":{"type":"wine"}}`))
	f.Add([]byte(`{"x":[{"data":1}],"d\u0061ta":{"a":"\"","type":7}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		value, ok := read(payload)
		if !json.Valid(payload) || !utf8.Valid(payload) {
			return
		}
		var want any
		object := payload
		for _, step := range []string{"data", "type"} {
			i := slices.IndexFunc(members(object), func(p jsonPair) bool { return p.key == step })
			if i < 0 {
				object = nil
				break
			}
			object = members(object)[i].value
		}
		if len(object) > 0 && strings.IndexByte(`"-0123456789`, object[0]) >= 0 {
			want = jsonValue(object)
		}
		if want == "" {
			want = nil
		}
		if ok != (want != nil) || ok && string(value) != fmt.Sprint(want) {
			t.Fatalf("%q: got %q, %v, want %v", payload, value, ok, want)
		}
	})
}
