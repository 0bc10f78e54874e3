package campaign

import (
	"fmt"
	"strconv"
	"strings"
)

// maxCount keeps what is counted within an INTEGER of either database.
const maxCount = 1_000_000_000

// perText reads "4 per 7d" into its two halves.
func perText(s, example string) (int, Duration, error) {
	bad := fmt.Errorf("%q is not a number within a time; write %s", s, example)
	count, length, ok := strings.Cut(s, " per ")
	if !ok {
		return 0, Duration{}, bad
	}
	n, err := strconv.Atoi(count)
	if err != nil || strings.ContainsAny(count, "+-") {
		return 0, Duration{}, bad
	}
	d, err := ParseDuration(length)
	switch {
	case err != nil:
		return 0, Duration{}, err
	case d.IsZero():
		return 0, Duration{}, fmt.Errorf("%q is within no time at all; write %s", s, example)
	case n == 0:
		return 0, Duration{}, fmt.Errorf("%q would let no mail out ever; write at least 1, or pause what is to stop", s)
	case n > maxCount:
		return 0, Duration{}, fmt.Errorf("%q is more than %d", s, maxCount)
	}
	return n, d, nil
}

// ParseCap reads 4 per 7d.
func ParseCap(s string) (Cap, error) {
	n, d, err := perText(s, "4 per 7d")
	if err != nil {
		return Cap{}, err
	}
	return Cap{n, d}, nil
}

// String writes the cap as the language does.
func (c Cap) String() string { return strconv.Itoa(c.Max) + " per " + perLength(c.Per) }

// perLength writes a length of time in days rather than weeks, as caps are thought of.
func perLength(d Duration) string {
	if d.Months == 0 && d.Fixed%day == 0 {
		return strconv.Itoa(int(d.Fixed/day)) + "d"
	}
	return d.String()
}

// maxPer is the longest time that a pace counts over: what has gone out is kept for
// as long, mail by mail.
const maxPer = 31 * day

// ParsePace reads 14 per 1s.
func ParsePace(s string) (Pace, error) {
	n, d, err := perText(s, "14 per 1s")
	switch {
	case err != nil:
		return Pace{}, err
	case d.Months != 0 || d.Fixed > maxPer:
		return Pace{}, fmt.Errorf("%q is longer than %d days; write a pace within less", s, maxPer/day)
	}
	return Pace{n, d.Fixed}, nil
}

// String writes the pace as the language does, and nothing where there is no limit.
func (p Pace) String() string {
	if p.IsZero() {
		return ""
	}
	return strconv.Itoa(p.Max) + " per " + perLength(Of(p.Per))
}
