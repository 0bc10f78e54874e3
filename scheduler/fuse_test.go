package scheduler_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
)

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
		before := w.rows(`SELECT watermark, cursor FROM campaigns WHERE name = 'x'`)
		for range 3 {
			if got := w.tick(time.Hour)["x"]; got.Entered != 0 || len(got.Held) != 1 || got.Held[campaign.HeldFuse] != 4 {
				t.Errorf("%+v", got)
			}
		}
		w.same(before, w.rows(`SELECT watermark, cursor FROM campaigns WHERE name = 'x'`))
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
