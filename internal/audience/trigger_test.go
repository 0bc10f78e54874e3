package audience_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

func added(at int, pairs ...any) fact {
	return event(campaign.ProductAdded, hours(at), append([]any{"product_id", "p", "price", 5.0}, pairs...)...)
}

func removed(at int, pairs ...any) fact {
	return event(campaign.ProductRemoved, hours(at), append([]any{"product_id", "p"}, pairs...)...)
}

func order(at int, pairs ...any) fact { return event(campaign.OrderCompleted, hours(at), pairs...) }

// keys are the candidates' keys, in order of admission.
func keys(t *testing.T, db database, c *campaign.Campaign, w audience.Window) string {
	t.Helper()
	got, err := audience.New(db.engine, catalog(nil)).Candidates(context.Background(), db, c, w)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range got {
		out = append(out, one.Key)
	}
	return strings.Join(out, " ")
}

var always = audience.Window{From: hours(-1000), To: hours(10000)}

// The facts are named a, b, c … in the order given; a candidate is its anchor.
func TestCarts(t *testing.T) {
	hour := campaign.Of(time.Hour)
	worth := func(v float64) []campaign.Property {
		return []campaign.Property{{Path: "value", Test: test(campaign.OpAtLeast, number(v))}}
	}
	cases := []struct {
		name  string
		facts []fact
		where []campaign.Property
		want  string
	}{
		{"left alone", []fact{added(0)}, nil, "a"},
		{"a missing quantity is one", []fact{added(0), added(0)}, worth(10), "b"},
		{"worth less", []fact{added(0)}, worth(6), ""},
		{"changed within the hour", []fact{added(0), event(campaign.ProductAdded, hours(0).Add(time.Minute), "product_id", "q")}, nil, "b"},
		{"changed exactly then", []fact{added(0), added(1)}, nil, "b"},
		{"changed later", []fact{added(0), added(2)}, nil, "a b"},
		{"ordered in the same instant", []fact{added(0), order(0)}, nil, ""},
		{"ordered exactly then", []fact{added(0), order(1)}, nil, ""},
		{"ordered later", []fact{added(0), order(2)}, nil, "a"},
		{"ordered before", []fact{order(0), added(1)}, nil, "b"},
		{"what was bought is out of the cart", []fact{added(0), order(2), added(3)}, worth(6), ""},
		{"bought in the instant it was put in", []fact{added(0), order(0), added(1)}, worth(6), ""},
		{"emptied", []fact{added(0), removed(0)}, nil, ""},
		{"removal stops at nothing", []fact{removed(0, "quantity", 9.0), added(0)}, nil, "b"},
		{"less is left", []fact{added(0, "quantity", 3.0), removed(0, "quantity", 2.0)}, worth(5), "b"},
		{"a snapshot replaces", []fact{added(0, "quantity", 3.0), event(campaign.CheckoutStarted, hours(0), "products", []any{map[string]any{"product_id": "q", "price": 4.0}})}, worth(5), ""},
		{"an empty checkout", []fact{event(campaign.CheckoutStarted, hours(0), "products", []any{})}, nil, ""},
		{"a checkout of nobody knows what", []fact{event(campaign.CheckoutStarted, hours(0))}, nil, "a"},
		{"a view changes nothing", []fact{added(0), event(campaign.CartViewed, hours(1))}, nil, "a"},
		{"but tells the content", []fact{added(0), event(campaign.CartViewed, hours(1), "products", []any{})}, nil, ""},
		{"two carts", []fact{added(0, "cart_id", "c1"), added(0, "cart_id", "c2")}, worth(6), ""},
		{"two carts, both left", []fact{added(0, "cart_id", "c1"), added(0, "cart_id", "c2"), added(0)}, nil, "a b c"},
		{"a cart's number is its name", []fact{added(0, "cart_id", 7.0), added(1, "cart_id", "7")}, nil, "b"},
		{"a price beyond numbers", []fact{added(0, "price", "1e308", "quantity", 1e308)}, nil, "a"},
	}
	each(t, func(t *testing.T, db database) {
		for _, one := range cases {
			db.fill(t, history(one.facts...))
			c := &campaign.Campaign{Trigger: campaign.AbandonedCart{After: hour, Where: one.where}}
			if got := keys(t, db, c, always); got != one.want {
				t.Errorf("%s: got %q, want %q", one.name, got, one.want)
			}
		}
	})
}

