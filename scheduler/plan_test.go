package scheduler_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
)

// planned are campaigns of which each holds customers back for other reasons.
var planned = map[string]string{
	"both":   on("event: { name: Go }", "re_entry: 45m", "holdout: 30%", "steps: [ { send: one }, { wait: 20m }, { send: two } ]"),
	"first":  on("event: { name: Go, after: 20m }", "overlap: first", "max_lateness: 1h", "exit_on: { event: Done, since: anchor }", "steps: [ { wait: 1h }, { send: two } ]"),
	"newest": on("event: { name: Go }", "overlap: newest", "audience: { not: { attribute: tier, is: gold } }", "steps: [ { wait: 2h }, { send: three } ]"),
	"fuse":   on("event: { name: Seen }", "expect: { entries: { at_most: 1 } }", "steps: [ { send: one } ]"),
	"quiet":  on("inactivity: { of: [Seen], after: 90m }", "steps: [ { send: two } ]"),
	"draft":  strings.Replace(on(onGo, "steps: [ { send: one } ]"), "active", "draft", 1),
}

// everything is every row of every table, by table.
func (w *world) everything(driver string) map[string][]string {
	w.t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if driver != "sqlite" {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	out := map[string][]string{}
	for _, table := range w.rows(query) {
		out[table] = w.rows(`SELECT * FROM ` + table)
		sort.Strings(out[table])
	}
	if len(out) < 12 {
		w.t.Fatalf("only %d tables", len(out))
	}
	return out
}

// plan rehearses the next tick at w.now.
func (w *world) plan(o scheduler.PlanOptions) map[string]scheduler.Planned {
	w.t.Helper()
	var out map[string]scheduler.Planned
	err := w.Rehearse(w.t.Context(), w.sched.Catalog, func(s *store.Store) error {
		var err error
		out, err = (&scheduler.Scheduler{Store: s, Catalog: w.sched.Catalog, Log: w.sched.Log}).Plan(w.t.Context(), w.now, o)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// A plan is what the tick then does, and changes nothing.
func TestPlanIsTheNextTick(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, planned)
		random := rand.New(rand.NewPCG(8, 8))
		const ended = `SELECT k.name || ' ' || e.reason, count(*) FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE e.state = 'exited' GROUP BY 1 ORDER BY 1`
		const written = `SELECT k.name, count(*) FROM messages m JOIN campaigns k ON k.id = m.campaign_id GROUP BY k.name ORDER BY k.name`
		seen := map[string]bool{}
		w.join("c0", "c1", "c2", "c3")
		for range 40 {
			w.now = w.now.Add(time.Duration(random.IntN(50)+1) * time.Minute)
			for range random.IntN(6) {
				name := fmt.Sprint("c", random.IntN(7))
				switch random.IntN(8) {
				case 0:
					w.join(name)
				case 1:
					w.identify(name, fmt.Sprintf(`{"tier":%q}`, []string{"gold", "iron"}[random.IntN(2)]))
				default:
					w.track(name, []string{"Go", "Go", "Seen", "Done"}[random.IntN(4)], "")
				}
			}
			if random.IntN(3) == 0 {
				w.now = w.now.Add(2 * time.Hour)
			}
			before, endedBefore, writtenBefore := w.everything(d.driver), w.rows(ended), w.rows(written)
			plan := w.plan(scheduler.PlanOptions{})
			after := w.everything(d.driver)
			for table := range before {
				if !slices.Equal(before[table], after[table]) {
					w.same(before[table], after[table])
					t.Fatalf("the plan changed %s", table)
				}
			}
			ticked := w.tick(0)
			for name, d := range ticked {
				p := plan[name]
				if p.Entered != d.Entered || !maps.Equal(p.Held, d.Held) {
					t.Fatalf("%s: planned %d %v, ticked %d %v", name, p.Entered, p.Held, d.Entered, d.Held)
				}
				got := w.rows(`SELECT DISTINCT e.customer_id FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE k.name = $1 AND e.decided_at = $2 ORDER BY 1`, name, campaign.Micros(w.now))
				w.same(got, numbers(p.Entering))
				for reason, n := range d.Held {
					if held := len(p.HeldBack[reason]); held == 0 || held > n {
						t.Fatalf("%s: %d held by %s, %d customers", name, n, reason, held)
					}
					seen[name+" "+reason] = true
				}
				if (p.Fuse != nil) != (d.Held[campaign.HeldFuse] > 0) {
					t.Fatalf("%s: %+v", name, p.Fuse)
				}
				w.same(w.changed(writtenBefore, w.rows(written), name), some(p.Messages))
				for reason, n := range p.Exits {
					w.same(some(n), w.changed(endedBefore, w.rows(ended), name+" "+reason))
					seen[name+" "+reason] = true
				}
			}
		}
		for _, want := range []string{"both re_entry", "both no_address", "first in_progress", "first exit_on", "newest superseded", "fuse fuse", "quiet trigger_cancelled"} {
			if !seen[want] {
				t.Errorf("never seen: %s (only %v)", want, slices.Sorted(maps.Keys(seen)))
			}
		}
		w.send()
	})
}

func numbers(ids []int64) []string {
	ids = slices.Sorted(slices.Values(ids))
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprint(id))
	}
	return out
}

