package campaign

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as the workspace language writes it: 30m, 1h,
// 7d, 8w, or calendar months (12mo). Days are 24 hours.
type Duration struct {
	Months int
	Fixed  time.Duration
}

// Days is a Duration of n times 24 hours.
func Days(n int) Duration { return Duration{Fixed: time.Duration(n) * 24 * time.Hour} }

// Of turns a time.Duration into a Duration.
func Of(d time.Duration) Duration { return Duration{Fixed: d} }

var durationUnits = []struct {
	suffix string
	length time.Duration
}{
	{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour},
	{"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour},
}

// maxDuration keeps moments minus a duration within what a BIGINT of
// microseconds and time.Time agree on.
const maxDuration = 100 * 366 * 24 * time.Hour

// ParseDuration reads 30m, 1h, 7d, 8w, 12mo. A bare 0 is no time at all.
func ParseDuration(s string) (Duration, error) {
	bad := fmt.Errorf("%q is not a duration; write 30m, 1h, 7d, 8w or 12mo", s)
	if s == "0" {
		return Duration{}, nil
	}
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.Atoi(digits)
	if err != nil || strings.ContainsAny(digits, "+-") {
		return Duration{}, bad
	}
	unit := s[len(digits):]
	if unit == "mo" {
		if n > 1200 {
			return Duration{}, fmt.Errorf("%q is longer than 100 years", s)
		}
		return Duration{Months: n}, nil
	}
	for _, u := range durationUnits {
		if unit != u.suffix {
			continue
		}
		if time.Duration(n) > maxDuration/u.length {
			return Duration{}, fmt.Errorf("%q is longer than 100 years", s)
		}
		return Duration{Fixed: time.Duration(n) * u.length}, nil
	}
	return Duration{}, bad
}

// IsZero reports whether d is no time at all.
func (d Duration) IsZero() bool { return d == Duration{} }

// After is the moment d after t. Months are calendar months in UTC; a day that
// the month does not have becomes its last.
func (d Duration) After(t time.Time) time.Time { return addMonths(t, d.Months).Add(d.Fixed) }

// Before is the moment d before t.
func (d Duration) Before(t time.Time) time.Time { return addMonths(t, -d.Months).Add(-d.Fixed) }

func addMonths(t time.Time, n int) time.Time {
	if n == 0 {
		return t
	}
	t = t.UTC()
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()).AddDate(0, n, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// String writes d as the language does: the largest unit that divides it.
func (d Duration) String() string {
	if d.Months != 0 {
		return strconv.Itoa(d.Months) + "mo"
	}
	if d.Fixed == 0 {
		return "0"
	}
	for i := len(durationUnits) - 1; i >= 0; i-- {
		if u := durationUnits[i]; d.Fixed%u.length == 0 {
			return strconv.FormatInt(int64(d.Fixed/u.length), 10) + u.suffix
		}
	}
	return d.Fixed.String()
}
