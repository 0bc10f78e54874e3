package scheduler

import (
	"context"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// at is a pass on its way through the program: the step that it has come to and
// the moment at which the step before ended.
type at struct {
	campaign.Pass
	moment time.Time
}

// frontier holds, by position in the program, the passes that have come there.
// Steps only lead forward, so one sweep from the first to the last settles all.
type frontier struct {
	tick *tick
	at   [][]at
}

// settle takes passes as far as they go: new ones from the first step, woken
// ones from where they stood, and those that wait for a condition which fresh
// facts may have made true.
func (t *tick) settle(ctx context.Context, entered, due, fresh []campaign.Pass) error {
	program := t.campaign.Program
	f := &frontier{tick: t, at: make([][]at, len(program.Nodes))}
	for _, p := range entered {
		f.arrive(program.First(), at{p, p.Entered})
	}
	woken := map[int64]bool{}
	for _, p := range due {
		woken[p.ID] = true
		i, ok := program.Index(p.Step)
		if !ok {
			return fmt.Errorf("pass %d stands at step %q, which the campaign does not have", p.ID, p.Step)
		}
		// A wait for a condition that has run out is looked at once more; any other
		// step is done, and the pass goes on from the moment at which it was.
		if waitsFor(program.Nodes[i]) {
			f.at[i] = append(f.at[i], at{p, p.Moment})
			continue
		}
		if p.Arriving {
			f.arrive(i, at{p, p.Moment})
			continue
		}
		f.arrive(program.Nodes[i].Next, at{p, p.Moment})
	}
	for _, p := range fresh {
		i, ok := program.Index(p.Step)
		if ok && !woken[p.ID] && !p.Deadline.IsZero() && waitsFor(program.Nodes[i]) {
			f.at[i] = append(f.at[i], at{p, p.Moment})
		}
	}
	for i := range program.Nodes {
		if err := f.step(ctx, i, program.Nodes[i]); err != nil {
			return fmt.Errorf("step %q: %w", program.Nodes[i].ID, err)
		}
	}
	return nil
}

func waitsFor(n campaign.Node) bool { return n.Wait != nil && n.Wait.For != nil }

// arrive brings a pass to a position; at the end it is finished.
func (f *frontier) arrive(i int, p at) {
	p.Deadline = time.Time{}
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
	// A send's own `when` is looked at when it is claimed, at the last moment.
	if n.When != nil && n.Send == nil {
		stay, skip, err := f.split(ctx, n.When, here)
		if err != nil {
			return err
		}
		for _, p := range skip {
			f.arrive(n.Next, p)
		}
		here = stay
	}
	switch {
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

// split parts passes by a condition, judged now.
func (f *frontier) split(ctx context.Context, c campaign.Condition, ps []at) (yes, no []at, err error) {
	passes := make([]campaign.Pass, len(ps))
	for i, p := range ps {
		passes[i] = p.Pass
	}
	holds, err := f.tick.Holds(ctx, c, passes, f.tick.now)
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
		t.messages = append(t.messages, Message{
			Pass: p.ID, Customer: p.Customer, Step: n.ID, Topic: topic,
			Due: t.now, Expires: expires.After(t.now),
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
		if !wake.After(t.now) {
			p.moment = wake
			f.arrive(n.Next, p)
			continue
		}
		t.moves = append(t.moves, Move{Pass: p.ID, State: campaign.PassRunning, Step: n.ID, Wake: wake})
	}
	return nil
}

// waitFor lets on the passes whose condition holds, or whose patience is at its
// end.
func (f *frontier) waitFor(ctx context.Context, n campaign.Node, ps []at) error {
	yes, no, err := f.split(ctx, n.Wait.For, ps)
	if err != nil {
		return err
	}
	t := f.tick
	for _, p := range yes {
		p.moment = t.now
		f.arrive(n.Next, p)
	}
	for _, p := range no {
		deadline := p.Deadline
		if p.Step != n.ID || deadline.IsZero() {
			deadline = n.Wait.AtMost.After(p.moment)
		}
		if !deadline.After(t.now) {
			p.moment = deadline
			f.arrive(n.Next, p)
			continue
		}
		t.moves = append(t.moves, Move{Pass: p.ID, State: campaign.PassRunning, Step: n.ID, Wake: deadline, Deadline: deadline})
	}
	return nil
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
