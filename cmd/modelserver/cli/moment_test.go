package cli

import (
	"testing"
	"time"
)

func TestParseMoment(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	for _, c := range []struct {
		text string
		want int64 // 0 with a text: refused
	}{
		{"+90s", 1_090_000},
		{"+1h30m", 6_400_000},
		{"1970-01-01T00:00:05Z", 5_000},
		{"1970-01-01T01:00:05+01:00", 5_000},
		{"+-5s", 0},
		{"-5s", 0},
		{"tomorrow", 0},
		{"1960-01-01T00:00:00Z", 0},
	} {
		got, err := parseMoment(c.text, now)
		if got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%q: %d, %v; want %d", c.text, got, err, c.want)
		}
	}
	if got, err := parseMoment("", now); got != 0 || err != nil {
		t.Errorf("nothing: %d, %v", got, err)
	}
}
