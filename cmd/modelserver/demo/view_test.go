package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func exampleView() *view {
	at := func(second int) time.Time { return time.Date(2026, 1, 2, 12, 3, second, 0, time.Local) }
	return &view{
		Title: []string{"state  http://127.0.0.1:1/state"},
		Rows: []row{
			{
				DataType: "wine", Records: 1_234_567, Results: 1_234_560, Rate: 999.6,
				P50: 9 * time.Millisecond, P99: 1200 * time.Millisecond,
				Model: "wine-network 2", Type: "pmml", Number: 4, Since: at(22),
			},
			{DataType: "beer", Records: 7},
		},
		Events: []event{
			{At: at(22), Number: 4, Model: "wine-network 2", Type: "pmml", Kind: serves, Detail: "34ms after it came"},
			{At: at(16), Number: 3, Model: "wine-broken\x1b[31m 1", Type: "pmml", Kind: rejected, Detail: "loading: line 46: no such field " + strings.Repeat("x", 100)},
			{At: at(10), Number: 2, Model: "wine-graph 1", Type: "tensorflow", Kind: served, Detail: "24,000 results"},
		},
		Footer: "22s so far",
	}
}

func TestView(t *testing.T) {
	v := exampleView()
	for name, lines := range map[string][]string{
		"wide":     v.lines(120, 40, false),
		"narrow":   v.lines(50, 40, false),
		"short":    v.lines(120, 10, false),
		"coloured": v.lines(120, 40, true),
	} {
		got := strings.Join(lines, "\n") + "\n"
		path := filepath.Join("testdata", name+".txt")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got; UPDATE_GOLDEN=1 writes it anew):\n%s", name, diff)
		}
	}
}

// No line is wider than the terminal, and nothing that a stranger named moves
// the cursor.
func TestViewFits(t *testing.T) {
	for width := range 130 {
		if width == 0 {
			continue
		}
		for _, l := range exampleView().lines(width, 30, false) {
			if utf8.RuneCountInString(l) > width || strings.ContainsRune(l, '\x1b') {
				t.Fatalf("width %d: %q", width, l)
			}
		}
	}
	for height := 9; height < 20; height++ {
		if n := len(exampleView().lines(120, height, false)); n > height {
			t.Errorf("height %d: %d lines", height, n)
		}
	}
}

// A view that is drawn replaces the one before it.
func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out}
	s.draw([]string{"a", "b"})
	out.Reset()
	s.draw([]string{"c"})
	if got := out.String(); got != "\x1b[2A\r\x1b[2Kc\n\x1b[J" {
		t.Errorf("got %q", got)
	}
}

func TestQuantiles(t *testing.T) {
	l := &latencies{}
	if q := l.quantiles(.5); q[0] != 0 {
		t.Errorf("of nothing: %v", q)
	}
	for i := range 5000 { // more than the ring holds: the first ones go
		l.add(time.Duration(i))
	}
	q := l.quantiles(0, .5, .99, 1)
	want := []time.Duration{904, 904 + 2048, 904 + 4055, 4999}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Error(diff)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s", n, got)
		}
	}
}
