package scheduler

import (
	"context"
	"fmt"
	"time"
)

// RelayDue sweeps, then puts due messages into the queue, within its depth. It
// returns how many slices it enqueued.
func (s *Scheduler) RelayDue(ctx context.Context, now time.Time) (int, error) {
	epoch, err := s.Queue.Epoch(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask the queue for its epoch: %w", err)
	}
	lost, err := s.Store.Requeue(ctx, epoch)
	if err != nil {
		return 0, fmt.Errorf("put back what the queue lost: %w", err)
	}
	if lost > 0 {
		s.Log.Warn("the queue was lost; its messages are queued again", "messages", lost)
	}
	if _, err := s.Store.Sweep(ctx, now); err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	slices, err := s.Store.Relay(ctx, now, s.Relay)
	if err != nil {
		return 0, fmt.Errorf("relay: %w", err)
	}
	for i, slice := range slices {
		if err := s.Queue.Enqueue(ctx, slice.Lane, slice.ID); err != nil {
			// What the queue did not take is due again at once, under a new slice.
			if rerr := s.Store.Return(context.WithoutCancel(ctx), slices[i:]); rerr != nil {
				s.Log.Error("slices not taken back; the sweep will", "error", rerr)
			}
			return i, fmt.Errorf("enqueue slice %d: %w", slice.ID, err)
		}
	}
	return len(slices), nil
}
