package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
)

// explained are campaigns of every kind of trigger.
var explained = map[string]string{
	"any":      on("past_purchase: { after: 1h }", "audience: { attribute: tier, is_not: gold }", "steps: [ { send: one } ]"),
	"second":   on("past_purchase: { which: { nth: 2 } }", "steps: [ { send: one } ]"),
	"cart":     on("abandoned_cart: { after: 1h, where: { value: { at_least: 15 } } }", "re_entry: 1d", "exit_on: { event: Order Completed, since: anchor }", "steps: [ { send: one }, { wait: 1d }, { send: two } ]"),
	"checkout": on("abandoned_checkout: { after: 1h }", "steps: [ { wait: 2h }, { send: two } ]"),
	"browse":   on("abandoned_browse: { after: 2h, views: { at_least: 2 } }", "audience: { not: { campaign: cart, is: running } }", "steps: [ { send: two } ]"),
	"quiet":    on("inactivity: { after: 20h, of: [Order Completed] }", "audience: { attribute: orders.count, at_least: 2 }", "holdout: 30%", "steps: [ { send: one } ]"),
	"go":       on("event: { name: Go, where: { n: { at_least: 3 } }, after: 30m }", "overlap: first", "steps: [ { wait: 5h }, { send: one } ]"),
	"soon":     on("event: { name: Go }", "enter_when: { event: Product Viewed, count: { at_least: 2 }, within: 1d }", "max_lateness: 2h", "overlap: newest", "steps: [ { wait: 3h } ]"),
	"daily":    on("schedule: { every: day, at: 09:00 }", "audience: { any: [ { event: Go, within: 1d }, { sample: 20% } ] }", "expect: { entries: { at_most: 4 } }", "steps: [ { send: one } ]"),
	"birthday": on("date: { attribute: birthday, yearly: true, at: 09:00 }", "steps: [ { send: one } ]"),
	"refill":   on("replenishment: { of: { category: coffee }, gap: 1d, fallback: 1d }", "steps: [ { send: one } ]"),
	"back":     on("back_in_stock: { asked: 10d }", "steps: [ { send: two } ]"),
	"changed":  on("segment: { entered: busy }", "re_entry: 1d", "steps: [ { send: two } ]"),
	"draft":    "topic: offers\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n",
}

// live is one more day of a shop, hour by hour.
func (w *world) happen(random *rand.Rand, name string) {
	w.t.Helper()
	product := fmt.Sprintf(`"product_id":"p%d","category":%q,"price":%d`, random.IntN(3), []string{"coffee", "gear"}[random.IntN(2)], random.IntN(30)+1)
	switch random.IntN(13) {
	case 0, 1:
		w.track(name, "Product Added", "{"+product+"}")
	case 2:
		w.track(name, "Checkout Started", `{}`)
	case 3, 4, 5:
		w.track(name, "Product Viewed", "{"+product+"}")
	case 6, 7:
		w.track(name, "Order Completed", fmt.Sprintf(`{"order_id":"o%d","total":%d,"products":[{%s,"quantity":1}]}`, w.facts, random.IntN(60), product))
	case 8, 9:
		w.track(name, "Go", fmt.Sprintf(`{"n":%d}`, random.IntN(6)))
	case 10:
		w.identify(name, fmt.Sprintf(`{"tier":%q,"birthday":%q}`, []string{"gold", "iron"}[random.IntN(2)], w.now.AddDate(-30, 0, random.IntN(2)).Format(time.DateOnly)))
	case 11:
		w.track(name, "Back In Stock Requested", "{"+product+"}")
	case 12:
		w.track(name, "Product Back In Stock", fmt.Sprintf(`{"product_id":"p%d","stock":2}`, random.IntN(3)))
	}
}

