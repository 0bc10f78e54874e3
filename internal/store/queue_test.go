package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// lists is every open message as the queue shows it: customer, state, reason, at
// what, and in how long it is looked at next.
func (d *desk) lists(q store.OpenQuestion) []string {
	d.t.Helper()
	q.Limit = 100
	counts, rows, err := d.OpenMessages(d.t.Context(), q, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	total := 0
	for _, c := range counts {
		total += c.Count
	}
	if total != len(rows) {
		d.t.Errorf("%d counted and %d listed", total, len(rows))
	}
	var out []string
	for _, r := range rows {
		next := "a person"
		if !r.Next.IsZero() {
			next = r.Next.Sub(d.now).String()
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Customer, r.State, r.Reason, r.By))+": "+next)
	}
	slices.Sort(out)
	return out
}

func (d *desk) open(q store.OpenQuestion, want ...string) {
	d.t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, d.lists(q)); diff != "" {
		d.t.Errorf("open messages (-want +got):\n%s", diff)
	}
}

func (d *desk) exec(query string, args ...any) { d.t.Helper(); exec(d.t, d.Store, query, args...) }

// id is the only message of a customer.
func (d *desk) id(customer string) int64 {
	d.t.Helper()
	var id int64
	err := store.RawDB(d.Store).QueryRow(`SELECT m.id FROM messages m JOIN customers c ON c.id = m.customer_id WHERE c.external_id = $1`, customer).Scan(&id)
	if err != nil {
		d.t.Fatalf("message of %s: %v", customer, err)
	}
	return id
}

// doubt leaves a message's hand-over without a reply.
func (d *desk) doubt(o campaign.Outgoing) {
	d.t.Helper()
	if !d.handoff(o) {
		d.t.Fatal("hand-over refused")
	}
	d.result(o, campaign.WasUncertain)
}

// sound demands that the ledger keeps its rules.
func (d *desk) sound() {
	d.t.Helper()
	broken, _, err := d.Consistency(d.t.Context(), d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, v := range broken {
		d.t.Errorf("%s: %d %s, %v", v.Rule, v.Count, v.Of, v.IDs)
	}
}

// Each open message says what it waits for and when it is looked at next, from the
// moment at which it is due to the one at which a person must decide.
func TestQueueSaysWhatHolds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]"), "held": onGo("on_uncertain: hold", "steps: [ { send: one } ]")})
		d.join("ada")
		d.track("ada", "Go", "")
		go1 := store.OpenQuestion{Campaign: "go"}
		d.tick(0)
		d.open(store.OpenQuestion{}, "ada pending turn: 0s", "ada pending turn: 0s")
		d.open(go1, "ada pending turn: 0s")
		d.relay()
		d.now = d.now.Add(time.Minute)
		d.open(go1, "ada queued worker: 4m0s")
		d.open(store.OpenQuestion{State: campaign.Pending})
		out := d.claim()
		i := slices.IndexFunc(out, func(o campaign.Outgoing) bool { return o.Campaign == "go" })
		mine, other := out[i], out[1-i]
		d.open(go1, fmt.Sprintf("ada claimed sending: %s", mine.LeaseTill.Sub(d.now)))
		if !d.handoff(mine) {
			t.Fatal("refused")
		}
		d.open(go1, fmt.Sprintf("ada handoff reply: %s", mine.LeaseTill.Add(store.HandoffGrace).Sub(d.now)))
		d.result(mine, campaign.WasUncertain)
		d.open(go1, "ada uncertain evidence: 15m0s")
		d.now = d.now.Add(time.Minute)
		d.open(go1, "ada uncertain evidence: 14m0s")
		d.doubt(other)
		d.open(store.OpenQuestion{Campaign: "held"}, "ada uncertain unresolved: a person")
		d.sound()
	})
}

// What is not due is not open unless a gate holds it; what a pause, a throttle or a
// gate holds says so, the first thing that would have to change.
func TestQueueGates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]")})
		d.join("ada", "bob", "cyd", "dan")
		for _, name := range []string{"ada", "bob", "cyd", "dan"} {
			d.track(name, "Go", "")
		}
		d.tick(0)
		soon := campaign.Micros(d.now.Add(time.Hour))
		d.exec(`UPDATE messages SET due_at = $1, gate = 'cap', gate_by = 'cart' WHERE id = $2`, soon, d.id("ada"))
		d.exec(`UPDATE messages SET due_at = $1 WHERE id = $2`, soon, d.id("bob"))
		d.exec(`UPDATE customers SET email = 'cyd@Gmail.example' WHERE external_id = 'cyd'`)
		d.open(store.OpenQuestion{}, "ada pending cap cart: 1h0m0s", "cyd pending turn: 0s", "dan pending turn: 0s")
		d.open(store.OpenQuestion{All: true}, "ada pending cap cart: 1h0m0s", "bob pending not_due: 1h0m0s", "cyd pending turn: 0s", "dan pending turn: 0s")

		throttle := `INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason) VALUES ($1, 0, 0, $2, 1, 1, 0, 0, $3, '451 4.7.1 later')`
		d.exec(throttle, "domain:gmail.example", campaign.Micros(d.now.Add(time.Minute)), false)
		d.open(store.OpenQuestion{}, "ada pending cap cart: 1h0m0s", "cyd pending slowed_down gmail.example: 1m0s", "dan pending turn: 0s")
		d.exec(throttle, "provider:default", campaign.Micros(d.now.Add(5*time.Minute)), true)
		d.open(store.OpenQuestion{}, "ada pending cap cart: 1h0m0s", "cyd pending stopped default: 5m0s", "dan pending stopped default: 5m0s")

		if _, err := s.Pause(t.Context(), "go", "too dear", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		d.open(store.OpenQuestion{}, "ada pending paused: a person", "cyd pending paused: a person", "dan pending paused: a person")
		blocks, err := s.Blocks(t.Context(), d.now)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range blocks {
			got = append(got, b.Gate+" "+b.Campaign+b.By+": "+b.Why)
		}
		if diff := cmp.Diff([]string{"paused go: too dear", "stopped default: 451 4.7.1 later", "slowed_down gmail.example: 451 4.7.1 later"}, got); diff != "" {
			t.Errorf("blocks (-want +got):\n%s", diff)
		}
		for _, domain := range []string{"", "gmail.example"} {
			if lifted, err := s.Lift(t.Context(), domain, "ann", d.now); err != nil || !lifted {
				t.Errorf("%q lifted: %v, %v", domain, lifted, err)
			}
		}
		if lifted, err := s.Lift(t.Context(), "", "ann", d.now); err != nil || lifted {
			t.Errorf("lifted twice: %v, %v", lifted, err)
		}
		if _, err := s.Resume(t.Context(), "go", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		d.open(store.OpenQuestion{}, "ada pending cap cart: 1h0m0s", "cyd pending turn: 0s", "dan pending turn: 0s")
	})
}

