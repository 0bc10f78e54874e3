package demo

import (
	"context"
	"time"
)

// pacer keeps a show from being over before anybody has looked.
type pacer struct {
	length time.Duration
	wall   func() time.Time
	began  time.Time
	timer  *time.Timer
}

func newPacer(length time.Duration, wall func() time.Time) *pacer {
	p := &pacer{length: length, wall: wall, began: wall(), timer: time.NewTimer(time.Hour)}
	p.timer.Stop()
	return p
}

func (p *pacer) stop() { p.timer.Stop() }

// wait returns when the part done of the show is due, at once when it is late.
func (p *pacer) wait(ctx context.Context, done float64) error {
	ahead := time.Duration(float64(p.length)*done) - p.wall().Sub(p.began)
	if ahead <= 0 {
		return ctx.Err()
	}
	p.timer.Reset(ahead)
	select {
	case <-p.timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
