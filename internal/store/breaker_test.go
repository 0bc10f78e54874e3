package store_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// Mail that customers wait for goes on, however much of it bounces: a person is told,
// once a day, and in the log of what was done.
func TestBreakerLeavesTransactional(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var log bytes.Buffer
		d := newDesk(t, s, map[string]string{"x": "status: active\ntransactional: true\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n"})
		d.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		d.join("ana")
		d.track("ana", "Go", "")
		d.send(d.one(d.work(0)))
		d.now = d.now.Add(time.Second)
		ends(t, s, 1, d.now, 0, 200)
		told := func(want int) {
			t.Helper()
			d.relay()
			if n := strings.Count(log.String(), "a transactional campaign hurts your sending"); n != want {
				t.Errorf("told %d times, want %d:\n%s", n, want, &log)
			}
		}
		told(1)
		d.now = d.now.Add(time.Minute)
		ends(t, s, 2, d.now, 0, 5)
		told(1)
		d.now = d.now.Add(25 * time.Hour)
		told(2)
		is(t, s, []string{"breaker alarm", "breaker alarm"}, `SELECT who, action FROM audit`)
		if pauses, err := s.Pauses(t.Context()); err != nil || len(pauses) > 0 {
			t.Errorf("paused: %+v, %v", pauses, err)
		}
		d.track("ana", "Go", "")
		d.send(d.one(d.work(0)))
	})
}

// Of several that see the same bounces one pauses the campaign: a second one leaves
// no line in the log, nor a person's pause in another's name.
func TestBreakerPausesOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne), "y": onGo(sendOne)})
		if _, err := s.Pause(t.Context(), "y", "wrong price", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		for i, c := range []struct {
			name  string
			first bool
		}{{"x", true}, {"x", false}, {"y", false}, {"gone", false}} {
			if first, err := s.Trip(t.Context(), c.name, "too many", d.now.Add(time.Duration(i)*time.Second)); err != nil || first != c.first {
				t.Errorf("%s: first %v, %v", c.name, first, err)
			}
		}
		d.log("ann pause y 0: wrong price", "breaker pause x 0: too many")
		if pauses, err := s.Pauses(t.Context()); err != nil || len(pauses) != 2 || pauses["y"].Who != "ann" || pauses["y"].Why != "wrong price" || !pauses["x"].Since.Equal(d.now) {
			t.Errorf("pauses %+v, %v", pauses, err)
		}
	})
}
