// Package scheduler decides: each tick evaluates every active campaign since its
// watermark, enrols whom it finds, moves passes on and relays due messages to
// the queue. Ticks may repeat, overlap and be cut off anywhere: what they decide
// is unique in the store, and decided once.
package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tidings/internal/campaign"
)

// Scheduler ticks. Its fields are set once, before the first tick.
type Scheduler struct {
	Store   Store
	Queue   Queue
	Catalog *campaign.Catalog
	Relay   RelayOptions
	Log     *slog.Logger
}

// Decided is what a tick decided for one campaign.
type Decided struct {
	Entered int            `json:"entered"` // customers, held out or not
	Held    map[string]int `json:"held"`    // by reason
}

// Tick evaluates every campaign up to now. A campaign that fails does not keep
// the others from theirs; the first error is returned when all are done.
func (s *Scheduler) Tick(ctx context.Context, now time.Time) (map[string]Decided, error) {
	if err := s.Store.Advance(ctx, now); err != nil {
		return nil, err
	}
	if err := s.Store.Sync(ctx, s.Catalog, now); err != nil {
		return nil, fmt.Errorf("load campaigns: %w", err)
	}
	decided := make(map[string]Decided, len(s.Catalog.Campaigns))
	var failed error
	for _, c := range s.Catalog.Campaigns {
		d, err := s.campaign(ctx, c, now)
		if err != nil {
			s.Log.Error("campaign not evaluated", "campaign", c.Name, "error", err)
			if failed == nil {
				failed = fmt.Errorf("evaluate %s: %w", c.Name, err)
			}
			continue
		}
		decided[c.Name] = d
		if d.Entered > 0 || len(d.Held) > 0 {
			s.Log.Info("campaign evaluated", "campaign", c.Name, "entered", d.Entered, "held", d.Held)
		}
	}
	return decided, failed
}

// campaign is one campaign's tick, in one transaction.
func (s *Scheduler) campaign(ctx context.Context, c *campaign.Campaign, now time.Time) (Decided, error) {
	var d Decided
	err := s.Store.InCampaign(ctx, c, now, func(b Books) error {
		d = Decided{Held: map[string]int{}} // a transaction may be tried again
		t := &tick{Books: b, scheduler: s, campaign: c, now: now, ledger: b.Ledger()}
		return t.run(ctx, &d)
	})
	return d, err
}

// tick is one campaign's evaluation within its transaction.
type tick struct {
	Books
	scheduler *Scheduler
	campaign  *campaign.Campaign
	ledger    Ledger
	now       time.Time
	moves     []Move
	messages  []Message
	// mail, where it is set, does at a send what the worker would do, so that passes
	// go on from it: a forecast has no ledger to write messages into.
	mail func(ctx context.Context, f *frontier, n campaign.Node, ps []at) error
}

func (t *tick) run(ctx context.Context, d *Decided) error {
	w := t.window()
	// The passes that there are move first, so that who has left by now may enter
	// again: admission looks at what is stored.
	if err := t.moveOn(ctx, w); err != nil {
		return err
	}
	if !t.ledger.Active {
		return nil
	}
	// Also when no time has passed: facts may have come in at the same moment, even
	// with the cursor where it was.
	entered, blown, err := t.enter(ctx, w, d)
	if err != nil {
		return err
	}
	if err := t.begin(ctx, entered); err != nil {
		return err
	}
	return t.Watermark(ctx, w, d.Entered, d.Held, !blown)
}

// moveOn ends the passes that fresh facts have cancelled and takes the others as
// far as they go. Of a campaign that is not active passes end, and do no more.
func (t *tick) moveOn(ctx context.Context, w Window) error {
	fresh, err := t.Fresh(ctx, w)
	if err != nil {
		return fmt.Errorf("find passes with fresh facts: %w", err)
	}
	exits, err := t.exits(ctx, fresh)
	if err != nil {
		return err
	}
	var due []campaign.Pass
	if t.ledger.Active {
		if due, err = t.Due(ctx, t.now); err != nil {
			return fmt.Errorf("find due passes: %w", err)
		}
	}
	if err := t.settle(ctx, due, fresh, exits); err != nil {
		return err
	}
	return t.save(ctx)
}

// begin takes new passes from the first step as far as they go. Facts that ended
// them may be known already, when the tick catches up.
func (t *tick) begin(ctx context.Context, entered []campaign.Pass) error {
	exits, err := t.exits(ctx, entered)
	if err != nil {
		return err
	}
	if err := t.settleNew(ctx, entered, exits); err != nil {
		return err
	}
	return t.save(ctx)
}

