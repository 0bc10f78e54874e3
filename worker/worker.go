// Package worker sends: it claims the messages of a slice, renders each, hands
// it over to the mail server and records what became of it. It knows the ledger,
// the renderer and the line only by the small interfaces that it names.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/fault"
)

// Worker works off slices, any number at once. Make it with New.
type Worker struct {
	ledger    Ledger
	renderer  Renderer
	line      Line
	clock     Clock
	log       *slog.Logger
	committer *Committer
	claims    *claims
	sliceTime time.Duration
	settled   func() // called after each message that was committed; never nil
}

// Options set up a Worker.
type Options struct {
	Ledger   Ledger
	Renderer Renderer
	Line     Line
	Clock    Clock
	Log      *slog.Logger
	// ClaimSize is how many messages a connection claims at once, at most; 0: 200.
	ClaimSize int
	// SliceTime is how long a slice may take; 0: 20 s. Then what is left of it is
	// given up, so that a slow server holds nobody's mail for longer.
	SliceTime time.Duration
	// Pause waits; nil: a timer. Tests pass one that doesn't.
	Pause func(ctx context.Context, d time.Duration)
	// Settled is called after every claimed batch, e.g. to wake the relay. May be
	// nil.
	Settled func()
}

// New makes a Worker.
func New(o Options) *Worker {
	if o.ClaimSize == 0 {
		o.ClaimSize = 200
	}
	if o.SliceTime == 0 {
		o.SliceTime = 20 * time.Second
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Settled == nil {
		o.Settled = func() {}
	}
	return &Worker{
		ledger: o.Ledger, renderer: o.Renderer, line: o.Line, clock: o.Clock, log: o.Log,
		claims: newClaims(o.ClaimSize), settled: o.Settled, sliceTime: o.SliceTime,
		committer: &Committer{ledger: o.Ledger, clock: o.Clock, log: o.Log, pause: o.Pause, linger: gatherTime},
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
	l := &lane{Worker: w, begun: time.Now()}
	defer l.part(ctx)
	for ctx.Err() == nil {
		if l.late() {
			return w.giveUp(ctx, slice)
		}
		batch, err := l.claim(ctx, slice)
		if err != nil || len(batch) == 0 {
			return err
		}
		begun := time.Now()
		if err := l.batch(ctx, batch); err != nil {
			return fmt.Errorf("slice %d: %w", slice, err)
		}
		// The connection is idle while it claims: no result waits for that.
		if err := l.flush(ctx); err != nil {
			return fmt.Errorf("slice %d: %w", slice, err)
		}
		w.claims.took(len(batch), time.Since(begun))
		w.settled()
	}
	// What is left of the slice is for whoever takes its task up again.
	return ctx.Err()
}

// giveUp leaves the rest of a slice to be queued anew.
func (w *Worker) giveUp(ctx context.Context, slice int64) error {
	if err := w.ledger.GiveUp(ctx, slice); err != nil {
		return fmt.Errorf("give up the rest of slice %d: %w", slice, err)
	}
	w.settled()
	return nil
}

func (l *lane) claim(ctx context.Context, slice int64) ([]campaign.Outgoing, error) {
	now, err := l.clock(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	// The leases, as this machine's clock counts them: from before they were given.
	l.till = time.Now().Add(Lease)
	batch, err := l.ledger.Claim(ctx, slice, l.claims.size(), now)
	if err == nil {
		err = fault.Err("worker.after_claim")
	}
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
	ahead   ready // the message after the one at hand
	// till is when the leases of the batch end, in real time: a store's clock may
	// be a simulation's, sockets know only the real one.
	till  time.Time
	begun time.Time // the slice
}

// late tells whether the slice has had its time.
func (l *lane) late() bool { return time.Since(l.begun) >= l.sliceTime }

// part gives the connection back. A result is left over only by a panic.
func (l *lane) part(ctx context.Context) {
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
	l.committer.enter()
	defer l.committer.leave()
	for i, o := range batch {
		if ctx.Err() != nil || i > 0 && l.late() {
			l.drop()
			return l.release(ctx, batch[i:])
		}
		var next *campaign.Outgoing
		if i+1 < len(batch) {
			next = &batch[i+1]
		}
		if err := l.message(ctx, o, next); err != nil {
			l.drop()
			return errors.Join(err, l.release(ctx, batch[i+1:]))
		}
	}
	return nil
}

// drop gives up what was made ready of the next message.
func (l *lane) drop() {
	if l.ahead.begun {
		l.conn.Abort()
		l.close()
	}
	l.ahead = ready{}
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

// ready is a message before its hand-over: rendered, or failed to be, and perhaps
// with the server already but for its dot.
type ready struct {
	id    int64 // 0: none
	email campaign.Email
	err   error // of rendering, or of begun
	begun bool
	tried bool // begun, or err is of that
}

// message renders and sends one claimed message. While its hand-over is stored
// the next is rendered, and that one's commands go out behind this one's dot: the
// server answers both in one round trip.
func (l *lane) message(ctx context.Context, o campaign.Outgoing, next *campaign.Outgoing) error {
	this := l.ahead
	l.ahead = ready{}
	if this.id != o.ID {
		this = l.render(o)
	}
	if this.err != nil && !this.tried {
		return l.settle(ctx, campaign.Result{ID: o.ID, Token: o.Token, Verdict: campaign.WasFailed, Reason: "render", Detail: this.err.Error()})
	}
	if !this.tried {
		this.err = l.begin(ctx, this.email)
	}
	if this.err != nil {
		if ctx.Err() != nil {
			return l.settle(ctx, campaign.Result{ID: o.ID, Token: o.Token, Verdict: campaign.WasRelease})
		}
		return l.settle(ctx, l.outcome(o, this.err))
	}
	asked := l.committer.ask(ctx, l.results, &Handoff{
		Claim:    campaign.Claim{ID: o.ID, Token: o.Token},
		Customer: o.Customer.ID,
		Links:    this.email.Links,
		Page:     this.email.Page,
	})
	l.results = nil
	if next != nil && ctx.Err() == nil {
		l.ahead = l.render(*next)
	}
	admitted, err := asked.wait()
	if err != nil || !admitted {
		l.conn.Abort()
		l.close()
		if err != nil {
			// It may stand as handed over. It was not, and goes back, should the database
			// answer again: else it would be in doubt.
			l.results = []campaign.Result{{ID: o.ID, Token: o.Token, Verdict: campaign.WasRelease}}
		}
		return err
	}
	// A process that was frozen since its claim sends nothing any more: others may
	// have taken the message for lost.
	if !time.Now().Before(l.till) {
		l.conn.Abort()
		l.close()
		return l.settle(ctx, campaign.Result{ID: o.ID, Token: o.Token, Verdict: campaign.WasRelease})
	}
	reply, err := l.finish(ctx)
	if err != nil {
		l.results = []campaign.Result{l.outcome(o, err)}
		if !l.ahead.begun {
			l.close()
		}
		return l.flush(ctx)
	}
	l.results = []campaign.Result{{ID: o.ID, Token: o.Token, Verdict: campaign.WasAccepted, Reply: reply, Last: o.Last}}
	return nil
}

// render makes the mail of a message. A panic is the message's own failure: were the
// batch lost with it, those behind it would be claimed with it again and again.
func (l *lane) render(o campaign.Outgoing) (r ready) {
	r.id = o.ID
	defer func() {
		if p := recover(); p != nil {
			// What it says may hold a customer's data; where it happened does not.
			l.log.Error("rendering panicked: the message has failed", "message", o.ID, "campaign", o.Campaign, "stack", string(debug.Stack()))
			r.err = fmt.Errorf("the program panicked with a %T; its log says where", p)
		}
	}()
	r.email, r.err = l.renderer.Render(o)
	return r
}

// finish writes the dot, and begins what is rendered behind it. From here on the
// outcome is sought to the end, whoever wants to stop; the next message is given
// up then.
func (l *lane) finish(ctx context.Context) (campaign.Reply, error) {
	finish, cancel := context.WithDeadline(context.WithoutCancel(ctx), l.till.Add(ReplyLimit))
	defer cancel()
	if l.ahead.id == 0 || l.ahead.err != nil || ctx.Err() != nil {
		return l.conn.Finish(finish)
	}
	done, err := l.conn.FinishBegin(finish, l.ahead.email)
	l.ahead.tried, l.ahead.begun, l.ahead.err = true, err == nil, err
	if err != nil {
		l.close()
	}
	return done.Reply, done.Err
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

// outcome is the result of an attempt that ended in err.
func (l *lane) outcome(o campaign.Outgoing, err error) campaign.Result {
	r := campaign.Result{ID: o.ID, Token: o.Token}
	var send *campaign.SendError
	if !errors.As(err, &send) {
		send = &campaign.SendError{Stage: campaign.StageDial, Err: err}
	}
	j := send.Judge()
	r.Verdict, r.Reason, r.Suppress, r.Slow, r.RetryIn = j.Verdict, j.Reason, j.Suppress, j.Slow, j.Wait
	r.Reply = send.Reply
	if send.Reply.Code == 0 && send.Err != nil {
		r.Detail = fmt.Sprintf("%s: %v", send.Stage, send.Err)
	}
	if r.Verdict == campaign.WasRetry {
		r.RetryIn = campaign.Backoff(o.Attempt)
	}
	l.log.Info("message not accepted", "message", o.ID, "campaign", o.Campaign, "verdict", r.Verdict, "reason", r.Reason, "stage", send.Stage, "code", r.Reply.Code)
	return r
}
