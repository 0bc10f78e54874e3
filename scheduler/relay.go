package scheduler

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/fault"
)

// sweepEvery is the least time between two sweeps.
const sweepEvery = 5 * time.Second

// RelayDue sweeps, then puts due messages into the queue, within its depth and
// the rates. It returns how many slices it enqueued.
func (s *Scheduler) RelayDue(ctx context.Context, now time.Time) (int, error) {
	out, err := s.relay(ctx, now)
	return out.slices, err
}

// relayed is what a round's relay leaves to wait for.
type relayed struct {
	slices int           // that it enqueued
	next   time.Duration // how long after it more may go; 0: nothing waits for a moment
	full   bool          // more may be due than the queue has room for
	lasts  time.Duration // as long as this, about; 0: nobody knows
}

// relay is RelayDue.
func (s *Scheduler) relay(ctx context.Context, now time.Time) (did relayed, err error) {
	// What concerns the ledger alone goes on while the queue does not answer. While mails
	// go out the relay works many times a second, and what is swept has lain for minutes.
	if since := now.Sub(s.swept); since < 0 || since >= sweepEvery {
		if _, err := s.Store.Sweep(ctx, now); err != nil {
			return did, fmt.Errorf("sweep: %w", err)
		}
		s.swept = now
	}
	s.watch(ctx, now)
	epoch, err := s.Queue.Epoch(ctx)
	if err != nil {
		return did, fmt.Errorf("ask the queue for its epoch: %w", err)
	}
	lost, err := s.Store.Requeue(ctx, epoch)
	if err != nil {
		return did, fmt.Errorf("put back what the queue lost: %w", err)
	}
	if lost > 0 {
		s.Log.Warn("the queue was lost; its messages are queued again", "messages", lost)
	}
	out, err := s.Store.Relay(ctx, now, s.Relay)
	if err != nil {
		return did, fmt.Errorf("relay: %w", err)
	}
	if err := fault.Err("relay.after_commit"); err != nil {
		return did, err
	}
	s.tell(out.Throttles)
	if !out.Next.IsZero() {
		did.next = max(out.Next.Sub(out.At), 1)
	}
	for i, slice := range out.Slices {
		err := s.Queue.Enqueue(ctx, slice.Lane, slice.ID)
		if err == nil {
			err = fault.Err("relay.after_enqueue")
		}
		if err != nil {
			// What the queue did not take is due again at once, under a new slice.
			if rerr := s.Store.Return(context.WithoutCancel(ctx), out.Slices[i:]); rerr != nil {
				s.Log.Error("slices not taken back; the sweep will", "error", rerr)
			}
			return relayed{slices: i}, fmt.Errorf("enqueue slice %d: %w", slice.ID, err)
		}
	}
	did.slices, did.full, did.lasts = len(out.Slices), out.Full, out.Lasts
	return did, nil
}

// tell logs whose mail is held back, once each time that it begins, and when it
// ends.
func (s *Scheduler) tell(throttles []Throttled) {
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	stand := map[string]campaign.Throttle{}
	for _, t := range throttles {
		stand[t.Key] = t.Throttle
		before, known := s.told.throttles[t.Key]
		switch {
		case known && before.Since.Equal(t.Since) && before.Stopped == t.Stopped:
		case t.Stopped && strings.HasPrefix(t.Key, "sender:"):
			s.Log.Error("the mail server refuses a sender: of the campaigns that write under it only one mail in a while is tried until it takes one; look at the address in tidings.yaml, and whether the account there may send under it",
				"key", t.Key, "reply", t.Reason, "every", campaign.ProbeEvery)
		case t.Stopped:
			s.Log.Error("the mail server refuses us: only one mail in a while is tried until it takes one; look at SMTP_URL's user, password and sender, and at the account there",
				"key", t.Key, "reply", t.Reason, "every", campaign.ProbeEvery)
		default:
			s.Log.Warn("asked to send less: mail rests, and then begins slowly", "key", t.Key, "reply", t.Reason, "until", t.Until)
		}
	}
	for key, t := range s.told.throttles {
		if _, still := stand[key]; !still {
			s.Log.Info("mail goes out as before", "key", key, "since", t.Since, "stopped", t.Stopped)
		}
	}
	s.told.throttles = stand
}

// told is what the log has said of throttles.
type told struct {
	mu        sync.Mutex
	throttles map[string]campaign.Throttle
}
