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
	// Poke wakes it to tick and to relay: facts came in. However many pokes come,
	// rounds begin no sooner than 100 ms after the one before has ended, and none
	// is lost.
	Poke <-chan struct{}
	// Room wakes it to relay alone: a worker is done with mails, and has room for
	// others. The passes that waited for them go on with a tick within a second: one
	// for all that is sent in it.
	Room <-chan struct{}
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
	var owed time.Time // when the passes go on whose mails are done; zero: none is
	for tick := true; ctx.Err() == nil; {
		slot := s.round(ctx, o, tick)
		if tick {
			owed = time.Time{}
		}
		facts, room := rest(ctx, o)
		if !facts && !room {
			facts, room = slot.wait(ctx, o, due, owed)
		}
		if room && owed.IsZero() {
			owed = time.Now().Add(owedPause)
		}
		tick = facts || !owed.IsZero() && !time.Now().Before(owed)
	}
	return nil
}

const (
	// roundPause is the least time between two rounds: a thousand events are looked
	// at together, not one by one.
	roundPause = 100 * time.Millisecond
	// owedPause is how long passes stay where their mail was done. While mails go out
	// something is done in each round, and a tick looks at every campaign.
	owedPause = time.Second
)

// rest waits for a roundPause, and tells by what it was woken meanwhile.
func rest(ctx context.Context, o RunOptions) (facts, room bool) {
	t := time.NewTimer(roundPause)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, false
		case <-o.Poke:
			facts = true
		case <-o.Room:
			room = true
		case <-t.C:
			return facts, room
		}
	}
}

// busyPause is how long the relay leaves a queue that it has filled or found full before
// it looks whether workers in other processes have made room.
const busyPause = time.Second

// slot is when a round is to follow even if nothing happens.
type slot struct {
	at   time.Time // zero: none is
	tick bool      // with a tick: else only what is decided already may go then
}

// wait waits for the slot, for a tick that is due or owed, or to be woken. It tells
// whether there is something to decide, or else only whether there is room.
func (s slot) wait(ctx context.Context, o RunOptions, due <-chan struct{}, owed time.Time) (facts, room bool) {
	at := s.at
	if at.IsZero() || !owed.IsZero() && owed.Before(at) {
		at = owed
	}
	var again <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		again = t.C
	}
	select {
	case <-ctx.Done():
	case <-due:
		facts = true
	case <-again:
		facts = s.tick && at.Equal(s.at)
	case <-o.Poke:
		facts = true
	case <-o.Room:
		room = true
	}
	return facts, room
}

// poke wakes a reader that has not been woken yet.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// round is one relay, with a tick before it or without. It tells when the relay is
// to look again: when the next mail that is held back may go, or after a while, if
// it has found anything or had no room for what is due. Workers of other processes do
// not tell when they make room.
func (s *Scheduler) round(ctx context.Context, o RunOptions, tick bool) slot {
	leads, err := o.Leader(ctx)
	if err != nil {
		s.failed(ctx, "lease not asked for", err)
		return slot{}
	}
	if !leads {
		return slot{}
	}
	now, err := o.Clock(ctx)
	if err != nil {
		s.failed(ctx, "clock not read", err)
		return slot{}
	}
	if tick {
		if _, err := s.Tick(ctx, now); err != nil {
			s.failed(ctx, "tick failed", err)
		}
	}
	did, err := s.relay(ctx, now)
	switch {
	case err != nil:
		s.failed(ctx, "relay failed", err)
		return slot{}
	case did.next > 0 && did.next <= busyPause:
		return slot{at: time.Now().Add(did.next)}
	case did.slices > 0 || did.full:
		return slot{at: time.Now().Add(busyPause), tick: did.slices > 0}
	case did.next > 0:
		return slot{at: time.Now().Add(did.next)}
	}
	return slot{}
}

func (s *Scheduler) failed(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		s.Log.Error(what, "error", err)
	}
}
