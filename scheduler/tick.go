// Package scheduler decides: each tick evaluates every active campaign since its
// watermark, enrols whom it finds, moves passes on and relays due messages to
// the queue. Ticks may repeat, overlap and be cut off anywhere: what they decide
// is unique in the store, and decided once.
package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/fault"
)

// Scheduler ticks. Its fields are set once, before the first tick.
type Scheduler struct {
	Store   Store
	Queue   Queue
	Catalog *campaign.Catalog
	Relay   RelayOptions
	Log     *slog.Logger

	told  told
	swept time.Time // by the relay, last
}

// Decided is what a tick decided for one campaign.
type Decided struct {
	Entered int            `json:"entered"` // customers, held out or not
	Held    map[string]int `json:"held"`    // by reason
	// Fuse is set when all entries are held for a person.
	Fuse *Fuse `json:"fuse,omitempty"`
	// Error is why the campaign could not be evaluated: then it decided nothing.
	Error string `json:"error,omitempty"`
}

// Fuse says why a tick's decisions are held for a person.
type Fuse struct {
	Decided int     `json:"entries"` // entries that are held
	Allowed int     `json:"allowed"` // at most so many enter by themselves
	Usual   float64 `json:"usual"`   // the mean of earlier ticks that decided anything; 0: there was none
	// Released is what a person had released; it is void, since it has become more.
	// 0: nothing was.
	Released int `json:"released,omitempty"`
}

// FailedError says which campaigns a tick could not evaluate.
type FailedError struct {
	Campaigns []string
	Err       error // the first one's
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("evaluate %s: %v", strings.Join(e.Campaigns, ", "), e.Err)
}

func (e *FailedError) Unwrap() error { return e.Err }

// Tick evaluates every campaign up to now. A campaign that fails decides nothing
// and does not keep the others from theirs; a *FailedError names it beside what
// the others decided.
func (s *Scheduler) Tick(ctx context.Context, now time.Time) (map[string]Decided, error) {
	if err := s.Store.Advance(ctx, now); err != nil {
		return nil, err
	}
	if err := s.Store.Sync(ctx, s.Catalog, now); err != nil {
		return nil, fmt.Errorf("load campaigns: %w", err)
	}
	if _, err := s.Store.Settle(ctx, now); err != nil {
		// Opens and clicks wait for the next tick; orders and carts need not.
		s.Log.Error("hits not settled", "error", err)
	}
	decided := make(map[string]Decided, len(s.Catalog.All()))
	var failed FailedError
	for _, c := range inOrder(s.Catalog) {
		d, err := s.campaign(ctx, c, now)
		if err != nil {
			s.Log.Error("campaign not evaluated", "campaign", c.Name, "error", err)
			failed.Campaigns = append(failed.Campaigns, c.Name)
			if failed.Err == nil {
				failed.Err = err
			}
			decided[c.Name] = Decided{Held: map[string]int{}, Error: err.Error()}
			continue
		}
		if c != s.Catalog.Service || d.Entered > 0 || len(d.Held) > 0 {
			decided[c.Name] = d
		}
		if f := d.Fuse; f != nil && f.Released > 0 {
			s.Log.Warn("held again: more than was released", "campaign", c.Name, "entries", f.Decided, "released", f.Released)
		}
		if d.Entered > 0 || len(d.Held) > 0 {
			s.Log.Info("campaign evaluated", "campaign", c.Name, "entered", d.Entered, "held", d.Held)
		}
	}
	if failed.Err != nil {
		return decided, &failed
	}
	return decided, nil
}

