package scheduler

import (
	"context"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// fate is what becomes of a pass.
type fate struct {
	span    int   // in out.Spans; -1: it began before
	of      int64 // the customer
	entered time.Time
	ended   time.Time // zero: it goes on
	exited  bool
	sent    time.Time // when it last came to a send
	asked   bool      // it began by asking for a mail
	mailed  bool      // a mail of it was accepted
	marks   []mark
}

// mark is a send that a pass came to.
type mark struct {
	at   time.Time
	why  string // turned away; empty: accepted
	step string
}

// openAt tells whether the pass is in the way of a candidate of a moment. A mail
// of that very moment is still on its way when the candidate is looked at, and
// who entered at that moment has not begun.
func (f *fate) openAt(moment time.Time) bool {
	return f.ended.IsZero() || f.ended.After(moment) || f.sent.Equal(moment) || f.entered.Equal(moment) && !f.exited
}

// settled reads off where the passes have come to.
func (x *forecast) settled() {
	for _, m := range x.tick.moves {
		if f := x.fates[m.Pass]; !m.Ended.IsZero() {
			f.ended, f.exited = m.Ended, m.State == campaign.PassExited
		}
	}
	x.tick.moves = nil
}

// follow keeps what later entries of the customer need to know, and counts what
// they cannot change any more.
func (x *forecast) follow(e entry) {
	f := x.fates[e.pass.ID]
	switch x.Campaign.Overlap {
	case campaign.OverlapNewest:
		for _, older := range x.followed[e.Customer] {
			older.supersede(e.AsOf)
			x.count(older)
		}
		x.followed[e.Customer] = []*fate{f}
	case campaign.OverlapFirst:
		x.count(f)
		x.followed[e.Customer] = []*fate{f}
	default:
		x.count(f)
	}
}

// supersede ends a pass that still goes on at a moment. What it did before stands.
func (f *fate) supersede(moment time.Time) {
	if !f.openAt(moment) {
		return
	}
	f.ended = moment
	for i, m := range f.marks {
		if !m.at.Before(moment) {
			f.marks = f.marks[:i]
			break
		}
	}
}

// count adds up what a pass did.
func (x *forecast) count(f *fate) {
	for _, m := range f.marks {
		switch {
		case !m.at.After(x.From):
		case m.why != "":
			x.out.Cancelled[m.why]++
		default:
			x.out.Messages++
			x.tally(m.at, campaign.Tally{Messages: 1})
			x.out.Mails = append(x.out.Mails, campaign.ForecastMail{Customer: f.of, At: campaign.Micros(m.at), Step: m.step})
		}
	}
	f.marks = nil
	if f.span >= 0 && !f.ended.IsZero() {
		x.out.Spans[f.span].Ended = campaign.Micros(f.ended)
	}
}

func (x *forecast) tally(at time.Time, n campaign.Tally) {
	hour := campaign.HourOf(at, x.zone)
	t := x.out.Hours[hour]
	x.out.Hours[hour] = campaign.Tally{Entered: t.Entered + n.Entered, Messages: t.Messages + n.Messages}
}

// mail is a send: the last look, at the pass's own moment, and then on from it.
func (x *forecast) mail(ctx context.Context, f *frontier, n campaign.Node, ps []at) error {
	var left []at
	var sends []Send
	for _, p := range ps {
		if at, done := x.done[Sent{p.ID, n.ID}]; done {
			p.moment, x.fates[p.ID].mailed = at, true
			f.arrive(n.Next, p)
			continue
		}
		if p.exit != nil && p.exit.Reason == campaign.ExitUnsubscribed && !p.moment.Before(p.exit.At) {
			f.exit(p)
			continue
		}
		if !p.moment.After(x.From) {
			// What had not been sent when the forecast begins is sent as it begins.
			p.moment = x.From.Add(time.Microsecond)
		}
		fate := x.fates[p.ID]
		left = append(left, p)
		sends = append(sends, Send{
			Look: Look{p.Pass, p.moment}, Ended: p.exit != nil && !p.exit.At.After(p.moment), Asked: fate.asked, First: !fate.mailed,
		})
	}
	if len(sends) == 0 {
		return nil
	}
	turned, err := x.archive.LastLook(ctx, n, sends)
	if err != nil {
		return fmt.Errorf("last look: %w", err)
	}
	for _, p := range left {
		t := turned[p.ID]
		fate := x.fates[p.ID]
		fate.sent, fate.mailed = p.moment, fate.mailed || t.Why == ""
		fate.marks = append(fate.marks, mark{p.moment, t.Why, n.ID})
		if t.Exit != "" {
			p.Step = n.ID
			f.tick.end(p.Pass, campaign.PassExited, t.Exit, p.moment)
			continue
		}
		f.arrive(n.Next, p)
	}
	return nil
}
