// Package worker sends: it claims the messages of a slice, renders each, hands
// it over to the mail server and records what became of it. It knows the ledger,
// the renderer and the line only by the small interfaces that it names.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tidings/internal/campaign"
)

// Worker works off slices, any number at once. Make it with New.
type Worker struct {
	ledger    Ledger
	renderer  Renderer
	line      Line
	clock     Clock
	log       *slog.Logger
	committer *Committer
	claimSize int
	settled   func() // called after each message that was committed; never nil
}

// Options set up a Worker.
type Options struct {
	Ledger   Ledger
	Renderer Renderer
	Line     Line
	Clock    Clock
	Log      *slog.Logger
	// ClaimSize is how many messages a connection claims at once; 0: 20. What it
	// has claimed it should be able to send in a few seconds.
	ClaimSize int
	// Pause waits; nil: a timer. Tests pass one that doesn't.
	Pause func(ctx context.Context, d time.Duration)
	// Settled is called after every claimed batch, e.g. to wake the relay. May be
	// nil.
	Settled func()
}

// New makes a Worker.
func New(o Options) *Worker {
	if o.ClaimSize == 0 {
		o.ClaimSize = 20
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Settled == nil {
		o.Settled = func() {}
	}
	return &Worker{
		ledger: o.Ledger, renderer: o.Renderer, line: o.Line, clock: o.Clock, log: o.Log,
		claimSize: o.ClaimSize, settled: o.Settled,
		committer: &Committer{ledger: o.Ledger, clock: o.Clock, log: o.Log, pause: o.Pause},
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Slice works off one slice. Its error is one of infrastructure (the database
// does not answer): the task is to be tried again. Whatever becomes of single
// messages is in the ledger and no error. When ctx ends, what was claimed but
// not handed over goes back; a hand-over under way is seen through.
func (w *Worker) Slice(ctx context.Context, slice int64) error {
	l := &lane{Worker: w}
	defer l.end(ctx)
	for ctx.Err() == nil {
		batch, err := l.claim(ctx, slice)
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := l.batch(ctx, batch); err != nil {
			return fmt.Errorf("slice %d: %w", slice, err)
		}
		// The connection is idle while it claims: no result waits for that.
		if err := l.flush(ctx); err != nil {
			return fmt.Errorf("slice %d: %w", slice, err)
		}
		w.settled()
	}
	// What is left of the slice is for whoever takes its task up again.
	return ctx.Err()
}

func (l *lane) claim(ctx context.Context, slice int64) ([]campaign.Outgoing, error) {
	now, err := l.clock(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	// The leases, as this machine's clock counts them: from before they were given.
	l.till = time.Now().Add(Lease)
	batch, err := l.ledger.Claim(ctx, slice, l.claimSize, now)
	if err != nil {
		return nil, fmt.Errorf("claim from slice %d: %w", slice, err)
	}
	return batch, nil
}

// lane is one connection's way through a slice.
type lane struct {
	*Worker
	conn Conn
	// results of the message before, committed together with the next hand-over.
	results []campaign.Result
	// till is when the leases of the batch end, in real time: a store's clock may
	// be a simulation's, sockets know only the real one.
	till time.Time
}

// end gives the connection back. A result is left over only by a panic.
func (l *lane) end(ctx context.Context) {
	if err := l.flush(ctx); err != nil {
		l.log.Error("a slice's last result is not stored", "error", err)
	}
	l.close()
}

func (l *lane) close() {
	if l.conn != nil {
		l.line.Put(l.conn)
		l.conn = nil
	}
}

// flush commits the last result, as an idle connection does at once.
func (l *lane) flush(ctx context.Context) error {
	if len(l.results) == 0 {
		return nil
	}
	_, err := l.committer.do(ctx, l.results, nil)
	l.results = nil
	return err
}

func (l *lane) batch(ctx context.Context, batch []campaign.Outgoing) error {
	for i, o := range batch {
		if ctx.Err() != nil {
			return l.release(ctx, batch[i:])
		}
		if err := l.message(ctx, o); err != nil {
			return errors.Join(err, l.release(ctx, batch[i+1:]))
		}
	}
	return nil
}

// release gives claimed messages back at no cost to them.
func (l *lane) release(ctx context.Context, rest []campaign.Outgoing) error {
	for _, o := range rest {
		l.results = append(l.results, campaign.Result{ID: o.ID, Token: o.Token, Verdict: campaign.WasRelease})
	}
	return l.flush(ctx)
}

// settle keeps a result for the next commit, after storing the one before it.
func (l *lane) settle(ctx context.Context, r campaign.Result) error {
	err := l.flush(ctx)
	l.results = []campaign.Result{r}
	return err
}

// message renders and sends one claimed message.
func (l *lane) message(ctx context.Context, o campaign.Outgoing) error {
	email, err := l.renderer.Render(o)
	if err != nil {
		return l.settle(ctx, campaign.Result{ID: o.ID, Token: o.Token, Verdict: campaign.WasFailed, Reason: "render", Detail: err.Error()})
	}
	if err := l.begin(ctx, email); err != nil {
		if ctx.Err() != nil {
			return l.settle(ctx, campaign.Result{ID: o.ID, Token: o.Token, Verdict: campaign.WasRelease})
		}
		return l.settle(ctx, l.outcome(o, err))
	}
	admitted, err := l.committer.do(ctx, l.results, &Handoff{
		Claim: campaign.Claim{ID: o.ID, Token: o.Token},
		Links: email.Links,
	})
	l.results = nil
	if err != nil || !admitted {
		l.conn.Abort()
		l.close()
		return err
	}
	// A process that was frozen since its claim sends nothing any more: others may
	// have taken the message for lost.
	if !time.Now().Before(l.till) {
		l.conn.Abort()
		l.close()
		return l.settle(ctx, campaign.Result{ID: o.ID, Token: o.Token, Verdict: campaign.WasRelease})
	}
	// From here on the outcome is sought to the end, whoever wants to stop.
	finish, cancel := context.WithDeadline(context.WithoutCancel(ctx), l.till.Add(ReplyLimit))
	defer cancel()
	reply, err := l.conn.Finish(finish)
	if err != nil {
		l.results = []campaign.Result{l.outcome(o, err)}
		l.close()
		return l.flush(ctx)
	}
	l.results = []campaign.Result{{ID: o.ID, Token: o.Token, Verdict: campaign.WasAccepted, Reply: reply}}
	return nil
}

// begin opens a transaction with all but its dot, on a connection of its own.
func (l *lane) begin(ctx context.Context, e campaign.Email) error {
	if l.conn == nil {
		conn, err := l.line.Get(ctx)
		if err != nil {
			return err
		}
		l.conn = conn
	}
	if err := l.conn.Begin(ctx, e); err != nil {
		l.close()
		return err
	}
	return nil
}

// dialPause is the wait of a message whose mail server could not be reached or
// would not let us in. That says nothing about the message, so it costs no
// attempt: it goes out soon after the server is back.
const dialPause = time.Minute

// outcome is the result of an attempt that ended in err.
func (l *lane) outcome(o campaign.Outgoing, err error) campaign.Result {
	r := campaign.Result{ID: o.ID, Token: o.Token}
	var send *campaign.SendError
	if !errors.As(err, &send) {
		send = &campaign.SendError{Stage: campaign.StageDial, Err: err}
	}
	r.Verdict, r.Reason, r.Suppress = send.Judge()
	r.Reply = send.Reply
	if send.Reply.Code == 0 && send.Err != nil {
		r.Detail = fmt.Sprintf("%s: %v", send.Stage, send.Err)
	}
	switch {
	case r.Verdict == campaign.WasRetry && send.Stage == campaign.StageDial:
		r.Verdict, r.RetryIn = campaign.WasRelease, dialPause
	case r.Verdict == campaign.WasRetry:
		r.RetryIn = campaign.Backoff(o.Attempt)
	}
	l.log.Info("message not accepted", "message", o.ID, "campaign", o.Campaign, "verdict", r.Verdict, "reason", r.Reason, "stage", send.Stage, "code", r.Reply.Code)
	return r
}
