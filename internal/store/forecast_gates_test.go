package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
)

// foretold is what the gates would do to a campaign's mails after the next tick.
func (d *desk) foretold(name string) (out campaign.WouldHold) {
	d.t.Helper()
	cat := d.sched.Catalog
	c, _ := cat.Campaign(name)
	err := d.Rehearse(d.t.Context(), cat, func(s *store.Store) error {
		_, err := (&scheduler.Scheduler{Store: s, Catalog: cat, Log: d.sched.Log}).Plan(d.t.Context(), d.now, scheduler.PlanOptions{})
		if err == nil {
			out, err = s.WouldHold(d.t.Context(), c, d.now)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// lines are a forecast of gates as texts: gate, mails, from whom, and from when until
// when in minutes from now, without what the spread of mails draws.
func (d *desk) lines(w campaign.WouldHold) []string {
	out := []string{fmt.Sprint("of ", w.Of)}
	minutes := func(t time.Time) int { return int(t.Sub(d.now) / (15 * time.Minute) * 15) }
	for _, one := range w.Waits {
		out = append(out, fmt.Sprint(one.Gate, " ", one.Mails, " ", one.By, " ", minutes(one.Until), " ", minutes(one.Last)))
	}
	for reason, n := range w.Drops {
		out = append(out, fmt.Sprint("drop ", reason, " ", n))
	}
	slices.Sort(out)
	return out
}

// What is foretold of the gates is what the last look then does, and foretelling it
// writes nothing.
func TestWouldHoldComesTrue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"cart":   on("A", "priority: 60", sendOne),
			"letter": on("B", sendOne),
			"drops":  on("C", "priority: 10", "when_capped: drop", sendOne),
			"late":   "status: active\ntopic: offers\ntrigger: { event: { name: D } }\nexpires: 1h\nsend_window: { from: 15:00, to: 16:00 }\n" + sendOne,
			"feed":   on("E", "fresh: { event: Order Completed, gap: 2h }", sendOne),
		}, "cap: 1 per 16h", "quiet_hours: { from: 21:00, to: 08:00 }")
		d.join("ana", "ben", "cho", "dan", "eva")
		d.identify("cho", `{"timezone":"Asia/Manila"}`)
		d.track("eva", "Order Completed", `{"order_id":"1","total":5}`)
		d.track("ana", "A", "")
		if got := d.sent(0); got != "cart" {
			t.Fatalf("sent %q", got)
		}
		d.now = d.now.Add(4*time.Hour + 4*time.Minute) // 16:05 here, after midnight in Manila
		d.track("ana", "B", "")
		for _, name := range []string{"ben", "cho"} {
			d.track(name, "A", "")
			d.track(name, "B", "")
		}
		d.track("ana", "C", "")
		d.track("dan", "D", "")
		d.track("eva", "E", "")

		want := map[string][]string{
			"cart":   {"of 2", "quiet_hours 1 map[] 465 465"},                              // cho's night
			"letter": {"cap 2 map[cart:2] 705 960", "of 3", "quiet_hours 1 map[] 465 465"}, // 16 h after the cart's: ana's went at noon, ben's goes now
			"drops":  {"drop capped 1", "of 1"},                                            // ana
			"late":   {"drop expired 1", "of 1"},                                           // dan: the window opens too late
			"feed":   {"fresh 1 map[Order Completed:1] 15 15", "of 1"},                     // eva
		}
		for name, lines := range want {
			if got := d.lines(d.foretold(name)); !slices.Equal(got, lines) {
				t.Errorf("%s: foretold %q, want %q", name, got, lines)
			}
		}
		is(t, s, []string{"0"}, `SELECT count(*) FROM quiet_feeds`)
		is(t, s, []string{"1"}, `SELECT count(*) FROM messages`)

		if got := d.sent(0); got != "cart" { // ben's
			t.Fatalf("sent %q", got)
		}
		is(t, s, []string{
			"cart ben   accepted", "cart cho quiet_hours  pending", "drops ana cap cart cancelled", "feed eva fresh Order Completed pending",
			"late dan send_window  cancelled", "letter ana cap cart pending", "letter ben cap cart pending", "letter cho quiet_hours  pending",
		}, `SELECT k.name, c.external_id, m.gate, m.gate_by, m.state FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN customers c ON c.id = m.customer_id
			WHERE m.created_at >= `+fmt.Sprint(campaign.Micros(d.now))+` ORDER BY k.name, c.external_id`)
		// Those that wait are found as they were left.
		d.now = d.now.Add(time.Minute)
		if got := d.lines(d.foretold("letter")); !slices.Equal(got, []string{"cap 2 map[cart:2] 0 705", "of 3", "quiet_hours 1 map[] 465 465"}) {
			t.Errorf("a minute later: %q", got)
		}
	})
}

