package campaign

import (
	"testing"
	"time"
)

func TestAddressDomain(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"ana@Gmail.com": "gmail.com", " ana@kape.example. ": "kape.example", `"a@b"@kape.example`: "kape.example",
		"ana@bücher.example": "xn--bcher-kva.example", "ana@XN--bcher-kva.example": "xn--bcher-kva.example", "": "", "ana": "ana",
	} {
		if got := AddressDomain(addr); got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}

// play is a throttle and its clock.
type play struct {
	Throttle
	t    *testing.T
	now  time.Time
	pace Pace
	over bool
}

// asks tells it to slow down, in answer to a mail let out just now.
func (p *play) asks() { p.Throttle = p.Asked(false, p.now, p.now, "421") }

// takes accepts n mails let out just now.
func (p *play) takes(n int) {
	for range n {
		p.Throttle, p.over = p.Accepted(p.now, p.pace)
	}
}

func (p *play) is(what string, rest time.Duration, pace, half int) {
	p.t.Helper()
	if got := max(0, p.Until.Sub(p.now)); got != rest || p.Pace != pace || p.Half != half {
		p.t.Errorf("%s: rests for %s, pace %d, half %d; want %s, %d, %d", what, got, p.Pace, p.Half, rest, pace, half)
	}
}

// Each request in a row doubles the rest up to an hour; after it a full round that
// is accepted doubles the pace.
func TestThrottleSlowStart(t *testing.T) {
	t.Parallel()
	p := &play{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	for _, rest := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		p.asks()
		p.is("asked again", rest*time.Minute, 1, 0)
		p.now = p.Until
	}
	p.takes(1)
	p.is("one accepted", 0, 2, 0)
	p.takes(1)
	p.is("half a round", 0, 2, 0)
	p.takes(1)
	p.is("a round of two", 0, 4, 0)
	p.takes(4 + 8)
	p.is("rounds of four and eight", 0, 16, 0)
	if p.Step != 0 || p.over {
		t.Errorf("step %d, over %t", p.Step, p.over)
	}
	// 16 a round were too much: from 8 on it grows by one a round.
	p.now = p.now.Add(time.Second)
	p.asks()
	p.is("too much", time.Minute, 1, 8)
	p.now = p.Until
	p.takes(1 + 2 + 4)
	p.is("up to half", 0, 8, 8)
	p.takes(8 + 9)
	p.is("above half", 0, 10, 8)
	// Nothing is known of a pace at which nothing was accepted.
	p.now = p.now.Add(time.Second)
	p.asks()
	p.now = p.Until
	p.asks()
	p.is("twice in a row", 2*time.Minute, 1, 5)
	p.now = p.Until
	p.takes(1 + 2 + 4)
	p.is("up to an odd half", 0, 5, 5)
	p.takes(5)
	p.is("above it", 0, 6, 5)
}

// What mails on their way hear at once is one request, and what was let out before
// it says nothing of afterwards.
func TestThrottleOfOneEvent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	th := Throttle{}.Asked(false, now.Add(-time.Second), now, "421")
	for _, letOut := range []time.Duration{-time.Minute, 0} {
		if got := th.Asked(false, now.Add(letOut), now.Add(time.Minute), "again"); got != th {
			t.Errorf("let out after %s: %+v", letOut, got)
		}
		if got, over := th.Accepted(now.Add(letOut), Pace{}); got != th || over {
			t.Errorf("accepted, let out after %s: %+v", letOut, got)
		}
	}
}

// A throttle ends when it has grown to the pace that holds anyway, or to a thousand
// a round, or half an hour after a rest that no other request has followed.
func TestThrottleEnds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		pace Pace
		want int // mails accepted
	}{
		{Pace{}, 1023}, {Pace{4, 10 * time.Second}, 3}, {Pace{5, 10 * time.Second}, 7}, {Pace{20, time.Hour}, 1}, {Pace{1_000_000_000, time.Nanosecond}, 2047},
	} {
		p := &play{t: t, now: at, pace: c.pace}
		p.asks()
		p.now = p.Until
		n := 0
		for ; !p.over && n < 2047; n++ {
			p.takes(1)
		}
		if n != c.want {
			t.Errorf("%v: over after %d, want %d", c.pace, n, c.want)
		}
	}
	th := Throttle{}.Asked(false, at, at, "421")
	if th.Forgotten(at.Add(31*time.Minute-1)) || !th.Forgotten(at.Add(31*time.Minute)) {
		t.Error("a request counts for another time than its rest and half an hour")
	}
}

// Who refuses us gets one mail every five minutes, until one is accepted.
func TestStopped(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	slow := Throttle{}.Asked(false, at, at, "454")
	th := slow.Asked(true, at, at.Add(time.Second), "535") // on its way as well
	if !th.Stopped || th.Reason != "535" || !th.Until.Equal(at.Add(time.Second+5*time.Minute)) || !th.Since.Equal(at.Add(time.Second)) {
		t.Errorf("%+v", th)
	}
	if got := th.Asked(true, at, at.Add(2*time.Second), "535 too"); got != th {
		t.Errorf("said twice at once: %+v", got)
	}
	if got := th.Asked(false, th.Until, th.Until, "421"); got != th {
		t.Errorf("slower than stopped: %+v", got)
	}
	probe := th.Until
	again := th.Asked(true, probe, probe.Add(time.Second), "550")
	if !again.Until.Equal(probe.Add(time.Second+5*time.Minute)) || !again.Since.Equal(th.Since) || again.Reason != "550" {
		t.Errorf("still stopped: %+v", again)
	}
	if again.Forgotten(at.Add(1000 * time.Hour)) {
		t.Error("forgotten without a mail that was accepted")
	}
	if _, over := again.Accepted(again.At, Pace{}); over {
		t.Error("lifted by a mail on its way before")
	}
	if _, over := again.Accepted(again.Until, Pace{}); !over {
		t.Error("not lifted by a mail that was accepted")
	}
}
