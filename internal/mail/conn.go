package mail

import (
	"context"
	"errors"
	"sync"

	"tidings/internal/campaign"
)

// ErrOrder is a use of a Conn out of order: Begin twice, Finish without Begin,
// either after Put. It is a fault of the caller, and nothing was sent.
var ErrOrder = errors.New("mail connection used out of order")

// Conn is a place in the pool: one TCP connection at a time, renewed behind the
// caller's back when it is used up. It is for one goroutine; Abort alone may come
// from another.
type Conn struct {
	pool *Pool
	open bool // a message lies with the server, without its dot
	done bool // given back

	mu   sync.Mutex
	link *link // nil: dial before use
}

// Begin hands a message over up to, but without, its final dot: MAIL, RCPT,
// DATA, the body. Until Finish the server must drop it. The error is a
// *campaign.SendError of stage dial, mail, rcpt or data; the connection can be
// used further after it. A reused connection that the server has left, or that
// it answers 421 at MAIL, is replaced once.
func (c *Conn) Begin(ctx context.Context, e campaign.Email) error {
	if c.done || c.open && !c.current().dead.Load() {
		return ErrOrder
	}
	c.open = false
	if err := checkEnvelope(e); err != nil { // dial for nothing that cannot go
		return err
	}
	stop := c.watch(ctx)
	err := c.begin(ctx, e)
	return c.begun(ctx, err, stop())
}

// Finish writes the dot and reads the reply, with which the server takes the
// message or not. Errors are *campaign.SendError: of stage data if the dot was
// certainly not written, of stage dot otherwise; without a reply at stage dot
// nobody knows.
func (c *Conn) Finish(ctx context.Context) (campaign.Reply, error) {
	if !c.open || c.done {
		return campaign.Reply{}, ErrOrder
	}
	c.open = false
	stop := c.watch(ctx)
	defer stop()
	return c.current().finish(ctx, nil)
}

// Ending is what Finish returns.
type Ending struct {
	Reply campaign.Reply
	Err   error
}

// FinishBegin is Finish followed by Begin of the next message. Where the server
// allows it (PIPELINING) the dot and the next commands go out in one write, which
// saves a round trip. begun is the error of the next message's Begin.
func (c *Conn) FinishBegin(ctx context.Context, next campaign.Email) (done Ending, begun error) {
	if !c.open || c.done {
		return Ending{Err: ErrOrder}, ErrOrder
	}
	l := c.current()
	var t transaction
	var refused *campaign.SendError
	together := l.pipelining && !c.pool.worn(l) && !l.rset
	if together {
		t, refused = l.offer(next)
	}
	if !together || refused != nil {
		done.Reply, done.Err = c.Finish(ctx)
		return done, c.Begin(ctx, next)
	}
	c.open = false
	stop := c.watch(ctx)
	done.Reply, done.Err = l.finish(ctx, t.group)
	var err error
	if l.dead.Load() || l.last {
		err = c.begin(ctx, next)
	} else {
		err = c.opened(ctx, next, l, t, true)
	}
	return done, c.begun(ctx, err, stop())
}

// Abort gives the open message up: the TCP connection is closed hard, and the
// server drops what it has. The next Begin dials anew. Without an open message it
// does no harm either.
func (c *Conn) Abort() {
	if l := c.current(); l != nil {
		l.cut()
	}
}

func (c *Conn) current() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link
}

func (c *Conn) use(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
}

// renew replaces the link by a fresh one.
func (c *Conn) renew(ctx context.Context) error {
	if l := c.current(); l != nil {
		l.quit()
	}
	l, err := c.pool.dial(ctx)
	if err != nil {
		return err
	}
	c.use(l)
	if ctx.Err() != nil {
		// The watch may have run before there was this link to cut.
		return l.lost(ctx, campaign.StageDial, ctx.Err())
	}
	return nil
}

// begin opens a transaction on a usable link.
func (c *Conn) begin(ctx context.Context, e campaign.Email) error {
	l := c.current()
	if l == nil || c.pool.worn(l) || l.stale() || !l.reset(ctx) {
		if err := c.renew(ctx); err != nil {
			return err
		}
		l = c.current()
	}
	t, refused := l.offer(e)
	if refused != nil {
		return refused
	}
	return c.opened(ctx, e, l, t, false)
}

// opened asks for a transaction on a link, and once more on a fresh one where the
// server was only through with a used one. asked: the commands are on the wire.
func (c *Conn) opened(ctx context.Context, e campaign.Email, l *link, t transaction, asked bool) error {
	reused := l.sent > 0
	err := l.open(ctx, t, asked)
	if err != nil && reused && leftUs(ctx, l, err) {
		if err := c.renew(ctx); err != nil {
			return err
		}
		l = c.current()
		if t, err = l.offer(e); err == nil { // another server may answer to the name
			err = l.open(ctx, t, false)
		}
	}
	if err != nil {
		return err
	}
	return nil
}

// leftUs tells whether a transaction failed only because the server was through
// with this connection: 421 at MAIL, a session's limit up to DATA, or an end of the
// line before any answer.
func leftUs(ctx context.Context, l *link, err *campaign.SendError) bool {
	if ctx.Err() != nil {
		return false
	}
	if err.Reply.SessionLimit() {
		return true
	}
	if err.Stage != campaign.StageMail {
		return false
	}
	return err.Reply.Code == 421 || err.Reply.Code == 0 && !timedOut(err.Err)
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// begun settles the state after a begin, during which the context may have cut
// the link.
func (c *Conn) begun(ctx context.Context, err error, cut bool) error {
	if cut {
		c.Abort()
	}
	if err == nil && cut {
		err = &campaign.SendError{Stage: campaign.StageData, Err: ctx.Err()}
	}
	c.open = err == nil
	return err
}

// watch cuts the link when ctx ends. The function returned stops that, waits for
// a cut under way, and tells whether there was one.
func (c *Conn) watch(ctx context.Context) func() bool {
	if ctx.Done() == nil {
		return func() bool { return false }
	}
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		c.Abort()
	})
	return func() bool {
		if stop() {
			return false
		}
		<-cut
		return true
	}
}
