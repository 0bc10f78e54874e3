package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// reach is a desk that asks why customers get no mail of topics.
type reach struct{ *desk }

func (r reach) may(who, topic, why string) {
	r.t.Helper()
	if got, err := store.WhyUnreachable(r.t.Context(), r.Store, who, topic, r.now); err != nil || got != why {
		r.t.Errorf("%s, %s: %q, %v; want %q", who, topic, got, err, why)
	}
}

// confirm presses the button of the question that is mailed next, which is of a topic.
func (r reach) confirm(to, topic string) {
	r.t.Helper()
	m := r.mailed(campaign.ServiceConfirm)
	c, err := r.Confirm(r.t.Context(), m.ID, "en:1", r.hit())
	if err != nil || c.State != campaign.LinkGood || c.Topic != topic || m.Customer.Email != to {
		r.t.Errorf("to %s: %+v, %v; want %s to %s", m.Customer.Email, c, err, topic, to)
	}
	r.now = r.now.Add(time.Second)
}

// A confirmed opt-in holds for the address that was confirmed. With another one it is
// to be confirmed anew, topics of single opt-in stay, and with the old one it holds again.
func TestConfirmedForAnAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
		d.identify("ana", `{"email":"a@kape.example"}`)
		d.now = d.now.Add(time.Second)
		d.track("ana", "Subscribed", "")
		d.confirm("a@kape.example", "*")
		d.may("ana", "offers", "")
		d.identify("ana", `{"email":"A@KAPE.example","city":"Iloilo"}`) // the same, written otherwise
		d.may("ana", "offers", "")
		d.track("ana", "A", "")
		d.tick(0)

		d.identify("ana", `{"email":"b@kape.example"}`)
		d.may("ana", "offers", "no_consent")
		d.may("ana", "news", "")
		p := d.prefs(1)
		if len(p.Topics) != 2 || !p.Topics[1].Pending || p.Topics[1].On || p.Topics[0].Pending || !p.Topics[0].On {
			t.Errorf("the page says %+v", p.Topics)
		}
		log, _, err := d.ConsentLog(t.Context(), "ana")
		if n := len(log); err != nil || n < 2 || !log[n-2].Follows || log[n-2].Given || !log[n-1].Pending || log[n-1].Topic != "offers" || log[n-1].Source != "another address" {
			t.Errorf("%+v, %v", log, err)
		}
		var why campaign.Explanation
		err = s.Rehearse(t.Context(), d.sched.Catalog, func(in *store.Store) error {
			found, err := in.FindCustomers(t.Context(), "ana")
			if err == nil {
				why, err = in.Explain(t.Context(), d.sched.Catalog.Campaigns[0], found[0], d.now, nil, true)
			}
			return err
		})
		if err != nil || !slices.ContainsFunc(why.Checks, func(c campaign.Check) bool {
			return strings.Contains(c.Detail, "not confirmed for this address, another address")
		}) {
			t.Errorf("%+v, %v", why, err)
		}
		// Nothing of it goes on what was decided before.
		d.now = d.now.Add(time.Second)
		d.identify("ana", `{"email":"a@kape.example"}`)
		d.may("ana", "offers", "")
		d.identify("ana", `{"email":"b@kape.example"}`)
		d.may("ana", "offers", "no_consent")
		d.confirm("b@kape.example", "offers")
		d.may("ana", "offers", "")
		d.identify("ana", `{"email":"a@kape.example"}`)
		d.may("ana", "offers", "")
		// A no holds for all of them.
		d.track("ana", "Unsubscribed", `{"topic":"offers"}`)
		d.now = d.now.Add(time.Second)
		d.identify("ana", `{"email":"b@kape.example"}`)
		d.may("ana", "offers", "no_consent")
		d.sound()
	})
}

