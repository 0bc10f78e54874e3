package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// on is a campaign that an event begins at once.
func on(event string, more ...string) string {
	return "status: active\ntopic: offers\ntrigger: { event: { name: " + event + " } }\nexpires: 60d\n" + strings.Join(more, "\n") + "\n"
}

const sendOne = "steps: [ { send: one } ]"

// waits is every message that a gate holds, by campaign: state, reason, gate, by
// whom, and how long from now.
func (d *desk) waits(want ...string) {
	d.t.Helper()
	is(d.t, d.Store, want, `SELECT k.name, m.state, m.reason, m.gate, m.gate_by, (m.due_at - `+fmt.Sprint(campaign.Micros(d.now))+`) / 60000000
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.gate <> '' ORDER BY k.name, m.id`)
}

// sent sends what the last look lets out and names the campaigns.
func (d *desk) sent(after time.Duration) string {
	d.t.Helper()
	var out []string
	for _, o := range d.work(after) {
		d.send(o)
		out = append(out, o.Campaign)
	}
	return strings.Join(out, " ")
}

// The cap counts mails of all campaigns over a rolling time; one over it waits until
// the oldest leaves, to the microsecond.
func TestCapWaits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": on("A", sendOne), "b": on("B", sendOne), "c": on("C", sendOne), "r": transactional + sendOne}, "cap: 2 per 16h")
		d.join("ana", "ben")
		first := d.now
		d.track("ana", "A", "")
		if got := d.sent(0); got != "a" {
			t.Fatalf("sent %q", got)
		}
		d.now = d.now.Add(time.Hour)
		d.track("ana", "B", "")
		if got := d.sent(0); got != "b" {
			t.Fatalf("sent %q", got)
		}
		d.now = d.now.Add(time.Hour)
		d.track("ana", "C", "")
		d.track("ben", "C", "") // another customer's cap is another
		d.track("ana", "Go", "")
		if got := d.sent(0); got != "c r" && got != "r c" {
			t.Fatalf("sent %q", got)
		}
		d.waits("c pending  cap b 840") // 14 hours: the first of the two leaves then
		d.now = first.Add(16*time.Hour - time.Microsecond)
		if got := d.sent(0); got != "" {
			t.Errorf("sent %q a moment too soon", got)
		}
		if got := d.sent(time.Microsecond); got != "c" {
			t.Errorf("sent %q when a place was free", got)
		}
		d.waits()
	})
}

// What becomes of a mail over the cap: step before campaign, and a campaign that may
// ignore the cap counts for the others.
func TestWhenCapped(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"ignores": on("I", "when_capped: ignore", sendOne),
			"drops":   on("D", "when_capped: drop", "steps: [ { send: one }, { send: two, when_capped: wait } ]"),
			"waits":   on("W", sendOne),
		}, "cap: { max: 1 per 16h }", "allow_ignore_cap: [ ignores ]")
		d.join("ana")
		d.track("ana", "I", "")
		d.track("ana", "I", "")
		if got := d.sent(0); got != "ignores ignores" {
			t.Fatalf("sent %q", got)
		}
		d.now = d.now.Add(time.Hour)
		d.track("ana", "W", "")
		d.track("ana", "D", "")
		if got := d.sent(0) + d.sent(time.Minute); got != "" {
			t.Errorf("sent %q over the cap", got)
		}
		is(t, s, []string{"drops one cancelled capped cap ignores", "drops two pending  cap ignores", "waits one pending  cap ignores"},
			`SELECT k.name, m.step, m.state, m.reason, m.gate, m.gate_by FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.state <> 'accepted' ORDER BY k.name, m.id`)
	})
}

// Several caps: all hold, and the last of them to free a place says when.
func TestSeveralCaps(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": on("A", sendOne)}, "cap: [ 1 per 16h, 3 per 7d, 4 per 1mo ]")
		d.join("ana")
		var at []string
		begin := d.now
		for range 8 {
			d.track("ana", "A", "")
		}
		d.sched.Relay.SliceSize = 1
		for d.now.Before(begin.AddDate(0, 0, 40)) {
			if got := d.sent(0); got != "" {
				at = append(at, fmt.Sprint(d.now.Sub(begin)))
			}
			d.now = d.now.Add(4 * time.Hour)
		}
		// Days are 24 hours; March has 31 of them.
		want := []string{"0s", "16h0m0s", "32h0m0s", "168h0m0s", "744h0m0s", "760h0m0s", "776h0m0s", "912h0m0s"}
		if strings.Join(at, " ") != strings.Join(want, " ") {
			t.Errorf("sent after %v, want %v", at, want)
		}
	})
}

