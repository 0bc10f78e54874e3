package worker

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/fault"
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
	linger time.Duration // gatherTime, but in tests

	mu      sync.Mutex
	waiting []*request
	busy    bool
	lanes   int           // connections that are at work, and will ask again soon
	enough  chan struct{} // closed when so many wait that the next commit begins; nil: nobody waits for that
}

const (
	// A commit waits for this part of the connections at work, but no longer than for
	// gatherTime: a transaction costs nearly the same for one mail as for fifty. Few
	// connections do not wait at all.
	gatherPart = 0.75
	gatherFrom = 8
	gatherTime = 2 * time.Millisecond
)

// enter and leave count the connections at work.
func (c *Committer) enter() { c.mu.Lock(); c.lanes++; c.mu.Unlock() }
func (c *Committer) leave() { c.mu.Lock(); c.lanes--; c.gathered(); c.mu.Unlock() }

// gathered tells whether enough wait for a commit, and says so to whom waits for
// that. c.mu is held.
func (c *Committer) gathered() bool {
	all := c.lanes < gatherFrom || float64(len(c.waiting)) >= gatherPart*float64(c.lanes)
	if all && c.enough != nil {
		close(c.enough)
		c.enough = nil
	}
	return all
}

// gather waits until enough wait for the next commit, or for as long as one may.
func (c *Committer) gather() {
	c.mu.Lock()
	if len(c.waiting) == 0 || c.gathered() {
		c.mu.Unlock()
		return
	}
	enough := make(chan struct{})
	c.enough = enough
	c.mu.Unlock()
	late := time.NewTimer(c.linger)
	defer late.Stop()
	select {
	case <-enough:
	case <-late.C:
	}
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
	return c.ask(ctx, results, handoff).wait()
}

// ask is do, for which the caller waits later.
func (c *Committer) ask(ctx context.Context, results []campaign.Result, handoff *Handoff) *request {
	r := &request{results: results, handoff: handoff, done: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, r)
	c.gathered()
	lead := !c.busy
	c.busy = true
	c.mu.Unlock()
	if lead {
		// A hand-over that began must be recorded even while the process stops.
		go c.lead(context.WithoutCancel(ctx))
	}
	return r
}

// wait waits until the request is committed, or is known not to be.
func (r *request) wait() (admitted bool, err error) {
	<-r.done
	return r.admit, r.err
}

// lead commits whatever waits until nothing does. It runs beside the
// connections, so that none of them works for the others.
func (c *Committer) lead(ctx context.Context) {
	for {
		c.gather()
		c.mu.Lock()
		group := c.waiting
		c.waiting, c.enough = nil, nil
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
	if len(b.Handoffs) > 0 {
		if err := fault.Err("worker.before_handoff_commit"); err != nil {
			return nil, err
		}
	}
	admitted, err := c.ledger.Commit(ctx, b, now)
	if err == nil && len(b.Handoffs) > 0 {
		err = fault.Err("worker.after_handoff_commit")
	}
	if err == nil && len(b.Results) > 0 {
		err = fault.Err("worker.after_result_commit")
	}
	return admitted, err
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
