package store

import (
	"math"
	"time"

	"tidings/internal/campaign"
)

// unlimited is the room where there is no limit.
const unlimited = math.MaxInt

// allowance is how much may be let out of what one key stands for.
type allowance struct {
	key      string
	spendAt  int64 // the moment that what is let out now is counted at
	bounds   []bound
	throttle campaign.Throttle // zero: nobody has asked for less
	spent    []spent           // by time
	room     int
	waited   bool // something that is due has had to wait for it
}

// slowed tells whether somebody has asked for less, or refuses us.
func (a *allowance) slowed() bool { return !a.throttle.Since.IsZero() }

// bound is the most that is let out after a moment.
type bound struct {
	max   int
	after int64         // counted is what was let out later than that
	per   time.Duration // until one that was counted no longer is
	ends  time.Time     // of a calendar day, which ends for all of them at once
}

// spent is how much was let out at a moment.
type spent struct {
	at int64
	n  int
}

// parts is into how many parts the time of a pace is cut: what was let out in one
// counts as let out with the last of it, so that a pace over a day is not read mail by
// mail.
const parts = 3600

// part is the length of a part in microseconds, by the shortest pace.
func (a *allowance) part() int64 {
	shortest := a.bounds[0].per
	for _, b := range a.bounds[1:] {
		shortest = min(shortest, b.per)
	}
	return max(1, shortest.Microseconds()/parts)
}

// since is the end of what nothing counts any more.
func (a *allowance) since() int64 {
	first := a.bounds[0].after
	for _, b := range a.bounds[1:] {
		first = min(first, b.after)
	}
	return first
}

// left is how much may be let out at now.
func (a *allowance) left(now time.Time) int {
	if now.Before(a.throttle.Until) {
		return 0
	}
	room := unlimited
	for _, b := range a.bounds {
		room = min(room, max(0, b.max-a.used(b)))
	}
	return room
}

func (a *allowance) used(b bound) (n int) {
	for _, p := range a.spent {
		if p.at > b.after {
			n += p.n
		}
	}
	return n
}

// spend counts n that are let out now.
func (a *allowance) spend(n int) {
	if last := len(a.spent) - 1; last >= 0 && a.spent[last].at == a.spendAt {
		a.spent[last].n += n
		return
	}
	a.spent = append(a.spent, spent{a.spendAt, n})
}

// opens is the first moment from now on at which there is room.
func (a *allowance) opens(now time.Time) time.Time {
	at := now
	if at.Before(a.throttle.Until) {
		at = a.throttle.Until
	}
	for _, b := range a.bounds {
		if open := a.boundOpens(b); open.After(at) {
			at = open
		}
	}
	return at
}

// boundOpens is when a bound has room again; zero: it has.
func (a *allowance) boundOpens(b bound) time.Time {
	used := a.used(b)
	if used < b.max {
		return time.Time{}
	}
	if !b.ends.IsZero() {
		return b.ends
	}
	for _, p := range a.spent {
		if p.at <= b.after {
			continue
		}
		if used -= p.n; used < b.max {
			return campaign.FromMicros(p.at).Add(b.per)
		}
	}
	return time.Time{}
}

// room is how much an allowance leaves; nil leaves everything.
func (a *allowance) roomLeft() int {
	if a == nil {
		return unlimited
	}
	return a.room
}

// take uses a place, if there is one.
func (a *allowance) take() {
	if a != nil && a.room != unlimited && a.room > 0 {
		a.room--
	}
}

func (a *allowance) wait() {
	if a != nil {
		a.waited = true
	}
}