// A backtest's mails go through the same gates, one customer's after the other: in
// their turn, beside what was really accepted.
func TestGated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"cart": on("A", "steps: [ { send: one }, { send: two, send_at: 10:00, when_capped: ignore }, { send: three, when_capped: drop } ]"),
			"news": on("B", sendOne), "quick": "status: active\ntopic: offers\ntrigger: { event: { name: C } }\nexpires: 2h\n" + sendOne,
		}, "cap: 2 per 24h", "allow_ignore_cap: [cart]", "quiet_hours: { from: 21:00, to: 08:00 }")
		d.join("ana", "ben")
		d.identify("ben", `{"timezone":"Asia/Manila"}`)
		d.track("ana", "B", "")
		if got := d.sent(0); got != "news" { // 1 March, 12:01
			t.Fatalf("sent %q", got)
		}
		gated := func(name string, mails ...string) campaign.Gated {
			t.Helper()
			c, _ := d.sched.Catalog.Campaign(name)
			f := &campaign.Forecast{}
			for _, m := range mails {
				var who, step, at string
				fmt.Sscan(m, &who, &step, &at)
				found, err := s.FindCustomers(t.Context(), who)
				if err != nil {
					t.Fatal(err)
				}
				f.Mails = append(f.Mails, campaign.ForecastMail{Customer: found[0].ID, Step: step, At: campaign.Micros(moment(t, at))})
			}
			g, err := s.Gated(t.Context(), c, f, moment(t, "2026-03-01T00:00:00Z"), moment(t, "2026-03-10T00:00:00Z"))
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		for _, c := range []struct {
			name, campaign string
			mails          []string
			want           string
		}{
			{"none", "cart", nil, "0 0 [] [] []"},
			{"by day", "cart", []string{"ana one 2026-03-05T12:00:00Z"}, "1 1 [] [] [05 12:00 1]"},
			{"at night", "cart", []string{"ana one 2026-03-05T22:00:00Z"}, "1 1 [quiet_hours 1 map[]] [] [06 08:00 1]"},
			{"by the customer's clock", "cart", []string{"ben one 2026-03-05T14:00:00Z"}, "1 1 [quiet_hours 1 map[]] [] [06 00:00 1]"},
			{"not before its time of day", "cart", []string{"ana two 2026-03-05T11:00:00Z"}, "1 1 [send_at 1 map[]] [] [06 10:00 1]"},
			{"too old by the morning", "quick", []string{"ana one 2026-03-05T22:00:00Z"}, "1 0 [] [expired 1] []"},
			{"beside another's mail", "cart", []string{"ana one 2026-03-01T13:00:00Z", "ana one 2026-03-01T14:00:00Z"}, "2 2 [cap 1 map[cart:1]] [] [01 13:00 1 02 12:00 1]"},
			{"before another's mail", "cart", []string{"ana one 2026-03-01T10:00:00Z", "ana one 2026-03-01T11:00:00Z"}, "2 2 [] [] [01 10:00 1 01 11:00 1]"},
			{"dropped", "cart", []string{"ben one 2026-03-05T06:00:00Z", "ben one 2026-03-05T07:00:00Z", "ben three 2026-03-05T08:00:00Z"}, "3 2 [] [capped 1] [05 06:00 1 05 07:00 1]"},
			{"cap, then night", "cart", []string{"ben one 2026-03-05T00:10:00Z", "ben one 2026-03-05T12:59:00Z", "ben one 2026-03-05T12:59:30Z", "ben one 2026-03-05T13:30:00Z"},
				"4 4 [cap 2 map[cart:2] quiet_hours 1 map[]] [] [05 00:00 1 05 12:00 1 06 00:00 1 06 12:00 1]"},
		} {
			g := gated(c.campaign, c.mails...)
			var waits, drops, hours []string
			for _, w := range g.Waits {
				waits = append(waits, fmt.Sprint(w.Gate, " ", w.Mails, " ", w.By))
			}
			for why, n := range g.Drops {
				drops = append(drops, fmt.Sprint(why, " ", n))
			}
			for h, n := range g.Hours {
				hours = append(hours, time.Unix(h, 0).UTC().Format("02 15:04")+fmt.Sprint(" ", n))
			}
			slices.Sort(hours)
			if got := fmt.Sprint(g.Of, g.Messages, waits, drops, hours); got != c.want {
				t.Errorf("%s: got %s, want %s", c.name, got, c.want)
			}
		}
	})
}
