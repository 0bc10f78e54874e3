package scheduler_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// paced is a store with any amount of mail due, of which at most so many may go
// within a time. What it is not asked for it does not have.
type paced struct {
	scheduler.Store
	pace  campaign.Pace
	spent []time.Time // let out, mail by mail
	ticks int
	slow  []scheduler.Throttled
}

func (p *paced) Advance(context.Context, time.Time) error { p.ticks++; return nil }
func (p *paced) Sync(context.Context, *campaign.Catalog, time.Time) error {
	return nil
}
func (p *paced) Settle(context.Context, time.Time) (int, error) { return 0, nil }
func (p *paced) Sweep(context.Context, time.Time) (int, error)  { return 0, nil }
func (p *paced) Watch(context.Context, time.Time) (scheduler.Watched, error) {
	return scheduler.Watched{}, nil
}
func (p *paced) Requeue(context.Context, string) (int, error) { return 0, nil }

func (p *paced) Relay(_ context.Context, now time.Time, _ scheduler.RelayOptions) (scheduler.Relayed, error) {
	out := scheduler.Relayed{At: now, Throttles: p.slow}
	room := p.pace.Max
	first := now
	for _, at := range p.spent {
		if at.After(now.Add(-p.pace.Per)) {
			if room == p.pace.Max {
				first = at
			}
			room--
		}
	}
	if room > 0 {
		out.Slices = []scheduler.Slice{{ID: 1, Lane: campaign.LaneBulk}}
		for range room {
			p.spent = append(p.spent, now)
		}
	}
	out.Next = first.Add(p.pace.Per)
	return out, nil
}

type noQueue struct{}

func (noQueue) Enqueue(context.Context, campaign.Lane, int64) error { return nil }
func (noQueue) Epoch(context.Context) (string, error)               { return "", nil }

// A live relay looks again when the next mail may go, without a tick, and not ten
// times a second for a rate that is one an hour.
func TestPacedRounds(t *testing.T) {
	for _, c := range []struct {
		pace  campaign.Pace
		run   time.Duration
		sent  int
		ticks int // at most
	}{
		{campaign.Pace{Max: 14, Per: time.Second}, 10500 * time.Millisecond, 11 * 14, 1},
		{campaign.Pace{Max: 1, Per: 250 * time.Millisecond}, 9900 * time.Millisecond, 40, 1},
		{campaign.Pace{Max: 1, Per: 20 * time.Millisecond}, 1050 * time.Millisecond, 11, 1}, // no more than ten rounds a second
		{campaign.Pace{Max: 5, Per: time.Hour}, 2*time.Hour + time.Minute, 15, 4*60*2 + 4 + 3 + 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.run)
			defer cancel()
			p := &paced{pace: c.pace}
			s := &scheduler.Scheduler{Store: p, Queue: noQueue{}, Catalog: &campaign.Catalog{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
			_ = s.Run(ctx, scheduler.RunOptions{
				Leader: func(context.Context) (bool, error) { return true, nil },
				Clock:  func(context.Context) (time.Time, error) { return time.Now(), nil },
			})
			if len(p.spent) != c.sent || p.ticks > c.ticks {
				t.Errorf("%v for %s: %d mails, want %d; %d ticks, at most %d", c.pace, c.run, len(p.spent), c.sent, p.ticks, c.ticks)
			}
		})
	}
}

// A throttle is told of when it begins, when it becomes a stop, and when it is over.
func TestThrottlesAreTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := &paced{pace: campaign.Pace{Max: 1, Per: time.Hour}}
	s := &scheduler.Scheduler{Store: p, Queue: noQueue{}, Catalog: &campaign.Catalog{}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	throttle := func(since time.Time, stopped bool) []scheduler.Throttled {
		return []scheduler.Throttled{{Key: "provider:default", Throttle: campaign.Throttle{Since: since, Stopped: stopped, Reason: "421 4.7.0 slow"}}}
	}
	for _, c := range []struct {
		slow []scheduler.Throttled
		want string // the level of what is said
	}{
		{nil, ""}, {throttle(at, false), "WARN"}, {throttle(at, false), ""}, {throttle(at, true), "ERROR"}, {throttle(at, true), ""},
		{nil, "INFO"}, {nil, ""}, {throttle(at.Add(time.Hour), false), "WARN"}, {throttle(at.Add(2*time.Hour), false), "WARN"},
	} {
		log.Reset()
		p.slow = c.slow
		if _, err := s.RelayDue(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); c.want == "" && got != "" || c.want != "" && strings.Count(got, "level="+c.want) != 1 {
			t.Errorf("%+v: %q, want %s", c.slow, got, c.want)
		}
	}
}
