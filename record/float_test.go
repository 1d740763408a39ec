package record

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestParseFloatLikeStrconv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkFloat(t, rapid.StringMatching(`[-+]?[0-9]{0,22}(\.[0-9]{0,22})?([eE][-+]?[0-9]{1,4})?`).Draw(t, "text"))
	})
}

// TestFloatsReadBack: the shortest text of any double reads back as that double.
func TestFloatsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		text := appendFloat(nil, v, 64)
		if got, ok := parseFloat(text); !same(got, v) || !ok {
			t.Fatalf("%v was written %s and read %v, %v", v, text, got, ok)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		if want, _ := json.Marshal(v); string(want) != string(text) {
			t.Fatalf("got %s, want %s", text, want)
		}
		if want, _ := json.Marshal(float32(v)); !math.IsInf(float64(float32(v)), 0) && string(want) != string(appendFloat(nil, float64(float32(v)), 32)) {
			t.Fatalf("got %s, want %s", appendFloat(nil, float64(float32(v)), 32), want)
		}
	})
}

func FuzzParseFloat(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1.5", "9007199254740993", "1e23", "1e-23", "18446744073709551617", "0.18446744073709551617", "1.7976931348623159e308", "4.9e-324", "0x1p3", "1_0", "inf", "nAn", ".", "1e", "+.5e-3", "00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkFloat(t, text) })
}

// checkFloat compares with strconv, and what counts as JSON with encoding/json.
func checkFloat(t failer, text string) {
	got, ok := parseFloat([]byte(text))
	want, err := strconv.ParseFloat(text, 64)
	wanted := err == nil && (decimal.MatchString(text) || math.IsInf(want, 0) || math.IsNaN(want))
	if ok != wanted || ok && !same(got, want) {
		t.Fatalf("%q: got %v, %v, want %v, %v", text, got, ok, want, wanted)
	}
	v, n := scanFloat([]byte(text))
	isJSON := len(text) > 0 && (text[0] == '-' || text[0]-'0' <= 9) && text[len(text)-1]-'0' <= 9 && json.Valid([]byte(text))
	if isJSON != (n > 0 && n == len(text)) {
		t.Fatalf("%q: %d bytes were read as a JSON number, valid: %v", text, n, isJSON)
	}
	if isJSON && !same(v, want) {
		t.Fatalf("%q: got %v, want %v", text, v, want)
	}
}