// What rates let nothing more out of says so, and when it goes on.
func TestQueueRates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]")})
		d.join("ada", "bob", "cyd")
		for _, name := range []string{"ada", "bob", "cyd"} {
			d.track(name, "Go", "")
		}
		d.tick(0)
		limit := func(p campaign.Provider, pace campaign.Pace) {
			cat := *d.sched.Catalog
			cat.Workspace.Providers = map[string]campaign.Provider{campaign.DefaultProvider: p}
			c := *cat.Campaigns[0]
			c.Rate = pace
			cat.Campaigns = []*campaign.Campaign{&c}
			d.Use(&cat)
		}
		one := campaign.Pace{Max: 1, Per: time.Minute}
		limit(campaign.Provider{Rate: one}, campaign.Pace{})
		d.relay()
		d.now = d.now.Add(10 * time.Second)
		pending := store.OpenQuestion{State: campaign.Pending}
		d.open(pending, d.these(2, "rate default: 50s")...)
		limit(campaign.Provider{Domains: map[string]campaign.Pace{"kape.example": one}}, campaign.Pace{})
		d.now = d.now.Add(time.Minute)
		d.relay()
		d.open(pending, d.these(1, "rate kape.example: 1m0s")...)
		limit(campaign.Provider{}, one)
		d.open(pending, d.these(1, "turn: 0s")...)
		d.exec(`INSERT INTO spent (key, at, n) SELECT 'campaign:' || id, $1, 1 FROM campaigns`, campaign.Micros(d.now))
		d.open(pending, d.these(1, "rate go: 1m0s")...)
		limit(campaign.Provider{Daily: 2}, campaign.Pace{})
		d.exec(`INSERT INTO spent (key, at, n) VALUES ('daily:default', $1, 2)`, campaign.Micros(d.now.Truncate(24*time.Hour)))
		d.open(pending, d.these(1, "daily_quota default: "+d.now.Truncate(24*time.Hour).Add(24*time.Hour).Sub(d.now).String())...)
	})
}

// A domain in another script is the one that its throttle is of, in whatever form the
// address has it.
func TestQueueDomainsInOtherScripts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]")})
		d.join("ada", "bob", "cyd")
		for name, mail := range map[string]string{"ada": "ada@BÜCHER.example", "bob": "bob@xn--bcher-kva.example.", "cyd": "cyd@kape.example"} {
			d.exec(`UPDATE customers SET email = $1 WHERE external_id = $2`, mail, name)
			d.track(name, "Go", "")
		}
		d.tick(0)
		d.exec(`INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason)
			VALUES ('domain:xn--bcher-kva.example', 0, 0, $1, 1, 1, 0, 0, $2, '451 4.7.1 later')`, campaign.Micros(d.now.Add(time.Minute)), false)
		d.open(store.OpenQuestion{}, "ada pending slowed_down xn--bcher-kva.example: 1m0s",
			"bob pending slowed_down xn--bcher-kva.example: 1m0s", "cyd pending turn: 0s")
		counts, _, err := s.OpenMessages(t.Context(), store.OpenQuestion{}, d.now)
		if err != nil || len(counts) != 2 || counts[0].Count+counts[1].Count != 3 {
			t.Errorf("counts: %+v, %v", counts, err)
		}
	})
}

// these are the n pending messages, whoever they are of, with what is said of them.
func (d *desk) these(n int, said string) []string {
	d.t.Helper()
	names := table(d.t, d.Store, `SELECT c.external_id FROM messages m JOIN customers c ON c.id = m.customer_id WHERE m.state = 'pending'`)
	if len(names) != n {
		d.t.Fatalf("%d are pending, want %d", len(names), n)
	}
	out := make([]string, n)
	for i, name := range names {
		out[i] = name + " pending " + said
	}
	return out
}

// The rows are the oldest, and the counts are of all.
func TestQueueLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]")})
		d.join("ada", "bob", "cyd")
		for _, name := range []string{"cyd", "ada", "bob"} {
			d.track(name, "Go", "")
			d.tick(time.Minute)
		}
		counts, rows, err := s.OpenMessages(t.Context(), store.OpenQuestion{Limit: 2}, d.now)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 2 || rows[0].Customer != "cyd" || rows[1].Customer != "ada" {
			t.Errorf("rows: %+v", rows)
		}
		if len(counts) != 1 || counts[0].Count != 3 || counts[0].Since != rows[0].Since || counts[0].Campaign != "go" {
			t.Errorf("counts: %+v", counts)
		}
	})
}
