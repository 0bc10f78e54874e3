package scheduler_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tidings/internal/store"
	"tidings/scheduler"
)

// blind is a store that cannot look after the sending to its end.
type blind struct{ *store.Store }

func (blind) Watch(context.Context, time.Time) (scheduler.Watched, error) {
	return scheduler.Watched{Paused: []scheduler.Tripped{{Campaign: "letter", Why: "too many"}}}, errors.New("no such table")
}

// What cannot be looked at keeps no mail back: the log says so, beside what was found.
func TestRelayGoesOnWithoutWatch(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		w := newWorld(t, db, map[string]string{"go": on(onGo, "steps: [ { send: one } ]")})
		w.tick(time.Minute)
		w.join("ana")
		w.track("ana", "Go", "")
		w.tick(time.Minute)
		var log bytes.Buffer
		w.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		w.sched.Store = blind{w.Store}
		n, err := w.sched.RelayDue(t.Context(), w.now)
		if err != nil || n != 1 {
			t.Errorf("%d slices, %v; want the one that is due", n, err)
		}
		for _, said := range []string{"no such table", "campaign=letter"} {
			if strings.Count(log.String(), said) != 1 {
				t.Errorf("%q is not in the log:\n%s", said, &log)
			}
		}
	})
}
