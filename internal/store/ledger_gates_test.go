package store_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A mail that everything speaks against is turned away by the first in order; as one
// after the other falls away the next one does.
func TestOneOrderOfDecision(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"first": on("F", "priority: 80", sendOne), "x": onGo(
			"exit_on: { event: Left }", "audience: { attribute: in, is: true }", "fresh: { event: Order Completed, gap: 1h }", "expires: 2d", "when_capped: drop",
			"steps: [ { send: one, when: { attribute: on, is: true }, send_window: { from: 18:00, to: 20:00 } }, { send: two } ]")},
			"cap: 1 per 16h", "topics: { offers: { when: { attribute: muted, is_not: true } }, news: {} }")
		d.join("ana")
		d.track("ana", "Order Completed", `{"total":1}`)
		d.identify("ana", `{"in":true,"on":true}`)
		d.track("ana", "Go", "")
		d.tick(0)
		d.now = moment(t, "2026-03-01T18:30:00Z")
		d.track("ana", "F", "")
		d.track("ana", "Order Completed", `{"total":1}`)
		if got := d.sent(0); got != "first" {
			t.Fatalf("sent %q", got)
		}
		const mine = ` FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN enrollments e ON e.id = m.enrollment_id WHERE k.name = 'x' AND m.step = 'one'`
		is(t, s, []string{"cancelled capped cap first"}, `SELECT m.state, m.reason, m.gate, m.gate_by`+mine)

		// From the last gate to the first: each of them wins over those after it.
		expired := false
		again := func(setup func()) string {
			t.Helper()
			exec(t, s, `UPDATE messages SET state = 'pending', reason = '', gate = '', gate_by = '', slice_id = NULL, done_at = NULL, due_at = $1, expires_at = $1 + 2592000000000
				WHERE step = 'one' AND campaign_id = (SELECT id FROM campaigns WHERE name = 'x')`, campaign.Micros(d.now))
			exec(t, s, `DELETE FROM messages WHERE step = 'two'`)
			exec(t, s, `UPDATE enrollments SET state = 'running', reason = '', step = 'one', wake_at = NULL, ended_at = NULL WHERE campaign_id = (SELECT id FROM campaigns WHERE name = 'x')`)
			d.relay()
			setup() // after the relay: what is paused is not relayed at all, and what has expired is swept
			if expired {
				exec(t, s, `UPDATE messages SET expires_at = 0`)
			}
			if out := d.claim(); len(out) > 0 {
				t.Fatalf("claimed: %+v", out)
			}
			return table(t, s, `SELECT m.state, m.reason, m.gate, m.gate_by, e.state`+mine)[0]
		}
		for _, c := range []struct {
			setup func()
			want  string
		}{
			{func() { d.now = moment(t, "2026-03-01T20:30:00Z"); d.track("ana", "Order Completed", `{"total":1}`) }, "pending  send_window  running"},
			{func() { d.now = moment(t, "2026-03-02T08:30:00Z") }, "pending  fresh Order Completed running"},
			{func() { expired = true }, "cancelled expired   running"},
			{func() { d.identify("ana", `{"on":false}`) }, "cancelled when   running"},
			{func() { d.identify("ana", `{"in":false}`) }, "cancelled audience   exited"},
			{func() { d.track("ana", "Left", "") }, "cancelled exit_on   exited"},
			{func() { d.identify("ana", `{"muted":true}`) }, "cancelled topic_when   running"},
			{func() { d.suppress("ana", "*") }, "cancelled suppressed   exited"},
			{func() {
				if _, err := s.Pause(t.Context(), "x", "", "ann", d.now); err != nil {
					t.Fatal(err)
				}
			}, "pending    running"},
		} {
			if got := again(c.setup); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		}
	})
}

