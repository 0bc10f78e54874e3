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

// begin is a desk with one campaign and a claimed message for each customer.
func begin(t *testing.T, s *store.Store, text string, names ...string) (*desk, []campaign.Outgoing) {
	t.Helper()
	d := newDesk(t, s, map[string]string{"series": text})
	d.join(names...)
	for _, name := range names {
		d.track(name, "Go", `{"colour":"red"}`)
	}
	out := d.work(time.Minute)
	if len(out) != len(names) {
		t.Fatalf("%d messages claimed, want %d", len(out), len(names))
	}
	return d, out
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana")
		o := out[0]
		d.messages("ana one claimed")
		if o.Token != 1 || o.Attempt != 1 || o.Campaign != "series" || o.Step != "one" || o.Customer.Email != "ana@kape.example" ||
			!o.Now.Equal(d.now) || !o.LeaseTill.Equal(d.now.Add(worker.Lease)) || !o.Expires.Equal(d.now.AddDate(0, 0, 3)) ||
			!o.Anchor.Equal(t0.Add(time.Minute)) || o.Duplicate || o.Cart != nil || len(o.Trigger) < len(`{"colour":"red"}`) {
			t.Errorf("claimed %+v", o)
		}
		if !d.handoff(o) {
			t.Fatal("hand-over refused")
		}
		d.messages("ana one handoff")
		if d.handoff(o) {
			t.Error("handed over twice")
		}
		d.now = d.now.Add(time.Second)
		accepted := func(r *campaign.Result) { r.Reply = campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "queued as 7"} }
		d.result(o, campaign.WasAccepted, accepted)
		is(t, s, []string{fmt.Sprintf("accepted %d 250 2.0.0 queued as 7 %s -", campaign.Micros(d.now), campaign.AddressHash("ana@kape.example"))},
			`SELECT state, done_at, smtp_code, smtp_enhanced, smtp_text, email_hash, lease_until FROM messages`)
		d.result(o, campaign.WasFailed) // said again, and otherwise: nothing
		d.messages("ana one accepted")
		is(t, s, []string{fmt.Sprintf("ana series one %d %d", o.ID, campaign.Micros(d.now))},
			`SELECT c.external_id, e.properties ->> 'campaign', e.properties ->> 'step', e.properties ->> 'message', e.occurred_at
			FROM events e JOIN customers c ON c.id = e.customer_id WHERE e.name = 'Email Sent'`)

		// The day counts from the moment in which the mail was accepted.
		sent := d.now
		d.tick(time.Minute)
		is(t, s, []string{fmt.Sprintf("wait-1 %d", campaign.Micros(sent.Add(24*time.Hour)))}, `SELECT step, wake_at FROM enrollments`)
		d.tick(24*time.Hour - time.Minute - time.Microsecond)
		d.messages("ana one accepted")
		d.tick(time.Microsecond)
		d.messages("ana one accepted", "ana two pending")
		d.relay()
		d.send(d.one(d.claim()))
		d.tick(0)
		d.passes("ana series finished")
	})
}

func TestRetry(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana")
		o := out[0]
		later := func(r *campaign.Result) {
			r.Reason, r.Reply, r.RetryIn = "temporary", campaign.Reply{Code: 451, Enhanced: "4.7.1", Text: "greylisted"}, campaign.Backoff(o.Attempt)
		}
		d.result(o, campaign.WasRetry, later) // before the dot
		d.messages("ana one pending temporary")
		if out := d.work(5*time.Minute - time.Microsecond); len(out) != 0 {
			t.Error("sent again before its time")
		}
		o = d.one(d.work(time.Microsecond))
		if o.Attempt != 2 || o.Token != 2 || o.Duplicate {
			t.Errorf("claimed %+v", o)
		}
		d.handoff(o)
		d.result(o, campaign.WasRetry, later) // in answer to the dot
		o = d.one(d.work(15 * time.Minute))
		if o.Attempt != 3 {
			t.Errorf("attempt %d", o.Attempt)
		}
		d.send(o)
		d.messages("ana one accepted")
		is(t, s, []string{"3"}, `SELECT count(*) FROM slices`)
	})
}

