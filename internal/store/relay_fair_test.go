package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// rounds are n rounds, a second apart: how many of each campaign went in each.
func (d *desk) rounds(n int) (got []string) {
	d.t.Helper()
	for range n {
		out, _ := d.round()
		of := map[string]int{}
		for _, m := range out {
			of[m.campaign]++
		}
		got = append(got, fmt.Sprintf("%d %d %d %d", of["letter"], of["cart"], of["slow"], of["bill"]))
		d.now = d.now.Add(time.Second)
	}
	return got
}

// Each campaign has its share of a round, and what one leaves goes to the others:
// a letter to many holds up nobody's cart mail.
func TestCampaignsShareARound(t *testing.T) {
	t.Parallel()
	others := []string{"kape.example"}
	for _, c := range []struct {
		what   string
		room   int
		server campaign.Pace
		due    []due // from an hour ago
		want   []string
	}{
		{"alone", 100, campaign.Pace{}, []due{{campaign: "letter", n: 250}}, []string{"100 0 0 0", "100 0 0 0", "50 0 0 0"}},
		{"one with few", 100, campaign.Pace{}, []due{{campaign: "letter", n: 200}, {campaign: "cart", n: 7}}, []string{"93 7 0 0", "100 0 0 0", "7 0 0 0"}},
		{"three", 100, campaign.Pace{}, []due{{campaign: "letter", n: 200}, {campaign: "cart", n: 60}, {campaign: "slow", n: 40}},
			[]string{"33 34 33 0", "67 26 7 0", "100 0 0 0"}},
		{"fewer places than campaigns", 2, campaign.Pace{}, []due{{campaign: "letter", n: 4}, {campaign: "cart", n: 4}, {campaign: "slow", n: 4}},
			[]string{"1 1 0 0", "0 1 1 0", "1 0 1 0", "1 1 0 0", "0 1 1 0", "1 0 1 0"}},
		{"one place a second", 100, campaign.Pace{Max: 1, Per: time.Second}, []due{{campaign: "letter", n: 3}, {campaign: "cart", n: 3}},
			[]string{"0 1 0 0", "1 0 0 0", "0 1 0 0", "1 0 0 0", "0 1 0 0", "1 0 0 0"}},
		// Of the server's rate bulk keeps a tenth, however much else there is.
		{"bills before all", 100, campaign.Pace{Max: 20, Per: time.Second}, []due{{campaign: "letter", n: 100}, {campaign: "bill", n: 60}},
			[]string{"2 0 0 18", "2 0 0 18", "2 0 0 18", "14 0 0 6"}},
		{"bills one by one", 100, campaign.Pace{Max: 1, Per: time.Second}, []due{{campaign: "letter", n: 100}, {campaign: "bill", n: 100}},
			[]string{"0 0 0 1", "0 0 0 1", "0 0 0 1", "0 0 0 1", "0 0 0 1", "0 0 0 1", "0 0 0 1", "0 0 0 1", "0 0 0 1", "1 0 0 0", "0 0 0 1"}},
		{"bills alone", 100, campaign.Pace{Max: 20, Per: time.Second}, []due{{campaign: "bill", n: 50}}, []string{"0 0 0 20", "0 0 0 20", "0 0 0 10"}},
		// Without a rate neither lane waits for the other.
		{"lanes", 30, campaign.Pace{}, []due{{campaign: "letter", n: 50}, {campaign: "bill", n: 40}}, []string{"30 0 0 30", "20 0 0 10"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newRated(t, s, campaign.Provider{Rate: c.server})
				d.sched.Relay.MaxQueued = c.room
				for i := range c.due {
					c.due[i].from, c.due[i].each, c.due[i].domains = d.now.Add(-time.Hour), time.Millisecond, others
				}
				d.makeDue(c.due...)
				if diff := cmp.Diff(c.want, d.rounds(len(c.want))); diff != "" {
					t.Errorf("letter, cart, slow, bill (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Mail that waits for its domain is put aside, so that what stands behind it goes,
// and no round looks at all of it again.
func TestFullDomainHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{Domains: map[string]campaign.Pace{"gmail.com": {Max: 2, Per: time.Minute}}})
		d.sched.Relay.MaxQueued = 10
		d.makeDue(due{"letter", 6000, d.now.Add(-2 * time.Hour), time.Millisecond, []string{"gmail.com"}},
			due{"letter", 20, d.now.Add(-time.Hour), time.Millisecond, []string{"kape.example"}},
			due{"cart", 3, d.now.Add(-time.Hour), time.Millisecond, []string{"Gmail.com"}})
		// The first round meets more of it than it may move; the third has it all aside.
		want := []string{"0 2", "10 0", "10 0", "0 0"}
		for i, w := range want {
			out, next := d.round()
			of := map[string]int{}
			for _, m := range out {
				of[m.campaign]++
			}
			if got := fmt.Sprintf("%d %d", of["letter"], of["cart"]); got != w {
				t.Errorf("round %d: letter, cart %s, want %s", i, got, w)
			}
			wantNext := d.now.Add(time.Minute)
			if i == 0 {
				wantNext = d.now // there was more to move
			}
			if !next.Equal(wantNext) {
				t.Errorf("round %d: next at %s, want %s", i, next, wantNext)
			}
		}
		is(t, s, []string{"gmail.com 6001"}, `SELECT domain, count(*) FROM messages WHERE state = 'pending' GROUP BY domain`)
		if n := d.waiting(campaign.GateRate, "gmail.com"); n != 6001 {
			t.Errorf("%d wait for the domain", n)
		}
		_, rows, err := s.OpenMessages(t.Context(), store.OpenQuestion{State: campaign.Pending, Limit: 1}, d.now)
		if err != nil || len(rows) != 1 || rows[0].By != "gmail.com" || !rows[0].Next.Equal(d.now.Add(time.Minute)) {
			t.Errorf("rows %+v, %v", rows, err)
		}
		// Whose address has changed meanwhile goes with those of the new domain, and what
		// is not limited any more goes at once, though it was put aside.
		exec(t, s, `UPDATE customers SET email = 'new@kape.example' WHERE id = (SELECT max(customer_id) FROM messages WHERE state = 'pending')`)
		d.now = d.now.Add(time.Minute)
		if out, _ := d.round(); len(out) != 3 {
			t.Errorf("%d let out, want the two of gmail.com and the one that has left it", len(out))
		}
		// The domain's places are shared too.
		d.makeDue(due{"cart", 9, d.now.Add(-time.Minute), time.Millisecond, []string{"gmail.com"}})
		d.limit(campaign.Provider{Domains: map[string]campaign.Pace{"gmail.com": {Max: 4, Per: time.Minute}}})
		exec(t, s, `UPDATE messages SET domain = 'gmail.com' WHERE state = 'pending'`)
		d.now = d.now.Add(time.Minute)
		if got := d.rounds(1)[0]; got != "2 2 0 0" {
			t.Errorf("letter, cart, slow, bill %s", got)
		}
		d.limit(campaign.Provider{})
		if out, _ := d.round(); len(out) != 10 {
			t.Errorf("%d let out without a rate", len(out))
		}
	})
}

// On PostgreSQL too a round reads no more than it has room for, by the index alone.
func TestRelayReadsWhatItTakes(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := newRated(t, s, campaign.Provider{})
	d.makeDue(due{"letter", 20_000, d.now.Add(-time.Hour), time.Millisecond, []string{"gmail.com"}})
	exec(t, s, `UPDATE messages SET domain = 'gmail.com' WHERE id % 2 = 0`)
	exec(t, s, `ANALYZE`)
	letter := table(t, s, `SELECT id FROM campaigns WHERE name = 'letter'`)[0]
	now := fmt.Sprint(campaign.Micros(d.now))
	for name, query := range map[string]string{
		"streams": strings.NewReplacer("$1", "'bulk'", "$2", now).Replace(store.StreamsQuery()),
		"read": strings.NewReplacer("$1", "'bulk'", "$2", now, "$3", `'[[0, `+letter+`, "gmail.com", -1, 0, 50], [1, `+letter+`, "", -1, 0, 50]]'`).
			Replace(s.ManyQuery()),
	} {
		plan := strings.Join(table(t, s, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+query), "\n")
		if !strings.Contains(plan, "messages_pending") || strings.Contains(plan, "Seq Scan on messages") || strings.Contains(plan, "Bitmap") {
			t.Errorf("%s:\n%s", name, plan)
		}
		for _, many := range []string{"rows=20000", "rows=10000", "Rows Removed by Filter: 10"} {
			if strings.Contains(plan, many) {
				t.Errorf("%s reads everything:\n%s", name, plan)
			}
		}
	}
}

// Several relays at once let out no more than one.
func TestRelaysAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{Rate: campaign.Pace{Max: 10, Per: time.Minute}})
		d.makeDue(due{"letter", 200, d.now.Add(-time.Hour), time.Millisecond, []string{"kape.example"}})
		for minute := range 3 {
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					if _, err := s.Relay(t.Context(), d.now, d.sched.Relay); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if got := count(d, "state = 'queued'"); got != fmt.Sprint(10*(minute+1)) {
				t.Errorf("%s let out in %d minutes", got, minute+1)
			}
			d.now = d.now.Add(time.Minute)
		}
	})
}
