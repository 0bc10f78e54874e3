package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// onDate finds the customers whose attribute names a day that is due. The latest
// fact as of the moment counts. A fact that became known after its moment is due
// all the same, as it became known, but only within the campaign's lateness: a
// birthday told on the day itself is still greeted, one told in November is not
// greeted for May. The day on which a yearly date's own year began is none.
func (e *Evaluator) onDate(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.OnDate, w Window) ([]campaign.Candidate, error) {
	if !storable(t.Attribute) {
		return nil, nil
	}
	d := dates{OnDate: t, lateness: c.MaxLateness, window: w}
	people, err := e.dated(ctx, q, c, d)
	if err != nil {
		return nil, err
	}
	var found []campaign.Candidate
	for part := range slices.Chunk(slices.Sorted(maps.Keys(people)), batch) {
		facts, err := e.dateFacts(ctx, q, d, part)
		if err != nil {
			return nil, err
		}
		for _, id := range part {
			p := people[id]
			d.zone = c.ZoneFor(&e.cat.Workspace, p.zone)
			due, err := d.candidates(id, p, facts[id])
			if err != nil {
				return nil, err
			}
			found = append(found, due...)
		}
	}
	return e.admitted(ctx, q, c, found)
}

// dates works out which days of an attribute are due in a window, in one zone.
type dates struct {
	campaign.OnDate
	lateness time.Duration
	window   Window
	zone     *time.Location
}

// datePerson is what a customer's days go by.
type datePerson struct {
	external, zone string
	created        time.Time
}

// dateFact is what the attribute said from a moment on.
type dateFact struct {
	at         time.Time
	kind, text string
	fresh      bool // committed since the window's cursor
}

// dayOf is midnight UTC of a day; false when the year has no such day.
func dayOf(year int, month time.Month, day int) (time.Time, bool) {
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return t, t.Month() == month && t.Day() == day
}

// named is the day that a fact names, in the year 0 where it names none.
func (d dates) named(f dateFact) (year int, month time.Month, day int, ok bool) {
	if f.kind != string(campaign.Text) && f.kind != string(campaign.Time) {
		return 0, 0, 0, false
	}
	text := strings.TrimPrefix(f.text, "--")
	if len(text) == len("01-02") {
		// 2000 has every day that there is.
		t, err := time.Parse("2006-01-02", "2000-"+text)
		return 0, t.Month(), t.Day(), err == nil
	}
	t, ok := campaign.ParseMoment(f.text, nil)
	if !ok {
		return 0, 0, 0, false
	}
	if len(f.text) > len("2006-01-02") {
		t = t.In(d.zone)
	}
	return t.Year(), t.Month(), t.Day(), true
}

// days are the days that a fact names in the years from first to last.
func (d dates) days(f dateFact, first, last int) []time.Time {
	year, month, day, ok := d.named(f)
	if !ok || !d.Yearly && year == 0 {
		return nil
	}
	if !d.Yearly {
		t, _ := dayOf(year, month, day)
		return []time.Time{t}
	}
	var out []time.Time
	for y := max(first, year+1); y <= last; y++ {
		t, exists := dayOf(y, month, day)
		if !exists {
			t = time.Date(y, time.February, 28, 0, 0, 0, 0, time.UTC)
		}
		out = append(out, t)
	}
	return out
}

// due is the moment of a day, and its wall clock.
func (d dates) due(day time.Time) (time.Time, campaign.LocalTime) {
	shifted := d.After.After(d.Before.Before(day))
	local := campaign.LocalTime{Year: shifted.Year(), Month: shifted.Month(), Day: shifted.Day(), Clock: d.At}
	return local.In(d.zone), local
}

// span are the first and the last day that can be due in (from, to], in any zone.
func (d dates) span(from, to time.Time) (first, last time.Time) {
	back := func(t time.Time) time.Time { return d.Before.After(d.After.Before(t.UTC())).Truncate(24 * time.Hour) }
	slack := 2
	if d.Before.Months != 0 || d.After.Months != 0 {
		slack += 4 // the ends of months
	}
	return back(from).AddDate(0, 0, -slack), back(to).AddDate(0, 0, slack)
}

