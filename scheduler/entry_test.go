package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
)

// What a new anchor does while a pass is open.
func TestOverlap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		const steps = "exit_on: { event: Done, since: anchor }\nsteps: [ { wait: 1d }, { send: one } ]"
		w := newWorld(t, d, map[string]string{
			"both": on(onGo, "overlap: both", steps), "first": on(onGo, "overlap: first", steps), "newest": on(onGo, "overlap: newest", steps),
		})
		of := func(name string, want ...string) {
			t.Helper()
			w.same(want, w.rows(`SELECT e.state, e.reason FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE k.name = $1 ORDER BY e.entered_at`, name))
		}
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		// Two anchors within one tick, then one more.
		w.track("ana", "Go", "")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		decided := w.tick(time.Minute)
		if decided["both"].Entered != 2 || decided["first"].Entered != 1 || decided["newest"].Entered != 2 || decided["first"].Held[campaign.HeldInProgress] == 0 {
			t.Errorf("%+v", decided)
		}
		of("both", "running", "running")
		of("first", "running")
		of("newest", "exited superseded", "running")
		w.track("ana", "Go", "")
		w.tick(time.Minute)
		of("both", "running", "running", "running")
		of("first", "running")
		of("newest", "exited superseded", "exited superseded", "running")
		// Whoever left may enter again, in the very tick that finds out.
		w.track("ana", "Done", "")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		w.tick(time.Minute)
		of("both", "exited exit_on", "exited exit_on", "exited exit_on", "running")
		of("first", "exited exit_on", "running")
		of("newest", "exited superseded", "exited superseded", "exited exit_on", "running")
	})
}

// A pass that came to its end before the next anchor does not stand in its way,
// however late the tick.
func TestOverlapFirstAfterTheEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, "overlap: first", "steps: [ { wait: 1h } ]")})
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		w.tick(time.Minute)
		w.now = w.now.Add(90 * time.Minute)
		w.track("ana", "Go", "")
		w.tick(time.Minute)
		w.passes("ana finished", "ana running wait-1")
	})
}

// Facts that ended a pass before the tick that finds its entry.
func TestEnteredAndEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{
			"wait": on("event: { name: Go, after: 1h }", "overlap: first", "exit_on: { event: Done, since: anchor }", "steps: [ { wait: 1d }, { send: one } ]"),
			"end":  on("event: { name: Go, after: 1h }", "exit_on: { event: Done, since: anchor }", "steps: [ { wait: 30m } ]"),
		})
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		w.now = w.now.Add(2 * time.Hour)
		w.track("ana", "Done", "")
		done := w.now
		w.tick(time.Hour)
		w.same([]string{
			fmt.Sprintf("end finished %d", campaign.Micros(done.Add(-30*time.Minute))), fmt.Sprintf("wait exited exit_on %d", campaign.Micros(done)),
		}, w.rows(`SELECT k.name, e.state, e.reason, e.ended_at FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id ORDER BY k.name`))
		w.track("ana", "Go", "")
		if got := w.tick(2 * time.Hour)["wait"]; got.Entered != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestReEntry(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{
			"week": on(onGo, "re_entry: 7d", "steps: [ { exit: done } ]"), "never": on(onGo, "re_entry: never", "steps: [ { exit: done } ]"),
			"always": on(onGo, "re_entry: always", "steps: [ { exit: done } ]"), "out": on(onGo, "re_entry: 7d", "holdout: 100%", "steps: [ { send: one } ]"),
		})
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		for _, after := range []time.Duration{0, 7*24*time.Hour - time.Second, time.Second} {
			w.now = w.now.Add(after)
			w.track("ana", "Go", "")
			w.tick(0)
		}
		w.same([]string{"always 3", "never 1", "out 2", "week 2"}, w.rows(`SELECT k.name, count(*) FROM enrollments e
			JOIN campaigns k ON k.id = e.campaign_id GROUP BY k.name ORDER BY k.name`))
		w.messages() // all of `out` are held out: they enter, and get nothing
		w.same([]string{"held_out 2"}, w.rows(`SELECT e.state, count(*) FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE k.name = 'out' GROUP BY e.state`))
	})
}

