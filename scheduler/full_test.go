package scheduler_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// crammed is a store with mail due and a queue in which workers elsewhere make room at
// some moment, of which they do not tell.
type crammed struct {
	paced
	room   time.Time
	looks  int
	letOut time.Time
	next   time.Duration
}

func (c *crammed) Relay(_ context.Context, now time.Time, _ scheduler.RelayOptions) (scheduler.Relayed, error) {
	out := scheduler.Relayed{At: now}
	c.looks++
	switch {
	case !c.letOut.IsZero():
	case now.Before(c.room):
		out.Full = true
		if c.next > 0 {
			out.Next = now.Add(c.next)
		}
	default:
		c.letOut = now
		out.Slices = []scheduler.Slice{{ID: 1, Lane: campaign.LaneBulk}}
	}
	return out, nil
}

// A full queue is looked at again after a moment, without a tick, also while other
// mail waits for a later one.
func TestRunLooksAgainAtFullQueue(t *testing.T) {
	for _, next := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
			defer cancel()
			begin := time.Now()
			c := &crammed{room: begin.Add(5500 * time.Millisecond), next: next}
			s := &scheduler.Scheduler{Store: c, Queue: noQueue{}, Catalog: &campaign.Catalog{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
			_ = s.Run(ctx, scheduler.RunOptions{
				Leader: func(context.Context) (bool, error) { return true, nil },
				Clock:  func(context.Context) (time.Time, error) { return time.Now(), nil },
			})
			if c.letOut.IsZero() || c.letOut.After(c.room.Add(1200*time.Millisecond)) {
				t.Errorf("let out after %s, room was after %s", c.letOut.Sub(begin), c.room.Sub(begin))
			}
			// One tick at the start, one when mail was let out.
			if c.looks > 8 || c.ticks != 2 {
				t.Errorf("%d looks, %d ticks", c.looks, c.ticks)
			}
		})
	}
}
