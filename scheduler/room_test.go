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

// busy is a store whose workers make room all the time.
type busy struct {
	paced
	idle   bool          // nothing is due any more
	lasts  time.Duration // what waits in the queue, which is full
	began  time.Time
	relays int
	ticked []time.Duration
}

func (b *busy) Advance(context.Context, time.Time) error {
	b.ticked = append(b.ticked, time.Since(b.began))
	return nil
}

func (b *busy) Relay(_ context.Context, now time.Time, _ scheduler.RelayOptions) (scheduler.Relayed, error) {
	if b.relays++; b.idle {
		return scheduler.Relayed{At: now}, nil
	}
	return scheduler.Relayed{At: now, Full: true, Lasts: b.lasts, Slices: []scheduler.Slice{{ID: int64(b.relays), Lane: campaign.LaneBulk}}}, nil
}

// run runs a scheduler on b for a while, in which f may wake it.
func (b *busy) run(t *testing.T, length time.Duration, f func(ctx context.Context, facts, room chan<- struct{})) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	b.began = time.Now()
	facts, room := make(chan struct{}, 1), make(chan struct{}, 1)
	go f(ctx, facts, room)
	s := &scheduler.Scheduler{Store: b, Queue: noQueue{}, Catalog: &campaign.Catalog{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	err := s.Run(ctx, scheduler.RunOptions{
		Every: time.Hour, Poke: facts, Room: room,
		Leader: func(context.Context) (bool, error) { return true, nil },
		Clock:  func(context.Context) (time.Time, error) { return time.Now(), nil },
	})
	if err != nil {
		t.Error(err)
	}
}

// keep says something every millisecond until ctx ends.
func keep(ctx context.Context, c chan<- struct{}) {
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

// While mails go out the queue is filled ten times a second, and campaigns are
// evaluated once: passes go on a second after their mail was done.
func TestRoomIsNoTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{}
		b.run(t, 9950*time.Millisecond, func(ctx context.Context, _, room chan<- struct{}) { keep(ctx, room) })
		if b.relays < 98 || b.relays > 101 {
			t.Errorf("%d relays in 10 s", b.relays)
		}
		if n := len(b.ticked); n < 9 || n > 10 {
			t.Errorf("%d ticks in 10 s: %v", n, b.ticked)
		}
	})
}

// Facts that come in meanwhile are looked at with the next round.
func TestFactsAmidRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{}
		b.run(t, 700*time.Millisecond, func(ctx context.Context, facts, room chan<- struct{}) {
			go keep(ctx, room)
			later := time.NewTimer(250 * time.Millisecond)
			<-later.C
			facts <- struct{}{}
		})
		if n := len(b.ticked); n != 2 || b.ticked[1] < 250*time.Millisecond || b.ticked[1] > 350*time.Millisecond {
			t.Errorf("ticks at %v", b.ticked)
		}
	})
}

// After the last mail a tick follows, and none after that.
func TestTickAfterTheLastMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{idle: true}
		b.run(t, time.Minute, func(_ context.Context, _, room chan<- struct{}) {
			later := time.NewTimer(5 * time.Second)
			<-later.C
			room <- struct{}{}
		})
		if n := len(b.ticked); n != 2 || b.ticked[1] != 6*time.Second || b.relays != 2 {
			t.Errorf("ticks at %v, %d relays", b.ticked, b.relays)
		}
	})
}

// A full queue of which it is known how long it lasts is filled up when a fourth of it
// is worked off, at least once a second, however often workers have room before.
func TestRoomWaitsForAFourth(t *testing.T) {
	for lasts, relays := range map[time.Duration]int{
		30 * time.Second: 11, 2 * time.Second: 21, 40 * time.Millisecond: 100,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &busy{lasts: lasts}
			b.run(t, 10050*time.Millisecond, func(ctx context.Context, _, room chan<- struct{}) { keep(ctx, room) })
			if off := b.relays - relays; off < -1 || off > 1 {
				t.Errorf("a queue for %s: %d relays in 10 s, want %d", lasts, b.relays, relays)
			}
			if n := len(b.ticked); n < 10 || n > 11 {
				t.Errorf("a queue for %s: %d ticks in 10 s: %v", lasts, n, b.ticked)
			}
		})
	}
}
