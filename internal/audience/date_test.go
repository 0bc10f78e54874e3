package audience_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// said is a fact of the attribute birthday, typed as it is on its way in.
func said(customer int64, at time.Time, v string) attribute {
	a := attribute{customer: customer, name: "birthday", at: at, kind: "text", text: v}
	if m, ok := campaign.ParseMoment(v, nil); ok {
		a.kind, a.moment = "time", campaign.Micros(m)
	}
	if v == "" {
		a.kind = "null"
	}
	return a
}

// dates is the oracle of dates: it asks each day of some years what was said.
func (w world) dates(c *campaign.Campaign, t campaign.OnDate, from, to time.Time) map[string]found {
	out := map[string]found{}
	for i, one := range w.customers {
		zone := c.ZoneFor(&catalog(nil).Workspace, one.zone)
		for day := time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2030; day = day.AddDate(0, 0, 1) {
			local := t.After.After(t.Before.Before(day))
			due := campaign.LocalTime{Year: local.Year(), Month: local.Month(), Day: local.Day(), Clock: t.At}.In(zone)
			moments := []time.Time{due}
			for _, a := range w.attributes {
				if a.customer == int64(i+1) && a.at.After(due) && a.at.Sub(due) < c.MaxLateness {
					moments = append(moments, a.at)
				}
			}
			var asOf time.Time
			for _, m := range moments {
				if isDay(w.said(int64(i+1), m), day, t.Yearly, zone) && (asOf.IsZero() || m.Before(asOf)) {
					asOf = m
				}
			}
			if asOf.IsZero() || !asOf.After(from) || asOf.After(to) || asOf.Before(one.created) {
				continue
			}
			ref := one.external
			if ref == "" {
				ref = fmt.Sprint("#", i+1)
			}
			key := day.Format(time.DateOnly) + "@" + ref
			out[key] = found{key, int64(i + 1), stamp(due), stamp(due), stamp(asOf)}
		}
	}
	return out
}

// said is what was last said of the birthday as of t.
func (w world) said(customer int64, t time.Time) string {
	last, at := "", time.Time{}
	for _, a := range w.attributes {
		if a.customer == customer && a.name == "birthday" && !a.at.After(t) && !a.at.Before(at) {
			last, at = a.text, a.at
		}
	}
	return last
}

func isDay(text string, day time.Time, yearly bool, zone *time.Location) bool {
	text = strings.TrimPrefix(text, "--")
	year := 0
	if len(text) > 5 {
		m, ok := campaign.ParseMoment(text, nil)
		if !ok {
			return false
		}
		if len(text) > 10 {
			m = m.In(zone)
		}
		year, text = m.Year(), m.Format("01-02")
	}
	if !yearly {
		return year == day.Year() && text == day.Format("01-02")
	}
	leap := day.AddDate(0, 0, 1).Day() == 29
	return year < day.Year() && (text == day.Format("01-02") || text == "02-29" && day.Format("01-02") == "02-28" && !leap)
}

func TestDatesAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genWorld(t)
			w.attributes, w.facts, w.passes = nil, nil, nil
			w.customers[2].zone = pick(t, "zone", "Nowhere/Land", "America/New_York", "Pacific/Kiritimati")
			for range rapid.IntRange(1, 6).Draw(t, "said") {
				w.attributes = append(w.attributes, said(genCustomer(t), genMoment(t), pick(t, "value", "02-28", "--02-28", "02-29", "1990-02-28", "1992-02-29", "02-27",
					"2026-02-27", "2026-02-28", "2026-03-01", "1990-02-28T23:30:00Z", "2026-02-28 04:00", "2026-02-28T01:00:00+02:00", "", "soon", "02-30", "2026-02-30", "12-31", "01-01")))
			}
			db.fill(t, w)
			e := audience.New(db.engine, catalog(nil))
			for range 2 {
				d := campaign.OnDate{Attribute: "birthday", Yearly: rapid.Bool().Draw(t, "yearly"), At: pick(t, "clock", campaign.TimeOfDay(0), 9*60, 23*60+30),
					Before: pick(t, "before", campaign.Duration{}, campaign.Days(3), campaign.Duration{Months: 1}), After: pick(t, "after", campaign.Duration{}, campaign.Days(1))}
				c := &campaign.Campaign{Name: "dated", Zone: pick(t, "zone", "customer", "customer", "workspace", "Europe/Berlin"), Trigger: d,
					MaxLateness: pick(t, "lateness", 0, 24*time.Hour, 24*time.Hour)}
				from, to := hours(-30), hours(24*pick(t, "days", 2, 40, 40, 900))
				if rapid.Bool().Draw(t, "narrow") {
					from, to = genMoment(t), genMoment(t)
				}
				got := candidates(t, e, db, c, from, to)
				if diff := cmp.Diff(w.dates(c, d, from, to), got, cmp.AllowUnexported(found{})); diff != "" {
					t.Fatalf("%+v in %s, %s to %s (-oracle +got):\n%s", d, c.Zone, from, to, diff)
				}
				splits(t, e, db, c, from, to, got)
			}
		})
	})
}

