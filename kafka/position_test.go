package kafka

import (
	"strings"
	"testing"
	"time"
)

func TestParsePosition(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"earliest":                  "earliest",
		"latest":                    "latest",
		"offset:0":                  "offset:0",
		"offset:123":                "offset:123",
		"now":                       "2026-11-24T12:00:00Z",
		"now-90s":                   "2026-11-24T11:58:30Z",
		"now-1h30m":                 "2026-11-24T10:30:00Z",
		"now-7d":                    "2026-11-17T12:00:00Z",
		"now-1d12h":                 "2026-11-23T00:00:00Z",
		"2026-11-24T11:00:00.5Z":    "2026-11-24T11:00:00.5Z",
		"2026-11-24T11:00:00+01:00": "2026-11-24T11:00:00+01:00",
	} {
		p, err := ParsePosition(text, now)
		if err != nil || p.String() != want {
			t.Errorf("%q: %v, %v, want %v", text, p, err, want)
		}
	}
	for text, why := range map[string]string{
		"":            "is no place in a topic",
		"yesterday":   "is no place in a topic",
		"offset:":     "has no offset",
		"offset:-1":   "has no offset",
		"now-":        "has no duration",
		"now--1h":     "has no duration",
		"now-1x":      "has no duration",
		"now-xd":      "has no duration",
		"now-99999d":  "has no duration",
		"2026-11-24":  "is no place in a topic",
		"1732449600":  "is no place in a topic",
		"offset:1e18": "has no offset",
	} {
		_, err := ParsePosition(text, now)
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "offset:123, now-1h") {
			t.Errorf("%q: %v, want …%s…", text, err, why)
		}
	}
}