// An explanation says "enters" of exactly those whom the next tick lets in, and
// names what the tick counts of those whom it holds.
func TestExplainAgreesWithPlan(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		files := map[string]string{}
		for name, text := range explained {
			files[name] = text
		}
		w := newWorld(t, d, files)
		random := rand.New(rand.NewPCG(3, 8))
		var customers []campaign.Customer
		for i := range 9 {
			name := fmt.Sprint("c", i)
			if i%4 == 3 {
				w.identify(name, `{"email":"x@kape.example"}`) // never said yes
				if i == 7 {
					w.identify(name, `{"email":null}`)
				}
			} else {
				w.join(name)
			}
		}
		pairs, decisions, blockers := 0, map[campaign.Decision]int{}, map[string]int{}
		for range 12 {
			for range 12 {
				w.now = w.now.Add(time.Duration(random.IntN(25)) * time.Minute)
				w.happen(random, fmt.Sprint("c", random.IntN(9)))
			}
			w.now = w.now.Add(time.Duration(random.IntN(5)) * time.Hour)
			if customers == nil {
				for i := range 9 {
					found, err := w.FindCustomers(t.Context(), fmt.Sprint("c", i))
					if err != nil || len(found) != 1 {
						t.Fatal(found, err)
					}
					customers = append(customers, found[0])
				}
			}
			err := w.Rehearse(t.Context(), w.sched.Catalog, func(s *store.Store) error {
				planned, err := (&scheduler.Scheduler{Store: s, Catalog: w.sched.Catalog, Log: w.sched.Log}).Plan(t.Context(), w.now, scheduler.PlanOptions{Customer: scheduler.Everybody})
				if err != nil {
					return err
				}
				for _, c := range w.sched.Catalog.Campaigns {
					p := planned[c.Name]
					for _, customer := range customers {
						var told []store.Occasion
						for _, o := range p.Told {
							if o.Customer == customer.ID {
								told = append(told, store.Occasion{Candidate: o.Candidate, Reason: o.Reason})
							}
						}
						x, err := s.Explain(t.Context(), c, customer, w.now, told, true)
						if err != nil {
							return err
						}
						pairs++
						decisions[x.Decision]++
						blockers[x.Blocker]++
						agrees(t, p, customer.ID, x)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			w.tick(0)
			w.send()
		}
		t.Logf("%d pairs: %v, %v", pairs, decisions, blockers)
		if pairs < 1000 {
			t.Errorf("only %d pairs", pairs)
		}
		for _, want := range []campaign.Decision{campaign.Enters, campaign.Entered, campaign.NotYet, campaign.No} {
			if decisions[want] == 0 {
				t.Errorf("never %s", want)
			}
		}
		for _, want := range []string{"", "audience", "enter_when", "where", "trigger", "trigger_cancelled", "no_consent", "re_entry", "in_progress", "fuse", "too_late", "draft"} {
			if blockers[want] == 0 {
				t.Errorf("never blocked by %q", want)
			}
		}
	})
}

// agrees holds an explanation against what the plan does with the customer.
func agrees(t *testing.T, p scheduler.Planned, customer int64, x campaign.Explanation) {
	t.Helper()
	if enters := slices.Contains(p.Entering, customer); enters != (x.Decision == campaign.Enters) {
		t.Errorf("%s, %s: enters %v, explained as %+v", x.Campaign, x.Customer, enters, x)
		return
	}
	failed := slices.IndexFunc(x.Checks, func(c campaign.Check) bool { return !c.OK })
	held := []string{}
	for reason, customers := range p.HeldBack {
		if slices.Contains(customers, customer) {
			held = append(held, reason)
		}
	}
	switch x.Decision {
	case campaign.Enters:
		if failed >= 0 {
			t.Errorf("%s, %s: enters although %+v", x.Campaign, x.Customer, x.Checks[failed])
		}
	case campaign.Entered:
		if len(held) > 0 {
			t.Errorf("%s, %s: entered before, and held by %v", x.Campaign, x.Customer, held)
		}
	default:
		if failed < 0 || x.Checks[failed].Reason != x.Blocker {
			t.Errorf("%s, %s: blocked by %q, checks %+v", x.Campaign, x.Customer, x.Blocker, x.Checks)
		} else if len(held) > 0 && !slices.Contains(held, x.Blocker) {
			t.Errorf("%s, %s: held by %v, explained as %q", x.Campaign, x.Customer, held, x.Blocker)
		}
	}
}

// Each leaf of a condition shows what it looked at.
func TestExplainShowsValues(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, `audience:
  all:
    - { event: Bought, sum: { of: total, at_least: 200 } }
    - { event: Bought, avg: { of: total, at_least: 1 } }
    - { event: Bought, distinct: { of: kind, at_least: 2 } }
    - { event: Bought, count: { at_least: 3 }, within: 90d }
    - { event: Bought, first: { within: 30d } }
    - { event: Never }
    - { attribute: tier, is: gold }
    - { attribute: home.city, is: Athens }
    - { attribute: phone, exists: true }
    - { attribute: orders.count, at_least: 1 }
    - { trigger: n, at_least: 5 }
    - { campaign: y, is: running }`, "steps: [ { send: one } ]"), "y": on("event: { name: Begin }", "steps: [ { wait: 1d } ]")})
		w.join("ana")
		w.identify("ana", `{"tier":"gold","home":{"city":"Iloilo"}}`)
		w.now = w.now.Add(time.Hour)
		w.track("ana", "Bought", `{"total":100,"kind":"a"}`)
		w.track("ana", "Begin", "")
		w.tick(0)
		w.now = w.now.Add(time.Hour)
		w.track("ana", "Bought", `{"total":50.5,"kind":"b"}`)
		w.track("ana", "Go", `{"n":3}`)
		found, err := w.FindCustomers(t.Context(), "ANA@kape.example")
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		var x campaign.Explanation
		if err := w.Rehearse(t.Context(), w.sched.Catalog, func(s *store.Store) (err error) {
			c, _ := w.sched.Catalog.Campaign("x")
			x, err = s.Explain(t.Context(), c, found[0], w.now, nil, true)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if x.Decision != campaign.No || x.Blocker != "audience" || x.Checks[1].Tree == nil {
			t.Fatalf("%+v", x)
		}
		var got []string
		for _, p := range x.Checks[1].Tree.Parts {
			got = append(got, fmt.Sprintf("%v %s: %s", p.Holds, p.Condition, p.Found))
		}
		w.same([]string{
			"false Bought sum of total ≥ 200: sum 150.5 over 2, last 2026-03-02 11:00",
			"true Bought avg of total ≥ 1: avg 75.25 over 2, last 2026-03-02 11:00",
			"true Bought different kind ≥ 2: 2 different over 2, last 2026-03-02 11:00",
			"false Bought count ≥ 3 within 90d: 2, last 2026-03-02 11:00",
			"true Bought the first within 30d: first 2026-03-02 10:00",
			"false Never: none",
			"true tier is gold: gold, since 2026-03-02 09:00",
			"false home.city is Athens: Iloilo, since 2026-03-02 09:00",
			"false phone exists: nothing",
			"false orders.count ≥ 1: 0",
			"false trigger n ≥ 5: 3",
			"true campaign y is running: running since 2026-03-02 10:00",
		}, got)
	})
}