// What a date's trigger tells, and that one who is written to on the 28th was
// born on the 29th.
func TestDateTells(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		w := world{customers: []customer{{external: "ann"}, {external: "bob'; --"}, {external: "eve"}}}
		w.attributes = []attribute{said(1, time.Unix(0, 0), "1992-02-29"), said(2, time.Unix(0, 0), "02-28"), said(3, time.Unix(0, 0), "2026-02-28")}
		w.attributes = append(w.attributes, attribute{customer: 1, name: "x' OR '1'='1", at: time.Unix(0, 0), kind: "text", text: "02-28"})
		db.fill(t, w)
		e := audience.New(db.engine, catalog(nil))
		tell := func(d campaign.OnDate) string {
			c := &campaign.Campaign{Zone: "workspace", Trigger: d, MaxLateness: 24 * time.Hour}
			found, err := e.Candidates(context.Background(), db, c, audience.Window{From: hours(-100), To: hours(24 * 100)})
			if err != nil {
				t.Fatal(err)
			}
			out := ""
			for _, one := range found {
				var o map[string]any
				if err := json.Unmarshal(one.Trigger, &o); err != nil {
					t.Fatal(err)
				}
				out += fmt.Sprint(one.Key, " ", o["date"], " ", o["local"], " ", o["years"], "\n")
			}
			return out
		}
		if got, want := tell(campaign.OnDate{Attribute: "birthday", Yearly: true, At: 540}), "2026-02-28@ann 2026-02-28 2026-02-28T09:00 34\n2026-02-28@bob'; -- 2026-02-28 2026-02-28T09:00 <nil>\n"; got != want {
			t.Errorf("yearly:\n%s, want\n%s", got, want)
		}
		if got, want := tell(campaign.OnDate{Attribute: "birthday", At: 540, After: campaign.Days(14)}), "2026-02-28@eve 2026-02-28 2026-03-14T09:00 <nil>\n"; got != want {
			t.Errorf("once:\n%s, want\n%s", got, want)
		}
		for _, hostile := range []string{"x' OR '1'='1' --", "a\x00b", "\"; DROP TABLE events", "%"} {
			if got := tell(campaign.OnDate{Attribute: hostile, Yearly: true}); got != "" {
				t.Errorf("%q: %s", hostile, got)
			}
		}
	})
}

// A birthday that is stored after the evaluation that it belongs to, as if it
// had always been known, is found by the cursor, and by nothing else.
func TestDateCursor(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, history())
		e := audience.New(db.engine, catalog(nil))
		cursor, err := e.Cursor(context.Background(), db)
		if err != nil {
			t.Fatal(err)
		}
		a := said(1, time.Unix(0, 0), "02-28")
		db.must(t, "INSERT INTO attribute_facts (customer_id, name, at, kind, text) VALUES ($1, $2, 0, $3, $4)", a.customer, a.name, a.kind, a.text)
		c := &campaign.Campaign{Zone: "workspace", Trigger: campaign.OnDate{Attribute: "birthday", Yearly: true, At: 540}, MaxLateness: 24 * time.Hour}
		due := time.Date(2026, 2, 28, 1, 0, 0, 0, time.UTC)
		w := audience.Window{From: due.Add(2 * time.Hour), To: due.Add(3 * time.Hour), LateFrom: due.Add(-time.Hour)}
		if got := keys(t, db, c, w); got != "" {
			t.Errorf("without cursor: %q", got)
		}
		w.Cursor = cursor
		if got := keys(t, db, c, w); got != "2026-02-28@ann" {
			t.Errorf("with cursor: %q", got)
		}
		w.LateFrom = due
		if got := keys(t, db, c, w); got != "" {
			t.Errorf("due at the lateness: %q", got)
		}
		if w.Cursor, err = e.Cursor(context.Background(), db); err != nil {
			t.Fatal(err)
		}
		w.LateFrom = due.Add(-time.Hour)
		if got := keys(t, db, c, w); got != "" {
			t.Errorf("not fresh any more: %q", got)
		}
	})
}
