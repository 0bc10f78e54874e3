package scheduler

import (
	"context"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Activating is a store that can take campaigns as active since a moment, whatever
// they are: only a rehearsal asks for it.
type Activating interface {
	ActivateSince(ctx context.Context, campaigns []string, since time.Time) error
}

// PlanOptions say what a rehearsal looks at.
type PlanOptions struct {
	// Only are the campaigns to look at; none: all.
	Only []string
	// Since, unless it is zero, takes the campaigns of Only as active since then
	// and as never evaluated. The catalog must have them as active.
	Since time.Time
	// Customer, unless it is 0, is one to tell everything about; Everybody: all.
	Customer int64
}

// Everybody asks about all customers.
const Everybody int64 = -1

// Told is what became of one candidate of the customer asked about.
type Told struct {
	campaign.Candidate
	Reason string // why it does not enter; empty: it enters
}

// Planned is what a tick does for one campaign, with the customers concerned.
type Planned struct {
	Decided
	Entering []int64 // customers, each once, in the order of admission
	HeldOut  int     // of Entered
	// HeldBack are the customers held, by the reasons of Held.
	HeldBack map[string][]int64
	Messages int            // that it writes into the ledger
	Exits    map[string]int // passes that it ends, by reason
	Told     []Told         // of PlanOptions.Customer
}

// Plan ticks and tells what the tick did, campaign by campaign. Given a store
// whose transaction is rolled back, it is what the next tick would do. Of a
// campaign that could not be evaluated there is the error alone; a *FailedError
// names it when all are done, as Tick's does.
func (s *Scheduler) Plan(ctx context.Context, now time.Time, o PlanOptions) (map[string]Planned, error) {
	w := &watched{Store: s.Store, options: o, notes: map[string]*notes{}}
	decided, err := (&Scheduler{Store: w, Catalog: s.Catalog, Log: s.Log}).Tick(ctx, now)
	out := map[string]Planned{}
	for name, d := range decided {
		if n, looked := w.notes[name]; looked {
			out[name] = n.planned(d)
		}
	}
	return out, err
}

// watched is a store that notes what a tick does with it.
type watched struct {
	Store
	options PlanOptions
	notes   map[string]*notes
}

func (w *watched) Sync(ctx context.Context, cat *campaign.Catalog, now time.Time) error {
	if err := w.Store.Sync(ctx, cat, now); err != nil || w.options.Since.IsZero() {
		return err
	}
	return w.Store.(Activating).ActivateSince(ctx, w.options.Only, w.options.Since)
}

func (w *watched) InCampaign(ctx context.Context, c *campaign.Campaign, now time.Time, f func(Books) error) error {
	if len(w.options.Only) > 0 && !slices.Contains(w.options.Only, c.Name) {
		return nil
	}
	n := &notes{}
	w.notes[c.Name] = n
	return w.Store.InCampaign(ctx, c, now, func(b Books) error {
		*n = notes{customer: w.options.Customer, held: map[string][]int64{}, exits: map[string]int{}}
		return f(&noted{b, n})
	})
}

// notes are what a tick did for one campaign.
type notes struct {
	customer   int64
	told       []Told
	ledger     Ledger
	candidates []campaign.Candidate
	standings  []campaign.Standing
	heldKeys   map[string]bool
	held       map[string][]int64
	entered    []int64
	heldOut    int
	messages   int
	exits      map[string]int
}

// noted are Books that note what goes through them.
type noted struct {
	Books
	*notes
}

func (n *noted) Ledger() Ledger {
	n.ledger = n.Books.Ledger()
	return n.ledger
}

func (n *noted) Standings(ctx context.Context, cs []campaign.Candidate) ([]campaign.Standing, error) {
	found, err := n.Books.Standings(ctx, cs)
	n.candidates, n.standings, n.heldKeys = cs, found, map[string]bool{}
	return found, err
}

// Note hears of candidates that are held.
func (n *noted) Note(c campaign.Candidate, reason string) {
	n.heldKeys[c.Key] = true
	n.held[reason] = append(n.held[reason], c.Customer)
	n.tell(c, reason)
}

func (n *notes) tell(c campaign.Candidate, reason string) {
	if c.Customer == n.customer || n.customer == Everybody {
		n.told = append(n.told, Told{c, reason})
	}
}

func (n *noted) Enter(ctx context.Context, es []campaign.Entry, now time.Time) ([]campaign.Pass, error) {
	passes, err := n.Books.Enter(ctx, es, now)
	for i, p := range passes {
		if p.ID == 0 {
			continue
		}
		n.entered = append(n.entered, p.Customer)
		n.tell(es[i].Candidate, "")
		if es[i].HeldOut {
			n.heldOut++
		}
	}
	return passes, err
}

func (n *noted) Save(ctx context.Context, moves []Move, messages []Message, now time.Time) error {
	for _, m := range moves {
		if m.State == campaign.PassExited {
			n.ended(m.Reason, 1)
		}
	}
	n.messages += len(messages)
	return n.Books.Save(ctx, moves, messages, now)
}

func (n *notes) ended(reason string, passes int) {
	if passes > 0 {
		n.exits[reason] += passes
	}
}

func (n *notes) planned(d Decided) Planned {
	if d.Error != "" { // what was noted is taken back
		return Planned{Decided: d, HeldBack: map[string][]int64{}, Exits: map[string]int{}}
	}
	p := Planned{Decided: d, Entering: unique(n.entered), HeldOut: n.heldOut, HeldBack: n.held, Messages: n.messages, Exits: n.exits}
	if d.Fuse == nil {
		for reason, customers := range p.HeldBack {
			p.HeldBack[reason] = unique(customers)
		}
		p.Told = n.told
		return p
	}
	p.HeldBack = map[string][]int64{campaign.HeldFuse: unique(n.admitted())}
	p.Told = n.told
	return p
}

// admitted are the customers of the candidates that would have entered.
func (n *notes) admitted() []int64 {
	var out []int64
	for i, c := range n.candidates {
		s := n.standings[i]
		if !s.Known && !s.Gone && !n.heldKeys[c.Key] && c.Due.After(n.ledger.Activated) {
			out = append(out, c.Customer)
			n.tell(c, campaign.HeldFuse)
		}
	}
	return out
}

// unique keeps the first of each.
func unique(ids []int64) []int64 {
	seen := make(map[int64]bool, len(ids))
	out := make([]int64, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
