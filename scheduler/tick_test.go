package scheduler_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
)

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
