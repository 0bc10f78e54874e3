package scheduler

import (
	"context"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// Clock tells the time: the database's in a live store, a given one in a
// simulated one.
type Clock func(ctx context.Context) (time.Time, error)

// Leader tells whether this process is to do the scheduler's work now. It keeps
// two schedulers from doing it twice; that they'd do no harm is the store's
// business.
type Leader func(ctx context.Context) (bool, error)

// RunOptions say when a Scheduler works.
type RunOptions struct {
	Clock  Clock
	Leader Leader
	// Every is the period of the tick that needs no poke; 0: 15 s.
	Every time.Duration
	// Poke wakes it: events came in, or a worker has room. However many pokes come,
	// rounds begin no sooner than 100 ms after the one before has ended, and none
	// is lost.
	Poke <-chan struct{}
}

// Run ticks and relays until ctx ends, by cron and whenever poked. A round that
// fails is logged and tried again with the next one.
func (s *Scheduler) Run(ctx context.Context, o RunOptions) error {
	if o.Every == 0 {
		o.Every = 15 * time.Second
	}
	due := make(chan struct{}, 1)
	timetable := cron.New(cron.WithLocation(time.UTC))
	if _, err := timetable.AddFunc("@every "+o.Every.String(), func() { poke(due) }); err != nil {
		return fmt.Errorf("set up the tick: %w", err)
	}
	timetable.Start()
	defer timetable.Stop()
	for {
		busy := s.round(ctx, o)
		if rest(ctx, o.Poke) {
			continue
		}
		again, stop := after(busy)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-due:
		case <-again:
		case <-o.Poke:
		}
		stop()
	}
}

// roundPause is the least time between two rounds: a thousand events are looked
// at together, not one by one.
const roundPause = 100 * time.Millisecond

// rest waits for it, and tells whether there was a poke meanwhile.
func rest(ctx context.Context, pokes <-chan struct{}) (poked bool) {
	t := time.NewTimer(roundPause)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-pokes:
			poked = true
		case <-t.C:
			return poked
		}
	}
}

// busyPause is how long the relay leaves a queue that it has just filled before
// it looks whether workers in other processes have made room.
const busyPause = time.Second

// after is a timer that runs when there is more to do, and never otherwise.
func after(busy bool) (<-chan time.Time, func()) {
	if !busy {
		return nil, func() {}
	}
	t := time.NewTimer(busyPause)
	return t.C, func() { t.Stop() }
}

// poke wakes a reader that has not been woken yet.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// round is one tick with its relay. It tells whether the relay found anything.
func (s *Scheduler) round(ctx context.Context, o RunOptions) (busy bool) {
	leads, err := o.Leader(ctx)
	if err != nil {
		s.failed(ctx, "lease not asked for", err)
		return false
	}
	if !leads {
		return false
	}
	now, err := o.Clock(ctx)
	if err != nil {
		s.failed(ctx, "clock not read", err)
		return false
	}
	if _, err := s.Tick(ctx, now); err != nil {
		s.failed(ctx, "tick failed", err)
	}
	slices, err := s.RelayDue(ctx, now)
	if err != nil {
		s.failed(ctx, "relay failed", err)
		return false
	}
	return slices > 0
}

func (s *Scheduler) failed(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		s.Log.Error(what, "error", err)
	}
}