// exits are the ends of passes as of now.
func (t *tick) exits(ctx context.Context, passes []campaign.Pass) (map[int64]Exit, error) {
	if len(passes) == 0 {
		return nil, nil
	}
	exits, err := t.Exits(ctx, passes, t.now)
	if err != nil {
		return nil, fmt.Errorf("find ended passes: %w", err)
	}
	return exits, nil
}

// save stores where passes have come to.
func (t *tick) save(ctx context.Context) error {
	if err := t.Save(ctx, t.moves, t.messages, t.now); err != nil {
		return fmt.Errorf("store passes: %w", err)
	}
	t.moves, t.messages = nil, nil
	return nil
}

// window is what has not been evaluated yet. A campaign's first tick begins at
// its activation, but no further back than its trigger's lateness allows; later
// ones at the watermark, so that what comes too late is counted as such.
func (t *tick) window() Window {
	late := t.now.Add(-t.campaign.MaxLateness)
	begin := t.ledger.Activated
	w := Window{From: t.ledger.Watermark, To: t.now, Cursor: t.ledger.Cursor, Next: t.ledger.Next}
	w.LateFrom = latest(begin, late)
	if w.From.IsZero() {
		w.From = w.LateFrom
	}
	// Of two schedulers that read the clock one after the other the second may
	// come first; the watermark doesn't go back for it.
	w.To = latest(w.From, w.To)
	return w
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// enter admits candidates and inserts their passes.
func (t *tick) enter(ctx context.Context, w Window, d *Decided) (passes []campaign.Pass, blown bool, err error) {
	candidates, err := t.Candidates(ctx, w)
	if err != nil {
		return nil, false, fmt.Errorf("find candidates: %w", err)
	}
	campaign.SortCandidates(candidates)
	standings, err := t.Standings(ctx, candidates)
	if err != nil {
		return nil, false, fmt.Errorf("find standings: %w", err)
	}
	a := campaign.Admission{
		Campaign: t.campaign, Workspace: t.scheduler.Catalog.Workspace.Name, Seed: t.ledger.Seed,
		Now: t.now, Activated: t.ledger.Activated, Held: d.Held,
		ExitedBefore: func(earlier, later campaign.Candidate) (bool, error) { return t.ExitedBefore(ctx, earlier, later) },
	}
	if n, ok := t.Books.(noter); ok {
		a.Note = n.Note
	}
	for i, c := range candidates {
		if standings[i].Known || standings[i].Gone {
			continue // found again, decided once; or nobody's any more
		}
		if err := a.Offer(c, standings[i]); err != nil {
			return nil, false, fmt.Errorf("admit: %w", err)
		}
	}
	if t.campaign.Blows(len(a.Entries), t.ledger.Usual) {
		// The others will be looked at again, and are counted then.
		clear(d.Held)
		d.Held[campaign.HeldFuse] = len(a.Entries)
		return nil, true, nil
	}
	all, err := t.Enter(ctx, a.Entries, t.now)
	if err != nil {
		return nil, false, fmt.Errorf("enter: %w", err)
	}
	return t.entered(ctx, a.Entries, all, d)
}

// noter are Books that want to know who is held, and why.
type noter interface {
	Note(c campaign.Candidate, reason string)
}

// entered counts the passes that are new and lets the newest of a customer
// supersede the older ones.
func (t *tick) entered(ctx context.Context, entries []campaign.Entry, all []campaign.Pass, d *Decided) ([]campaign.Pass, bool, error) {
	newest := map[int64]int64{}
	for i, p := range all {
		if p.ID == 0 {
			continue
		}
		d.Entered++
		if entries[i].Supersedes {
			newest[p.Customer] = p.ID
		}
	}
	var running []campaign.Pass
	for i, p := range all {
		id, supersedes := newest[p.Customer]
		if p.ID != 0 && !entries[i].HeldOut && (!supersedes || id == p.ID) {
			running = append(running, p)
		}
	}
	if len(newest) == 0 {
		return running, false, nil
	}
	customers, keep := make([]int64, 0, len(newest)), make([]int64, 0, len(newest))
	for c, p := range newest {
		customers, keep = append(customers, c), append(keep, p)
	}
	if err := t.Supersede(ctx, customers, keep, t.now); err != nil {
		return nil, false, fmt.Errorf("supersede: %w", err)
	}
	return running, false, nil
}

func (t *tick) end(p campaign.Pass, state campaign.PassState, reason string, at time.Time) {
	t.moves = append(t.moves, Move{Pass: p.ID, State: state, Reason: reason, Step: p.Step, Ended: at})
}