// Half are held out, the same ones each time, and never in transactional mail.
func TestHoldout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{
			"x": on(onGo, "holdout: 50%", "steps: [ { send: one } ]"),
			"z": "status: active\ntransactional: true\ntrigger: { " + onGo + " }\nsteps: [ { send: two } ]\n",
		})
		w.now = w.now.Add(time.Minute)
		for i := range 20 {
			name := fmt.Sprint("c", i)
			w.join(name)
			w.track(name, "Go", "")
			w.track(name, "Go", "")
		}
		w.tick(time.Minute)
		want := map[string]int{}
		for i := range 20 {
			if campaign.HeldOut(0.5, "Kape & Co", "x", fmt.Sprint("c", i)) {
				want["held_out"] += 2
			} else {
				want["running"] += 2
			}
		}
		w.same([]string{fmt.Sprint("held_out ", want["held_out"]), fmt.Sprint("running ", want["running"])},
			w.rows(`SELECT e.state, count(*) FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE k.name = 'x' GROUP BY e.state ORDER BY e.state`))
		w.same(nil, w.rows(`SELECT m.id FROM messages m JOIN enrollments e ON e.id = m.enrollment_id WHERE e.state = 'held_out'`))
		w.same([]string{"two 40"}, w.rows(`SELECT step, count(*) FROM messages WHERE step = 'two' GROUP BY step`))
	})
}

// Held until nobody wanted it any more: what is too late is counted, not sent.
func TestTooLate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on("event: { name: Go, after: 1h }", "max_lateness: 2h", "steps: [ { send: one } ]")})
		w.join("ana", "ben")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		w.now = w.now.Add(time.Microsecond)
		w.track("ben", "Go", "")
		got := w.tick(3*time.Hour - time.Microsecond)["x"] // two hours after ana's was due
		if got.Entered != 1 || got.Held[campaign.HeldTooLate] == 0 {
			t.Errorf("%+v", got)
		}
		w.messages("ben one pending")
	})
}

// Moments at or before the activation never trigger, nor any after the end.
func TestActivation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		s, db := d.open(t)
		w := &world{Store: s, t: t, db: db, now: t0, queue: &queue{}}
		w.sched = newScheduler(s, w.queue)
		w.load(map[string]string{
			"now":  on("event: { name: Go, after: 1h }", "steps: [ { exit: done } ]"),
			"from": on(onGo, "active_from: 2026-03-02T12:00:00Z", "steps: [ { exit: done } ]"),
			"till": on(onGo, "active_until: 2026-03-02T12:00:00Z", "steps: [ { exit: done } ]"),
			"off":  "status: draft\n" + on(onGo, "steps: [ { exit: done } ]")[len("status: active\n"):],
		})
		w.join("ana")
		w.now = t0.Add(-time.Hour)
		w.track("ana", "Go", "") // due at t0, in `now`
		w.now = t0.Add(-time.Hour + time.Microsecond)
		w.track("ana", "Go", "")
		w.now = t0
		first := w.tick(0)
		for name, got := range first {
			if got.Entered != 0 || len(got.Held) != 0 {
				t.Errorf("first tick of %s: %+v", name, got)
			}
		}
		for _, hour := range []int{11, 12, 13} {
			for _, off := range []time.Duration{0, time.Microsecond} {
				w.now = time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC).Add(off)
				w.track("ana", "Go", "")
			}
		}
		w.tick(0)
		w.tick(2 * time.Hour)
		at := func(name string) []string {
			return w.rows(`SELECT (e.anchor_at - $2) / 1000000, (e.anchor_at - $2) % 1000000 FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id
				WHERE k.name = $1 ORDER BY e.anchor_at`, name, campaign.Micros(t0))
		}
		w.same([]string{"-3599 -999999", "7200 0", "7200 1", "10800 0", "10800 1", "14400 0", "14400 1"}, at("now"))
		w.same([]string{"10800 1", "14400 0", "14400 1"}, at("from"))
		w.same([]string{"7200 0", "7200 1", "10800 0"}, at("till"))
		w.same(nil, at("off"))
	})
}