func TestRefunds(t *testing.T) {
	refund := func(at int, pairs ...any) fact { return event(campaign.OrderRefunded, hours(at), pairs...) }
	cases := []struct {
		name  string
		facts []fact
		want  string
	}{
		{"kept", []fact{order(0, "order_id", "1", "total", 10.0)}, "a"},
		{"cancelled", []fact{order(0, "order_id", "1"), event(campaign.OrderCancelled, hours(1), "order_id", "1")}, ""},
		{"cancelled in the same instant", []fact{order(0, "order_id", "1"), event(campaign.OrderCancelled, hours(0), "order_id", "1")}, "a"},
		{"cancelled too late", []fact{order(0, "order_id", "1"), event(campaign.OrderCancelled, hours(3), "order_id", "1")}, "a"},
		{"another cancelled", []fact{order(0, "order_id", "1"), event(campaign.OrderCancelled, hours(1), "order_id", "2")}, "a"},
		{"a number for a name", []fact{order(0, "order_id", 1.0), event(campaign.OrderCancelled, hours(1), "order_id", "1")}, ""},
		{"without a name", []fact{order(0), event(campaign.OrderCancelled, hours(1))}, "a"},
		{"refunded whole, no amount", []fact{order(0, "order_id", "1", "total", 10.0), refund(1, "order_id", "1")}, ""},
		{"refunded whole by value", []fact{order(0, "order_id", "1", "total", 10.0), refund(1, "order_id", "1", "value", 10.0)}, ""},
		{"refunded in part", []fact{order(0, "order_id", "1", "total", 10.0), refund(1, "order_id", "1", "total", 9.9)}, "a"},
		{"within half a cent", []fact{order(0, "order_id", "1", "total", 10.0), refund(1, "order_id", "1", "total", 9.995)}, ""},
		{"just beyond half a cent", []fact{order(0, "order_id", "1", "total", 10.0), refund(1, "order_id", "1", "total", 9.9949)}, "a"},
		{"refunded by products", []fact{order(0, "order_id", "1", "total", 10.0), refund(1, "order_id", "1", "products", []any{})}, "a"},
		{"in two parts", []fact{order(0, "order_id", "1", "total", 0.3), refund(1, "order_id", "1", "total", 0.1), refund(2, "order_id", "1", "total", 0.2)}, ""},
		{"the second part too late", []fact{order(0, "order_id", "1", "total", 0.3), refund(1, "order_id", "1", "total", 0.1), refund(3, "order_id", "1", "total", 0.2)}, "a"},
		{"an order without a total", []fact{order(0, "order_id", "1"), refund(1, "order_id", "1", "total", 10.0)}, "a"},
	}
	each(t, func(t *testing.T, db database) {
		for _, one := range cases {
			db.fill(t, history(one.facts...))
			c := &campaign.Campaign{Trigger: campaign.PastPurchase{After: campaign.Of(2 * time.Hour)}}
			if got := keys(t, db, c, always); got != one.want {
				t.Errorf("%s: got %q, want %q", one.name, got, one.want)
			}
		}
	})
}

// Three days of January are due on the last of February; each window has its own.
func TestMonthsAfter(t *testing.T) {
	day := func(month time.Month, n int) time.Time { return time.Date(2026, month, n, 12, 0, 0, 0, time.UTC) }
	each(t, func(t *testing.T, db database) {
		db.fill(t, history(event("Seen", day(1, 27)), event("Seen", day(1, 28)), event("Seen", day(1, 29)), event("Seen", day(1, 31)), event("Seen", day(2, 1))))
		c := &campaign.Campaign{Trigger: campaign.OnEvent{Name: "Seen", After: campaign.Duration{Months: 1}}}
		for _, one := range []struct {
			from, to time.Time
			want     string
		}{
			{day(2, 27), day(2, 28), "b c d"}, {day(2, 28), day(3, 1), "e"}, {day(2, 27).Add(-1000), day(2, 27), "a"}, {day(2, 28), day(2, 28).Add(time.Hour), ""},
		} {
			if got := keys(t, db, c, audience.Window{From: one.from, To: one.to}); got != one.want {
				t.Errorf("(%s, %s]: got %q, want %q", one.from, one.to, got, one.want)
			}
		}
	})
}

