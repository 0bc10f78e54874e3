package store_test

import (
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// What bars an address, or a topic for it, also takes back what a worker has claimed
// by then for another customer with that address, or as a step of a topic of its own.
func TestBarredWhileClaimed(t *testing.T) {
	t.Parallel()
	const ownTopic = "steps: [ { send: one, topic: news } ]"
	list := func(scope, reason string) func(*desk) {
		return func(d *desk) {
			if _, err := d.Suppress(d.t.Context(), []campaign.Suppression{listed("ana", scope, reason, d.now)}, "olga", "a test", d.now); err != nil {
				d.t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name, steps, claimed string
		then                 func(*desk)
		barred               bool
	}{
		{"a topic of the step's own is put on the list", ownTopic, "ana", list("news", "unsubscribed"), true},
		{"another topic is put on the list", ownTopic, "ana", list("offers", "by_hand"), true}, // the pass ends
		{"all marketing is put on the list", ownTopic, "ana", list("@marketing", "unsubscribed"), true},
		{"the address is put on the list", twoSteps, "twin", list("*", "by_hand"), true},
		{"a twin leaves the topic", twoSteps, "twin", func(d *desk) { d.track("ana", "Unsubscribed", `{"topic":"offers"}`) }, true},
		{"a twin leaves everything", twoSteps, "twin", func(d *desk) { d.track("ana", "Unsubscribed", "") }, true},
		{"a twin leaves another topic", twoSteps, "twin", func(d *desk) { d.track("ana", "Unsubscribed", `{"topic":"news"}`) }, false},
		{"a twin leaves the step's topic", ownTopic, "twin", func(d *desk) { d.track("ana", "Unsubscribed", `{"topic":"news"}`) }, true},
		{"a twin complains", twoSteps, "twin", func(d *desk) { d.twins(campaign.Returned{Event: campaign.EmailComplained, UID: "c", Signed: true}) }, true},
		{"a twin's mail bounces", twoSteps, "twin", func(d *desk) {
			d.twins(campaign.Returned{Event: campaign.EmailBounced, Class: campaign.BounceHard, UID: "b", Signed: true})
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"x": onGo(c.steps), "y": "status: active\ntopic: offers\ntrigger: { event: { name: Other } }\nsteps: [ { send: two } ]\n"})
				d.join("ana", "twin")
				d.identify("twin", `{"email":"Ana@kape.example"}`)
				d.track("ana", "Other", "")
				d.send(d.work(0)...)
				d.track(c.claimed, "Go", "")
				o := d.one(d.work(0))
				c.then(d)
				admitted := d.handoff(o)
				if !admitted { // it is looked at again
					d.relay()
					for _, o := range d.claim() {
						admitted = d.handoff(o)
					}
				}
				if admitted == c.barred {
					t.Errorf("sent %t; the ledger has %q", admitted, d.ledger())
				}
				d.tick(0)
				d.sound()
			})
		})
	}
}

// twins is what comes back of ana's first mail.
func (d *desk) twins(r campaign.Returned) {
	d.t.Helper()
	first := d.id("ana")
	if _, err := d.Returned(d.t.Context(), first, r, d.now); err != nil {
		d.t.Fatal(err)
	}
}

// A file gets another step while the mail of its last one is on its way: its pass goes
// on to the new one, as that of a mail that is claimed a moment later does.
func TestStepIsAddedInFlight(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.join("ana", "bela")
		d.track("ana", "Go", "")
		d.track("bela", "Go", "")
		out := d.work(0)
		for _, o := range out {
			if !o.Last || !d.handoff(o) {
				t.Fatalf("%+v", o)
			}
		}
		d.load(map[string]string{"x": onGo("steps: [ { send: one }, { send: two } ]")})
		d.tick(0)
		accepted := func(o campaign.Outgoing, more ...campaign.Result) {
			r := acceptedOf(o).Results[0]
			r.Last = o.Last
			d.commit(worker.Batch{Results: append(more, r)})
		}
		accepted(out[0])
		accepted(out[1], campaign.Result{ID: 99, Verdict: campaign.WasRelease}) // the slow way
		d.tick(0)
		d.messages("ana one accepted", "ana two pending", "bela one accepted", "bela two pending")
		d.sound()
	})
}
