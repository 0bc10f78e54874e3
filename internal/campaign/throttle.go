package campaign

import (
	"math"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Throttle is how much is let out to someone who has asked for less: a domain, or
// the provider. It rests, longer each time in a row, then begins with one mail a
// round and grows with what is accepted: twice as much after each full round, up
// to half of what was too much the last time, and by one from there on. That is
// slow start and congestion avoidance as in RFC 5681, with mails for segments, the
// request to slow down for a loss, and a fixed round for the round trip.
type Throttle struct {
	Since   time.Time // the first request
	At      time.Time // the last one: how it went for what was let out up to then is known
	Until   time.Time // nothing is let out before
	Step    int       // requests in a row, with nothing accepted between
	Pace    int       // mails a round
	Half    int       // above it the pace grows by one; 0: it is not known yet
	Taken   int       // accepted since the pace has changed
	Stopped bool      // we are refused altogether
	Reason  string    // what the server said
}

const (
	// ThrottleRound is the time that a throttle's pace is for.
	ThrottleRound = 10 * time.Second
	// ProbeEvery is how often one mail tries whether we are still refused.
	ProbeEvery = 5 * time.Minute

	throttleFirst = time.Minute
	throttleMost  = time.Hour
	// throttleEnough mails a round are as good as no throttle, where none is set.
	throttleEnough = 1000
	// throttleForgotten is how long after its rest a throttle ends by itself. While
	// there is mail it is tried long before.
	throttleForgotten = 30 * time.Minute
)

// Asked is the throttle after a request to slow down, or to stop, in answer to a
// mail that was let out at letOut. What many mails on their way hear at once is one
// request.
func (t Throttle) Asked(stop bool, letOut, now time.Time, reason string) Throttle {
	known := !t.Since.IsZero()
	if known && !letOut.After(t.At) && (t.Stopped || !stop) {
		return t
	}
	switch {
	case t.Stopped && !stop:
		return t
	case stop && !t.Stopped:
		t = Throttle{Since: now, Pace: 1, Stopped: true}
	case !known:
		t = Throttle{Since: now}
	case t.Step == 0 && !stop:
		t.Half = max(2, t.Pace/2)
	}
	t.Step++
	t.At, t.Pace, t.Taken, t.Reason = now, 1, 0, reason
	t.Until = now.Add(ProbeEvery)
	if !stop {
		t.Until = now.Add(min(throttleFirst<<min(t.Step-1, 10), throttleMost))
	}
	return t
}

// Accepted is the throttle after a mail was accepted that was let out at letOut,
// and whether that ends it: when it has grown to the pace that holds anyway.
func (t Throttle) Accepted(letOut time.Time, usual Pace) (next Throttle, ends bool) {
	if !letOut.After(t.At) {
		return t, false
	}
	if t.Stopped {
		return t, true
	}
	t.Step = 0
	if t.Taken++; t.Taken >= t.Pace {
		t.Taken = 0
		switch twice := 2 * t.Pace; {
		case t.Half == 0 || twice <= t.Half:
			t.Pace = twice
		case t.Pace < t.Half:
			t.Pace = t.Half
		default:
			t.Pace++
		}
	}
	return t, t.Pace >= enough(usual)
}

// enough is a pace a round that a throttle need not go beyond.
func enough(usual Pace) int {
	if usual.IsZero() {
		return throttleEnough
	}
	return int(max(1, min(maxCount, math.Ceil(float64(usual.Max)*ThrottleRound.Seconds()/usual.Per.Seconds()))))
}

// Forgotten tells whether the rest that was asked for last lies so far back that it
// says nothing any more. That we are refused is forgotten only once a mail is accepted.
func (t Throttle) Forgotten(now time.Time) bool {
	return !t.Stopped && now.Sub(t.Until) >= throttleForgotten
}

// Limit is the pace that the throttle allows from Until on.
func (t Throttle) Limit() Pace { return Pace{Max: t.Pace, Per: ThrottleRound} }

// AddressDomain is the domain of an address in the form in which domains are
// compared: lower case, and in ASCII where it is not.
func AddressDomain(addr string) string {
	domain := NormalizeAddress(addr)
	domain = strings.TrimSuffix(domain[strings.LastIndexByte(domain, '@')+1:], ".")
	for _, c := range domain {
		if c > 127 {
			if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
				return ascii
			}
			break
		}
	}
	return domain
}
