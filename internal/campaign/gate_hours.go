package campaign

import (
	"strings"
	"time"
)

// String writes the hours as they are said: "21:00 to 08:00", with the days where
// they are not every day.
func (h Hours) String() string {
	out := h.From.String() + " to " + h.To.String()
	if h.everyDay() {
		return out
	}
	// A week is read from Monday on.
	var days []string
	for i := range 7 {
		if d := time.Weekday((i + 1) % 7); h.Days[d] {
			days = append(days, strings.ToLower(d.String()[:3]))
		}
	}
	return strings.Join(days, ", ") + " " + out
}

// everyDay: hours that name no day are those of every day.
func (h Hours) everyDay() bool {
	return h.Days == [7]bool{} || h.Days == [7]bool{true, true, true, true, true, true, true}
}

// span is when the hours of the day d, which is a date at noon UTC, begin and end.
// Both are the instants that LocalTime.In gives them: what begins or ends in a gap
// of the clocks does so at its end, and what they show twice counts the first time.
// It is empty where d is not one of the days, or the clocks skip it whole.
func (h Hours) span(d time.Time, zone *time.Location) (begin, end time.Time) {
	if !h.everyDay() && !h.Days[d.Weekday()] {
		return time.Time{}, time.Time{}
	}
	begin = LocalTime{d.Year(), d.Month(), d.Day(), h.From}.In(zone)
	if h.To <= h.From {
		d = d.AddDate(0, 0, 1)
	}
	return begin, LocalTime{d.Year(), d.Month(), d.Day(), h.To}.In(zone)
}

// noon is the date in zone at a moment, and days after it, at noon UTC.
func noon(at time.Time, zone *time.Location, days int) time.Time {
	l := at.In(zone)
	return time.Date(l.Year(), l.Month(), l.Day()+days, 12, 0, 0, 0, time.UTC)
}

// Holds tells whether a moment is inside the hours by the clocks of zone. Hours that
// run over midnight belong to the day on which they begin.
func (h Hours) Holds(at time.Time, zone *time.Location) bool {
	return !h.End(at, zone).IsZero()
}

// End is when the hours that hold a moment are over, zero where none do.
func (h Hours) End(at time.Time, zone *time.Location) time.Time {
	// Hours that run over midnight began the day before. Clocks that are put back over
	// midnight show the day before once more: then those of the day after have begun.
	for i := -1; i <= 1; i++ {
		if begin, end := h.span(noon(at, zone, i), zone); !begin.After(at) && end.After(at) {
			return end
		}
	}
	return time.Time{}
}

// Next is the first moment at or after at that is inside the hours.
func (h Hours) Next(at time.Time, zone *time.Location) time.Time {
	if h.Holds(at, zone) {
		return at
	}
	// Two weeks on, since the clocks can skip the hours of the one day of a week.
	for i := 0; i <= 15; i++ {
		if begin, end := h.span(noon(at, zone, i), zone); begin.After(at) && end.After(begin) {
			return begin
		}
	}
	return time.Time{}
}

// openingWithin is how far ahead Opening looks. A window and quiet hours that meet
// at all do so each week but one in which the clocks skip that hour.
const openingWithin = 4 * 7 * day

// Opening is the first moment at or after at when a mail may go: not before the first
// sendAt at or after from, which is when its pass reached the step, inside window and
// outside quiet; what is nil asks for nothing. quiet goes by the clocks of own, which
// is the customer's zone: nobody's night is another's. window and sendAt go by those
// of zone, which is the campaign's (Campaign.ZoneFor) and mostly the same.
//
// gate is what ends as the mail may go, the last of those that it waits for, and
// empty where it may go at once. Where no such moment ever comes due is zero.
func Opening(at time.Time, own, zone *time.Location, quiet, window *Hours, sendAt *TimeOfDay, from time.Time) (due time.Time, gate string) {
	due = at
	if sendAt != nil {
		if t := (UntilTime{AnyDay: true, Clock: *sendAt}).NextClock(from, zone); t.After(due) {
			due, gate = t, GateSendAt
		}
	}
	last := due.Add(openingWithin)
	for !due.After(last) {
		if window != nil && !window.Holds(due, zone) {
			due, gate = window.Next(due, zone), GateSendWindow
			if due.IsZero() {
				return time.Time{}, GateSendWindow
			}
		}
		if quiet == nil {
			return due, gate
		}
		end := quiet.End(due, own)
		if end.IsZero() {
			return due, gate
		}
		due, gate = end, GateQuiet
	}
	if window != nil {
		return time.Time{}, GateSendWindow
	}
	return time.Time{}, GateQuiet
}