// A trigger's own where shows the value that missed it, a suppression why and since
// when.
func TestExplainSaysWhatMissed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{
			"one":  on("event: { name: Go, where: { n: { at_least: 3 } } }", "steps: [ { send: one } ]"),
			"two":  on("past_purchase: { where: { total: { at_least: 5 }, products.category: gear } }", "steps: [ { send: one } ]"),
			"cart": on("abandoned_cart: { after: 1h, where: { value: { at_least: 15 } } }", "steps: [ { send: one } ]"),
			"all":  on("event: { name: Go }", "steps: [ { send: one } ]"),
		})
		w.join("ana")
		w.track("ana", "Unsubscribed", `{"topic":"offers"}`)
		w.now = w.now.Add(time.Hour)
		w.track("ana", "Go", `{"n":1}`)
		w.track("ana", "Order Completed", `{"total":9,"products":[{"category":"coffee"}]}`)
		w.now = w.now.Add(time.Hour)
		w.track("ana", "Product Added", `{"product_id":"p1","price":10}`)
		w.now = w.now.Add(2 * time.Hour)
		found, err := w.FindCustomers(t.Context(), "ana")
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		var got []string
		if err := w.Rehearse(t.Context(), w.sched.Catalog, func(s *store.Store) error {
			got = nil
			for _, name := range []string{"one", "two", "cart", "all"} {
				c, _ := w.sched.Catalog.Campaign(name)
				x, err := s.Explain(t.Context(), c, found[0], w.now, nil, true)
				if err != nil {
					return err
				}
				got = append(got, x.Blocker+": "+x.Detail)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		w.same([]string{
			"where: trigger n ≥ 3: found 1",
			"where: trigger products.category is gear: found coffee",
			"where: trigger value ≥ 15: found 10",
			"suppressed: no mail of offers may go to the address: unsubscribed, since 2026-03-02 09:00",
		}, got)
	})
}
