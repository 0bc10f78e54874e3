package scheduler

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// admitted is who enters, with where their passes come to. Nothing of it is
// stored yet; the passes' ids stand for those to come and are below 0.
type admitted struct {
	entries  []campaign.Entry
	passes   []campaign.Pass // of entries, in their order
	moves    []Move
	messages []Message
	first    map[int64]time.Time // of each customer's first entry, with overlap newest
	fuse     *Fuse               // not nil: all of it is held for a person
}

// admit decides who enters, and takes the new passes as far as they go. With
// overlap first it depends on what became of a customer's pass whether the next
// may begin: so each customer's first candidate is followed before their second is
// looked at, all customers side by side.
func (t *tick) admit(ctx context.Context, w Window, d *Decided) (*admitted, error) {
	candidates, err := t.Candidates(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("find candidates: %w", err)
	}
	campaign.SortCandidates(candidates)
	standings, err := t.Standings(ctx, candidates)
	if err != nil {
		return nil, fmt.Errorf("find standings: %w", err)
	}
	in := &admitted{first: map[int64]time.Time{}}
	fates := map[int64]*fate{} // of each customer's latest pass
	a := campaign.Admission{
		Campaign: t.campaign, Workspace: t.scheduler.Catalog.Workspace.Name, Seed: t.ledger.Seed,
		Now: t.looked(), Activated: t.ledger.Activated, Held: d.Held,
		ExitedBefore: func(_, later campaign.Candidate) (bool, error) {
			return !fates[later.Customer].openAt(later.AsOf), nil
		},
	}
	if n, ok := t.Books.(noter); ok {
		a.Note = n.Note
	}
	for _, round := range rounds(candidates, t.campaign.Overlap) {
		begin := len(a.Entries)
		for _, i := range round {
			s := standings[i]
			if s.Known || s.Gone {
				continue // found again, decided once; or nobody's any more
			}
			if err := a.Offer(candidates[i], s); err != nil {
				return nil, fmt.Errorf("admit: %w", err)
			}
			if len(a.Entries) > len(in.passes) {
				in.passes = append(in.passes, newPass(candidates[i], s, -1-int64(len(in.passes))))
			}
		}
		in.entries = a.Entries
		if err := t.begin(ctx, in, begin, fates); err != nil {
			return nil, err
		}
	}
	if t.blows(len(in.entries)) {
		// The others will be looked at again, and are counted then.
		clear(d.Held)
		d.Held[campaign.HeldFuse] = len(in.entries)
		return &admitted{fuse: &Fuse{Decided: len(in.entries), Allowed: t.campaign.Allows(t.ledger.Usual), Usual: t.ledger.Usual}}, nil
	}
	return in, nil
}

// blows tells whether the fuse holds n entries: unless a person has released that
// many.
func (t *tick) blows(n int) bool {
	if r := t.ledger.Release; r != nil && n <= r.Entries {
		return false
	}
	return t.campaign.Blows(n, t.ledger.Usual)
}

// noter are Books that want to know who is held, and why.
type noter interface {
	Note(c campaign.Candidate, reason string)
}

func newPass(c campaign.Candidate, s campaign.Standing, id int64) campaign.Pass {
	return campaign.Pass{
		ID: id, Customer: c.Customer, Key: c.Key, Anchor: c.Anchor, Entered: c.AsOf, Moment: c.AsOf,
		Trigger: c.Trigger, State: campaign.PassRunning, External: s.External, Timezone: s.Timezone,
	}
}

