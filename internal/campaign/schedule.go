package campaign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Every is the period of a repeated schedule.
type Every string

// The periods.
const (
	EveryDay   Every = "day"
	EveryWeek  Every = "week"
	EveryMonth Every = "month"
)

// DayRule picks the day of a week or month. Exactly one way is used: a weekday
// (with Nth for the nth of a month), a day of the month, or the last day. A
// month without that day (31 in June) is mailed on its last.
type DayRule struct {
	Weekday *DayName
	Nth     int // 1…4, with Weekday in a month
	OfMonth int // 1…31
	Last    bool
}

// ParseDayRule reads 1, last, tue, first tue.
func ParseDayRule(s string) (DayRule, error) {
	bad := fmt.Errorf("%q is not a day; write a day of the month (1), last, tue or first tue", s)
	if s == "last" {
		return DayRule{Last: true}, nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > 31 {
			return DayRule{}, bad
		}
		return DayRule{OfMonth: n}, nil
	}
	nth, name, found := strings.Cut(s, " ")
	if !found {
		name, nth = s, ""
	} else if nth == "" {
		return DayRule{}, bad
	}
	d, err := ParseDayName(name)
	if err != nil {
		return DayRule{}, bad
	}
	order := map[string]int{"": 0, "first": 1, "second": 2, "third": 3, "fourth": 4}
	n, ok := order[nth]
	if nth == "last" {
		return DayRule{Weekday: &d, Last: true}, nil
	}
	if !ok {
		return DayRule{}, bad
	}
	return DayRule{Weekday: &d, Nth: n}, nil
}

// Occurrence is one local moment of a schedule, as an instant.
type Occurrence struct {
	Local LocalTime
	At    time.Time
}

// MaxOccurrences bounds how many occurrences one evaluation looks at, so that a
// minutely cron over years cannot exhaust a process.
const MaxOccurrences = 100_000

// Occurrences lists the schedule's moments in (from, to] in zone, in order.
// Clock changes move or drop none: see LocalTime.In.
func (s Schedule) Occurrences(from, to time.Time, zone *time.Location) ([]Occurrence, error) {
	var out []Occurrence
	keep := func(l LocalTime) {
		if at := l.In(zone); at.After(from) && !at.After(to) {
			out = append(out, Occurrence{l, at})
		}
	}
	switch {
	case s.At != nil:
		keep(*s.At)
	case s.Cron != "":
		spec, err := ParseCron(s.Cron)
		if err != nil {
			return nil, err
		}
		// The wall clock is stepped through as if it were UTC, which has no gaps, so
		// that no day is lost to a clock change.
		end := latestWall(to, zone)
		for wall := spec.Next(LocalOf(from, zone).utc()); !wall.IsZero() && !wall.After(end); wall = spec.Next(wall) {
			keep(LocalOf(wall, time.UTC))
			if len(out) > MaxOccurrences {
				return nil, fmt.Errorf("schedule %q has more than %d moments between %s and %s", s.Cron, MaxOccurrences, from.Format(time.RFC3339), to.Format(time.RFC3339))
			}
		}
	default:
		start := from.In(zone)
		last := to.In(zone).AddDate(0, 0, 1)
		for d := time.Date(start.Year(), start.Month(), start.Day()-1, 12, 0, 0, 0, time.UTC); d.Before(last.UTC().AddDate(0, 0, 1)); d = d.AddDate(0, 0, 1) {
			if s.falls(d) {
				keep(LocalTime{d.Year(), d.Month(), d.Day(), s.Clock})
			}
		}
	}
	return out, nil
}

// latestWall is the highest reading that zone's clocks have shown up to t: where
// they were put back within the last day, what they showed just before.
func latestWall(t time.Time, zone *time.Location) time.Time {
	_, now := t.In(zone).Zone()
	_, before := t.Add(-24 * time.Hour).In(zone).Zone()
	return t.UTC().Add(time.Duration(max(now, before)) * time.Second)
}

// falls tells whether the day d (at noon UTC) is one of a repeated schedule.
func (s Schedule) falls(d time.Time) bool {
	lastDay := d.AddDate(0, 0, 1).Month() != d.Month()
	switch s.Every {
	case EveryDay:
		return true
	case EveryWeek:
		return s.Day.Weekday != nil && d.Weekday() == *s.Day.Weekday
	}
	switch r := s.Day; {
	case r.Weekday != nil && r.Last:
		return d.Weekday() == *r.Weekday && d.AddDate(0, 0, 7).Month() != d.Month()
	case r.Weekday != nil:
		return d.Weekday() == *r.Weekday && (d.Day()-1)/7+1 == max(r.Nth, 1)
	case r.Last:
		return lastDay
	default:
		return d.Day() == r.OfMonth || lastDay && d.Day() < r.OfMonth
	}
}

// ParseCron reads five cron fields. Zones and descriptors (@daily, TZ=…) are
// refused: the campaign's zone says where, `every:` says the common cases.
func ParseCron(s string) (spec cron.Schedule, err error) {
	bad := fmt.Errorf("%q is not a cron expression of five fields", s)
	if strings.Contains(s, "=") || strings.HasPrefix(strings.TrimSpace(s), "@") {
		return nil, bad
	}
	// The parser leaves out the empty parts of a list: a lone comma never comes.
	for _, field := range strings.Fields(s) {
		if slices.Contains(strings.Split(field, ","), "") {
			return nil, bad
		}
	}
	// The parser panics on some malformed input.
	defer func() {
		if recover() != nil {
			spec, err = nil, bad
		}
	}()
	spec, perr := cron.ParseStandard(s)
	if perr != nil {
		return nil, bad
	}
	return spec, nil
}
