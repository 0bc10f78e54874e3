package scheduler_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tidings/scheduler"
)

// rounds runs a scheduler in a bubble and returns when its rounds began, after
// the first. Rounds end at the clock, which fails.
func rounds(ctx context.Context, pokes <-chan struct{}) (at []time.Duration) {
	begin := time.Now()
	s := &scheduler.Scheduler{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	_ = s.Run(ctx, scheduler.RunOptions{
		Every: time.Hour, Poke: pokes,
		Leader: func(context.Context) (bool, error) {
			at = append(at, time.Since(begin))
			return true, nil
		},
		Clock: func(context.Context) (time.Time, error) { return time.Time{}, errors.New("no clock") },
	})
	return at
}

// However often it is poked, there are 100 ms between two rounds; a poke that
// comes in between is not lost.
func TestPokesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		pokes := make(chan struct{}, 1)
		done := make(chan []time.Duration)
		go func() { done <- rounds(ctx, pokes) }()
		poke := time.NewTicker(time.Millisecond)
		for range 1000 {
			<-poke.C
			select {
			case pokes <- struct{}{}:
			default:
			}
		}
		poke.Stop()
		synctest.Wait()
		quiet := time.NewTimer(time.Minute)
		<-quiet.C
		cancel()
		at := <-done
		// At 0, 100 ms, … 1 s, and one for the last poke.
		if n := len(at); n < 11 || n > 12 {
			t.Errorf("%d rounds: %v", n, at)
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap < 100*time.Millisecond || gap > 101*time.Millisecond {
				t.Errorf("round %d came %s after the one before", i, gap)
			}
		}
	})
}

// A single poke while the scheduler rests is followed by one round, and one
// later by another at once.
func TestPokeWhileAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		pokes := make(chan struct{})
		done := make(chan []time.Duration)
		go func() { done <- rounds(ctx, pokes) }()
		for _, after := range []time.Duration{30 * time.Millisecond, time.Second} {
			timer := time.NewTimer(after)
			<-timer.C
			pokes <- struct{}{}
		}
		quiet := time.NewTimer(time.Minute)
		<-quiet.C
		cancel()
		at := <-done
		want := []time.Duration{0, 100 * time.Millisecond, 1030 * time.Millisecond}
		if len(at) != len(want) || at[1] != want[1] || at[2] != want[2] {
			t.Errorf("rounds at %v, want %v", at, want)
		}
	})
}
