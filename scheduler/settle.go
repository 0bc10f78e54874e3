package scheduler

import (
	"context"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// at is a pass on its way through the program: the step that it has come to and
// the moment at which the step before ended. Conditions are judged as of that
// moment, so that a tick that catches up decides as those that it missed would
// have.
type at struct {
	campaign.Pass
	moment time.Time
	exit   *Exit // the pass has ended then; what it came to before still counts
}

// before tells whether the pass comes to a moment: it has come, and the pass had
// not ended. What a fact ends it ends first; another entry of the customer comes
// after what is due at that moment.
func (p at) before(moment, now time.Time) bool {
	if moment.After(now) {
		return false
	}
	return p.exit == nil || moment.Before(p.exit.At) || p.exit.Reason == campaign.ExitSuperseded && moment.Equal(p.exit.At)
}

// frontier holds, by position in the program, the passes that have come there.
// Steps only lead forward, so one sweep from the first to the last settles all.
type frontier struct {
	tick *tick
	at   [][]at
}

// settle takes passes as far as they go: woken ones from where they stood, and
// those that wait for a condition which fresh facts may have made true. exits
// are the ends that fresh facts have brought.
func (t *tick) settle(ctx context.Context, due, fresh []campaign.Pass, exits map[int64]Exit) error {
	program := t.campaign.Program
	f := t.frontier()
	woken := map[int64]bool{}
	for _, p := range due {
		woken[p.ID] = true
		i, ok := program.Index(p.Step)
		if !ok {
			return fmt.Errorf("pass %d stands at step %q, which the campaign does not have", p.ID, p.Step)
		}
		if f.waiting(i, p, exits) {
			continue // one that has run out is looked at once more
		}
		here, on := f.leaving(p, p.Moment, exits)
		switch {
		case !on:
		case p.Arriving:
			f.arrive(i, here)
		case waitsFor(program.Nodes[i]):
			f.at[i] = append(f.at[i], here)
		default:
			// Any other step is done, and the pass goes on from when it was.
			f.arrive(program.Nodes[i].Next, here)
		}
	}
	for _, p := range fresh {
		if woken[p.ID] {
			continue
		}
		if i, ok := program.Index(p.Step); ok && t.ledger.Active && f.waiting(i, p, exits) {
			continue
		}
		if e, ended := exits[p.ID]; ended {
			t.end(p, campaign.PassExited, e.Reason, e.At)
		}
	}
	return f.run(ctx)
}

// settleNew takes new passes from the first step as far as they go.
func (t *tick) settleNew(ctx context.Context, entered []campaign.Pass, exits map[int64]Exit) error {
	f := t.frontier()
	for _, p := range entered {
		if here, on := f.leaving(p, p.Entered, exits); on {
			f.arrive(t.campaign.Program.First(), here)
		}
	}
	return f.run(ctx)
}

func (t *tick) frontier() *frontier {
	return &frontier{tick: t, at: make([][]at, len(t.campaign.Program.Nodes))}
}

// waiting puts a pass that waits for a condition where it waits, with its end: the
// condition may have come true before it.
func (f *frontier) waiting(i int, p campaign.Pass, exits map[int64]Exit) bool {
	if p.Deadline.IsZero() || !waitsFor(f.tick.campaign.Program.Nodes[i]) {
		return false
	}
	here := at{Pass: p, moment: p.Moment}
	if e, ended := exits[p.ID]; ended {
		here.exit = &e
	}
	f.at[i] = append(f.at[i], here)
	return true
}

// leaving is a pass that goes on from a moment, unless it had ended by then.
func (f *frontier) leaving(p campaign.Pass, moment time.Time, exits map[int64]Exit) (here at, on bool) {
	here = at{Pass: p, moment: moment}
	if e, ended := exits[p.ID]; ended {
		here.exit = &e
		if !here.before(moment, moment) {
			f.exit(here)
			return here, false
		}
	}
	return here, true
}

// exit ends a pass by what fresh facts have brought.
func (f *frontier) exit(p at) {
	f.tick.end(p.Pass, campaign.PassExited, p.exit.Reason, p.exit.At)
}

func (f *frontier) run(ctx context.Context) error {
	for i, n := range f.tick.campaign.Program.Nodes {
		if err := f.step(ctx, i, n); err != nil {
			return fmt.Errorf("step %q: %w", n.ID, err)
		}
	}
	return nil
}

func waitsFor(n campaign.Node) bool { return n.Wait != nil && n.Wait.For != nil }

// arrive brings a pass to a position; at the end it is finished.
func (f *frontier) arrive(i int, p at) {
	p.Since, p.Deadline = time.Time{}, time.Time{}
	if i == campaign.End {
		f.tick.end(p.Pass, campaign.PassFinished, "", p.moment)
		return
	}
	f.at[i] = append(f.at[i], p)
}

func (f *frontier) step(ctx context.Context, i int, n campaign.Node) error {
	here := f.at[i]
	if len(here) == 0 {
		return nil
	}
	// A send's own `when` is looked at when it is claimed, at the last moment; any
	// other on arrival, and not again while the pass waits.
	if n.When != nil && n.Send == nil {
		var arrived, stay []at
		for _, p := range here {
			if p.Deadline.IsZero() {
				arrived = append(arrived, p)
			} else {
				stay = append(stay, p)
			}
		}
		enter, skip, err := f.split(ctx, n.When, arrived)
		if err != nil {
			return err
		}
		for _, p := range skip {
			f.arrive(n.Next, p)
		}
		here = append(stay, enter...)
	}
	switch {
	case n.Send != nil && f.tick.mail != nil:
		return f.tick.mail(ctx, f, n, here)
	case n.Send != nil:
		f.send(n, here)
	case n.Wait != nil:
		return f.wait(ctx, n, here)
	case n.Branch != nil:
		return f.branch(ctx, n, here)
	default:
		for _, p := range here {
			p.Step = n.ID
			f.tick.end(p.Pass, campaign.PassExited, n.Exit, p.moment)
		}
	}
	return nil
}

// split parts passes by a condition, judged as of each one's moment.
func (f *frontier) split(ctx context.Context, c campaign.Condition, ps []at) (yes, no []at, err error) {
	if len(ps) == 0 {
		return nil, nil, nil
	}
	looks := make([]Look, len(ps))
	for i, p := range ps {
		looks[i] = Look{p.Pass, p.moment}
	}
	holds, err := f.tick.Holds(ctx, c, looks)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range ps {
		if holds[p.ID] {
			yes = append(yes, p)
		} else {
			no = append(no, p)
		}
	}
	return yes, no, nil
}

func (f *frontier) send(n campaign.Node, ps []at) {
	t := f.tick
	topic, expires := t.campaign.Topic, t.campaign.Expires
	if n.Send.Topic != "" {
		topic = n.Send.Topic
	}
	if !n.Send.Expires.IsZero() {
		expires = n.Send.Expires
	}
	for _, p := range ps {
		if p.exit != nil {
			f.exit(p)
			continue
		}
		t.messages = append(t.messages, Message{
			Pass: p.ID, Customer: p.Customer, Step: n.ID, Topic: topic,
			Reached: p.moment, Due: t.now, Expires: expires.After(t.now),
		})
		t.moves = append(t.moves, Move{Pass: p.ID, State: campaign.PassRunning, Step: n.ID})
	}
}

func (f *frontier) wait(ctx context.Context, n campaign.Node, ps []at) error {
	if n.Wait.For != nil {
		return f.waitFor(ctx, n, ps)
	}
	t := f.tick
	for _, p := range ps {
		wake := n.Wait.Length.After(p.moment)
		if n.Wait.Until != nil {
			wake = n.Wait.Until.NextClock(p.moment, t.campaign.ZoneFor(&t.scheduler.Catalog.Workspace, p.Timezone))
		}
		if p.before(wake, t.now) {
			p.moment = wake
			f.arrive(n.Next, p)
			continue
		}
		if p.exit != nil {
			f.exit(p)
			continue
		}
		t.moves = append(t.moves, Move{Pass: p.ID, State: campaign.PassRunning, Step: n.ID, Wake: wake})
	}
	return nil
}

// waitFor lets on the passes whose condition has come true, from that moment on,
// and those whose patience is at its end.
func (f *frontier) waitFor(ctx context.Context, n campaign.Node, ps []at) error {
	t := f.tick
	spans := make([]Span, len(ps))
	for i := range ps {
		p := &ps[i]
		if p.Deadline.IsZero() {
			p.Since, p.Deadline = p.moment, n.Wait.AtMost.After(p.moment)
		}
		spans[i] = Span{Pass: p.Pass, From: p.Since, To: earliest(t.now, p.Deadline)}
	}
	held, err := t.FirstHeld(ctx, n.Wait.For, spans)
	if err != nil {
		return err
	}
	for _, p := range ps {
		ends := p.Deadline
		if at, ok := held[p.ID]; ok {
			ends = at
		}
		if p.before(ends, t.now) {
			p.moment = ends
			f.arrive(n.Next, p)
			continue
		}
		if p.exit != nil {
			f.exit(p)
			continue
		}
		t.moves = append(t.moves, Move{Pass: p.ID, State: campaign.PassRunning, Step: n.ID, Wake: p.Deadline, Deadline: p.Deadline, Since: p.Since})
	}
	return nil
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// branch sends each pass down the first arm whose condition holds or whose draw
// it is; an arm with neither takes who is left, and who takes none goes on.
func (f *frontier) branch(ctx context.Context, n campaign.Node, ps []at) error {
	left := ps
	for i, arm := range n.Branch {
		var take, rest []at
		switch {
		case arm.When != nil:
			var err error
			if take, rest, err = f.split(ctx, arm.When, left); err != nil {
				return err
			}
		case arm.Share > 0:
			for _, p := range left {
				if campaign.PickArm(n.Branch, f.tick.ledger.Seed, n.ID, p.External+p.Key) == i {
					take = append(take, p)
				} else {
					rest = append(rest, p)
				}
			}
		default:
			take = left
		}
		for _, p := range take {
			f.arrive(n.Arms[i], p)
		}
		left = rest
	}
	for _, p := range left {
		f.arrive(n.Next, p)
	}
	return nil
}
