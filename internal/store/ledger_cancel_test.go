package store_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// What happens between a message's queueing and its claim cancels it, or not.
// The message is claimed in the end in any case.
func TestLastLook(t *testing.T) {
	t.Parallel()
	const country = "audience: { attribute: country, is: PH }"
	for _, c := range []struct {
		name, campaign string
		do             func(d *desk)
		message, pass  string // want
	}{
		{"nothing", onGo(twoSteps), func(*desk) {}, "claimed", "running at one"},
		{
			"exit_on", onGo("exit_on: { event: Order Completed, since: anchor }", twoSteps),
			func(d *desk) { d.track("ana", "Order Completed", "") }, "cancelled exit_on", "exited exit_on",
		},
		{
			"audience", onGo(country, twoSteps),
			func(d *desk) { d.identify("ana", `{"country":"MY"}`) }, "cancelled audience", "exited audience",
		},
		{
			"exit_on goes before audience", onGo("exit_on: { event: Order Completed, since: anchor }", country, twoSteps),
			func(d *desk) { d.identify("ana", `{"country":"MY"}`); d.track("ana", "Order Completed", "") }, "cancelled exit_on", "exited exit_on",
		},
		{
			"when", onGo("steps: [ { send: one, when: { attribute: country, is: PH } }, { wait: 1d }, { send: two } ]"),
			func(d *desk) { d.identify("ana", `{"country":"MY"}`) }, "cancelled when", "running at one",
		},
		{
			"audience goes before when", onGo(country, "steps: [ { send: one, when: { attribute: country, is: PH } } ]"),
			func(d *desk) { d.identify("ana", `{"country":"MY"}`) }, "cancelled audience", "exited audience",
		},
		{
			"expired", onGo("expires: 1h", twoSteps),
			func(d *desk) { d.now = d.now.Add(59*time.Minute + time.Microsecond) }, "cancelled expired", "running at one",
		},
		{"not expired yet", onGo("expires: 1h", twoSteps), func(d *desk) { d.now = d.now.Add(59 * time.Minute) }, "claimed", "running at one"},
		{
			"unsubscribed by an event", onGo(twoSteps),
			func(d *desk) { d.track("ana", "Unsubscribed", `{"topic":"offers"}`) }, "cancelled unsubscribed", "exited unsubscribed",
		},
		{
			"unsubscribed from another topic", onGo(twoSteps),
			func(d *desk) { d.track("ana", "Unsubscribed", `{"topic":"news"}`) }, "claimed", "running at one",
		},
		{
			"no consent any more", onGo(twoSteps),
			func(d *desk) { exec(d.t, d.Store, `DELETE FROM consents`) }, "cancelled no_consent", "exited unsubscribed",
		},
		{
			"no address any more", onGo(twoSteps),
			func(d *desk) { d.identify("ana", `{"email":null}`) }, "cancelled no_address", "exited unsubscribed",
		},
		{
			"suppressed", onGo(twoSteps),
			func(d *desk) { d.suppress("ana", "*") }, "cancelled suppressed", "exited unsubscribed",
		},
		{
			"suppressed for another topic", onGo(twoSteps),
			func(d *desk) { d.suppress("ana", "news") }, "claimed", "running at one",
		},
		{
			"topic of the step alone", onGo("steps: [ { send: one, topic: news }, { wait: 1d }, { send: two } ]"),
			func(d *desk) { d.suppress("ana", "news") }, "cancelled suppressed", "running at one",
		},
		{
			"trigger cancelled", "status: active\ntopic: offers\ntrigger: { past_purchase: {} }\nsteps: [ { send: one } ]\n",
			func(d *desk) { d.track("ana", "Order Cancelled", `{"order_id":"7"}`) }, "cancelled trigger_cancelled", "exited trigger_cancelled",
		},
		{
			"superseded", onGo("overlap: newest", "steps: [ { send: one } ]"),
			func(d *desk) { d.track("ana", "Go", ""); d.tick(time.Minute) }, "cancelled superseded", "exited superseded",
		},
		{
			"ended by a tick", onGo("exit_on: { event: Order Completed, since: anchor }", twoSteps),
			func(d *desk) { d.track("ana", "Order Completed", ""); d.tick(time.Minute) }, "cancelled exit_on", "exited exit_on",
		},
		{
			"paused", onGo(twoSteps), func(d *desk) {
				d.load(map[string]string{"x": "status: paused\n" + onGo(twoSteps)[len("status: active\n"):]})
				d.tick(time.Minute)
			}, "pending", "running at one",
		},
		{
			"campaign removed", onGo(twoSteps),
			func(d *desk) { d.load(nil); d.tick(time.Minute) }, "cancelled campaign_removed", "exited campaign_removed",
		},
		{
			"step removed", onGo(twoSteps),
			func(d *desk) {
				d.load(map[string]string{"x": onGo("steps: [ { wait: 1d }, { send: two } ]")})
				d.tick(time.Minute)
			}, "cancelled step_removed", "running at wait-1",
		},
		{
			"only step removed", onGo(twoSteps),
			func(d *desk) { d.load(map[string]string{"x": onGo("steps: [ { send: three } ]")}); d.tick(time.Minute) }, "cancelled step_removed", "finished",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"x": c.campaign})
				d.join("ana")
				d.identify("ana", `{"country":"PH"}`)
				d.track("ana", "Order Completed", `{"order_id":"7"}`)
				d.now = d.now.Add(time.Second)
				d.track("ana", "Go", "")
				d.tick(time.Minute)
				d.relay()
				if got := d.ledger(); len(got) != 1 {
					t.Fatalf("ledger %q", got)
				}
				d.now = d.now.Add(time.Minute)
				c.do(d)
				claimed := d.claim()
				if (len(claimed) == 1) != (c.message == "claimed") {
					t.Errorf("%d claimed", len(claimed))
				}
				is(t, s, []string{c.message}, `SELECT state || CASE WHEN reason <> '' THEN ' ' || reason ELSE '' END FROM messages ORDER BY id LIMIT 1`)
				is(t, s, []string{c.pass}, `SELECT state || CASE WHEN reason <> '' THEN ' ' || reason ELSE '' END
					|| CASE WHEN state = 'running' THEN ' at ' || step ELSE '' END FROM enrollments ORDER BY id LIMIT 1`)
				// A pass that runs and whose message is done has somewhere to go.
				is(t, s, nil, `SELECT e.id FROM enrollments e JOIN messages m ON m.enrollment_id = e.id AND m.step = e.step
					WHERE e.state = 'running' AND e.wake_at IS NULL AND m.state IN ('accepted', 'failed', 'cancelled')`)
				// Whoever is out of it has no message on its way.
				is(t, s, nil, `SELECT m.id FROM messages m JOIN enrollments e ON e.id = m.enrollment_id
					WHERE e.state <> 'running' AND m.state NOT IN ('accepted', 'failed', 'cancelled')`)
			})
		})
	}
}