// begin is the earliest due moment that the window can still be about.
func (d dates) begin() time.Time {
	begin := d.window.From.Add(-d.lateness)
	if d.window.Cursor != "" && d.window.LateFrom.Before(begin) {
		begin = d.window.LateFrom
	}
	return begin
}

// candidates are the days of one customer's facts, in order of time, that could
// first be decided in the window.
func (d dates) candidates(id int64, p datePerson, facts []dateFact) ([]campaign.Candidate, error) {
	first, last := d.span(d.begin(), d.window.To)
	seen := map[time.Time]bool{}
	var out []campaign.Candidate
	for _, f := range facts {
		for _, day := range d.days(f, first.Year(), last.Year()) {
			if seen[day] || day.Before(first) || day.After(last) {
				continue
			}
			seen[day] = true
			due, local := d.due(day)
			asOf, by, ok := d.decided(facts, day, due)
			if !ok || !d.inWindow(due, asOf, by.fresh) || asOf.Before(p.created) {
				continue
			}
			one := campaign.Candidate{Customer: id, Key: ScheduleKey(day.Format(time.DateOnly), CustomerRef(id, p.external)), Anchor: due, Due: due, AsOf: asOf}
			trigger := map[string]any{"date": day.Format(time.DateOnly), "local": local.String()}
			if year, _, _, _ := d.named(by); d.Yearly && year > 0 {
				trigger["years"] = day.Year() - year
			}
			var err error
			if one.Trigger, err = json.Marshal(trigger); err != nil {
				return nil, fmt.Errorf("encode date: %w", err)
			}
			out = append(out, one)
		}
	}
	return out, nil
}

func (d dates) inWindow(due, asOf time.Time, fresh bool) bool {
	w := d.window
	if asOf.After(w.From) {
		return !asOf.After(w.To)
	}
	return w.Cursor != "" && fresh && due.After(w.LateFrom)
}

// decided is when a day could first be decided, and by which fact: at its due
// moment, if the latest fact names the day then; else as the first fact comes
// within the lateness that does.
func (d dates) decided(facts []dateFact, day, due time.Time) (asOf time.Time, by dateFact, ok bool) {
	names := func(f dateFact) bool { return slices.Contains(d.days(f, day.Year(), day.Year()), day) }
	for i, f := range facts {
		replaced := i+1 < len(facts) && (facts[i+1].at.Equal(f.at) || !f.at.After(due) && !facts[i+1].at.After(due))
		switch {
		case replaced || !names(f):
			continue
		case !f.at.After(due):
			return due, f, true
		case f.at.Sub(due) < d.lateness:
			return f.at, f, true
		}
	}
	return due, by, false
}

// manyDays is from how many days on every date of the attribute is read.
const manyDays = 40

// dated are the customers with a fact that could be decided in the window: those
// whose day is due there, and those with facts that are new there. A step along
// an index for each day, not for each customer.
func (e *Evaluator) dated(ctx context.Context, q Querier, c *campaign.Campaign, d dates) (map[int64]datePerson, error) {
	out := map[int64]datePerson{}
	b, w := e.builder(nil), d.window
	mine := and(b.only("f.customer_id", w)+"f.name = "+b.text(d.Attribute), "f.day IS NOT NULL")
	const joined = "SELECT c.id, COALESCE(c.external_id, ''), c.timezone, c.created_at FROM attribute_facts f JOIN customers c ON c.id = f.customer_id WHERE "
	people := func(queries []string) error {
		if len(queries) == 0 {
			return nil
		}
		rows, err := b.query(ctx, q, strings.Join(queries, " UNION ALL "))
		return each(rows, err, func(rows *sql.Rows) error {
			var id, created int64
			var p datePerson
			if err := rows.Scan(&id, &p.external, &p.zone, &created); err != nil {
				return err
			}
			p.created = campaign.FromMicros(created)
			out[id] = p
			return nil
		})
	}
	fresh := []string{joined + and(mine, "f.at > "+b.int(campaign.Micros(w.From)), "f.at <= "+b.int(campaign.Micros(w.To)))}
	if w.Cursor != "" {
		since, err := b.freshIn(freshFacts, "f", w.Cursor)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, joined+and(since, b.only("f.customer_id", w)+b.unled("f.name")+" = "+b.text(d.Attribute), b.unled("f.day")+" IS NOT NULL"))
	}
	if first, last := d.span(w.From, w.To); last.Sub(first) > manyDays*24*time.Hour {
		fresh = []string{joined + mine}
	} else {
		zones, err := e.zonesOf(ctx, q, c)
		if err != nil {
			return nil, err
		}
		for _, zone := range zones {
			var queries []string
			for _, r := range d.ranges(c.ZoneFor(&e.cat.Workspace, zone)) {
				where := and(mine, "f.day >= "+b.text(r.low), "f.day < "+b.text(r.low+"."))
				if r.away {
					where = and(where, "length(f.text) > 10")
				}
				if c.Zone == "customer" {
					where = and(where, "c.timezone = "+b.text(zone))
				}
				queries = append(queries, joined+where)
			}
			if err := people(queries); err != nil {
				return nil, fmt.Errorf("find dates: %w", err)
			}
		}
	}
	if err := people(fresh); err != nil {
		return nil, fmt.Errorf("find dates: %w", err)
	}
	return out, nil
}

