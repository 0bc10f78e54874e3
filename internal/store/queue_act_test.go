package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// act does something to messages and tells what was left alone.
func (d *desk) act(a store.Act, chosen store.Chosen, done int, left ...string) {
	d.t.Helper()
	out, err := d.Act(d.t.Context(), a, chosen, "ann", d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	var got []string
	for _, l := range out.Left {
		got = append(got, fmt.Sprintf("%d %s %s", l.ID, l.State, l.Why))
	}
	if diff := cmp.Diff(left, got); diff != "" || len(out.Done) != done {
		d.t.Errorf("%s: %d done, want %d; left alone (-want +got):\n%s", a, len(out.Done), done, diff)
	}
}

// log is the audit log, the oldest first, without its moments.
func (d *desk) log(want ...string) {
	d.t.Helper()
	done, _, err := d.Audit(d.t.Context(), d.now, 100)
	if err != nil {
		d.t.Fatal(err)
	}
	var got []string
	for i := range done {
		e := done[len(done)-1-i]
		got = append(got, fmt.Sprintf("%s %s %s %d: %s", e.Who, e.Action, e.Campaign, e.Message, e.Detail))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

func named(ids ...int64) store.Chosen { return store.Chosen{IDs: ids} }

// A released message is due now and no longer held; one that nothing holds, or that
// is on its way, is left alone.
func TestReleaseByHand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]")})
		d.join("ada", "bob", "cyd")
		for _, name := range []string{"ada", "bob", "cyd"} {
			d.track(name, "Go", "")
		}
		d.tick(0)
		ada, bob, cyd := d.id("ada"), d.id("bob"), d.id("cyd")
		d.exec(`UPDATE messages SET due_at = $1, gate = 'quiet_hours', gate_by = 'x' WHERE id = $2`, campaign.Micros(d.now.Add(time.Hour)), ada)
		d.exec(`UPDATE messages SET due_at = $1 WHERE id = $2`, campaign.Micros(d.now.Add(time.Hour)), cyd)
		d.act(store.ActRelease, named(ada, bob, cyd, 999), 2, fmt.Sprintf("%d pending not_waiting", bob), "999  unknown")
		d.open(store.OpenQuestion{}, "ada pending turn: 0s", "bob pending turn: 0s", "cyd pending turn: 0s")
		if got := d.column(ada, "gate || '/' || gate_by"); got != campaign.GateByHand+"/" {
			t.Errorf("gate %q", got)
		}
		d.relay()
		d.act(store.ActRelease, named(ada), 0, fmt.Sprintf("%d queued wrong_state", ada))
		d.send(d.claim()...)
		d.act(store.ActRelease, store.Chosen{Campaign: "go"}, 0)
		d.log(fmt.Sprintf("ann release go %d: pending, quiet_hours", ada), fmt.Sprintf("ann release go %d: pending", cyd))
		d.messages("ada one accepted", "bob one accepted", "cyd one accepted")
		d.sound()
	})
}

// What is cancelled is not sent, whoever had it, and its pass goes on; what is
// handed over, or done with, stays what it is.
func TestCancelByHand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo(twoSteps)})
		d.join("ada", "bob", "cyd", "dan")
		for _, name := range []string{"ada", "bob", "cyd", "dan"} {
			d.track(name, "Go", "")
		}
		out := d.work(0)
		claimed := map[int64]campaign.Outgoing{}
		for _, o := range out {
			claimed[o.ID] = o
		}
		ada, bob, cyd, dan := d.id("ada"), d.id("bob"), d.id("cyd"), d.id("dan")
		d.doubt(claimed[bob])
		if !d.handoff(claimed[cyd]) {
			t.Fatal("refused")
		}
		d.send(claimed[dan])
		d.act(store.ActCancel, named(ada, bob, cyd, dan), 2, fmt.Sprintf("%d handoff wrong_state", cyd), fmt.Sprintf("%d accepted wrong_state", dan))
		if d.handoff(claimed[ada]) {
			t.Error("handed over after it was cancelled")
		}
		d.result(claimed[bob], campaign.WasAccepted) // a reply that comes too late
		d.commit(acceptedOf(claimed[cyd]))
		d.messages("ada one cancelled by_hand", "bob one cancelled by_hand", "cyd one accepted", "dan one accepted")
		d.act(store.ActCancel, named(ada), 0, fmt.Sprintf("%d cancelled by_hand", ada))
		d.sound()
		if n := len(d.work(25 * time.Hour)); n != 4 {
			t.Errorf("%d second mails, want 4: a cancelled first one does not end the pass", n)
		}
		d.act(store.ActCancel, store.Chosen{Campaign: "go"}, 4)
		d.log(fmt.Sprintf("ann cancel go %d: claimed", ada), fmt.Sprintf("ann cancel go %d: uncertain", bob), "ann cancel go 0: 4 mails, claimed: 5–8")
		d.tick(0)
		d.sound()
	})
}