// suppress puts a customer's address on the list, as of now.
func (d *desk) suppress(name, topic string) {
	d.t.Helper()
	exec(d.t, d.Store, `INSERT INTO suppressions (email_hash, topic, reason, at) VALUES ($1, $2, 'test', $3)`,
		campaign.AddressHash(name+"@kape.example"), topic, campaign.Micros(d.now))
}

// What happens between claim and hand-over is the last thing to stop a mail.
func TestFencing(t *testing.T) {
	t.Parallel()
	const exits = "exit_on: { event: Order Completed, since: anchor }"
	for _, c := range []struct {
		name    string
		do      func(d *desk, o campaign.Outgoing)
		message string // then, after another relay and claim
	}{
		{"unsubscribe by the mail's own link", func(d *desk, o campaign.Outgoing) {
			if err := d.Unsubscribe(d.t.Context(), o.ID, false, campaign.Hit{At: d.now}); err != nil {
				d.t.Fatal(err)
			}
		}, "cancelled unsubscribed"},
		{"unsubscribe from everything", func(d *desk, o campaign.Outgoing) {
			if err := d.Unsubscribe(d.t.Context(), o.ID, true, campaign.Hit{At: d.now}); err != nil {
				d.t.Fatal(err)
			}
		}, "cancelled unsubscribed"},
		{"unsubscribe by an event", func(d *desk, _ campaign.Outgoing) { d.track("ana", "Unsubscribed", "") }, "cancelled unsubscribed"},
		{"order", func(d *desk, _ campaign.Outgoing) { d.track("ana", "Order Completed", "") }, "cancelled exit_on"},
		{"another event", func(d *desk, _ campaign.Outgoing) { d.track("ana", "Product Viewed", "") }, "claimed"},
		{"pause", func(d *desk, _ campaign.Outgoing) {
			d.load(map[string]string{"x": "status: paused\ntopic: offers\ntrigger: { event: { name: Go } }\n" + exits + "\n" + twoSteps + "\n"})
			d.tick(time.Second)
		}, "pending"},
		{"campaign removed", func(d *desk, _ campaign.Outgoing) { d.load(nil); d.tick(time.Second) }, "cancelled campaign_removed"},
		{"step removed", func(d *desk, _ campaign.Outgoing) {
			d.load(map[string]string{"x": onGo(exits, "steps: [ { send: two } ]")})
			d.tick(time.Second)
		}, "cancelled step_removed"},
		{"tick that ends the pass", func(d *desk, _ campaign.Outgoing) {
			// An event that some other process stored without taking anything back.
			exec(d.t, d.Store, `INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
				SELECT 'late', id, 'Order Completed', $1, $1, '{}' FROM customers`, campaign.Micros(d.now))
			d.tick(time.Second)
		}, "cancelled exit_on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"x": onGo(exits, twoSteps)})
				d.join("ana")
				d.track("ana", "Go", "")
				o := d.one(d.work(time.Minute))
				d.now = d.now.Add(time.Second)
				c.do(d, o)
				if d.handoff(o) {
					t.Error("the hand-over was admitted")
				}
				d.result(o, campaign.WasAccepted) // a result of the old claim counts for nothing
				d.relay()
				for _, again := range d.claim() {
					if again.ID == o.ID && (again.Token <= o.Token || again.Attempt != 1) {
						t.Errorf("claimed again with token %d, attempt %d", again.Token, again.Attempt)
					}
				}
				is(t, s, []string{c.message}, `SELECT state || CASE WHEN reason <> '' THEN ' ' || reason ELSE '' END FROM messages WHERE step = 'one'`)
				is(t, s, []string{"0"}, `SELECT count(*) FROM events WHERE name = 'Email Sent'`)
			})
		})
	}
}

