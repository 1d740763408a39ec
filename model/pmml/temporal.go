package pmml

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// epochs are the years that dateDaysSince and dateTimeSecondsSince count from
// (DMG 4.4, Data Dictionary, date and time types). Year 0 is 1 BC of the
// proleptic Gregorian calendar; the count to it is one year more.
var epochs = [...]struct {
	year int
	days float64 // since 1970
}{
	{0, epochDays(0)},
	{1960, epochDays(1960)},
	{1970, epochDays(1970)},
	{1980, epochDays(1980)},
	{1990, epochDays(1990)},
	{2000, epochDays(2000)},
	{2010, epochDays(2010)},
	{2020, epochDays(2020)},
}

const daySeconds = 24 * 60 * 60

func epochDays(year int) float64 {
	return float64(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / daySeconds)
}

// castTime converts to a date or time type.
func castTime(v value, t dataType) value {
	seconds, ok := v.seconds()
	switch {
	case !ok && v.t.numeric() && v.n == math.Trunc(v.n) && t.integerLike():
		return value{t: t, n: v.n}
	case !ok:
		return failure("is of type " + v.t.String() + ", cannot be used as " + t.String())
	}
	return fromSeconds(seconds, t)
}

// seconds is a date or time as seconds since 1970, or since midnight.
func (v value) seconds() (float64, bool) {
	switch {
	case v.t == tDate:
		return v.n * daySeconds, true
	case v.t == tTime || v.t == tDateTime || v.t == tTimeSeconds:
		return v.n, true
	case v.t >= tDaysSince && v.t < tSecondsSince:
		return (v.n + epochs[v.t-tDaysSince].days) * daySeconds, true
	case v.t >= tSecondsSince && v.t < tList:
		return v.n + epochs[v.t-tSecondsSince].days*daySeconds, true
	}
	return 0, false
}

func fromSeconds(s float64, t dataType) value {
	switch {
	case t == tDate:
		return value{t: t, n: math.Floor(s / daySeconds)}
	case t == tTime || t == tDateTime || t == tTimeSeconds:
		return value{t: t, n: s}
	case t < tSecondsSince:
		return value{t: t, n: math.Floor(s/daySeconds) - epochs[t-tDaysSince].days}
	}
	return value{t: t, n: s - epochs[t-tSecondsSince].days*daySeconds}
}

// parseTime reads ISO 8601 dates and times; counts are integers or dates.
func parseTime(s string, t dataType) value {
	s = strings.TrimSpace(s)
	if t.integerLike() {
		if x, err := strconv.ParseFloat(s, 64); err == nil && x == math.Trunc(x) {
			return value{t: t, n: x}
		}
	}
	if t == tTime || t == tTimeSeconds {
		for _, layout := range []string{"15:04:05.999999999", "15:04"} {
			if at, err := time.Parse(layout, s); err == nil {
				return value{t: t, n: float64(at.Hour()*3600 + at.Minute()*60 + at.Second())}
			}
		}
	} else {
		for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05.999999999", time.RFC3339Nano, time.DateTime, "2006-01-02T15:04"} {
			if at, err := time.Parse(layout, s); err == nil {
				return fromSeconds(float64(at.Unix()), t)
			}
		}
	}
	return failure("must be of type " + t.String() + ", in ISO 8601")
}

// formatTime writes dates and times in ISO 8601.
func formatTime(v value) string {
	at := v.time()
	switch v.t {
	case tDate:
		return at.Format(time.DateOnly)
	case tTime:
		return at.Format(time.TimeOnly)
	}
	return at.Format("2006-01-02T15:04:05")
}

func (v value) time() time.Time {
	s, _ := v.seconds()
	return time.Unix(int64(s), 0).UTC()
}
