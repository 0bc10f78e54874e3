package worker

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tidings/internal/campaign"
)

// Committer groups the commits of all connections of a process: while one
// transaction is on its way, what the other connections ask for collects for the
// next. A connection hands in the result of its last message together with the
// hand-over of its next, so that it never has two messages in the window in
// which a crash leaves the outcome unknown.
type Committer struct {
	ledger Ledger
	clock  Clock
	log    *slog.Logger
	pause  func(ctx context.Context, d time.Duration)

	mu      sync.Mutex
	waiting []*request
	busy    bool
}

// Clock tells the time: the database's in a live store, a given one in a
// simulated one.
type Clock func(ctx context.Context) (time.Time, error)

type request struct {
	results []campaign.Result
	handoff *Handoff
	admit   bool
	err     error
	done    chan struct{}
}

// do commits results and a hand-over, and tells whether the hand-over was
// admitted. An error means that it is not known to be stored (the dot must not
// be sent), or, without one, that the results are not.
func (c *Committer) do(ctx context.Context, results []campaign.Result, handoff *Handoff) (bool, error) {
	r := &request{results: results, handoff: handoff, done: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, r)
	lead := !c.busy
	c.busy = true
	c.mu.Unlock()
	if lead {
		// A hand-over that began must be recorded even while the process stops.
		go c.lead(context.WithoutCancel(ctx))
	}
	<-r.done
	return r.admit, r.err
}

// lead commits whatever waits until nothing does. It runs beside the
// connections, so that none of them works for the others.
func (c *Committer) lead(ctx context.Context) {
	for {
		c.mu.Lock()
		group := c.waiting
		c.waiting = nil
		if len(group) == 0 {
			c.busy = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.commit(ctx, group)
		for _, r := range group {
			close(r.done)
		}
	}
}

func (c *Committer) commit(ctx context.Context, group []*request) {
	ctx, cancel := context.WithTimeout(ctx, Lease)
	defer cancel()
	var b Batch
	for _, r := range group {
		b.Results = append(b.Results, r.results...)
		if r.handoff != nil {
			b.Handoffs = append(b.Handoffs, *r.handoff)
		}
	}
	admitted, err := c.try(ctx, b)
	if err != nil {
		c.log.Error("commit failed", "results", len(b.Results), "handoffs", len(b.Handoffs), "error", err)
	}
	// Hand-overs are refused then, but what the server has said must not be lost.
	stored := err == nil || c.insist(ctx, b.Results)
	for _, r := range group {
		if r.handoff != nil || !stored {
			r.err = err
		}
		r.admit = err == nil && r.handoff != nil && admitted[r.handoff.Claim]
	}
}

func (c *Committer) try(ctx context.Context, b Batch) (map[campaign.Claim]bool, error) {
	now, err := c.clock(ctx)
	if err != nil {
		return nil, err
	}
	return c.ledger.Commit(ctx, b, now)
}

// insist stores results against a failing database until their leases would be
// over, and tells whether it could. What is left stays in handoff and becomes
// uncertain; the log says what the server replied, for a person. Releases are
// not worth it: their leases run out.
func (c *Committer) insist(ctx context.Context, results []campaign.Result) bool {
	kept := slices.DeleteFunc(slices.Clone(results), func(r campaign.Result) bool { return r.Verdict == campaign.WasRelease })
	if len(kept) == 0 {
		return false
	}
	waited, wait := time.Duration(0), 100*time.Millisecond
	for ; waited < Lease && ctx.Err() == nil; waited, wait = waited+wait, min(2*wait, 5*time.Second) {
		c.pause(ctx, wait)
		if _, err := c.try(ctx, Batch{Results: kept}); err == nil {
			return len(kept) == len(results)
		}
	}
	for _, r := range kept {
		c.log.Error("result not stored", "message", r.ID, "token", r.Token, "verdict", r.Verdict, "code", r.Reply.Code)
	}
	return false
}