// rounds are the positions of candidates that may be decided together.
func rounds(cs []campaign.Candidate, overlap campaign.Overlap) [][]int {
	var out [][]int
	nth := map[int64]int{}
	for i, c := range cs {
		n := 0
		if overlap == campaign.OverlapFirst {
			n = nth[c.Customer]
			nth[c.Customer]++
		}
		if n == len(out) {
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

// begin takes the passes from position `from` on from the first step as far as
// they go. Facts that ended them may be known already, when the tick catches up;
// and a customer's next entry may end them.
func (t *tick) begin(ctx context.Context, in *admitted, from int, fates map[int64]*fate) error {
	next := in.followers(from)
	var begun []campaign.Pass
	for i := from; i < len(in.entries); i++ {
		e, p := in.entries[i], in.passes[i]
		fates[p.Customer] = &fate{entered: p.Entered}
		if e.HeldOut {
			fates[p.Customer].ended, fates[p.Customer].exited = p.Entered, true
			continue
		}
		if by, ok := next[p.ID]; ok && by.Equal(p.Entered) {
			in.moves = append(in.moves, Move{Pass: p.ID, State: campaign.PassExited, Reason: campaign.ExitSuperseded, Ended: by})
			continue
		}
		begun = append(begun, p)
	}
	exits, err := t.exits(ctx, begun)
	if err != nil {
		return err
	}
	for _, p := range begun {
		if by, ok := next[p.ID]; ok {
			exits = superseded(exits, p, by)
		}
	}
	if err := t.settleNew(ctx, begun, exits); err != nil {
		return err
	}
	customers := make(map[int64]int64, len(begun))
	for _, p := range begun {
		customers[p.ID] = p.Customer
	}
	for _, m := range t.moves {
		if !m.Ended.IsZero() {
			f := fates[customers[m.Pass]]
			f.ended, f.exited = m.Ended, m.State == campaign.PassExited
		}
	}
	in.moves, in.messages = append(in.moves, t.moves...), append(in.messages, t.messages...)
	t.moves, t.messages = nil, nil
	return nil
}

// followers tells for passes when their customer's next entry ended them, and
// notes each customer's first.
func (in *admitted) followers(from int) map[int64]time.Time {
	next := map[int64]time.Time{}
	last := map[int64]int64{}
	for i := from; i < len(in.entries); i++ {
		e, p := in.entries[i], in.passes[i]
		if !e.Supersedes {
			continue
		}
		if before, again := last[p.Customer]; again {
			next[before] = p.Entered
		} else {
			in.first[p.Customer] = p.Entered
		}
		last[p.Customer] = p.ID
	}
	return next
}

// enter stores who was admitted, and where they have come to.
func (t *tick) enter(ctx context.Context, in *admitted, d *Decided) error {
	if len(in.entries) == 0 {
		return nil
	}
	stored, err := t.Enter(ctx, in.entries, t.now)
	if err != nil {
		return fmt.Errorf("enter: %w", err)
	}
	ids := make(map[int64]int64, len(stored))
	for i, p := range stored {
		if p.ID != 0 { // else it was there before
			ids[in.passes[i].ID] = p.ID
			d.Entered++
		}
	}
	for _, m := range in.moves {
		if m.Pass = ids[m.Pass]; m.Pass != 0 {
			t.moves = append(t.moves, m)
		}
	}
	for _, m := range in.messages {
		if m.Pass = ids[m.Pass]; m.Pass != 0 {
			t.messages = append(t.messages, m)
		}
	}
	return t.save(ctx)
}

// inOrder are the campaigns such that those whose conditions ask for a pass
// through another come after it; otherwise, and where they ask for each other, by
// name.
func inOrder(cat *campaign.Catalog) []*campaign.Campaign {
	var out []*campaign.Campaign
	seen := map[string]bool{}
	var visit func(c *campaign.Campaign)
	visit = func(c *campaign.Campaign) {
		if seen[c.Name] {
			return
		}
		seen[c.Name] = true
		for _, name := range campaignsIn(cat, c) {
			if other, ok := cat.Campaign(name); ok {
				visit(other)
			}
		}
		out = append(out, c)
	}
	for _, c := range cat.All() {
		visit(c)
	}
	return out
}

// campaignsIn are the campaigns that c's conditions ask for, by name.
func campaignsIn(cat *campaign.Catalog, c *campaign.Campaign) []string {
	var out []string
	c.WalkConditions(cat, func(part campaign.Condition) {
		if state, ok := part.(campaign.CampaignState); ok {
			out = append(out, state.Campaign)
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}
