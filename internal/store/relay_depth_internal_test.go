package store

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// line is a lane's queue and the workers that send from it, so many a second, with
// more waiting than there is ever room for.
type line struct {
	rule  depthRule
	open  int
	owed  float64
	ended int // since rule.At
	now   time.Duration
}

// run lets time pass in rounds of the relay, as deep and deepEnough do.
func (l *line) run(d, every time.Duration, speed float64, o scheduler.RelayOptions) {
	for end := l.now + d; l.now < end; l.now += every {
		l.owed = min(l.owed+speed*every.Seconds(), float64(l.open))
		n := int(l.owed)
		l.owed, l.open, l.ended = l.owed-float64(n), l.open-n, l.ended+n
		r := l.rule
		if r.Most == 0 {
			r = depthRule{Most: r.bounded(depthFirst*o.Workers, o)}
		}
		r = r.dry(l.open, o)
		if past := l.now - time.Duration(r.At)*time.Microsecond; r.Open > 0 && past >= depthLook {
			r = r.saw(l.ended, l.open, past, o)
			r.At, l.ended = l.now.Microseconds(), 0
		}
		l.open = max(l.open, r.Most)
		r.Open, r.Full = l.open, true
		l.rule = r
	}
}

// The queue is as deep as what goes out in half a minute, however fast or slow that
// is, and follows when it changes.
func TestDepthFollowsSpeed(t *testing.T) {
	t.Parallel()
	o := scheduler.RelayOptions{MaxQueued: 10_000, Workers: 10}
	for _, every := range []time.Duration{100 * time.Millisecond, time.Second} {
		l := &line{}
		for _, c := range []struct {
			speed       float64
			after       time.Duration
			least, most int
		}{
			{0, 10 * time.Second, 20, 200}, // the first connection is not there yet
			{5_000, 12 * time.Second, 10_000, 10_000},
			{1, 40 * time.Second, 20, 60},
			{0, 30 * time.Second, 20, 20},
			{20, 30 * time.Second, 500, 700},
			{300, 12 * time.Second, 8_000, 10_000},
		} {
			l.run(c.after, every, c.speed, o)
			if l.rule.Most < c.least || l.rule.Most > c.most {
				t.Errorf("rounds each %s: %s at %g mails a second: %d deep, want %d to %d", every, c.after, c.speed, l.rule.Most, c.least, c.most)
			}
		}
	}
}

// A queue that is empty since there is nothing to send does not grow for that.
func TestDepthStaysWithoutNeed(t *testing.T) {
	t.Parallel()
	o := scheduler.RelayOptions{MaxQueued: 10_000, Workers: 10}
	r := depthRule{Most: 40, Speed: 1, Open: 3}
	for range 100 {
		r = r.dry(0, o)
	}
	if r.Most != 40 {
		t.Errorf("%d deep", r.Most)
	}
}

// How long a full queue lasts is told by the speed that was seen; of two, the one that
// lasts the shortest, and nobody knows where one was not seen to move.
func TestFullTellsHowLong(t *testing.T) {
	t.Parallel()
	bulk, urgent := campaign.LaneBulk, campaign.LaneTransactional
	r := &round{
		turn:   turns{Depth: map[campaign.Lane]depthRule{bulk: {Speed: 100}, urgent: {Speed: 2}}},
		depths: map[campaign.Lane]depth{bulk: {waiting: 300}, urgent: {waiting: 4}},
		queued: map[campaign.Lane]int{bulk: 700},
	}
	for i, c := range []struct {
		lane campaign.Lane
		want time.Duration
	}{{bulk, 10 * time.Second}, {urgent, 2 * time.Second}, {bulk, 2 * time.Second}} {
		if r.full(c.lane); !r.out.Full || r.out.Lasts != c.want {
			t.Errorf("%d: full %t, lasts %s, want %s", i, r.out.Full, r.out.Lasts, c.want)
		}
	}
	r.turn.Depth[urgent] = depthRule{}
	if r.full(urgent); r.out.Lasts != 0 {
		t.Errorf("a queue that was not seen to move lasts %s", r.out.Lasts)
	}
}
