package audience

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// rankedDays is for how many days one statement ranks customers, where the passes
// or the window can be cut up. SQLite takes only so many subqueries.
func (e Engine) rankedDays() int {
	if e == SQLite {
		return 1
	}
	return 8
}

// dayStart is the start of the day in zone that t lies in.
func dayStart(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	local := t.In(zone)
	// Clocks that go back over midnight begin a day whose last hour comes again
	// after it: the latest start counts.
	for ahead := 1; ; ahead-- {
		d := time.Date(local.Year(), local.Month(), local.Day()+ahead, 0, 0, 0, 0, time.UTC)
		start := campaign.LocalTime{Year: d.Year(), Month: d.Month(), Day: d.Day()}.In(zone)
		if !start.After(t) {
			return start.UTC()
		}
	}
}

// daysIn are the starts of the days that have a moment in (from, to], in order.
func daysIn(from, to time.Time, zone *time.Location) []time.Time {
	first := from.Add(time.Microsecond)
	var out []time.Time
	for t := to; !t.Before(first); {
		start := dayStart(t, zone)
		out = append(out, start)
		t = start.Add(-time.Microsecond)
	}
	slices.Reverse(out)
	return out
}

// daysOf are the starts of the days on which passes are judged.
func daysOf(passes []PassAt, zone *time.Location) []time.Time {
	var out []time.Time
	for _, p := range passes {
		start := dayStart(p.AsOf, zone)
		if i, found := slices.BinarySearchFunc(out, start, time.Time.Compare); !found {
			out = slices.Insert(out, i, start)
		}
	}
	return out
}

// byDay cuts passes into parts of one statement each: of a bounded number, on a
// bounded number of days.
func (e *Evaluator) byDay(passes []PassAt) iter.Seq[[]PassAt] {
	return func(yield func([]PassAt) bool) {
		sorted := slices.Clone(passes)
		slices.SortStableFunc(sorted, func(x, y PassAt) int { return x.AsOf.Compare(y.AsOf) })
		for len(sorted) > 0 {
			n, days := 0, 0
			var start time.Time
			for n < min(len(sorted), batch) {
				if s := dayStart(sorted[n].AsOf, e.cat.Workspace.Zone); n == 0 || !s.Equal(start) {
					if days++; days > e.engine.rankedDays() {
						break
					}
					start = s
				}
				n++
			}
			if !yield(sorted[:n]) {
				return
			}
			sorted = sorted[n:]
		}
	}
}

// parts are the passes of one statement each that judges conds.
func (e *Evaluator) parts(conds []campaign.Condition, passes []PassAt) iter.Seq[[]PassAt] {
	if len(e.rankings(conds)) > 0 {
		return e.byDay(passes)
	}
	return slices.Chunk(passes, batch)
}

// lookedAtIn tells b that the moments of looking lie in w. A window without a
// moment, as a first tick's is, is still a statement that wants a day.
func (b *builder) lookedAtIn(w Window) {
	from := w.begin()
	if !from.Before(w.To) {
		from = w.To.Add(-time.Microsecond)
	}
	b.days = func() []time.Time { return daysIn(from, w.To, b.cat.Workspace.Zone) }
}

// begin is the moment after which those lie at which candidates in w are judged.
func (w Window) begin() time.Time {
	if w.Cursor != "" && w.LateFrom.Before(w.From) {
		return w.LateFrom
	}
	return w.From
}

// stretches cuts a window into such of a bounded number of days each, where the
// candidates of c are ranked by the day; else it stays whole.
func (e *Evaluator) stretches(ctx context.Context, q Querier, c *campaign.Campaign, w Window) ([]Window, error) {
	if len(e.rankings([]campaign.Condition{admits(c)})) == 0 {
		return []Window{w}, nil
	}
	kept, err := e.ranksKept(ctx, q, dayStart(w.begin(), e.cat.Workspace.Zone))
	if err != nil {
		return nil, fmt.Errorf("list ranks: %w", err)
	}
	w.kept = kept
	var out []Window
	most := e.engine.rankedDays()
	for days := daysIn(w.From, w.To, e.cat.Workspace.Zone); len(days) > most; days = days[most:] {
		part := w
		part.To = days[most].Add(-time.Microsecond)
		out = append(out, part)
		w.From, w.Cursor, w.LateFrom = part.To, "", time.Time{}
	}
	return append(out, w), nil
}