// A topic's own condition mutes the mails under it, whatever their campaign, and
// nothing else; the pass goes on.
func TestTopicWhen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"x": onGo("steps: [ { send: one }, { send: two, topic: news }, { send: three } ]"), "r": transactional + sendOne,
		}, "topics: { offers: { when: { not: { attribute: mute_until, after: now } } }, news: {} }")
		d.join("ana")
		d.identify("ana", `{"mute_until":"2026-03-05T12:00:00Z"}`)
		d.track("ana", "Go", "")
		if got := d.sent(0) + d.sent(time.Minute); !strings.Contains(got, "r") || !strings.Contains(got, "x") {
			t.Errorf("sent %q", got)
		}
		d.now = moment(t, "2026-03-05T12:00:01Z")
		d.work(0)
		d.messages("ana one accepted", "ana one cancelled topic_when", "ana two accepted", "ana three claimed")
	})
}

// Mails that rely on a feed wait while it has gone quiet, and a person is told.
func TestFresh(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var log bytes.Buffer
		const cart = "status: active\ntopic: offers\ntrigger: { abandoned_cart: { after: 1h } }\nsteps: [ { send: one } ]\n"
		d := newDesk(t, s, map[string]string{"cart": cart, "given": onGo("fresh: { event: Order Updated, gap: 2h }", sendOne), "x": onGo(sendOne)})
		d.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		d.join("ana", "ben")
		order := func() { d.track("ben", "Order Completed", `{"total":5}`) }
		leave := func() { d.track("ana", "Product Added", `{"product_id":"P1"}`) }
		// Of nineteen orders nothing is usual yet.
		for range 19 {
			order()
			d.now = d.now.Add(6 * time.Minute)
		}
		d.now = d.now.Add(48 * time.Hour)
		leave()
		if got := d.sent(time.Hour); got != "cart" {
			t.Fatalf("sent %q", got)
		}
		// Twenty of six minutes each: quiet after an hour.
		exec(t, s, `DELETE FROM events WHERE name = 'Order Completed'`)
		leave()
		for range 20 {
			order()
			d.now = d.now.Add(6 * time.Minute)
		}
		heard := d.now.Add(-6 * time.Minute)
		d.now = heard.Add(time.Hour)
		if got := d.sent(0); got != "cart" {
			t.Fatalf("sent %q: an hour is not yet too long", got)
		}
		leave()
		if got := d.sent(time.Hour); got != "" {
			t.Fatalf("sent %q without orders", got)
		}
		d.waits("cart pending  fresh Order Completed 15")
		for range 7 { // an hour and three quarters
			if got := d.sent(15 * time.Minute); got != "" {
				t.Fatalf("sent %q without orders", got)
			}
		}
		if n := strings.Count(log.String(), "mails wait"); n != 2 || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("told %d times, want once an hour:\n%s", n, log.String())
		}
		order()
		if got := d.sent(time.Minute); got != "" {
			t.Errorf("sent %q before it was looked at again", got)
		}
		if got := d.sent(14 * time.Minute); got != "cart" {
			t.Errorf("sent %q, and orders come in again", got)
		}
		d.sent(time.Hour)
		is(t, s, nil, `SELECT campaign_id FROM quiet_feeds`)

		// Another feed with a gap of its own; who lets a mail go by hand lets it go.
		d.track("ben", "Order Updated", "")
		d.now = d.now.Add(2*time.Hour + time.Microsecond)
		d.track("ana", "Go", "")
		if got := d.sent(0); got != "x" {
			t.Errorf("sent %q", got)
		}
		d.waits("given pending  fresh Order Updated 15")
		exec(t, s, `UPDATE messages SET due_at = 0, gate = 'by_hand' WHERE state = 'pending'`)
		if got := d.sent(0); got != "given" {
			t.Errorf("sent %q", got)
		}
	})
}

// A mail that a feed holds back is left to its end.
func TestFreshUntilItsEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("fresh: { event: Order Updated, gap: 2h }", "expires: 10m", sendOne)})
		d.join("ana")
		d.track("ana", "Order Updated", "")
		d.now = d.now.Add(3 * time.Hour)
		d.track("ana", "Go", "")
		d.work(0)
		d.waits("x pending  fresh Order Updated 15")
		d.work(10*time.Minute + time.Microsecond)
		is(t, s, []string{"cancelled expired fresh"}, `SELECT state, reason, gate FROM messages`)
	})
}

