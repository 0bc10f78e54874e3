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
	// Room wakes it to relay alone, where more was due than the queue had room for and
	// nobody knows yet how long that lasts: a worker is done with mails. The passes that
	// waited for them go on with a tick within a second: one for all that is sent in it.
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
		if tick || owed.IsZero() {
			owed = slot.owed
		}
		var facts bool
		facts, owed = slot.pass(ctx, o, due, owed)
		tick = facts || passed(owed)
	}
	return nil
}

// pass lets time pass until the next round, and tells whether there is something to
// decide in it, and when passes go on whose mails are done by then.
func (s slot) pass(ctx context.Context, o RunOptions, due <-chan struct{}, owed time.Time) (facts bool, _ time.Time) {
	facts, room := rest(ctx, o)
	for again := false; ; facts, room, again = s.wait(ctx, o, due, owed) {
		if room && owed.IsZero() {
			owed = time.Now().Add(owedPause)
		}
		if facts || again || room && s.room || passed(owed) || ctx.Err() != nil {
			return facts, owed
		}
	}
}

// passed tells whether there is such a moment, and it has come.
func passed(at time.Time) bool { return !at.IsZero() && !time.Now().Before(at) }

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
// it looks whether workers have made room, those in other processes too; sooner, where
// more than a fourth of it would be worked off by then.
const busyPause = time.Second

func (did relayed) pause() time.Duration {
	if did.lasts == 0 {
		return busyPause
	}
	return min(max(did.lasts/4, roundPause), busyPause)
}

// slot is when a round is to follow even if nothing happens.
type slot struct {
	at   time.Time // zero: none is
	owed time.Time // when passes go on for what has been let out; zero: nothing was
	room bool      // as soon as a worker has room
}

// wait waits for the slot, for a tick that is due or owed, or to be woken. It tells
// whether there is something to decide, whether a worker has room, and whether the
// slot has come.
func (s slot) wait(ctx context.Context, o RunOptions, due <-chan struct{}, owed time.Time) (facts, room, again bool) {
	at := s.at
	if at.IsZero() || !owed.IsZero() && owed.Before(at) {
		at = owed
	}
	var timer <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-due:
		facts = true
	case <-timer:
		again = at.Equal(s.at)
	case <-o.Poke:
		facts = true
	case <-o.Room:
		room = true
	}
	return facts, room, again
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
	if err != nil {
		s.failed(ctx, "relay failed", err)
		return slot{}
	}
	ended := time.Now()
	next := slot{room: did.full && did.lasts == 0}
	in := did.next // 0: nothing waits for a moment
	if pause := did.pause(); (did.slices > 0 || did.full) && (in == 0 || in > pause) {
		in = pause
		if did.slices > 0 {
			next.owed = ended.Add(owedPause)
		}
	}
	if in > 0 {
		next.at = ended.Add(in)
	}
	return next
}

func (s *Scheduler) failed(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		s.Log.Error(what, "error", err)
	}
}