// What follows from another address lifts no unsubscribe, and leaving a topic whose
// yes is only waiting is heard all the same.
func TestAnotherAddressSaysNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
		d.identify("ana", `{"email":"a@kape.example"}`)
		d.track("ana", "Subscribed", `{"topic":"offers","proof":"paper"}`)
		d.track("ana", "A", "")
		o := d.one(d.work(time.Second))
		d.commit(handoffOf(o))
		d.result(o, campaign.WasAccepted)
		d.now = d.now.Add(time.Second)
		d.identify("ana", `{"email":"b@kape.example"}`)
		d.now = d.now.Add(time.Second)
		if err := s.Unsubscribe(t.Context(), o.ID, false, d.hit()); err != nil {
			t.Fatal(err)
		}
		is(t, s, []string{campaign.AddressHash("a@kape.example") + " offers"}, `SELECT email_hash, topic FROM suppressions WHERE email_hash = $1`, campaign.AddressHash("a@kape.example"))
		d.now = d.now.Add(time.Second)
		d.identify("ana", `{"email":"a@kape.example"}`)
		d.may("ana", "offers", "suppressed")

		// Another customer's unsubscribe of the address, while this one was elsewhere.
		d.identify("ben", `{"email":"c@kape.example"}`)
		d.track("ben", "Subscribed", `{"topic":"offers","proof":"paper"}`)
		d.now = d.now.Add(time.Second)
		d.identify("ben", `{"email":"d@kape.example"}`)
		exec(t, s, `INSERT INTO suppressions (email_hash, topic, reason, at) VALUES ($1, 'offers', 'unsubscribed', $2)`, campaign.AddressHash("c@kape.example"), campaign.Micros(d.now))
		d.now = d.now.Add(time.Second)
		d.identify("ben", `{"email":"c@kape.example"}`)
		d.may("ben", "offers", "suppressed")
	})
}

// An address that becomes another one while its question is being answered is not
// confirmed for the new one.
func TestConfirmMeetsAnotherAddress(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
	d.identify("ana", `{"email":"a@kape.example"}`)
	d.now = d.now.Add(time.Second)
	d.track("ana", "Subscribed", `{"topic":"offers"}`)
	m := d.mailed(campaign.ServiceConfirm)
	tx, pid := other(t, s, `LOCK TABLE attribute_facts IN SHARE MODE`)
	moved := make(chan struct{})
	go func() {
		call(t, s, d.now, "identify", `{"userId":"ana","traits":{"email":"b@kape.example"}}`)
		close(moved)
	}()
	waitQueue(t, s, pid, 1)
	confirmed := make(chan campaign.Confirmation, 1)
	go func() {
		c, err := s.Confirm(t.Context(), m.ID, "en:1", d.hit())
		if err != nil {
			t.Error(err)
		}
		confirmed <- c
	}()
	waitQueue(t, s, pid, 2)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	<-moved
	if c := <-confirmed; c.State != campaign.LinkGone {
		t.Errorf("%+v", c)
	}
	d.may("ana", "offers", "no_consent")
}

// A new address that its reader has confirmed by the link mailed to it takes the yes
// along, then and whenever it is the customer's again.
func TestConsentGoesAlongWithTheLink(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
		d.identify("ana", `{"email":"a@kape.example"}`)
		d.track("ana", "Subscribed", `{"topic":"offers","proof":"paper"}`)
		d.track("ana", "A", "")
		o := d.one(d.work(time.Second))
		d.commit(handoffOf(o))
		d.result(o, campaign.WasAccepted)
		if sent, err := d.AskAddress(t.Context(), d.opened(o.ID), "b@kape.example", d.hit()); err != nil || !sent {
			t.Fatalf("%t, %v", sent, err)
		}
		m := d.mailed(campaign.ServiceAddress)
		if c, err := d.Confirm(t.Context(), m.ID, "en:1", d.hit()); err != nil || c.State != campaign.LinkGood {
			t.Fatalf("%+v, %v", c, err)
		}
		d.may("ana", "offers", "")
		is(t, s, []string{campaign.AddressHash("b@kape.example")}, `SELECT email_hash FROM consents WHERE follows AND proof LIKE 'confirmed by the link%'`)
		for _, move := range [][2]string{{"c@kape.example", "no_consent"}, {"b@kape.example", ""}, {"a@kape.example", ""}} {
			d.now = d.now.Add(time.Second)
			d.identify("ana", `{"email":"`+move[0]+`"}`)
			d.may("ana", "offers", move[1])
		}
	})
}