// ends makes accepted and bounced mails of the campaign x, the latest last.
func ends(t *testing.T, s *store.Store, pass int, at time.Time, accepted, bounced int) {
	t.Helper()
	for i := range accepted + bounced {
		state, reason := "accepted", ""
		if i >= accepted {
			state, reason = "failed", "bad_address"
		}
		exec(t, s, `INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, reason, created_at, reached_at, due_at, expires_at, done_at)
			SELECT e.id, e.campaign_id, e.customer_id, $1, 'offers', 'bulk', $2, $3, 0, 0, 0, 0, $4 FROM enrollments e WHERE e.id = (SELECT min(id) FROM enrollments)`,
			fmt.Sprintf("%d-%d", pass, i), state, reason, campaign.Micros(at))
	}
}

// Too many bounces or complaints among the last mails pause a campaign, which says
// so; what came before a person resumed it counts no more.
func TestBreaker(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var log bytes.Buffer
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne), "y": on("Y", sendOne)})
		d.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		d.join("ana")
		d.track("ana", "Go", "")
		d.send(d.one(d.work(0)))
		paused := func(want bool) {
			t.Helper()
			d.now = d.now.Add(time.Second)
			d.relay()
			pauses, err := s.Pauses(t.Context())
			if _, is := pauses["x"]; err != nil || is != want || len(pauses) > 1 {
				t.Fatalf("paused: %+v, %v; want %t", pauses, err, want)
			}
		}
		round := 0
		more := func(accepted, bounced int) {
			t.Helper()
			round++
			d.now = d.now.Add(time.Second)
			ends(t, s, round, d.now, accepted, bounced)
		}
		back := func(name, properties string, accepted int) {
			t.Helper()
			for i := range accepted {
				id := table(t, s, `SELECT id FROM messages WHERE state = 'accepted' ORDER BY done_at DESC, id DESC LIMIT 1 OFFSET `+fmt.Sprint(i))[0]
				d.track("ana", name, `{"message":`+id+properties+`}`)
			}
		}
		resume := func() {
			t.Helper()
			d.now = d.now.Add(time.Second)
			if _, err := s.Resume(t.Context(), "x", "ann", d.now); err != nil {
				t.Fatal(err)
			}
		}
		more(78, 20) // with the one sent 99: too few to say
		paused(false)
		more(1, 0)
		paused(false) // nothing failed since the last look
		d.now = d.now.Add(time.Minute)
		paused(true)
		if got := log.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "20 of the last 100 mails") || !strings.Contains(got, "tidings resume x") {
			t.Errorf("the log says %s", got)
		}
		is(t, s, []string{"breaker pause"}, `SELECT who, action FROM audit`)
		d.track("ana", "Go", "")
		d.track("ana", "Y", "")
		if o := d.one(d.work(0)); o.Campaign != "y" {
			t.Errorf("campaign %s sends", o.Campaign)
		}

		resume()
		paused(false) // what was before is forgiven
		more(95, 5)
		paused(false) // 5 % is not more than 5 %
		more(0, 1)
		paused(true) // at once: there are new failures

		resume()
		more(1000, 49)
		more(0, 1)
		paused(false)
		back("Email Bounced", `,"type":"soft"`, 1)
		d.now = d.now.Add(time.Minute)
		paused(false)
		back("Email Bounced", `,"type":"hard"`, 1) // of an accepted one, later
		d.now = d.now.Add(time.Minute)
		paused(true)

		resume()
		more(999, 0)
		back("Email Complained", "", 2)
		d.now = d.now.Add(time.Minute)
		paused(false) // a thousand are not there yet
		more(1, 0)
		d.now = d.now.Add(time.Minute)
		paused(true)
		resume()
		more(1000, 0)
		back("Email Complained", "", 1)
		back("Email Complained", "", 1) // told twice: one mail
		d.now = d.now.Add(time.Minute)
		paused(false)
		more(1000, 0) // it has left the last thousand
		back("Email Complained", "", 1)
		d.now = d.now.Add(time.Minute)
		paused(false)
	})
}
