package pmml

import (
	"math"
	"strconv"
	"strings"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// dataType is the type of a value; the first two are values that are none.
type dataType uint8

const (
	tMissing dataType = iota
	tFailed           // could not be computed; the text says why
	tString
	tInteger
	tFloat
	tDouble
	tBoolean
	tDate         // days since 1970
	tTime         // seconds since midnight
	tDateTime     // seconds since 1970
	tTimeSeconds  // an integer: seconds since midnight
	tDaysSince    // an integer: the first of the epochs, see epochs
	tSecondsSince = tDaysSince + dataType(len(epochs))
	tList         = tSecondsSince + dataType(len(epochs))
)

// value is a scalar of any type. It is small enough to travel in registers and
// never allocates. Numbers, booleans (0 and 1), dates and times are in n; text
// is in s. Of a string that came from a field, n is its dictionary code.
type value struct {
	t dataType
	n float64
	s string
}

var missing = value{}

func failure(rule string) value      { return value{t: tFailed, s: rule} }
func number(x float64) value         { return value{t: tDouble, n: x} }
func integer(x float64) value        { return value{t: tInteger, n: x} }
func text(s string) value            { return value{t: tString, n: -1, s: s} }
func (v value) isMissing() bool      { return v.t == tMissing }
func (v value) isFailed() bool       { return v.t == tFailed }
func (v value) none() bool           { return v.t <= tFailed }
func (t dataType) numeric() bool     { return t >= tInteger && t <= tDouble }
func (t dataType) integerLike() bool { return t == tInteger || t >= tTimeSeconds && t < tList }

func boolean(b bool) value {
	if b {
		return value{t: tBoolean, n: 1}
	}
	return value{t: tBoolean}
}

// dataTypeOf translates a document's data type; "" gives tMissing.
func dataTypeOf(t document.DataType) dataType {
	switch t {
	case "":
		return tMissing
	case "string":
		return tString
	case "integer":
		return tInteger
	case "float":
		return tFloat
	case "double":
		return tDouble
	case "boolean":
		return tBoolean
	case "date":
		return tDate
	case "time":
		return tTime
	case "dateTime":
		return tDateTime
	case "timeSeconds":
		return tTimeSeconds
	}
	name, year, _ := strings.Cut(strings.TrimSuffix(string(t), "]"), "[")
	for i, e := range epochs {
		if strconv.Itoa(e.year) == year {
			if name == "dateDaysSince" {
				return tDaysSince + dataType(i)
			}
			return tSecondsSince + dataType(i)
		}
	}
	return tString
}

func (t dataType) String() string {
	switch t {
	case tMissing:
		return "missing"
	case tFailed:
		return "failed"
	case tString:
		return "string"
	case tInteger:
		return "integer"
	case tFloat:
		return "float"
	case tDouble:
		return "double"
	case tBoolean:
		return "boolean"
	case tDate:
		return "date"
	case tTime:
		return "time"
	case tDateTime:
		return "dateTime"
	case tTimeSeconds:
		return "timeSeconds"
	case tList:
		return "collection"
	}
	if t < tSecondsSince {
		return "dateDaysSince[" + strconv.Itoa(epochs[t-tDaysSince].year) + "]"
	}
	return "dateTimeSecondsSince[" + strconv.Itoa(epochs[t-tSecondsSince].year) + "]"
}

// single rounds to single precision.
func single(x float64) float64 { return float64(float32(x)) }

// cast converts a value to a type, or fails. A number with a fraction is no
// integer; text must be a value of the type.
func (v value) cast(t dataType) value {
	if v.t == t || v.none() || t == tMissing {
		return v
	}
	if v.t == tString {
		return parse(v.s, t)
	}
	switch t {
	case tString:
		return text(v.format())
	case tFloat:
		if v.t.numeric() || v.t == tBoolean || v.t.integerLike() {
			return value{t: tFloat, n: single(v.n)}
		}
	case tDouble:
		if v.t.numeric() || v.t == tBoolean || v.t.integerLike() {
			return number(v.n)
		}
	case tInteger:
		if v.t == tBoolean || v.t.integerLike() {
			return integer(v.n)
		}
		if v.t.numeric() {
			if v.n == math.Trunc(v.n) && !math.IsInf(v.n, 0) {
				return integer(v.n)
			}
			return failure("must be an integer, is " + v.format())
		}
	case tBoolean:
		if v.t.numeric() && (v.n == 0 || v.n == 1) {
			return boolean(v.n == 1)
		}
	default:
		return castTime(v, t)
	}
	return failure("is of type " + v.t.String() + ", cannot be used as " + t.String())
}

// parse reads text as a type, or fails.
func parse(s string, t dataType) value {
	switch t {
	case tString, tMissing:
		return text(s)
	case tBoolean:
		switch strings.ToLower(s) {
		case "true":
			return boolean(true)
		case "false":
			return boolean(false)
		}
		if x, err := document.ParseFloat(s); err == nil && (x == 0 || x == 1) {
			return boolean(x == 1)
		}
	case tInteger:
		x, err := document.ParseFloat(s)
		if err == nil && x == math.Trunc(x) && !math.IsInf(x, 0) {
			return integer(x)
		}
	case tDouble:
		if x, err := document.ParseFloat(s); err == nil {
			return number(x)
		}
	case tFloat:
		if x, err := strconv.ParseFloat(strings.TrimSpace(s), 32); err == nil || x != 0 && math.IsInf(x, 0) {
			return value{t: tFloat, n: x}
		}
	default:
		return parseTime(s, t)
	}
	if t.numeric() && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")) {
		return parse(s, tBoolean).cast(t) // as the reference does
	}
	return failure("must be of type " + t.String())
}

// format writes a value as the reference does: doubles always have a point.
func (v value) format() string {
	switch {
	case v.t == tString || v.t == tFailed || v.t == tList:
		return v.s
	case v.t == tMissing:
		return ""
	case v.t == tDouble:
		return formatFloat(v.n, 64)
	case v.t == tFloat:
		return formatFloat(v.n, 32)
	case v.t == tBoolean && v.n == 1:
		return "true"
	case v.t == tBoolean:
		return "false"
	case v.t.integerLike():
		return strconv.FormatFloat(v.n, 'f', -1, 64)
	}
	return formatTime(v)
}

// formatFloat writes a number as Java's Double.toString or Float.toString.
func formatFloat(x float64, bits int) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	if a := math.Abs(x); a == 0 || a >= 1e-3 && a < 1e7 {
		s := strconv.FormatFloat(x, 'f', -1, bits)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	s := strconv.FormatFloat(x, 'E', -1, bits)
	mantissa, exponent, _ := strings.Cut(s, "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	return mantissa + "E" + sign + strings.TrimLeft(exponent[1:], "0")
}

// equal compares two values as the type of the first.
func (v value) equal(w value) bool {
	if v.t == tString || w.t == tString {
		if v.t == w.t {
			return v.s == w.s
		}
		if v.t == tString {
			v, w = w, v
		}
		w = w.cast(v.t)
		return !w.none() && v.n == w.n
	}
	return v.n == w.n
}

// compare orders two values of comparable types; strings by their text.
func (v value) compare(w value) (int, bool) {
	if v.t == tString && w.t == tString {
		return strings.Compare(v.s, w.s), true
	}
	if v.t == tString {
		v = v.cast(w.t)
	} else if w.t == tString {
		w = w.cast(v.t)
	}
	if v.none() || w.none() {
		return 0, false
	}
	switch {
	case v.n < w.n:
		return -1, true
	case v.n > w.n:
		return 1, true
	}
	return 0, v.n == w.n
}
