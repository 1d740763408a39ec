package kafka

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Position is a place in each partition of a topic: its start, its end, an
// offset, or the first record that is not older than a time.
type Position struct {
	kind   positionKind
	offset int64
	time   time.Time
}

type positionKind uint8

const (
	atStart positionKind = iota
	atEnd
	atOffset
	atTime
)

// Start is the first record of each partition, End the place after the last one.
func Start() Position { return Position{kind: atStart} }

// End is the place after the last record of each partition.
func End() Position { return Position{kind: atEnd} }

// At is the first record that is not older than t.
func At(t time.Time) Position { return Position{kind: atTime, time: t} }

// ParsePosition reads "earliest", "latest", "offset:123", "now", "now-90m",
// "now-1d", or a time in RFC 3339.
func ParsePosition(text string, now time.Time) (Position, error) {
	wrong := func(why string) (Position, error) {
		return Position{}, fmt.Errorf("%q %s; it is earliest, latest, offset:123, now-1h, or a time such as %s",
			text, why, now.UTC().Truncate(time.Second).Format(time.RFC3339))
	}
	switch text {
	case "earliest":
		return Start(), nil
	case "latest":
		return End(), nil
	case "now":
		return At(now), nil
	}
	if digits, found := strings.CutPrefix(text, "offset:"); found {
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 {
			return wrong("has no offset")
		}
		return Position{kind: atOffset, offset: n}, nil
	}
	if ago, found := strings.CutPrefix(text, "now-"); found {
		d, ok := parseAgo(ago)
		if !ok {
			return wrong("has no duration such as 90s, 15m, 1h30m or 7d after now-")
		}
		return At(now.Add(-d)), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return wrong("is no place in a topic")
	}
	return At(t), nil
}

// parseAgo reads a duration, which may begin with days.
func parseAgo(text string) (time.Duration, bool) {
	var days time.Duration
	if n, rest, found := strings.Cut(text, "d"); found {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, false
		}
		days, text = time.Duration(count)*24*time.Hour, rest
		if text == "" {
			return days, true
		}
	}
	d, err := time.ParseDuration(text)
	return days + d, err == nil && d >= 0
}

// String shows a position as [ParsePosition] reads it.
func (p Position) String() string {
	switch p.kind {
	case atEnd:
		return "latest"
	case atOffset:
		return "offset:" + strconv.FormatInt(p.offset, 10)
	case atTime:
		return p.time.Format(time.RFC3339Nano)
	}
	return "earliest"
}
