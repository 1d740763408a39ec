package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// view is what the table shows at one moment.
type view struct {
	Title  []string // above the table
	Rows   []row
	Events []event // newest first
	Footer string
}

// row is one data type.
type row struct {
	DataType string
	Records  int64 // read by the server
	Results  int64 // read back from the results topic
	Rate     float64
	P50, P99 time.Duration // from a record's timestamp to its result's arrival here
	Model    string        // name and version; empty: nothing serves yet
	Type     string
	Number   uint64
	Since    time.Time
}

// event is a model that came: what became of it.
type event struct {
	At     time.Time
	Number uint64
	Model  string
	Type   string
	Kind   eventKind
	Detail string
}

type eventKind string

const (
	loading  eventKind = "loading"
	serves   eventKind = "SERVES"
	served   eventKind = "served"
	rejected eventKind = "REJECTED"
)

// The colours of a terminal that has them.
const (
	plain  = "\x1b[0m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
)

// lines lays a view out, at most width characters a line and height lines.
func (v *view) lines(width, height int, coloured bool) []string {
	p := painter{coloured}
	var out []string
	for _, t := range v.Title {
		out = append(out, cut(t, width))
	}
	head := fmt.Sprintf("%-10s %10s %10s %8s %8s %8s  %-28s %4s  %s", "DATA TYPE", "RECORDS", "RESULTS", "RATE/s", "P50", "P99", "SERVING", "GEN", "SINCE")
	out = append(out, "", p.paint(bold, cut(head, width)))
	for _, r := range v.Rows {
		out = append(out, cut(r.String(), width))
	}
	out = append(out, "", p.paint(bold, cut("MODELS, NEWEST FIRST", width)))
	for _, e := range v.Events {
		if len(out) >= height-2 {
			break
		}
		out = append(out, p.paint(e.Kind.colour(), cut(e.String(), width)))
	}
	return append(out, "", p.paint(dim, cut(v.Footer, width)))
}

func (r row) String() string {
	model, number, since := "(none yet)", "-", ""
	if r.Model != "" {
		number = strconv.FormatUint(r.Number, 10)
		model = fmt.Sprintf("%s (%s)", r.Model, r.Type)
		since = r.Since.Format(time.TimeOnly)
	}
	return fmt.Sprintf("%-10s %10s %10s %8s %8s %8s  %-28s %4s  %s", r.DataType, thousands(r.Records), thousands(r.Results),
		thousands(int64(r.Rate+0.5)), latency(r.P50), latency(r.P99), model, number, since)
}

func (e event) String() string {
	return fmt.Sprintf("%s  g%-3d %-9s %-28s %s", e.At.Format(time.TimeOnly), e.Number, e.Kind,
		fmt.Sprintf("%s (%s)", e.Model, e.Type), e.Detail)
}

func (k eventKind) colour() string {
	switch k {
	case serves:
		return green
	case rejected:
		return red
	case loading:
		return yellow
	}
	return dim
}

type painter struct{ coloured bool }

func (p painter) paint(colour, text string) string {
	if !p.coloured || text == "" {
		return text
	}
	return colour + text + plain
}

// cut shortens a line to what fits.
func cut(s string, width int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f { // a model's name is a stranger's
			return ' '
		}
		return r
	}, strings.TrimRight(s, " "))
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(width-1, 0)]) + "…"
}

// thousands writes 12345 as 12,345.
func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func latency(d time.Duration) string {
	switch {
	case d <= 0:
		return "-"
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// screen draws views over one another.
type screen struct {
	out   io.Writer
	drawn int // lines of the last view
}

// draw replaces the last view. Each line is cleared as it is written, so that
// nothing flickers.
func (s *screen) draw(lines []string) {
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	for _, l := range lines {
		b.WriteString("\r\x1b[2K" + l + "\n")
	}
	b.WriteString("\x1b[J") // a longer view was here before
	s.drawn = len(lines)
	fmt.Fprint(s.out, b.String())
}
