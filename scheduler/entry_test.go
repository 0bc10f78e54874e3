package scheduler_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
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

// A tick that decides far more than it should is held, until the file expects it.
func TestFuse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		text := func(most int) map[string]string {
			return map[string]string{"x": on(onGo, fmt.Sprintf("expect: { entries: { at_most: %d } }", most), "steps: [ { send: one } ]")}
		}
		w := newWorld(t, d, text(3))
		w.now = w.now.Add(time.Minute)
		w.identify("nobody", `{"email":"nobody@kape.example"}`)
		w.track("nobody", "Go", "")
		for i := range 4 {
			name := fmt.Sprint("c", i)
			w.join(name)
			w.track(name, "Go", "")
		}
		before := w.rows(`SELECT watermark, cursor FROM campaigns`)
		for range 3 {
			if got := w.tick(time.Hour)["x"]; got.Entered != 0 || len(got.Held) != 1 || got.Held[campaign.HeldFuse] != 4 {
				t.Errorf("%+v", got)
			}
		}
		w.same(before, w.rows(`SELECT watermark, cursor FROM campaigns`))
		w.passes()
		w.load(text(4))
		if got := w.tick(time.Minute)["x"]; got.Entered != 4 || got.Held[campaign.HeldNoConsent] == 0 || got.Held[campaign.HeldFuse] != 0 {
			t.Errorf("%+v", got)
		}
		if got := w.tick(time.Minute)["x"]; got.Entered != 0 {
			t.Errorf("again %+v", got)
		}
		report, err := w.Report(t.Context(), "x", w.now)
		if err != nil || report.Campaigns[0].HeldBy[campaign.HeldFuse] != 4 {
			t.Errorf("%+v, %v", report.Campaigns, err)
		}
	})
}

// A person lets in what is held: that very decision, once, and nothing that came
// after it.
func TestRelease(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, "expect: { entries: { at_most: 3 } }", "steps: [ { send: one } ]")})
		burst := func(from, to int) {
			w.now = w.now.Add(time.Minute)
			for i := from; i < to; i++ {
				name := fmt.Sprint("c", i)
				w.join(name)
				w.track(name, "Go", "")
			}
		}
		held := func() store.Held {
			t.Helper()
			all, err := w.HeldByFuse(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("held: %+v, %v", all, err)
			}
			return all[0]
		}
		burst(0, 5)
		if got := w.tick(time.Minute)["x"]; got.Fuse == nil || *got.Fuse != (scheduler.Fuse{Decided: 5, Allowed: 3}) {
			t.Errorf("%+v", got.Fuse)
		}
		first := held()
		if first.Entries != 5 || first.Allowed != 3 || !first.Through.Equal(w.now) || first.Released {
			t.Errorf("held %+v", first)
		}
		burst(5, 7)
		w.tick(time.Minute)
		if now := held(); now.Entries != 7 || !now.Since.Equal(first.Since) {
			t.Errorf("held %+v", now)
		}
		if ok, err := w.Release(t.Context(), first, w.now); ok || err != nil {
			t.Errorf("released what is not held any more: %v", err)
		}
		shown := held()
		w.now = w.now.Add(15 * time.Second)
		if w.tick(0); !held().Through.After(shown.Through) {
			t.Error("no tick while the person thinks")
		}
		other := shown
		other.Since = other.Since.Add(time.Second)
		if ok, err := w.Release(t.Context(), other, w.now); ok || err != nil {
			t.Errorf("released another hold: %v", err)
		}
		if ok, err := w.Release(t.Context(), shown, w.now); !ok || err != nil {
			t.Fatalf("not released: %v", err)
		}
		if !held().Released {
			t.Error("does not say that it is released")
		}
		burst(7, 9) // not looked at by whoever released the seven
		if got := w.tick(time.Minute)["x"]; got.Entered != 7 || got.Fuse != nil {
			t.Errorf("%+v", got)
		}
		if all, err := w.HeldByFuse(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("still held: %+v, %v", all, err)
		}
		report, err := w.Report(t.Context(), "x", w.now)
		if err != nil || report.Campaigns[0].Entered != 7 || report.Campaigns[0].HeldBy[campaign.HeldFuse] != 0 {
			t.Errorf("who was let in was held: %+v, %v", report.Campaigns, err)
		}
		if got := w.tick(0)["x"]; got.Entered != 2 {
			t.Errorf("those after it: %+v", got)
		}
		w.same([]string{"7 1"}, w.rows(`SELECT entries, CASE WHEN used_at IS NOT NULL THEN 1 END FROM releases`))
		burst(10, 14)
		if got := w.tick(time.Minute)["x"]; got.Entered != 0 || got.Fuse == nil {
			t.Errorf("a release is for once: %+v", got)
		}
	})
}

// A release of less than there is by the tick lets nobody in: it is held again, as
// counted up to where the release went, and the tick says so.
func TestReleaseOfLess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, "expect: { entries: { at_most: 3 } }", "steps: [ { send: one } ]")})
		var log strings.Builder
		w.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		w.now = w.now.Add(time.Minute)
		for i := range 5 {
			name := fmt.Sprint("c", i)
			w.join(name)
			w.track(name, "Go", "")
		}
		w.tick(time.Minute)
		first, err := w.HeldByFuse(t.Context())
		if err != nil || len(first) != 1 {
			t.Fatalf("held: %+v, %v", first, err)
		}
		if ok, err := w.Release(t.Context(), first[0], w.now); !ok || err != nil {
			t.Fatalf("not released: %v", err)
		}
		w.track("c0", "Go", "") // at the very moment up to which they were released
		if got := w.tick(time.Minute)["x"]; got.Entered != 0 || got.Fuse == nil || *got.Fuse != (scheduler.Fuse{Decided: 6, Allowed: 3, Released: 5}) {
			t.Errorf("%+v", got)
		}
		if want := `level=WARN msg="held again: more than was released" campaign=x entries=6 released=5`; !strings.Contains(log.String(), want) {
			t.Errorf("logged %s", log.String())
		}
		again, err := w.HeldByFuse(t.Context())
		if err != nil || len(again) != 1 || again[0].Released || again[0].Entries != 6 || !again[0].Through.Equal(first[0].Through) {
			t.Errorf("held: %+v, %v", again, err)
		}
		if got := w.tick(time.Minute)["x"]; got.Fuse == nil || got.Fuse.Released != 0 {
			t.Errorf("says so twice: %+v", got.Fuse)
		}
	})
}