func TestFailed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben")
		d.result(out[0], campaign.WasFailed, func(r *campaign.Result) { r.Reason, r.Detail = "render", "line 3: no first_name\x00\xff" })
		d.handoff(out[1])
		d.result(out[1], campaign.WasFailed, func(r *campaign.Result) { r.Reason = "policy" })
		d.messages("ana one failed render", "ben one failed policy")
		if got := d.column(out[0].ID, "detail"); got != "line 3:no first_name\uFFFD" {
			t.Errorf("detail %q", got)
		}
		is(t, s, []string{"0"}, `SELECT count(*) FROM events WHERE name = 'Email Sent'`)
		// A mail that never will be sent is no reason not to go on.
		d.tick(24 * time.Hour)
		d.tick(24 * time.Hour)
		d.messages("ana one failed render", "ana two pending", "ben one failed policy", "ben two pending")
	})
}

// An address that does not exist is not written to again by anybody.
func TestBadAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"series": onGo(twoSteps), "receipt": "status: active\ntransactional: true\ntrigger: { past_purchase: {} }\nsteps: [ { send: two } ]\n"})
		d.join("ana", "ben")
		d.track("ana", "Go", "")
		d.track("ana", "Order Completed", "")
		out := d.work(time.Minute)
		if len(out) != 2 {
			t.Fatalf("claimed %d", len(out))
		}
		d.result(out[0], campaign.WasFailed, func(r *campaign.Result) { r.Reason, r.Suppress = "bad_address", true })
		is(t, s, []string{campaign.AddressHash("ana@kape.example") + " * bad_address"}, `SELECT email_hash, topic, reason FROM suppressions`)
		if d.handoff(out[1]) {
			t.Error("the other mail to the dead address was handed over")
		}
		is(t, s, []string{"cancelled suppressed", "failed bad_address"}, `SELECT state, reason FROM messages ORDER BY state`)
		is(t, s, []string{"exited suppressed", "exited suppressed"}, `SELECT state, reason FROM enrollments`)

		// Not even by another customer's name.
		d.identify("ben", `{"email":"Ana@Kape.example "}`)
		d.track("ben", "Order Completed", "")
		d.track("ben", "Go", "")
		decided := d.tick(time.Minute)
		for _, name := range []string{"series", "receipt"} {
			if decided[name].Entered != 0 || decided[name].Held[campaign.HeldSuppressed] != 1 {
				t.Errorf("%s: %+v", name, decided[name])
			}
		}
	})
}

func TestReleaseCostsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana")
		d.result(out[0], campaign.WasRelease)
		d.messages("ana one pending")
		o := d.one(d.work(0))
		if o.Attempt != 1 || o.Token != 2 || o.Duplicate {
			t.Errorf("claimed again %+v", o)
		}
	})
}

func TestUncertainEvidence(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben", "cleo", "dan")
		for _, o := range out {
			d.handoff(o)
		}
		silent := func(r *campaign.Result) { r.Reason = "no_reply" }
		for _, o := range out[:3] {
			d.result(o, campaign.WasUncertain, silent)
		}
		d.messages("ana one uncertain no_reply", "ben one uncertain no_reply", "cleo one uncertain no_reply", "dan one handoff")
		ctx := t.Context()
		d.now = d.now.Add(time.Minute)
		hit := campaign.Hit{At: d.now, UserAgent: "Mail/1.0"}
		// Cleo's reply comes after all; Dan opens before his result is in.
		for _, err := range []error{
			s.Opened(ctx, out[0].ID, hit), s.Clicked(ctx, out[1].ID, 7, hit), s.Opened(ctx, out[3].ID, hit), s.Opened(ctx, 999, hit),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		d.result(out[2], campaign.WasAccepted)
		d.messages("ana one accepted evidence", "ben one accepted evidence", "cleo one accepted", "dan one handoff")
		is(t, s, []string{"3"}, `SELECT count(*) FROM events WHERE name = 'Email Sent'`)
		is(t, s, []string{"3"}, `SELECT count(*) FROM enrollments WHERE wake_at IS NOT NULL`)

		// Dan's worker never comes back: what he opened did arrive.
		d.sweep(worker.Lease + worker.ReplyLimit + 30*time.Second)
		d.messages("ana one accepted evidence", "ben one accepted evidence", "cleo one accepted", "dan one accepted evidence")
		d.result(out[3], campaign.WasFailed)
		d.result(out[0], campaign.WasAccepted)
		d.messages("ana one accepted evidence", "ben one accepted evidence", "cleo one accepted", "dan one accepted evidence")
	})
}

func TestUncertainIsSentAgainOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana")
		first := out[0]
		d.handoff(first)
		d.result(first, campaign.WasUncertain)
		uncertain := d.now
		if out := d.work(15 * time.Minute); len(out) != 0 {
			t.Fatal("sent again without waiting for evidence")
		}
		d.messages("ana one uncertain")
		d.sweep(time.Microsecond)
		again := d.one(d.work(0))
		if again.ID != first.ID || !again.Duplicate || again.Attempt != 2 {
			t.Errorf("sent again as %+v", again)
		}
		// The first try's reply must not settle the second one.
		d.result(first, campaign.WasFailed)
		d.messages("ana one claimed")
		d.handoff(again)
		d.result(again, campaign.WasUncertain)
		d.tick(48 * time.Hour)
		d.relay()
		d.messages("ana one uncertain")
		total, err := s.Totals(t.Context(), d.now)
		if err != nil || total.Unresolved != 1 || total.Uncertain != 0 {
			t.Errorf("%+v, %v", total, err)
		}
		is(t, s, []string{"2 true"}, `SELECT uncertain, CASE WHEN duplicate THEN 'true' END FROM messages`)
		if !d.now.After(uncertain) {
			t.Fatal("time stood still")
		}
		// A person, or a click weeks later, settles it.
		if err := s.Clicked(t.Context(), first.ID, 1, campaign.Hit{At: d.now}); err != nil {
			t.Fatal(err)
		}
		d.messages("ana one accepted evidence")
		d.tick(time.Minute)
		d.passes("ana series running at wait-1")
	})
}

// An open of the first copy stops the second, wherever it is.
func TestEvidenceStopsTheSecondCopy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben", "cleo")
		for _, o := range out {
			d.handoff(o)
			d.result(o, campaign.WasUncertain)
		}
		d.sweep(16 * time.Minute)
		open := func(o campaign.Outgoing) {
			t.Helper()
			if err := s.Opened(t.Context(), o.ID, campaign.Hit{At: d.now}); err != nil {
				t.Fatal(err)
			}
		}
		open(out[0]) // pending
		d.tick(0)
		d.relay()
		open(out[1]) // queued
		o := d.one(d.claim())
		open(out[2]) // claimed
		if d.handoff(o) {
			t.Error("the second copy went out though the first was opened")
		}
		d.messages("ana one accepted evidence", "ben one accepted evidence", "cleo one accepted evidence")
	})
}

func TestHoldUncertain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo("on_uncertain: hold", twoSteps), "ana")
		d.handoff(out[0])
		d.result(out[0], campaign.WasUncertain)
		d.tick(47 * time.Hour)
		d.relay()
		d.messages("ana one uncertain")
		total, err := s.Totals(t.Context(), d.now)
		if err != nil || total.Unresolved != 1 {
			t.Errorf("%+v, %v", total, err)
		}
		// Who no longer wants to hold it lets it go.
		d.load(map[string]string{"series": onGo(twoSteps)})
		if o := d.one(d.work(time.Minute)); !o.Duplicate {
			t.Errorf("%+v", o)
		}
	})
}

// A worker that dies leaves leases; nothing it held is lost.
func TestLeasesRunOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben")
		d.handoff(out[1])
		if n := d.sweep(worker.Lease); n != 0 {
			t.Errorf("%d rows moved within the lease", n)
		}
		if n := d.sweep(time.Microsecond); n != 1 {
			t.Errorf("%d rows moved, want the claimed one", n)
		}
		d.messages("ana one pending", "ben one handoff")
		// Fenced off: neither the hand-over nor a result of the dead claim counts.
		if d.handoff(out[0]) {
			t.Error("handed over after the lease")
		}
		d.result(out[0], campaign.WasFailed)
		d.messages("ana one pending", "ben one handoff")

		d.sweep(worker.ReplyLimit + 30*time.Second - time.Microsecond)
		d.messages("ana one pending", "ben one handoff")
		d.sweep(time.Microsecond)
		d.messages("ana one pending", "ben one uncertain no_reply")
		// The worker was only asleep, and knows how it ended.
		d.result(out[1], campaign.WasAccepted)
		d.messages("ana one pending", "ben one accepted")
	})
}

func TestHandoffNeedsItsLease(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana", "ben")
		d.now = d.now.Add(worker.Lease)
		if !d.handoff(out[0]) {
			t.Error("refused at the end of the lease")
		}
		d.now = d.now.Add(time.Microsecond)
		if d.handoff(out[1]) {
			t.Error("admitted after the lease, before the sweep")
		}
		d.messages("ana one handoff", "ben one claimed")
	})
}
