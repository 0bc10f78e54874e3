package store_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

const transactional = "status: active\ntransactional: true\ntrigger: { event: { name: Go } }\n"

// moment reads RFC 3339.
func moment(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// go1 makes a customer of a zone and takes their mail to the last look.
func (d *desk) go1(zone string) []campaign.Outgoing {
	d.t.Helper()
	d.join("ana")
	d.identify("ana", fmt.Sprintf(`{"timezone":%q}`, zone))
	d.track("ana", "Go", "")
	return d.work(0)
}

// What hours hold back is put back until they let it go, at no cost.
func TestHoursPutOff(t *testing.T) {
	t.Parallel()
	const (
		night = "quiet_hours: { from: 21:00, to: 08:00 }"
		one   = "steps: [ { send: one } ]"
	)
	for _, c := range []struct {
		name, lines, campaign, zone, now string
		gate, due                        string // none: it goes at once
		spread                           bool   // the moment is moved by a part of three minutes
	}{
		{name: "by day", lines: night, campaign: onGo(one), zone: "Asia/Manila", now: "2026-03-02T04:00:00Z"},
		{name: "at night", lines: night, campaign: onGo(one), zone: "Asia/Manila", now: "2026-03-02T14:30:00Z", gate: "quiet_hours", due: "2026-03-03T00:00:00Z", spread: true},
		{name: "the last minute of the night", lines: night, campaign: onGo(one), zone: "Asia/Manila", now: "2026-03-02T23:59:59Z", gate: "quiet_hours", due: "2026-03-03T00:00:00Z", spread: true},
		{name: "at the end of the night", lines: night, campaign: onGo(one), zone: "Asia/Manila", now: "2026-03-03T00:00:00Z"},
		{name: "the same moment in another zone", lines: night, campaign: onGo(one), zone: "Europe/Athens", now: "2026-03-02T14:30:00Z"},
		{name: "no zone: the workspace's", lines: night, campaign: onGo(one), now: "2026-03-02T21:00:00Z", gate: "quiet_hours", due: "2026-03-03T08:00:00Z", spread: true},
		{name: "the campaign's zone is not the night's", lines: night, campaign: onGo("zone: workspace", one), zone: "Asia/Manila", now: "2026-03-02T14:30:00Z", gate: "quiet_hours", due: "2026-03-03T00:00:00Z", spread: true},
		{name: "transactional mail has no night", lines: night, campaign: transactional + one, zone: "Asia/Manila", now: "2026-03-02T14:30:00Z"},
		{name: "within the window", campaign: onGo("send_window: { from: 09:00, to: 12:00 }", one), zone: "Asia/Manila", now: "2026-03-02T01:00:00Z"},
		{name: "past the window", campaign: onGo("send_window: { from: 09:00, to: 12:00 }", one), zone: "Asia/Manila", now: "2026-03-02T04:00:00Z", gate: "send_window", due: "2026-03-03T01:00:00Z", spread: true},
		{name: "not on its day", campaign: onGo("expires: 7d", "send_window: { days: [wed], from: 09:00, to: 12:00 }", one), now: "2026-03-02T10:00:00Z", gate: "send_window", due: "2026-03-04T09:00:00Z", spread: true},
		{name: "the step's window alone", campaign: onGo("send_window: { from: 09:00, to: 12:00 }", "steps: [ { send: one, send_window: { from: 15:00, to: 16:00 } } ]"), now: "2026-03-02T10:00:00Z", gate: "send_window", due: "2026-03-02T15:00:00Z", spread: true},
		{name: "a window by the campaign's zone", campaign: onGo("zone: Europe/Athens", "send_window: { from: 09:00, to: 12:00 }", one), zone: "Asia/Manila", now: "2026-03-02T04:00:00Z", gate: "send_window", due: "2026-03-02T07:00:00Z", spread: true},
		{name: "window and night in two zones", lines: night, campaign: onGo("zone: workspace", "send_window: { from: 14:00, to: 02:00 }", one), zone: "Asia/Manila", now: "2026-03-02T13:00:00Z", gate: "quiet_hours", due: "2026-03-03T00:00:00Z", spread: true},
		{name: "a window shorter than the spread", campaign: onGo("send_window: { from: 09:00, to: 09:01 }", one), now: "2026-03-02T10:00:00Z", gate: "send_window", due: "2026-03-03T09:00:00Z"},
		{name: "send_at", campaign: onGo("steps: [ { send: one, send_at: 09:00 } ]"), zone: "Asia/Manila", now: "2026-03-02T04:00:00Z", gate: "send_at", due: "2026-03-03T01:00:00Z"},
		{name: "send_at now", campaign: onGo("steps: [ { send: one, send_at: 09:00 } ]"), zone: "Asia/Manila", now: "2026-03-02T01:00:00Z"},
		{name: "send_at of transactional mail", campaign: transactional + "steps: [ { send: one, send_at: 09:00 } ]", zone: "Asia/Manila", now: "2026-03-02T04:00:00Z", gate: "send_at", due: "2026-03-03T01:00:00Z"},
		{name: "send_at at night", lines: night, campaign: onGo("steps: [ { send: one, send_at: 22:00 } ]"), zone: "Asia/Manila", now: "2026-03-02T04:00:00Z", gate: "quiet_hours", due: "2026-03-03T00:00:00Z", spread: true},
		{name: "send_at before the window", campaign: onGo("steps: [ { send: one, send_at: 09:00, send_window: { from: 10:00, to: 12:00 } } ]"), now: "2026-03-02T13:00:00Z", gate: "send_window", due: "2026-03-03T10:00:00Z", spread: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"x": c.campaign}, lines(c.lines)...)
				d.now = moment(t, c.now)
				out := d.go1(c.zone)
				if c.gate == "" {
					d.send(d.one(out))
					return
				}
				if len(out) > 0 {
					t.Fatalf("%d claimed", len(out))
				}
				is(t, s, []string{"pending " + c.gate + " 0 0"}, `SELECT state, gate, attempt, token FROM messages`)
				due := d.due()
				late := due.Sub(moment(t, c.due))
				if late < 0 || late >= 3*time.Minute || !c.spread && late != 0 {
					t.Fatalf("due %s, want %s", due, c.due)
				}
				// Not a moment sooner, and then at once.
				d.now = due.Add(-time.Microsecond)
				if out := d.work(0); len(out) > 0 {
					t.Error("claimed before its moment")
				}
				o := d.one(d.work(time.Microsecond))
				is(t, s, []string{"claimed  1 1"}, `SELECT state, gate, attempt, token FROM messages`)
				d.send(o)
			})
		})
	}
}