// What is handed over can't be stopped any more: the dot may be on the wire.
func TestHandoffCannotBeStopped(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo("exit_on: { event: Order Completed, since: anchor }", twoSteps), "ana", "ben")
		for _, o := range out {
			d.handoff(o)
		}
		d.track("ana", "Order Completed", "")
		if err := s.Unsubscribe(t.Context(), out[1].ID, false, campaign.Hit{At: d.now}); err != nil {
			t.Fatal(err)
		}
		d.tick(time.Second)
		d.messages("ana one handoff", "ben one handoff")
		d.passes("ana series exited exit_on", "ben series exited unsubscribed")
		d.result(out[0], campaign.WasAccepted)
		// A second try is a new decision, and now the answer is no.
		d.result(out[1], campaign.WasRetry, func(r *campaign.Result) { r.RetryIn = time.Minute })
		d.work(time.Minute)
		d.messages("ana one accepted", "ben one cancelled unsubscribed")
	})
}

// What was handed over when its campaign was removed is not tried again, however
// its hand-over ends: nobody looks for the mail of a campaign that is gone.
func TestHandoffOfRemoved(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben", "cleo", "dora")
		for _, o := range out {
			d.handoff(o)
		}
		d.load(nil)
		d.tick(time.Second)
		d.result(out[0], campaign.WasRetry, func(r *campaign.Result) { r.RetryIn = time.Minute })
		d.result(out[3], campaign.WasRetry, func(r *campaign.Result) { r.RetryIn = time.Minute })
		d.result(out[1], campaign.WasUncertain)
		d.result(out[2], campaign.WasAccepted)
		d.messages("ana one pending", "ben one uncertain", "cleo one accepted", "dora one pending")
		d.sweep(time.Second)
		d.messages("ana one cancelled campaign_removed", "ben one uncertain", "cleo one accepted", "dora one cancelled campaign_removed")
		d.sweep(time.Hour)
		d.messages("ana one cancelled campaign_removed", "ben one cancelled campaign_removed", "cleo one accepted", "dora one cancelled campaign_removed")
	})
}

// Result of the last message and hand-over of the next, of several connections,
// in one transaction.
func TestCommitMixes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben", "cleo", "dan")
		d.handoff(out[0])
		d.handoff(out[1])
		d.track("dan", "Unsubscribed", "")
		stale := claimOf(out[2])
		stale.Token--
		admitted := d.commit(worker.Batch{
			Results: []campaign.Result{
				{ID: out[0].ID, Token: out[0].Token, Verdict: campaign.WasAccepted},
				{ID: out[1].ID, Token: out[1].Token - 1, Verdict: campaign.WasFailed, Reason: "stale"},
				{ID: 12345, Token: 1, Verdict: campaign.WasAccepted},
			},
			Handoffs: []worker.Handoff{
				{Claim: claimOf(out[2]), Links: []campaign.Link{{ID: 5, URL: "https://kape.example/a"}, {ID: 6, URL: "https://kape.example/b"}}},
				{Claim: stale}, {Claim: claimOf(out[3])}, {Claim: campaign.Claim{ID: 777, Token: 1}},
			},
		})
		if fmt.Sprint(admitted) != fmt.Sprint(map[campaign.Claim]bool{claimOf(out[2]): true}) {
			t.Errorf("admitted %v", admitted)
		}
		d.messages("ana one accepted", "ben one handoff", "cleo one handoff", "dan one cancelled unsubscribed")
		is(t, s, []string{"5 https://kape.example/a", "6 https://kape.example/b"}, `SELECT id, url FROM links ORDER BY id`)
		for link, want := range map[int64]string{5: "https://kape.example/a", 9: ""} {
			if url, ok, err := s.Target(t.Context(), out[2].ID, link); url != want || ok != (want != "") || err != nil {
				t.Errorf("link %d: %q, %t, %v", link, url, ok, err)
			}
		}
	})
}
