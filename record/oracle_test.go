package record

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// The slow and obvious way to convert a value to a column's type: what the fast
// one is compared with. A literal is a number as JSON text has it.
type literal string

var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// convert returns a value of the column's type and its state.
func convert(v any, to model.ElementType) (any, model.State) {
	switch to {
	case model.Float64:
		return convertFloat(v)
	case model.Float32:
		f, state := convertFloat(v)
		return float32(f), state
	case model.Int64:
		return convertInt(v)
	case model.Bool:
		if s, ok := v.(string); ok {
			switch strings.ToLower(strings.TrimSpace(s)) {
			case "true":
				return true, model.Valid
			case "false":
				return false, model.Valid
			}
		}
		f, state := convertFloat(v)
		if state == model.Valid && f != 0 && f != 1 {
			state = model.Invalid
		}
		return f == 1, state
	}
	return convertText(v)
}

func convertFloat(v any) (float64, model.State) {
	switch v := v.(type) {
	case float64:
		return v, model.Valid
	case float32:
		return float64(v), model.Valid
	case int64:
		return float64(v), model.Valid
	case uint64:
		return float64(v), model.Valid
	case bool:
		if v {
			return 1, model.Valid
		}
		return 0, model.Valid
	case enumValue:
		return float64(v.number), model.Valid
	case literal:
		return convertFloat(string(v))
	case string:
		v = strings.TrimSpace(v)
		switch strings.ToLower(v) {
		case "":
			return 0, model.Missing
		case "nan":
			return math.NaN(), model.Valid
		case "inf", "infinity", "+inf", "+infinity":
			return math.Inf(1), model.Valid
		case "-inf", "-infinity":
			return math.Inf(-1), model.Valid
		}
		if f, err := strconv.ParseFloat(v, 64); err == nil && decimal.MatchString(v) {
			return f, model.Valid
		}
	}
	return 0, model.Invalid
}

func convertInt(v any) (int64, model.State) {
	exact := new(big.Rat)
	switch v := v.(type) {
	case int64:
		return v, model.Valid
	case uint64:
		exact.SetUint64(v)
	case enumValue:
		return int64(v.number), model.Valid
	case literal:
		return convertInt(string(v))
	case string:
		if i, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return i, model.Valid
		}
		f, state := convertFloat(v)
		if state != model.Valid {
			return 0, state
		}
		return convertInt(f)
	default:
		f, state := convertFloat(v)
		if state != model.Valid {
			return 0, state
		}
		if exact.SetFloat64(f) == nil {
			return 0, model.Invalid
		}
	}
	if !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, model.Invalid
	}
	return exact.Num().Int64(), model.Valid
}

func convertText(v any) (string, model.State) {
	switch v := v.(type) {
	case string:
		return v, model.Valid
	case enumValue:
		return v.name, model.Valid
	case literal:
		if !strings.ContainsAny(string(v), ".eE") {
			return string(v), model.Valid
		}
		f, state := convertFloat(string(v))
		if state != model.Valid {
			return "", state
		}
		return convertText(f)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strings.Replace(strings.Replace(fmt.Sprintf("%v", v), "Inf", "Infinity", 1), "+", "", 1), model.Valid
		}
	case float32:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return convertText(f)
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b), model.Valid
}

// enumValue is an enum's value in the oracle.
type enumValue struct {
	name   string
	number protoreflect.EnumNumber
}

// convertRow returns what a row of a column must hold: the values, or a state,
// or an error.
func convertRow(values []any, f *model.Field) (want []any, state model.State, fails bool) {
	if len(values) == 0 {
		return nil, model.Missing, false
	}
	if len(values) != f.Width() {
		return nil, model.Valid, true
	}
	for _, v := range values {
		got, s := convert(v, f.Type)
		if s != model.Valid {
			state = model.Invalid
		}
		want = append(want, got)
	}
	return want, state, false
}

// convertSingle is convertRow for a value that is no list: text feeds a vector
// as a list separated by commas.
func convertSingle(v any, f *model.Field) (want []any, state model.State, fails bool) {
	if f.Width() == 1 {
		got, s := convert(v, f.Type)
		return []any{got}, s, false
	}
	s, ok := v.(string)
	if !ok {
		return nil, model.Invalid, false
	}
	if s == "" {
		return nil, model.Missing, false
	}
	for _, part := range strings.Split(s, ",") {
		got, s := convert(part, f.Type)
		if s != model.Valid {
			state = model.Invalid
		}
		want = append(want, got)
	}
	if len(want) != f.Width() {
		state = model.Invalid
	}
	return want, state, false
}

// checkRow compares a row of a column with what it must hold.
func checkRow(t failer, name string, c *model.Column, row int, want []any, state model.State) {
	t.Helper()
	if got := c.StateOf(row); got != state {
		t.Errorf("%s: state %v, want %v (values %v)", name, got, state, want)
		return
	}
	if state != model.Valid {
		return
	}
	for i, w := range want {
		at := row*c.Width + i
		var got any
		switch c.Type {
		case model.Float64:
			got = c.Float64[at]
		case model.Float32:
			got = c.Float32[at]
		case model.Int64:
			got = c.Int64[at]
		case model.Bool:
			got = c.Bool[at]
		case model.String:
			got = c.String[at]
		}
		if !same(got, w) {
			t.Errorf("%s[%d]: got %v, want %v", name, i, got, w)
		}
	}
}

// same is equality of values; NaN is itself, and 0 is not -0.
func same(a, b any) bool {
	if x, ok := a.(float32); ok {
		y, ok := b.(float32)
		return ok && same(float64(x), float64(y))
	}
	if x, ok := a.(float64); ok {
		y, ok := b.(float64)
		return ok && (math.IsNaN(x) && math.IsNaN(y) || math.Float64bits(x) == math.Float64bits(y))
	}
	return a == b
}

var allTypes = []model.ElementType{model.Float64, model.Float32, model.Int64, model.Bool, model.String}

// failer is what tests and property tests have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