// A file that has another address ends the confirmation too; with proof it vouches for
// the address that it has.
func TestImportOfAnotherAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
		load := func(email, proof string) {
			t.Helper()
			d.now = d.now.Add(time.Minute)
			row := intake.CustomerRow{Consent: "list", Proof: proof, Traits: campaign.Traits{Customer: campaign.Ref{ID: "ana"}, Attributes: map[string]any{"email": email}}}
			if _, err := s.ImportCustomers(t.Context(), func(yield func(intake.CustomerRow, error) bool) { yield(row, nil) }, store.ImportOptions{Now: d.now}); err != nil {
				t.Fatal(err)
			}
		}
		load("a@kape.example", "file 1")
		d.may("ana", "offers", "")
		load("b@kape.example", "")
		d.may("ana", "offers", "no_consent")
		load("b@kape.example", "file 2")
		d.may("ana", "offers", "")
		load("b@kape.example", "file 2")
		load("c@kape.example", "file 3")
		d.may("ana", "offers", "")
		is(t, s, []string{"file 1", "file 2", "file 3"}, `SELECT proof FROM consents WHERE given AND proof <> '' ORDER BY id`)
		// Who has left is not brought back by it.
		d.track("ana", "Unsubscribed", `{"topic":"offers"}`)
		load("d@kape.example", "file 4")
		d.may("ana", "offers", "no_consent")
	})
}

// A device's yes under one address is none for the address of the customer whose device
// it turns out to be.
func TestMergedConsentIsOfItsAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
		call(t, s, d.now, "identify", `{"anonymousId":"phone","traits":{"email":"a@kape.example"}}`)
		call(t, s, d.now, "track", `{"anonymousId":"phone","event":"Subscribed","properties":{"topic":"offers","proof":"paper"}}`)
		d.now = d.now.Add(time.Second)
		d.identify("ana", `{"email":"b@kape.example"}`)
		d.now = d.now.Add(time.Second)
		call(t, s, d.now, "identify", `{"anonymousId":"phone","userId":"ana"}`)
		d.may("ana", "offers", "no_consent")
	})
}

// What a batch says in order counts in order: a proof that came with the new address, and
// was said after it, is not undone by the address for having been received together.
func TestProofAlongWithTheAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
		d.identify("ana", `{"email":"a@kape.example"}`)
		d.track("ana", "Subscribed", `{"topic":"offers","proof":"paper"}`)
		said := d.now.Add(time.Hour)
		d.now = d.now.Add(2 * time.Hour)
		call(t, s, d.now, "batch", `{"batch":[
			{"type":"identify","userId":"ana","timestamp":"`+said.Format(time.RFC3339)+`","traits":{"email":"b@kape.example"}},
			{"type":"track","userId":"ana","event":"Subscribed","timestamp":"`+said.Add(time.Second).Format(time.RFC3339)+`","properties":{"topic":"offers","proof":"confirmed at checkout"}}]}`)
		d.may("ana", "offers", "")
		// Said before it, it was of the old one, and a later yes of that is no shield.
		d.now = d.now.Add(time.Hour)
		d.track("ana", "Subscribed", `{"topic":"offers","proof":"paper 2"}`)
		late := d.now.Add(-time.Minute)
		d.now = d.now.Add(time.Minute)
		call(t, s, d.now, "identify", `{"userId":"ana","timestamp":"`+late.Format(time.RFC3339)+`","traits":{"email":"c@kape.example"}}`)
		d.may("ana", "offers", "no_consent")
	})
}

// A yes that came before any address is of the first.
func TestConsentBeforeTheAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)}
		d.track("ana", "Subscribed", `{"topic":"offers","proof":"paper"}`)
		d.now = d.now.Add(time.Second)
		for _, step := range [][2]string{{`"a@kape.example"`, ""}, {"null", "no_address"}, {`"a@kape.example"`, ""}, {"null", "no_address"}, {`"b@kape.example"`, "no_consent"}, {`"a@kape.example"`, "no_consent"}} {
			d.identify("ana", `{"email":`+step[0]+`}`)
			d.may("ana", "offers", step[1])
			d.now = d.now.Add(time.Second)
		}
	})
}
