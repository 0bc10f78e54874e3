package campaign

import (
	"fmt"
	"time"
)

// TimeOfDay is a wall clock reading in minutes since midnight.
type TimeOfDay int

// ParseTimeOfDay reads 09:00.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		return 0, fmt.Errorf("%q is not a time of day; write 09:00", s)
	}
	return TimeOfDay(t.Hour()*60 + t.Minute()), nil
}

// String writes 09:00.
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", int(t)/60, int(t)%60) }

// LocalTime is a wall clock moment without a zone.
type LocalTime struct {
	Year  int
	Month time.Month
	Day   int
	Clock TimeOfDay
}

// LocalOf is the wall clock in zone at t, cut to the minute.
func LocalOf(t time.Time, zone *time.Location) LocalTime {
	l := t.In(zone)
	return LocalTime{l.Year(), l.Month(), l.Day(), TimeOfDay(l.Hour()*60 + l.Minute())}
}

// String writes 2026-12-01T09:00, the form that occurrence keys hold.
func (l LocalTime) String() string { return l.utc().Format("2006-01-02T15:04") }

func (l LocalTime) utc() time.Time {
	return time.Date(l.Year, l.Month, l.Day, int(l.Clock)/60, int(l.Clock)%60, 0, 0, time.UTC)
}

// In is the instant at which zone's clocks show l. A wall clock that a zone
// skips in spring is the first instant after the gap; one that it shows twice
// in autumn is the first of the two.
func (l LocalTime) In(zone *time.Location) time.Time {
	wall := l.utc()
	// The offsets in force around the moment; no zone changes twice within a day
	// on either side.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	first := wall.Add(-time.Duration(before) * time.Second)
	if LocalOf(first, zone) == l {
		return first
	}
	second := wall.Add(-time.Duration(after) * time.Second)
	if LocalOf(second, zone) == l {
		return second
	}
	// In a gap: the change itself, found between the two readings.
	lo, hi := wall.Add(-36*time.Hour), wall.Add(36*time.Hour)
	for hi.Sub(lo) > time.Second {
		mid := lo.Add(hi.Sub(lo) / 2).Truncate(time.Second)
		if !mid.After(lo) {
			mid = lo.Add(time.Second)
		}
		if _, off := mid.In(zone).Zone(); off == before {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi.UTC()
}

// DayName is a day of the week.
type DayName = time.Weekday

// dayNames are the language's names of days.
var dayNames = map[string]time.Weekday{
	"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday,
	"thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday,
}

// ParseDayName reads mon … sun.
func ParseDayName(s string) (time.Weekday, error) {
	d, ok := dayNames[s]
	if !ok {
		return 0, fmt.Errorf("%q is not a day; write mon, tue, wed, thu, fri, sat or sun", s)
	}
	return d, nil
}

// NextClock is the first instant at or after t at which zone's clocks show u,
// each reading being the one instant that LocalTime.In gives it.
func (u UntilTime) NextClock(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	// A reading of the day before can lie in a gap that ends at t.
	for i := -1; i <= 8; i++ {
		d := time.Date(local.Year(), local.Month(), local.Day()+i, 12, 0, 0, 0, time.UTC)
		if !u.AnyDay && d.Weekday() != u.Day {
			continue
		}
		at := LocalTime{d.Year(), d.Month(), d.Day(), u.Clock}.In(zone)
		if !at.Before(t) {
			return at
		}
	}
	return t // unreachable: every weekday comes within eight days
}