// zonesOf are the names of the zones that c's customers can be in, one empty one
// where it makes no difference.
func (e *Evaluator) zonesOf(ctx context.Context, q Querier, c *campaign.Campaign) ([]string, error) {
	if c.Zone != "customer" {
		return []string{""}, nil
	}
	return zoneNames(ctx, q)
}

// dayRange is a part of the index over days: a day, of one year or of every
// year. A date with a time of day can be another day in the customer's zone: away
// is for those alone.
type dayRange struct {
	low  string // up to it and a character after '-'
	away bool
}

// ranges are the days that are due in the window in zone.
func (d dates) ranges(zone *time.Location) []dayRange {
	d.zone = zone
	var out []dayRange
	add := func(day time.Time, away bool) {
		low := day.Format("01-02-2006")
		if d.Yearly {
			low = day.Format("01-02")
		}
		out = append(out, dayRange{low, away})
		if d.Yearly && low == "02-28" && day.AddDate(0, 0, 1).Day() == 1 {
			out = append(out, dayRange{"02-29", away})
		}
	}
	first, last := d.span(d.window.From, d.window.To)
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		if due, _ := d.due(day); due.After(d.window.From) && !due.After(d.window.To) {
			add(day, false)
			add(day.AddDate(0, 0, -1), true)
			add(day.AddDate(0, 0, 1), true)
		}
	}
	return out
}

// dateFacts are all facts of the attribute about customers, up to the window's
// end, in order of time.
func (e *Evaluator) dateFacts(ctx context.Context, q Querier, d dates, customers []int64) (map[int64][]dateFact, error) {
	b := e.builder(nil)
	rows := make([][]any, len(customers))
	for i, id := range customers {
		rows[i] = []any{id}
	}
	table, err := b.table([]column{{"id", "bigint"}}, rows)
	if err != nil {
		return nil, err
	}
	fresh := sqlFalse
	if d.window.Cursor != "" {
		if fresh, err = b.freshIn(freshFacts, "f", d.window.Cursor); err != nil {
			return nil, err
		}
	}
	query := "WITH p AS MATERIALIZED " + table + " SELECT f.customer_id, f.at, f.kind, f.text, CASE WHEN " + fresh + " THEN 1 ELSE 0 END FROM p CROSS JOIN attribute_facts f WHERE " +
		and("f.customer_id = p.id", "f.name = "+b.text(d.Attribute), "f.at <= "+b.int(campaign.Micros(d.window.To))) + " ORDER BY f.customer_id, f.at, f.id"
	out := map[int64][]dateFact{}
	got, err := b.query(ctx, q, query)
	if err := each(got, err, func(rows *sql.Rows) error {
		var id, at int64
		var f dateFact
		if err := rows.Scan(&id, &at, &f.kind, &f.text, &f.fresh); err != nil {
			return err
		}
		f.at = campaign.FromMicros(at)
		out[id] = append(out[id], f)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read dates: %w", err)
	}
	return out, nil
}
