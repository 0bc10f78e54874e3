package store_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// A link of which the database would take not every byte, since a value in it was
// decoded for example, keeps neither its mail nor those that are committed with it
// from going.
func TestLinkOfAnyBytes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(sendOne), "ana", "ben")
		var b worker.Batch
		for i, url := range []string{"https://shop.example/?q=\xff\x00x", "https://shop.example/?q=1"} {
			b.Handoffs = append(b.Handoffs, worker.Handoff{Claim: claimOf(out[i]), Customer: out[i].Customer.ID, Links: []campaign.Link{{ID: int64(i + 1), URL: url}}})
		}
		admitted := d.commit(b)
		for _, o := range out {
			if !admitted[claimOf(o)] {
				t.Errorf("message %d was not admitted", o.ID)
			}
		}
		is(t, s, []string{"1 https://shop.example/?q=\ufffdx", "2 https://shop.example/?q=1"}, `SELECT id, url FROM links ORDER BY id`)
	})
}

// linked is a batch of hand-overs with links, by where they lead.
func linked(o campaign.Outgoing, urls ...string) worker.Batch {
	b := handoffOf(o)
	for _, url := range urls {
		b.Handoffs[0].Links = append(b.Handoffs[0].Links, campaign.Link{ID: int64(len(url)), URL: url})
	}
	return b
}

// customer is our own id of a customer.
func (d *desk) customer(external string) int64 {
	d.t.Helper()
	found, err := d.FindCustomers(d.t.Context(), external)
	if err != nil || len(found) != 1 {
		d.t.Fatalf("%s: %v, %v", external, found, err)
	}
	return found[0].ID
}

// The links that only one customer's mails have had go with them when they are erased,
// whatever in them names the customer, and no process leads there any more. Those of
// others' mails stay, in whatever order they were sent.
func TestLinksOfOneCustomerAreErased(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben", "cai", "dee")
		of := map[string]campaign.Outgoing{}
		for _, o := range out {
			of[o.Customer.ExternalID] = o
		}
		const all, both, late, own, twice = "https://k.example/", "https://k.example/1", "https://k.example/22", "https://k.example/?c=ana", "https://k.example/?wish=9b1"
		d.commit(linked(of["ana"], all, both, late, own, twice))
		d.commit(linked(of["ben"], all, both))
		d.commit(linked(of["cai"], all))
		d.result(of["ana"], campaign.WasAccepted)
		d.now = d.now.Add(25 * time.Hour)
		for _, o := range d.work(0) {
			if o.Customer.ExternalID == "ana" {
				d.commit(linked(o, twice, own))
			}
		}
		other := store.Another(s)
		leads := func(want bool, urls ...string) {
			t.Helper()
			for _, url := range urls {
				for i, s := range []*store.Store{s, other} {
					if got, ok, err := s.Target(t.Context(), 1, int64(len(url))); err != nil || ok != want || ok && got != url {
						t.Errorf("process %d, %s: %q, %t, %v", i, url, got, ok, err)
					}
				}
			}
		}
		leads(true, all, both, late, own, twice)
		d.commit(linked(of["dee"], late)) // sent to another, after this one's
		if err := s.EraseCustomer(t.Context(), d.customer("ana"), "tester", d.now); err != nil {
			t.Fatal(err)
		}
		leads(true, all, both, late)
		leads(false, own, twice)
		is(t, s, []string{"18", "19", "20"}, `SELECT id FROM links ORDER BY id`)
	})
}

// A mail waits to be let go while its customer is erased, or merged into another: no
// link of it is left that nobody's erasure would take along.
func TestEraseMeetsLinks(t *testing.T) {
	t.Parallel()
	for _, slow := range []bool{false, true} {
		for _, merged := range []bool{false, true} {
			s := storetest.Postgres(t)
			d := aDevice(t, s, "steps: [ { send: one } ]")
			o := d.one(d.work(0))
			b := linked(o, "https://k.example/?wish=9b1")
			if slow {
				b.Results = append(b.Results, campaign.Result{ID: 99, Verdict: campaign.WasRelease})
			}
			tx, pid := other(t, s, `SELECT 1 FROM consents FOR UPDATE`)
			done := make(chan error, 2)
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				if merged {
					call(t, s, d.now, "identify", knownNow)
				} else if err := s.EraseCustomer(t.Context(), o.Customer.ID, "olga", d.now); err != nil {
					t.Error(err)
				}
			}()
			waitQueue(t, s, pid, 1)
			go func() { _, err := s.Commit(t.Context(), b, d.now); done <- err }()
			waitQueue(t, s, pid, 2)
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			<-gone
			if err := <-done; err != nil {
				t.Error(err)
			}
			is(t, s, nil, `SELECT customer_id FROM links`)
			d.sound()
		}
	}
}

// A link that was sent to two at once, of whom the one is erased meanwhile, is the other's
// until a third has it, and then stays.
func TestLinkOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d, out := begin(t, s, onGo(sendOne), "ana", "ben", "cai")
	const url = "https://k.example/"
	tx, pid := other(t, s, `LOCK TABLE links IN SHARE MODE`)
	done := make(chan error, 2)
	for i, o := range out[:2] {
		go func() { _, err := s.Commit(t.Context(), linked(o, url), d.now); done <- err }()
		waitQueue(t, s, pid, i+1)
	}
	// The first one's customer is no more when its link is stored.
	if _, err := tx.Exec(`DELETE FROM customers WHERE id = $1`, out[0].Customer.ID); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	d.commit(linked(out[2], url))
	if err := s.EraseCustomer(t.Context(), out[1].Customer.ID, "olga", d.now); err != nil {
		t.Fatal(err)
	}
	is(t, s, []string{"18"}, `SELECT id FROM links`)
}

// What was a device's alone is the customer's whose device it turns out to be.
func TestLinksOfAMergedCustomer(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo(sendOne)})
		call(t, s, d.now, "identify", `{"anonymousId":"phone","traits":{"email":"ana@kape.example"}}`)
		call(t, s, d.now, "track", `{"anonymousId":"phone","event":"Subscribed"}`)
		call(t, s, d.now, "track", `{"anonymousId":"phone","event":"Go"}`)
		d.commit(linked(d.one(d.work(time.Second)), "https://k.example/?c=ana"))
		d.now = d.now.Add(time.Minute)
		call(t, s, d.now, "identify", `{"anonymousId":"phone","userId":"ana"}`)
		if err := s.EraseCustomer(t.Context(), d.customer("ana"), "tester", d.now); err != nil {
			t.Fatal(err)
		}
		is(t, s, nil, `SELECT id FROM links`)
	})
}