// inDoubt is a message whose first hand-over had no reply, and which ended otherwise.
func (d *desk) inDoubt(o campaign.Outgoing, state string) {
	d.t.Helper()
	d.handoff(o)
	d.result(o, campaign.WasUncertain)
	d.ends(o, state)
}

func (d *desk) ends(o campaign.Outgoing, state string) {
	d.t.Helper()
	exec(d.t, d.Store, `UPDATE messages SET state = $2, reason = 'a reason', done_at = $3, slice_id = NULL WHERE id = $1`, o.ID, state, campaign.Micros(d.now))
}

// Which states take a place: what may have arrived does, what failed does not.
func TestCapCounts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": on("A", sendOne), "b": on("B", sendOne)}, "cap: 1 per 16h")
		for i, c := range []struct {
			name string
			do   func(d *desk, o campaign.Outgoing)
			free bool
		}{
			{"claimed", func(*desk, campaign.Outgoing) {}, false},
			{"handed over", func(d *desk, o campaign.Outgoing) { d.handoff(o) }, false},
			{"accepted", func(d *desk, o campaign.Outgoing) { d.send(o) }, false},
			{"uncertain", func(d *desk, o campaign.Outgoing) { d.handoff(o); d.result(o, campaign.WasUncertain) }, false},
			{"uncertain, and to be sent again", func(d *desk, o campaign.Outgoing) {
				d.handoff(o)
				d.result(o, campaign.WasUncertain)
				exec(d.t, d.Store, `UPDATE messages SET state = 'pending', slice_id = NULL, due_at = $2 WHERE id = $1`, o.ID, campaign.Micros(d.now.AddDate(1, 0, 0)))
			}, false},
			{"uncertain, and cancelled before it went again", func(d *desk, o campaign.Outgoing) { d.inDoubt(o, "cancelled") }, false},
			{"uncertain, and refused when it went again", func(d *desk, o campaign.Outgoing) { d.inDoubt(o, "failed") }, false},
			{"failed", func(d *desk, o campaign.Outgoing) { d.handoff(o); d.result(o, campaign.WasFailed) }, true},
			{"cancelled", func(d *desk, o campaign.Outgoing) { d.ends(o, "cancelled") }, true},
			{"to be tried later", func(d *desk, o campaign.Outgoing) {
				d.result(o, campaign.WasRetry, func(r *campaign.Result) { r.RetryIn = time.Hour })
			}, true},
		} {
			who := fmt.Sprintf("c%d", i)
			d.now = d.now.Add(time.Minute)
			d.join(who)
			d.track(who, "A", "")
			d.track(who, "B", "")
			d.tick(0)
			d.relay()
			slices := d.queue.slices
			d.queue.slices = slices[:1]
			c.do(d, d.one(d.claim()))
			d.queue.slices = slices[1:]
			if out := d.claim(); len(out) > 0 != c.free {
				t.Errorf("%s: %+v let out; %q", c.name, out, d.ledger())
			}
			exec(t, s, `UPDATE messages SET state = 'failed', done_at = 0 WHERE state <> 'failed'`)
		}
	})
}