// lines are some lines, if there are any.
func lines(of ...string) []string {
	var out []string
	for _, line := range of {
		if line != "" {
			out = append(out, line)
		}
	}
	return out
}

// due is the moment of the only message.
func (d *desk) due() time.Time {
	d.t.Helper()
	var us int64
	if err := store.RawDB(d.Store).QueryRow(`SELECT due_at FROM messages`).Scan(&us); err != nil {
		d.t.Fatal(err)
	}
	return campaign.FromMicros(us)
}

// What a night holds back leaves over some minutes, the same ones if asked again.
func TestNightsEndIsSpread(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const customers = 60
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, "quiet_hours: { from: 11:00, to: 13:00 }")
		d.join(names(customers)...)
		for _, name := range names(customers) {
			d.track(name, "Go", "")
		}
		if out := d.work(0); len(out) > 0 {
			t.Fatalf("%d claimed", len(out))
		}
		is(t, s, []string{"60 1"}, `SELECT count(*), count(DISTINCT gate) FROM messages WHERE gate = 'quiet_hours'`)
		d.now = t0.Add(time.Hour)
		minutes := make([]int, 3)
		for i := range minutes {
			out := d.work(time.Minute - time.Microsecond)
			d.now = d.now.Add(time.Microsecond)
			minutes[i] = len(out)
			d.send(out...)
		}
		if total := minutes[0] + minutes[1] + minutes[2]; total != customers {
			t.Errorf("%v sent, want %d in all", minutes, customers)
		}
		for i, n := range minutes {
			if n < customers/6 || n > customers/2 {
				t.Errorf("minute %d: %d of %d mails", i, n, customers)
			}
		}
	})
}

// A mail whose moment comes after its end is cancelled at once, and says at which
// gate it stood; its pass goes on.
func TestNeverBeforeItsEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one, expires: 2h, send_window: { from: 18:00, to: 20:00 } }, { send: two } ]")})
		if out := d.go1(""); len(out) > 0 {
			t.Fatalf("%d claimed", len(out))
		}
		is(t, s, []string{"cancelled expired send_window"}, `SELECT state, reason, gate FROM messages`)
		if o := d.one(d.work(time.Minute)); o.Step != "two" {
			t.Errorf("step %s", o.Step)
		}
	})
}

// send_at goes by when the pass came to its step, not by the tick that saw it, and
// what has waited for it once does not wait for the next one.
func TestSendAtIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { wait: { until: 15:00 } }, { send: one, send_at: 15:00 } ]")})
		d.join("ana")
		d.track("ana", "Go", "")
		d.tick(0)
		d.now = moment(t, "2026-03-01T15:00:20Z")
		o := d.one(d.work(0))
		d.result(o, campaign.WasRetry, func(r *campaign.Result) { r.Reason, r.RetryIn = "temporary", 5*time.Minute })
		is(t, s, []string{"pending retry"}, `SELECT state, gate FROM messages`)
		o = d.one(d.work(5 * time.Minute))
		d.result(o, campaign.WasRetry, func(r *campaign.Result) { r.Reason, r.RetryIn = "connection", 15*time.Minute })
		is(t, s, []string{"pending connection"}, `SELECT state, gate FROM messages`)
		o = d.one(d.work(15 * time.Minute))
		d.result(o, campaign.WasRelease)
		is(t, s, []string{"pending "}, `SELECT state, gate FROM messages`)
		d.send(d.one(d.work(0)))
	})
}

// The steps behind a mail that waits wait for it.
func TestLaterStepsWait(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one }, { wait: 2h }, { send: two } ]")}, "quiet_hours: { from: 12:00, to: 20:00 }")
		d.go1("")
		for range 7 {
			if out := d.work(time.Hour); len(out) > 0 {
				t.Fatalf("step %s at %s", out[0].Step, d.now)
			}
		}
		is(t, s, []string{"one pending"}, `SELECT step, state FROM messages`)
		d.now = t0.Add(8*time.Hour + 3*time.Minute)
		d.send(d.one(d.work(0)))
		if out := d.work(2*time.Hour - time.Minute); len(out) > 0 {
			t.Fatalf("the wait was counted from the plan: %s", out[0].Step)
		}
		if o := d.one(d.work(time.Minute)); o.Step != "two" {
			t.Errorf("step %s", o.Step)
		}
	})
}
