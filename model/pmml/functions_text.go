package pmml

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/modelstream/modelserver/model/pmml/document"
)

func addStrings(m map[string]builtin) {
	unary := func(name string, fn func(string) string) {
		m[name] = builtin{min: 1, max: 1, result: always(tString), fn: func(_ *frame, a []value) value { return text(fn(a[0].format())) }}
	}
	unary("uppercase", strings.ToUpper)
	unary("lowercase", strings.ToLower)
	unary("trimBlanks", strings.TrimSpace)
	m["stringLength"] = builtin{min: 1, max: 1, result: always(tInteger), fn: func(_ *frame, a []value) value { return integer(float64(utf16Len(a[0].format()))) }}
	m["concat"] = builtin{min: 1, max: -1, lenient: true, result: always(tString), fn: func(_ *frame, a []value) value { return concat(a) }}
	m["substring"] = builtin{min: 3, max: 3, result: always(tString), fn: func(_ *frame, a []value) value { return substring(a[0].format(), a[1], a[2]) }}
	m["matches"] = builtin{min: 2, max: 2, result: always(tBoolean), prepare: func(s *scope, at *document.Apply, args []expr) func(*frame, []value) value {
		return withPattern(s, at, args[1], func(re *regexp.Regexp, a []value) value { return boolean(re.MatchString(a[0].format())) })
	}}
	m["replace"] = builtin{min: 3, max: 3, result: always(tString), prepare: func(s *scope, at *document.Apply, args []expr) func(*frame, []value) value {
		return withPattern(s, at, args[1], func(re *regexp.Regexp, a []value) value {
			s, ok := replaceAll(re, a[0].format(), replacement(a[2].format()))
			if !ok {
				return tooLong
			}
			return text(s)
		})
	}}
	m["formatNumber"] = builtin{min: 2, max: 2, result: always(tString), fn: func(_ *frame, a []value) value { return formatNumber(a[0], a[1].format()) }}
	m["formatDatetime"] = builtin{min: 2, max: 2, result: always(tString), fn: func(_ *frame, a []value) value { return formatDatetime(a[0], a[1].format()) }}
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

func concat(a []value) value {
	var b strings.Builder
	for _, v := range a {
		if b.WriteString(v.format()); b.Len() > maxText {
			return tooLong
		}
	}
	return text(b.String())
}

// maxText bounds a computed text: fields that double each other have none.
const maxText = 1 << 20

var tooLong = failure("text: grows longer than " + strconv.Itoa(maxText) + " bytes")

// replaceAll is [regexp.Regexp.ReplaceAllString] that gives up when the result
// grows longer than maxText.
func replaceAll(re *regexp.Regexp, s, with string) (replaced string, ok bool) {
	if !re.MatchString(s) {
		return s, len(s) <= maxText
	}
	var b []byte
	from := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		b = append(b, s[from:m[0]]...)
		if b = re.ExpandString(b, with, s, m); len(b) > maxText {
			return "", false
		}
		from = m[1]
	}
	b = append(b, s[from:]...)
	return string(b), len(b) <= maxText
}

// substring counts from 1 (DMG 4.4, Built-in Functions: substring).
func substring(s string, start, length value) value {
	start, length = start.cast(tInteger), length.cast(tInteger)
	switch {
	case start.isFailed():
		return start
	case length.isFailed():
		return length
	case start.n < 1:
		return failure("a position below 1")
	case length.n < 0:
		return failure("a length below 0")
	}
	units := utf16.Encode([]rune(s))
	from := min(int(start.n)-1, len(units))
	to := len(units)
	if length.n < float64(to-from) {
		to = from + int(length.n)
	}
	return text(string(utf16.Decode(units[from:to])))
}

// compilePattern reads a regular expression of the PCRE family. Look-around and
// back-references are not supported: Go's engine has neither, and runs in
// linear time instead.
func compilePattern(p string) (*regexp.Regexp, error) {
	if len(p) > maxPattern {
		return nil, fmt.Errorf("it is longer than %d bytes", maxPattern)
	}
	p = strings.ReplaceAll(p, "(?u)", "")
	return regexp.Compile(p)
}

// Limits on regular expressions: of one, and of the compiled instructions of
// all of a document.
const (
	maxPattern      = 64 << 10
	maxInstructions = 2_000_000
)

// pattern compiles a regular expression of the document.
func (c *compiler) pattern(at document.Located, p string) *regexp.Regexp {
	re, err := compilePattern(p)
	if err != nil {
		c.refuse(at, "regular expression: %s", err)
	}
	if c.instructions += instructions(re); c.instructions > maxInstructions {
		c.refuse(at, "regular expression: all together are too large")
	}
	return re
}