// A person who knows that a mail arrived says so: it counts as sent.
func TestAcceptByHand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("on_uncertain: hold", twoSteps)})
		d.join("ada")
		d.track("ada", "Go", "")
		d.doubt(d.one(d.work(0)))
		d.act(store.ActAccept, store.Chosen{Campaign: "go"}, 1)
		d.messages("ada one accepted by_hand")
		d.sound()
		ada := d.id("ada")
		d.act(store.ActAccept, named(ada), 0, fmt.Sprintf("%d accepted wrong_state", ada))
		d.tick(0)
		d.send(d.one(d.work(25 * time.Hour)))
		d.messages("ada one accepted by_hand", "ada two accepted")
	})
}

// A mail in doubt is sent again and marked, also after its time; one that failed
// brings its pass back, unless it has gone on. What the customer, the campaign or
// the server has decided stays.
func TestRetryByHand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("on_uncertain: hold", "re_entry: always", "overlap: both", "steps: [ { send: one }, { wait: 2d }, { send: two } ]")})
		names := []string{"ada", "bob", "cyd", "dan", "eve", "fay"}
		d.join(names...)
		for _, name := range names {
			d.track(name, "Go", "")
		}
		claimed := map[int64]campaign.Outgoing{}
		for _, o := range d.work(0) {
			claimed[o.ID] = o
		}
		id := map[string]int64{}
		for _, name := range names {
			id[name] = d.id(name)
		}
		failed := func(r *campaign.Result) { r.Reason = "content" }
		d.doubt(claimed[id["ada"]])
		d.doubt(claimed[id["bob"]])
		d.result(claimed[id["cyd"]], campaign.WasFailed, failed)
		d.result(claimed[id["dan"]], campaign.WasFailed, failed)
		d.result(claimed[id["eve"]], campaign.WasFailed, func(r *campaign.Result) { r.Reason = "bad_address"; r.Suppress = true })
		d.send(claimed[id["fay"]])
		d.track("bob", "Unsubscribed", `{"topic":"offers"}`)
		d.tick(0)
		d.act(store.ActRetry, named(id["ada"], id["bob"], id["cyd"], id["eve"], id["fay"]), 2,
			fmt.Sprintf("%d uncertain unsubscribed", id["bob"]), fmt.Sprintf("%d failed suppressed", id["eve"]), fmt.Sprintf("%d accepted wrong_state", id["fay"]))
		if got := d.column(id["ada"], "duplicate") + d.column(id["cyd"], "duplicate"); got != "truefalse" && got != "10" {
			t.Errorf("marked as sent again: %s", got)
		}
		d.relay()
		out := d.claim()
		if len(out) != 2 {
			t.Fatalf("%d sent again, want 2: %q", len(out), d.ledger())
		}
		d.send(out...)
		d.tick(0)
		d.sound()
		// Two days after it arrived cyd gets the second mail, not before.
		if n := len(d.work(47 * time.Hour)); n != 0 {
			t.Errorf("%d mails after 47 hours", n)
		}
		d.send(d.work(time.Hour)...)
		d.messages("ada one accepted", "ada two accepted", "bob one uncertain", "cyd one accepted", "cyd two accepted",
			"dan one failed content", "dan two accepted", "eve one failed bad_address", "fay one accepted", "fay two accepted")
		d.act(store.ActRetry, named(id["dan"]), 0, fmt.Sprintf("%d failed gone_on", id["dan"]))
		d.sound()
	})
}

// What has expired, in a pass that is over, is sent again all the same, and has a
// day for it; not to somebody who is in the campaign anew.
func TestRetryByHandLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("expires: 1h", "re_entry: always", "overlap: both", "steps: [ { send: one } ]")})
		d.join("ada", "bob")
		d.track("ada", "Go", "")
		d.track("bob", "Go", "")
		for _, o := range d.work(0) {
			d.result(o, campaign.WasFailed, func(r *campaign.Result) { r.Reason = "content" })
		}
		d.tick(0)
		ada, bob := d.id("ada"), d.id("bob")
		d.tick(5 * 24 * time.Hour)
		d.track("bob", "Go", "")
		d.tick(time.Minute)
		d.act(store.ActRetry, store.Chosen{Campaign: "go", States: []campaign.State{campaign.Failed}}, 1, fmt.Sprintf("%d failed another_pass", bob))
		d.sweep(0)
		d.relay()
		for _, o := range d.claim() {
			d.send(o)
		}
		d.tick(0)
		if got := d.column(ada, "state"); got != "accepted" {
			t.Errorf("sent again: %s", got)
		}
		d.passes("ada go finished", "bob go finished", "bob go finished")
		d.sound()
	})
}