func some(n int) []string {
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprint(n)}
}

// changed is by how much the count of name has risen, none for not at all.
func (w *world) changed(before, after []string, name string) []string {
	w.t.Helper()
	count := func(rows []string) (n int) {
		for _, r := range rows {
			if rest, ok := strings.CutPrefix(r, name+" "); ok {
				fmt.Sscan(rest, &n)
			}
		}
		return n
	}
	return some(count(after) - count(before))
}

// A draft enters nobody; as if it had been active for a day, it does.
func TestPlanOfADraft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"draft": strings.Replace(on(onGo, "steps: [ { send: one } ]"), "active", "draft", 1), "other": on(onGo, "steps: [ { send: one } ]")})
		w.join("ana", "ben")
		w.now = w.now.Add(time.Hour)
		w.track("ana", "Go", "")
		w.now = w.now.Add(23 * time.Hour)
		w.track("ben", "Go", "")
		w.now = w.now.Add(time.Hour)
		if p := w.plan(scheduler.PlanOptions{}); p["draft"].Entered != 0 || p["other"].Entered != 2 {
			t.Errorf("%+v", p)
		}
		live := w.sched.Catalog
		active := *live
		active.Campaigns = nil
		for _, c := range live.Campaigns {
			copied := *c
			copied.Status = campaign.Active
			active.Campaigns = append(active.Campaigns, &copied)
		}
		w.sched.Catalog = &active
		p := w.plan(scheduler.PlanOptions{Only: []string{"draft"}, Since: w.now.Add(-24 * time.Hour)})
		if _, looked := p["other"]; looked || p["draft"].Entered != 1 || p["draft"].Messages != 1 {
			t.Errorf("%+v", p)
		}
		w.sched.Catalog = live
		w.same([]string{"draft draft", "other active"}, w.rows(`SELECT name, status FROM campaigns WHERE name <> 'tidings.service' ORDER BY name`))
	})
}

// A rehearsal within a rehearsal takes back its own part alone, and outside of
// one nobody's activation is set back.
func TestRehearsalWithin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, "steps: [ { send: one } ]")})
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		boom := errors.New("boom")
		tick := func(s *store.Store) int {
			p, err := (&scheduler.Scheduler{Store: s, Catalog: w.sched.Catalog, Log: w.sched.Log}).Plan(t.Context(), w.now, scheduler.PlanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return p["x"].Entered
		}
		var got []int
		err := w.Rehearse(t.Context(), w.sched.Catalog, func(s *store.Store) error {
			got = nil
			inner := s.Rehearse(t.Context(), w.sched.Catalog, func(s *store.Store) error {
				got = append(got, tick(s), tick(s))
				return boom
			})
			if !errors.Is(inner, boom) {
				t.Errorf("%v", inner)
			}
			got = append(got, tick(s), tick(s))
			return boom
		})
		if !errors.Is(err, boom) || !slices.Equal(got, []int{1, 0, 1, 0}) {
			t.Errorf("%v, %v", got, err)
		}
		if err := w.ActivateSince(t.Context(), []string{"x"}, t0); err == nil {
			t.Error("an activation was set back for good")
		}
		w.passes()
	})
}

// Whom a rehearsed tick lets in is among those that mails are tried for, and so is
// whose pass was running; where each stands, and what its mail is about, is told.
func TestLetters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on("abandoned_cart: { after: 1h }", "steps: [ { send: one }, { wait: 1d }, { send: two } ]")})
		w.join("ana", "ben")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Product Added", `{"product_id":"p1"}`)
		w.tick(2 * time.Hour)
		w.send()
		w.tick(0)
		w.track("ben", "Product Added", `{"product_id":"p2"}`)
		w.now = w.now.Add(2 * time.Hour)
		c, _ := w.sched.Catalog.Campaign("x")
		var got []string
		err := w.Rehearse(t.Context(), w.sched.Catalog, func(s *store.Store) error {
			got = nil
			if _, err := (&scheduler.Scheduler{Store: s, Catalog: w.sched.Catalog, Log: w.sched.Log}).Plan(t.Context(), w.now, scheduler.PlanOptions{}); err != nil {
				return err
			}
			for _, n := range []int{5, 1} {
				found, err := s.Letters(t.Context(), c, w.now, n)
				if err != nil {
					return err
				}
				for _, o := range found {
					got = append(got, fmt.Sprintf("%s at %s: %v", o.Customer.ExternalID, o.Step, o.Cart.Data()["products"].([]any)[0].(map[string]any)["product_id"]))
				}
			}
			return nil
		})
		if want := []string{"ben at one: p2", "ana at wait-1: p1", "ben at one: p2"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
	})
}