// campaign is one campaign's tick, in one transaction.
func (s *Scheduler) campaign(ctx context.Context, c *campaign.Campaign, now time.Time) (Decided, error) {
	var d Decided
	err := s.Store.InCampaign(ctx, c, now, func(b Books) error {
		d = Decided{Held: map[string]int{}} // a transaction may be tried again
		t := &tick{Books: b, scheduler: s, campaign: c, now: now, ledger: b.Ledger()}
		if err := t.run(ctx, &d); err != nil {
			return err
		}
		return fault.Err("eval.before_commit")
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
	// Passes that there are move first, so that who has left by now may enter again:
	// admission looks at what is stored. Where a new entry ends the passes before it,
	// it has to be known first.
	var in *admitted
	var err error
	if t.ledger.Active && t.campaign.Overlap == campaign.OverlapNewest {
		if in, err = t.admit(ctx, t.entering(w), d); err != nil {
			return err
		}
	}
	if err := t.moveOn(ctx, w, in); err != nil {
		return err
	}
	if !t.ledger.Active {
		return nil
	}
	// Also when no time has passed: facts may have come in at the same moment, even
	// with the cursor where it was.
	w = t.entering(w)
	if in == nil {
		if in, err = t.admit(ctx, w, d); err != nil {
			return err
		}
	}
	if err := t.fuse(ctx, w, in, d); err != nil {
		return err
	}
	if err := t.enter(ctx, in, d); err != nil {
		return err
	}
	return t.Watermark(ctx, w, d.Entered, d.Held, in.fuse == nil)
}

// entering is the part of the window in which customers enter: up to the tick
// whose decision a person has released, so that it is that very decision.
func (t *tick) entering(w Window) Window {
	if r := t.ledger.Release; r != nil && r.Through.Before(w.To) {
		w.To = latest(w.From, r.Through)
	}
	return w
}

// fuse notes what is held, or that nothing is any more.
func (t *tick) fuse(ctx context.Context, w Window, in *admitted, d *Decided) error {
	if in.fuse == nil && !t.ledger.Held {
		return nil
	}
	if d.Fuse = in.fuse; d.Fuse != nil && t.ledger.Release != nil {
		d.Fuse.Released = t.ledger.Release.Entries
	}
	if err := t.Hold(ctx, in.fuse, w.To, t.now); err != nil {
		return fmt.Errorf("note what the fuse holds: %w", err)
	}
	return nil
}

// moveOn ends the passes that fresh facts, or new entries, have ended and takes
// the others as far as they go. Of a campaign that is not active passes end, and
// do no more.
func (t *tick) moveOn(ctx context.Context, w Window, in *admitted) error {
	fresh, err := t.Fresh(ctx, w)
	if err != nil {
		return fmt.Errorf("find passes with fresh facts: %w", err)
	}
	older, err := t.older(ctx, in)
	if err != nil {
		return err
	}
	looked := make(map[int64]bool, len(fresh))
	for _, p := range fresh {
		looked[p.ID] = true
	}
	for _, p := range older {
		if !looked[p.ID] {
			fresh = append(fresh, p)
		}
	}
	exits, err := t.exits(ctx, fresh)
	if err != nil {
		return err
	}
	for _, p := range older {
		exits = superseded(exits, p, in.first[p.Customer])
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

// older are the running passes that new entries of their customers end.
func (t *tick) older(ctx context.Context, in *admitted) ([]campaign.Pass, error) {
	if in == nil || in.fuse != nil || len(in.first) == 0 {
		return nil, nil
	}
	older, err := t.Open(ctx, slices.Sorted(maps.Keys(in.first)))
	if err != nil {
		return nil, fmt.Errorf("find passes to supersede: %w", err)
	}
	return older, nil
}

// superseded notes that a pass ends at a moment, unless it had ended before.
func superseded(exits map[int64]Exit, p campaign.Pass, moment time.Time) map[int64]Exit {
	moment = latest(moment, p.Entered)
	if e, ended := exits[p.ID]; ended && !e.At.After(moment) {
		return exits
	}
	if exits == nil {
		exits = map[int64]Exit{}
	}
	exits[p.ID] = Exit{At: moment, Reason: campaign.ExitSuperseded}
	return exits
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
	late := t.looked().Add(-t.campaign.MaxLateness)
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

// looked is the moment as of which it is judged whether an entry comes too late:
// the tick or, while the fuse holds entries, the first tick that was held. Else a
// person who takes their time would release nobody, and what is held would grow
// old until the rest is few enough to enter by itself.
func (t *tick) looked() time.Time {
	if t.ledger.Held {
		return t.ledger.HeldSince
	}
	return t.now
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (t *tick) end(p campaign.Pass, state campaign.PassState, reason string, at time.Time) {
	t.moves = append(t.moves, Move{Pass: p.ID, State: state, Reason: reason, Step: p.Step, Ended: at})
}
