package worker

import (
	"sync/atomic"
	"time"
)

// claims is how many messages a connection takes at once: what it sends in a
// second or two, as found by how long the last ones took. A slow server must not
// let leases run out, and a process that dies should not hold much; a fast one
// should not ask the database for every few mails.
type claims struct {
	most int64
	next atomic.Int64
}

const (
	firstClaim = 20
	claimTime  = 2 * time.Second
)

func newClaims(most int) *claims {
	c := &claims{most: int64(max(1, most))}
	c.next.Store(min(firstClaim, c.most))
	return c
}

func (c *claims) size() int { return int(c.next.Load()) }

// took notes that n messages took d. It goes up in steps and down at once.
func (c *claims) took(n int, d time.Duration) {
	if n == 0 {
		return
	}
	fit := int64(claimTime / max(d/time.Duration(n), time.Microsecond))
	c.next.Store(max(1, min(fit, 4*int64(n), c.most)))
}
