package demo

import (
	"sync/atomic"
	"time"
)

// Clock is the show's time. Everybody reads it; the Show sets it.
type Clock struct{ us atomic.Int64 }

// NewClock shows t.
func NewClock(t time.Time) *Clock {
	c := &Clock{}
	c.us.Store(t.UnixMicro())
	return c
}

// Now is the time of the show, in UTC.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.us.Load()).UTC() }

// set puts the clock on; it never goes back.
func (c *Clock) set(t time.Time) {
	if us := t.UnixMicro(); us > c.us.Load() {
		c.us.Store(us)
	}
}
