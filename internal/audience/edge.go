package audience

import (
	"slices"
	"time"

	"tidings/internal/campaign"
)

// edge is a moment at which a truth may change, seen from a moment that a fact
// names: so long after it, or before it with back; one microsecond later with
// past, where the moment itself still belongs to what was.
type edge struct {
	by         campaign.Duration
	back, past bool
}

// atOnce is the fact's own moment.
var atOnce = edge{}

// moments are the moments of e for a fact's moment t. Months make them a guess:
// a month's last days share one, so what is `1mo` ago jumps at midnight. All the
// days around are in the answer, each at t's time of day and at its start.
func (e edge) moments(t time.Time) []time.Time {
	if e.by.Months == 0 {
		m := t.Add(e.by.Fixed)
		if e.back {
			m = t.Add(-e.by.Fixed)
		}
		if e.past {
			m = m.Add(time.Microsecond)
		}
		return []time.Time{m}
	}
	var out []time.Time
	for days := -monthSlack + 1; days < monthSlack; days++ {
		m := e.middle(t).AddDate(0, 0, days)
		midnight := m.Truncate(24 * time.Hour)
		out = append(out, m, m.Add(time.Microsecond), midnight, midnight.Add(time.Microsecond))
	}
	return out
}

// monthSlack is more days than the last days of two months can be apart.
const monthSlack = 5

func (e edge) middle(t time.Time) time.Time {
	if e.back {
		return e.by.Before(t).UTC()
	}
	return e.by.After(t).UTC()
}

// reach is the span that a fact's moment lies in when one of its moments by e
// lies in (from, to]: [first, last].
func (e edge) reach(from, to time.Time) (first, last time.Time) {
	against := edge{by: e.by, back: !e.back}
	first, last = against.middle(from).Add(-time.Microsecond), against.middle(to)
	if e.by.Months != 0 {
		first, last = first.AddDate(0, 0, -2*monthSlack), last.AddDate(0, 0, 2*monthSlack)
	}
	return first, last
}

// edgesOf are the moments at which a test on a date changes its answer, seen from
// that date.
func edgesOf(t campaign.Test) []edge {
	switch {
	case t.Op == campaign.OpWithin:
		return []edge{atOnce, {by: t.Length, past: true}}
	case t.Op == campaign.OpWithinNext:
		return []edge{{by: t.Length, back: true}, {past: true}}
	case t.Op == campaign.OpBefore && t.Now:
		return []edge{{past: true}}
	case t.Op == campaign.OpAfter && t.Now:
		return []edge{atOnce}
	case t.Op == campaign.OpBefore && len(t.Values) == 0:
		return []edge{{by: t.Length, past: true}}
	}
	return nil
}

// anniversaries are the moments in (from, to] at which `anniversary_within:
// length` changes its answer for the date t: its day of the year begins, ends, or
// comes within the length.
func anniversaries(t time.Time, length campaign.Duration, from, to time.Time) []time.Time {
	t = t.UTC()
	begins := edge{by: length, back: true}
	_, last := begins.reach(from, to)
	var out []time.Time
	for year := from.UTC().Year() - 1; year <= last.UTC().Year()+1; year++ {
		day := t.Day()
		if t.Month() == time.February && day == 29 && !leap(year) {
			day = 28
		}
		start := time.Date(year, t.Month(), day, 0, 0, 0, 0, time.UTC)
		out = append(out, start, start.AddDate(0, 0, 1))
		out = append(out, begins.moments(start)...)
	}
	return slices.DeleteFunc(out, func(m time.Time) bool { return !m.After(from) || m.After(to) })
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// dayStarts are the moments in (from, to] at which a day begins in zone. Where
// clocks are put forward at midnight, the hours around it are in the answer too.
func dayStarts(zone *time.Location, from, to time.Time) []time.Time {
	if zone == nil {
		zone = time.UTC
	}
	first := from.In(zone)
	var out []time.Time
	for n := 0; ; n++ {
		start := time.Date(first.Year(), first.Month(), first.Day()+n, 0, 0, 0, 0, zone)
		if start.After(to.Add(2 * time.Hour)) {
			return out
		}
		near := []time.Time{start}
		if start.Hour() != 0 {
			near = []time.Time{start.Add(-time.Hour), start, start.Add(time.Hour)}
		}
		for _, m := range near {
			if m.After(from) && !m.After(to) {
				out = append(out, m.UTC())
			}
		}
	}
}
