package record

import (
	"bytes"
	"math"
	"strconv"
)

// powers are the powers of ten that a double holds exactly.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseFloat reads a decimal number, NaN or Infinity. Unlike
// [strconv.ParseFloat] it takes no hexadecimal, no underscores and nothing too
// large for a double, and it is faster on the short numbers that records have.
func parseFloat(b []byte) (float64, bool) {
	v, n := scanFloat(b)
	if n == len(b) && n > 0 {
		return v, !math.IsInf(v, 0)
	}
	for _, c := range b {
		if c-'0' > 9 && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			return parseWord(b)
		}
	}
	v, err := strconv.ParseFloat(view(b), 64) // "+1", ".5", "1.", "007"
	return v, err == nil
}

// parseWord reads the numbers that are words, in any case.
func parseWord(b []byte) (float64, bool) {
	word, sign := b, 1
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		word = b[1:]
		if b[0] == '-' {
			sign = -1
		}
	}
	switch {
	case bytes.EqualFold(b, []byte("nan")):
		return math.NaN(), true
	case bytes.EqualFold(word, []byte("infinity")), bytes.EqualFold(word, []byte("inf")):
		return math.Inf(sign), true
	}
	return 0, false
}

// scanFloat reads the number that b starts with, as JSON writes numbers
// (RFC 8259, section 6). It returns the number of bytes read, 0 when b does not
// start with a number, and an infinity for one too large for a double.
//
// A number of at most 19 digits with a small exponent is a quotient or product
// of two doubles that are exact, hence correctly rounded (Clinger's fast path).
// Anything else goes to strconv.
func scanFloat(b []byte) (float64, int) {
	pos := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		pos++
	}
	var mantissa uint64
	start := pos
	for pos < len(b) && b[pos]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(b[pos]-'0')
		pos++
	}
	digits, exponent := pos-start, 0
	if digits == 0 || digits > 1 && b[start] == '0' {
		return 0, 0
	}
	if pos < len(b) && b[pos] == '.' {
		pos++
		point := pos
		for pos < len(b) && b[pos]-'0' <= 9 {
			mantissa = mantissa*10 + uint64(b[pos]-'0')
			pos++
		}
		if pos == point {
			return 0, 0
		}
		exponent = point - pos
		digits += pos - point
	}
	if pos < len(b) && b[pos]|0x20 == 'e' {
		e, next := scanExponent(b, pos+1)
		if next == 0 {
			return 0, 0
		}
		exponent += e
		pos = next
	}
	if digits > 19 || mantissa > 1<<53 || exponent < -22 || exponent > 22 {
		v, _ := strconv.ParseFloat(view(b[:pos]), 64) // the only error is the infinity's
		return v, pos
	}
	v := float64(mantissa)
	if exponent < 0 {
		v /= powers[-exponent]
	} else {
		v *= powers[exponent]
	}
	if negative {
		v = -v
	}
	return v, pos
}

// scanExponent reads the digits of an exponent at pos. It returns the position
// behind them, 0 when there are none.
func scanExponent(b []byte, pos int) (exponent, next int) {
	negative := false
	if pos < len(b) && (b[pos] == '-' || b[pos] == '+') {
		negative = b[pos] == '-'
		pos++
	}
	start := pos
	for pos < len(b) && b[pos]-'0' <= 9 {
		if exponent < 1<<20 {
			exponent = exponent*10 + int(b[pos]-'0')
		}
		pos++
	}
	if pos == start {
		return 0, 0
	}
	if negative {
		exponent = -exponent
	}
	return exponent, pos
}