// What is held does not come too late for having been held: a person who takes
// their time still lets in all of it, and what is left of it does not become so
// little that it enters by itself.
func TestHeldDoesNotAge(t *testing.T) {
	t.Parallel()
	t.Run("after other ticks", func(t *testing.T) {
		each(t, func(t *testing.T, d database) { holdForADay(t, d, false) })
	})
	t.Run("from the first tick on", func(t *testing.T) {
		each(t, func(t *testing.T, d database) { holdForADay(t, d, true) })
	})
}

// holdForADay has the fuse hold six for a day and more, by a campaign to which
// whoever is two hours late is too late. With first no tick has got through before.
func holdForADay(t *testing.T, d database, first bool) {
	w := newWorld(t, d, map[string]string{"x": on(onGo, "max_lateness: 2h", "expect: { entries: { at_most: 3 } }", "steps: [ { wait: 7d }, { send: one } ]")})
	if first {
		if _, err := w.db.Exec(`UPDATE campaigns SET watermark = NULL`); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		w.now = w.now.Add(15 * time.Minute)
		name := fmt.Sprint("c", i)
		w.join(name)
		w.track(name, "Go", "")
	}
	for range 30 { // they are due more than two hours ago one after the other
		if got := w.tick(20 * time.Minute)["x"]; got.Entered != 0 || len(got.Held) != 1 || got.Held[campaign.HeldFuse] != 6 {
			t.Fatalf("at %s %+v", w.now.Format(time.DateTime), got)
		}
	}
	all, err := w.HeldByFuse(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("held: %+v, %v", all, err)
	}
	if ok, err := w.Release(t.Context(), all[0], w.now); !ok || err != nil {
		t.Fatalf("not released: %v", err)
	}
	if got := w.tick(24 * time.Hour)["x"]; got.Entered != 6 || len(got.Held) != 0 {
		t.Errorf("released: %+v", got)
	}
	// From then on it counts again.
	w.join("late")
	w.track("late", "Go", "")
	if got := w.tick(3 * time.Hour)["x"]; got.Entered != 0 || got.Held[campaign.HeldTooLate] == 0 {
		t.Errorf("after it: %+v", got)
	}
}

// A campaign that cannot be evaluated decides nothing; the others go on, and the
// tick names it.
func TestFailsClosed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"a": on(onGo, "steps: [ { send: one } ]"), "b": on(onGo, "steps: [ { send: two } ]")})
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		broken, _ := w.sched.Catalog.Campaign("a")
		broken.Audience = campaign.InSegment{Segment: "nowhere"}
		decided, err := w.sched.Tick(t.Context(), w.now)
		var failed *scheduler.FailedError
		if !errors.As(err, &failed) || !slices.Equal(failed.Campaigns, []string{"a"}) {
			t.Fatalf("the tick says %v", err)
		}
		if decided["a"].Error == "" || decided["a"].Entered != 0 || decided["b"].Entered != 1 {
			t.Errorf("%+v", decided)
		}
		w.messages("ana two pending")
		broken.Audience = nil
		if got := w.tick(time.Minute)["a"]; got.Entered != 1 {
			t.Errorf("once it can be: %+v", got)
		}
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

// Two ticks at one moment decide once; none goes back.
func TestTickTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, "steps: [ { send: one }, { wait: 1h }, { send: two } ]")})
		if err := w.Fix(t.Context(), store.Simulated); err != nil {
			t.Fatal(err)
		}
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		if got := w.tick(0)["x"]; got.Entered != 1 {
			t.Errorf("%+v", got)
		}
		for range 2 {
			if got := w.tick(0)["x"]; got.Entered != 0 {
				t.Errorf("%+v", got)
			}
		}
		w.messages("ana one pending")
		w.send()
		w.tick(time.Hour)
		w.tick(0)
		w.messages("ana one accepted", "ana two pending")
		// A fact that comes in at the very moment of the tick, after it.
		w.track("ana", "Go", "")
		if got := w.tick(0)["x"]; got.Entered != 1 {
			t.Errorf("%+v", got)
		}
		var past *store.PastError
		if _, err := w.sched.Tick(t.Context(), w.now.Add(-time.Microsecond)); !errors.As(err, &past) {
			t.Errorf("ticked into the past: %v", err)
		}
	})
}

// Live, the clock of a second scheduler may be a little behind: it decides
// nothing twice, and takes nothing back.
func TestTickALittleBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on("event: { name: Go, after: 1h }", "steps: [ { send: one } ]")})
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		// From here on what comes in would carry the real time.
		if err := w.Fix(t.Context(), store.Live); err != nil {
			t.Fatal(err)
		}
		w.tick(time.Hour)
		before := w.rows(`SELECT watermark FROM campaigns`)
		w.tick(-30 * time.Second)
		w.same(before, w.rows(`SELECT watermark FROM campaigns`))
		w.messages("ana one pending")
	})
}