// instructions is the size of a compiled expression.
func instructions(re *regexp.Regexp) int {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return maxInstructions
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return maxInstructions
	}
	return len(prog.Inst)
}

// withPattern compiles a constant pattern at once and any other one for each
// row.
func withPattern(s *scope, at *document.Apply, pattern expr, fn func(*regexp.Regexp, []value) value) func(*frame, []value) value {
	if c, ok := pattern.(constExpr); ok {
		re := s.c.pattern(at, c.v.format())
		return func(_ *frame, a []value) value { return fn(re, a) }
	}
	return func(_ *frame, a []value) value {
		re, err := compilePattern(a[1].format())
		if err != nil {
			return failure("regular expression " + strconv.Quote(document.Short(a[1].format())))
		}
		return fn(re, a)
	}
}

var groupReference = regexp.MustCompile(`\\(\d)|\$(\d+)`)

// replacement writes references to groups as Go has them.
func replacement(s string) string {
	if !containsAny(s, `$\`) {
		return s
	}
	return groupReference.ReplaceAllString(s, "$${$1$2}")
}

var numberPattern = regexp.MustCompile(`%[-+ 0#,]*\d*(\.\d+)?[dfeEgGs]`)

// formatNumber formats like printf.
func formatNumber(v value, pattern string) value {
	if v = v.asNumber(); v.isFailed() {
		return v
	}
	if len(pattern) > 100 || len(numberPattern.FindAllString(pattern, 2)) != 1 {
		return failure("pattern " + strconv.Quote(document.Short(pattern)))
	}
	return text(numberPattern.ReplaceAllStringFunc(pattern, func(verb string) string {
		if width := strings.Trim(verb, "%-+ 0#,dfeEgGs"); len(width) > 5 {
			return verb
		}
		switch kind := verb[len(verb)-1]; {
		case kind == 's':
			return fmt.Sprintf(verb, v.format())
		case kind == 'd':
			return fmt.Sprintf(verb, int64(math.Trunc(v.n)))
		}
		return fmt.Sprintf(verb, v.n)
	}))
}

// formatDatetime formats like strftime.
func formatDatetime(v value, pattern string) value {
	if _, ok := v.seconds(); !ok {
		return failure("is of type " + v.t.String() + ", a date or time is wanted")
	}
	var b strings.Builder
	at := v.time()
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' || i+1 == len(pattern) {
			b.WriteByte(pattern[i])
			continue
		}
		i++
		if pattern[i] == '%' {
			b.WriteByte('%')
			continue
		}
		part, ok := strftime(at, pattern[i])
		if !ok {
			return failure("pattern " + strconv.Quote(document.Short(pattern)))
		}
		b.WriteString(part)
	}
	return text(b.String())
}

var strftimeLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'D': "01/02/06", 'F': "2006-01-02",
	'h': "Jan", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'T': "15:04:05", 'R': "15:04",
	'y': "06", 'Y': "2006", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'Z': "MST", 'z': "-0700",
}

func strftime(at time.Time, verb byte) (string, bool) {
	if verb == 'w' {
		return strconv.Itoa(int(at.Weekday())), true
	}
	layout, ok := strftimeLayouts[verb]
	return at.Format(layout), ok
}

func addDates(m map[string]builtin) {
	since := func(name string, base dataType) {
		m[name] = builtin{min: 2, max: 2, result: always(tInteger), fn: func(_ *frame, a []value) value { return sinceYear(a[0], a[1], base) }}
	}
	since("dateDaysSinceYear", tDate)
	since("dateSecondsSinceYear", tDateTime)
	m["dateSecondsSinceMidnight"] = builtin{min: 1, max: 1, result: always(tInteger), fn: func(_ *frame, a []value) value {
		v := asTime(a[0])
		if v.isFailed() {
			return v
		}
		s, _ := v.seconds()
		return integer(s - daySeconds*math.Floor(s/daySeconds))
	}}
}

// asTime is a date or time; text is parsed.
func asTime(v value) value {
	if v.t == tString {
		if d := parseTime(v.s, tDateTime); !d.isFailed() {
			return d
		}
		return parseTime(v.s, tTime)
	}
	if _, ok := v.seconds(); !ok {
		return failure("is of type " + v.t.String() + ", a date or time is wanted")
	}
	return v
}

func sinceYear(v, year value, base dataType) value {
	if v, year = asTime(v), year.cast(tInteger); v.isFailed() {
		return v
	} else if year.isFailed() {
		return year
	}
	if year.n < 0 || year.n > 9999 {
		return failure("a year that is not between 0 and 9999")
	}
	s, _ := v.seconds()
	if base == tDate {
		return integer(math.Floor(s/daySeconds) - epochDays(int(year.n)))
	}
	return integer(s - daySeconds*epochDays(int(year.n)))
}
