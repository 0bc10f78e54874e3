package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"tidings/internal/campaign"
)

// ErrClosed is what Get returns after Close.
var ErrClosed = errors.New("mail pool is closed")

// Timeouts limit the stages of a hand-over. Each is cut short by the deadline of
// the context given.
type Timeouts struct {
	Connect time.Duration // dial, greeting, TLS and AUTH together
	Command time.Duration // the replies to MAIL, RCPT, DATA; writing the body
	Reply   time.Duration // the reply to the final dot
}

// Pool keeps connections to one server.
type Pool struct {
	server   Server
	helo     string
	timeouts Timeouts
	maxUses  int           // messages over one TCP connection
	maxIdle  time.Duration // time that one may lie unused
	now      func() time.Time
	tls      *tls.Config
	dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)
	places   chan struct{} // as many as there may be connections

	mu     sync.Mutex
	idle   []*link // the one used last is at the end, and is taken first
	out    map[*Conn]struct{}
	closed bool
	shut   chan struct{} // closed by Close
	empty  chan struct{} // closed when closed and nothing is out
}

// Option changes a pool's defaults.
type Option func(*Pool)

// WithConnections sets the most connections at a time; the default is 10.
func WithConnections(n int) Option {
	return func(p *Pool) { p.places = make(chan struct{}, max(n, 1)) }
}

// WithRecycling sets after how many messages (100) and how long unused (60 s) a
// connection is given up for a new one. Relays limit both.
func WithRecycling(messages int, idle time.Duration) Option {
	return func(p *Pool) { p.maxUses, p.maxIdle = max(messages, 1), idle }
}

// WithTimeouts replaces the timeouts that are not zero. The defaults are 10 s to
// connect, 30 s for each command and 90 s for the reply to the dot: RFC 5321
// 4.5.3.2.6 asks for 10 min, of which a ledger's lease allows less.
func WithTimeouts(t Timeouts) Option {
	return func(p *Pool) {
		for _, one := range []struct{ to, from *time.Duration }{
			{&p.timeouts.Connect, &t.Connect}, {&p.timeouts.Command, &t.Command}, {&p.timeouts.Reply, &t.Reply},
		} {
			if *one.from > 0 {
				*one.to = *one.from
			}
		}
	}
}

// WithHelo sets the name to greet with where the server's URL has none. The
// default is localhost, never the host's own name, which on a platform is random.
func WithHelo(name string) Option {
	return func(p *Pool) { p.helo = name }
}

// WithClock sets the clock by which idle connections age.
func WithClock(now func() time.Time) Option { return func(p *Pool) { p.now = now } }

// WithTLS sets the TLS configuration: roots, client certificates. TLS 1.2 and
// the server's name are filled in.
func WithTLS(config *tls.Config) Option { return func(p *Pool) { p.tls = config } }

// WithDial replaces the way in which TCP connections are made.
func WithDial(dial func(ctx context.Context, network, addr string) (net.Conn, error)) Option {
	return func(p *Pool) { p.dialFunc = dial }
}

// New makes a pool; it dials nothing yet.
func New(server Server, options ...Option) *Pool {
	p := &Pool{
		server:   server,
		helo:     "localhost",
		timeouts: Timeouts{Connect: 10 * time.Second, Command: 30 * time.Second, Reply: 90 * time.Second},
		maxUses:  100,
		maxIdle:  time.Minute,
		now:      time.Now,
		dialFunc: new(net.Dialer).DialContext,
		places:   make(chan struct{}, 10),
		out:      map[*Conn]struct{}{},
		shut:     make(chan struct{}),
		empty:    make(chan struct{}),
	}
	for _, o := range options {
		o(p)
	}
	if server.Helo != "" {
		p.helo = server.Helo
	}
	p.helo = greeting(p.helo)
	return p
}

// greeting is a name as EHLO says it: in the letters of DNS, an address in
// brackets (RFC 5321 4.1.3).
func greeting(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip.Is4() {
			return "[" + name + "]"
		}
		return "[IPv6:" + name + "]"
	}
	if name, err := idna.Lookup.ToASCII(name); err == nil && name != "" {
		return name
	}
	return "localhost"
}

// Server is the server that the pool hands over to.
func (p *Pool) Server() Server { return p.server }

// Get takes a connection, a used one if there is any, and waits for a place if
// all are taken. A failed dial is a *campaign.SendError of stage dial.
func (p *Pool) Get(ctx context.Context) (*Conn, error) {
	select {
	case <-p.shut:
		return nil, ErrClosed
	default:
	}
	select {
	case p.places <- struct{}{}:
	case <-p.shut:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, &campaign.SendError{Stage: campaign.StageDial, Err: fmt.Errorf("wait for a connection: %w", ctx.Err())}
	}
	c := &Conn{pool: p}
	if err := p.admit(c); err != nil {
		<-p.places
		return nil, err
	}
	if c.current() == nil {
		if err := c.renew(ctx); err != nil {
			p.Put(c)
			return nil, err
		}
	}
	return c, nil
}

// admit notes c as taken, with the best idle link if there is one. A link is looked at
// outside the lock: one that is slow to look at holds up nobody else.
func (p *Pool) admit(c *Conn) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	p.out[c] = struct{}{}
	p.mu.Unlock()
	for {
		l := p.pop()
		c.use(l) // before the look, so that Close can cut it
		if l == nil {
			return nil
		}
		if !p.worn(l) && !l.stale() {
			l.idleFrom = time.Time{}
			return nil
		}
		l.quit()
	}
}

// pop takes the idle link that was used last; nil: there is none.
func (p *Pool) pop() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	l := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return l
}

// worn tells whether a link has done its service.
func (p *Pool) worn(l *link) bool {
	return l.sent >= p.maxUses || !l.idleFrom.IsZero() && p.now().Sub(l.idleFrom) > p.maxIdle
}

// Put gives a connection back, from which a message that is still open is
// aborted. A second Put of the same does nothing.
func (p *Pool) Put(c *Conn) {
	if c.done {
		return
	}
	c.done = true
	l := c.current()
	if c.open && l != nil {
		l.cut()
	}
	p.mu.Lock()
	delete(p.out, c)
	keep := l != nil && !l.dead.Load() && !l.last && !p.closed && l.sent < p.maxUses
	if keep {
		l.idleFrom = p.now()
		p.idle = append(p.idle, l)
	}
	if p.closed && len(p.out) == 0 {
		p.drained()
	}
	p.mu.Unlock()
	if !keep && l != nil {
		l.quit()
	}
	<-p.places
}

// drained tells Close that nothing is out any more. The caller holds mu.
func (p *Pool) drained() {
	select {
	case <-p.empty:
	default:
		close(p.empty)
	}
}

// Close ends the pool: idle connections part at once, those in use when they are
// given back. When ctx ends first they are cut, and the error says so; an open
// message is then undelivered, or without a reply. A second Close waits as the
// first does.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.shut)
	}
	idle := p.idle
	p.idle = nil
	if len(p.out) == 0 {
		p.drained()
	}
	p.mu.Unlock()
	for _, l := range idle {
		l.quit()
	}
	select {
	case <-p.empty:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.out {
		c.Abort()
	}
	if len(p.out) == 0 {
		return nil
	}
	return fmt.Errorf("close mail pool: %d connections cut in use: %w", len(p.out), ctx.Err())
}
