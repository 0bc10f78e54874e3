package scheduler_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

// deaf is a queue that does not answer.
type deaf struct{}

func (deaf) Epoch(context.Context) (string, error) { return "", errors.New("OOM command not allowed") }
func (deaf) Enqueue(context.Context, campaign.Lane, int64) error {
	return errors.New("OOM command not allowed")
}

// What was left lying is taken up while the queue is full or away: mails that have grown
// too old are cancelled, so that their passes go on, and what a dead worker held is free.
func TestSweepsWithoutQueue(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		w := newWorld(t, db, map[string]string{"go": on(onGo, "expires: 1h", "steps: [ { send: one } ]")})
		w.tick(time.Minute)
		w.join("ana")
		w.track("ana", "Go", "")
		w.tick(time.Minute)
		w.sched.Queue = deaf{}
		w.now = w.now.Add(61 * time.Minute)
		if _, err := w.sched.RelayDue(t.Context(), w.now); err == nil {
			t.Error("nobody is told that the queue does not answer")
		}
		rows, _, err := w.OpenMessages(t.Context(), store.OpenQuestion{}, w.now)
		if err != nil || len(rows) != 0 {
			t.Errorf("%+v, %v; want nothing open", rows, err)
		}
	})
}