// A letter gives way to the more important mail that is already decided for later.
func TestPriorityLooksAhead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		letter := func(more ...string) string { return on("L", append(more, sendOne)...) }
		cart := func(more ...string) string {
			return on("A", append(more, "steps: [ { send: one, send_at: 12:40 } ]")...)
		}
		d := newDesk(t, s, map[string]string{"letter": letter(), "cart": cart()}, "cap: 1 per 16h")
		for i, c := range []struct {
			name, letter, cart string
			between            func(*desk)
			sent               string // at once
			waits              string
		}{
			{name: "higher", letter: letter("priority: 20"), cart: cart("priority: 80"), waits: "letter pending  cap cart 37"},
			{name: "higher, dropping", letter: letter("priority: 20", "when_capped: drop"), cart: cart("priority: 80"), waits: "letter cancelled capped cap cart 0"},
			{name: "lower", letter: letter("priority: 80"), cart: cart("priority: 20"), sent: "letter"},
			{name: "equal, and later", letter: letter(), cart: cart(), sent: "letter"},
			{name: "higher, but not within the cap's time", letter: letter("priority: 20"), cart: on("A", "priority: 80", "steps: [ { send: one, send_at: 12:00 } ]"), sent: "letter"},
			{name: "higher, but paused", letter: letter("priority: 20"), cart: cart("priority: 80"), sent: "letter", between: func(d *desk) {
				if _, err := d.Pause(d.t.Context(), "cart", "", "ann", d.now); err != nil {
					d.t.Fatal(err)
				}
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				d.t = t
				d.load(map[string]string{"letter": c.letter, "cart": c.cart})
				d.now = moment(t, "2026-03-01T12:01:00Z").AddDate(0, 0, 3*i)
				d.tick(0)
				d.join("ana")
				d.track("ana", "A", "")
				d.work(0)
				if c.between != nil {
					c.between(d)
				}
				d.track("ana", "L", "")
				if got := d.sent(2 * time.Minute); got != c.sent {
					t.Errorf("sent %q, want %q", got, c.sent)
				}
				if c.waits != "" {
					is(t, s, []string{c.waits}, `SELECT k.name, m.state, m.reason, m.gate, m.gate_by, (m.due_at - `+fmt.Sprint(campaign.Micros(d.now))+`) / 60000000
						FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE k.name = 'letter' AND m.id = (SELECT max(id) FROM messages WHERE campaign_id = k.id)`)
				}
				exec(t, s, `UPDATE messages SET state = 'failed', done_at = 0, gate = ''`)
				exec(t, s, `UPDATE campaigns SET paused_at = NULL`)
			})
		}
	})
}

// Who has waited for a place is not overtaken by one of the same priority who comes
// later, not even by one whose campaign comes first by name.
func TestNobodyIsOvertaken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": on("A", sendOne), "z": on("Z", sendOne)}, "cap: 1 per 16h")
		d.join("ana")
		d.track("ana", "A", "")
		begin := d.now
		if got := d.sent(0); got != "a" {
			t.Fatalf("sent %q", got)
		}
		d.now = begin.Add(time.Hour)
		d.track("ana", "Z", "")
		d.work(0)
		d.now = begin.Add(2 * time.Hour)
		d.track("ana", "A", "")
		d.work(0)
		d.waits("a pending  cap a 840", "z pending  cap a 840")
		d.now = begin.Add(16 * time.Hour)
		for got := ""; got == ""; got = d.sent(time.Minute) {
			if d.now.After(begin.Add(17 * time.Hour)) {
				t.Fatal("nobody was let out")
			}
		}
		is(t, s, []string{"a", "z"}, `SELECT k.name FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.state = 'accepted' ORDER BY m.done_at`)
	})
}

// A mail that can have no place before its end is cancelled at once, with who has it.
func TestCapPastItsEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": on("A", sendOne), "b": strings.ReplaceAll(on("B", "steps: [ { send: one }, { wait: 3d }, { send: two } ]"), "60d", "2h")}, "cap: 1 per 16h")
		d.join("ana")
		d.track("ana", "A", "")
		d.sent(0)
		d.track("ana", "B", "")
		d.work(time.Minute)
		is(t, s, []string{"cancelled expired cap a"}, `SELECT state, reason, gate, gate_by FROM messages WHERE gate <> ''`)
		d.tick(0)
		if got := d.sent(3 * 24 * time.Hour); got != "b" {
			t.Errorf("sent %q", got)
		}
	})
}

// Two mails of a customer in one slice, as after a merge: the second finds the place
// of the first taken, also where the first did not have to ask.
func TestCapWithinASlice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": on("A", "steps: [ { send: one, when_capped: ignore }, { send: two } ]")}, "cap: 1 per 16h", "allow_ignore_cap: [ a ]")
		d.join("ana")
		d.track("ana", "A", "")
		d.track("ana", "A", "")
		d.tick(0)
		d.relay()
		exec(t, s, `UPDATE messages SET slice_id = (SELECT min(slice_id) FROM messages)`)
		exec(t, s, `UPDATE messages SET step = 'two', due_at = due_at - 1 WHERE id = (SELECT max(id) FROM messages)`)
		exec(t, s, `UPDATE enrollments SET step = 'two' WHERE id = (SELECT max(id) FROM enrollments)`)
		if o := d.one(d.claim()); o.Step != "one" {
			t.Errorf("step %s", o.Step)
		}
		is(t, s, []string{"one claimed ", "two pending cap"}, `SELECT step, state, gate FROM messages ORDER BY step`)
	})
}