// One instant is one last activity, however many events it has.
func TestInactivityKeys(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		w := history(order(0), order(0), order(3))
		w.customers = append(w.customers, customer{})
		w.facts = append(w.facts, fact{"z", 2, campaign.OrderCompleted, hours(0), hours(0), nil})
		db.fill(t, w)
		c := &campaign.Campaign{Trigger: campaign.Inactivity{After: campaign.Of(2 * time.Hour), Of: []string{campaign.OrderCompleted}}}
		want := strings.Join([]string{audience.InactivityKey("#2", hours(0)), audience.InactivityKey("ann", hours(0)), audience.InactivityKey("ann", hours(3))}, " ")
		if got := keys(t, db, c, always); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// 02:30 does not exist in Berlin on 29 March 2026 and comes twice on 25 October.
func TestScheduleZones(t *testing.T) {
	at := func(s string) time.Time {
		m, ok := campaign.ParseMoment(s, nil)
		if !ok {
			t.Fatalf("%q is no moment", s)
		}
		return m
	}
	w := world{customers: []customer{{external: "berlin", zone: "Europe/Berlin"}, {external: "lost", zone: "Nowhere"}, {zone: ""},
		{external: "new", zone: "Europe/Berlin", created: at("2026-03-29T01:00:01Z")}, {external: "la", zone: "America/Los_Angeles"}}}
	each(t, func(t *testing.T, db database) {
		db.fill(t, w)
		half := campaign.TimeOfDay(2*60 + 30)
		c := &campaign.Campaign{Zone: "customer", Trigger: campaign.Schedule{Every: campaign.EveryDay, Clock: half}}
		e := audience.New(db.engine, catalog(nil))
		find := func(from, to string) map[string]string {
			got, err := e.Candidates(context.Background(), db, c, audience.Window{From: at(from), To: at(to)})
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]string{}
			for _, one := range got {
				if !one.Due.Equal(one.AsOf) {
					t.Errorf("%s is due %s, judged %s", one.Key, one.Due, one.AsOf)
				}
				out[one.Key] = stamp(one.AsOf)
			}
			return out
		}
		same := func(name string, got, want map[string]string) {
			if !maps.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		same("spring", find("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), map[string]string{
			"2026-03-29T02:30@lost": "2026-03-28T18:30:00Z", "2026-03-29T02:30@#3": "2026-03-28T18:30:00Z",
			"2026-03-29T02:30@berlin": "2026-03-29T01:00:00Z", "2026-03-29T02:30@la": "2026-03-29T09:30:00Z"})
		same("autumn", find("2026-10-24T23:00:00Z", "2026-10-25T05:00:00Z"), map[string]string{
			"2026-10-25T02:30@berlin": "2026-10-25T00:30:00Z", "2026-10-25T02:30@new": "2026-10-25T00:30:00Z"})
		c.Zone = "workspace"
		c.Trigger = campaign.Schedule{Every: campaign.EveryMonth, Day: campaign.DayRule{OfMonth: 31}, Clock: 9 * 60, After: campaign.Duration{Months: 1}}
		got, err := e.Candidates(context.Background(), db, c, audience.Window{From: at("2026-03-01"), To: at("2026-03-29")})
		if err != nil || len(got) != 4 {
			t.Fatalf("the month's last day, a month later: %v, %v", got, err)
		}
		var anchor map[string]string
		if err := json.Unmarshal(got[0].Trigger, &anchor); err != nil || anchor["local"] != "2026-02-28T09:00" || anchor["occurrence"] != "2026-02" || stamp(got[0].Due) != "2026-03-28T01:00:00Z" {
			t.Errorf("%s due %s: %v", got[0].Trigger, got[0].Due, err)
		}
	})
}

// A fact that commits late, with a moment long past, is found by the cursor; the
// same question without it does not find it, nor does an earlier lateness.
func TestCursor(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		db.fill(t, history(order(0)))
		e := audience.New(db.engine, catalog(nil))
		c := &campaign.Campaign{Trigger: campaign.PastPurchase{After: campaign.Of(time.Hour)}}
		late, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if db.engine == audience.Postgres { // SQLite has one writer: nothing commits out of order
			insertFact(t, late, fact{"slow", 1, campaign.OrderCompleted, hours(2), hours(2), nil})
			insertFact(t, db, fact{"quick", 1, campaign.OrderCompleted, hours(3), hours(3), nil})
		}
		cursor, err := e.Cursor(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		if db.engine == audience.SQLite {
			insertFact(t, late, fact{"slow", 1, campaign.OrderCompleted, hours(2), hours(2), nil})
		}
		if err := late.Commit(); err != nil {
			t.Fatal(err)
		}
		w := audience.Window{From: hours(10), To: hours(11)}
		if got := keys(t, db, c, w); got != "" {
			t.Errorf("without cursor: %q", got)
		}
		w.Cursor = cursor
		got := strings.Fields(keys(t, db, c, w))
		if !slices.Contains(got, "slow") {
			t.Errorf("with cursor: %q", got)
		}
		if db.engine == audience.SQLite && len(got) != 1 {
			t.Errorf("read again: %q", got)
		}
		w.LateFrom = hours(3)
		if got := keys(t, db, c, w); strings.Contains(got, "slow") {
			t.Errorf("due at the lateness: %q", got)
		}
		w.Cursor = "1; DROP TABLE events"
		if _, err := e.Candidates(ctx, db, c, w); err == nil {
			t.Error("a cursor that is none was taken")
		}
	})
}
