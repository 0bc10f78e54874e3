package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
)

// Server is an SMTP server on a loopback port.
type Server struct {
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool
	setup    setup
	sessions sync.WaitGroup

	mu       sync.Mutex
	plan     Plan
	messages []Message
	partial  []Message
	counts   map[string]int
	accepted int
	begun    int
	struck   int // faults that have had their effect
	open     map[net.Conn]struct{}
	closed   bool
	changed  chan struct{} // closed and replaced at every change
}

type setup struct {
	tls        bool
	implicit   bool
	user, pass string
	utf8       bool
	sevenBit   bool
	size       int
	noPipeline bool
	noBodies   bool
	take       func(Message)
}

// Option changes what the server offers. By default that is PIPELINING and
// 8BITMIME.
type Option func(*setup)

// WithStartTLS offers STARTTLS with a certificate that Roots vouches for.
func WithStartTLS() Option { return func(s *setup) { s.tls = true } }

// WithTLS speaks TLS from the first byte.
func WithTLS() Option { return func(s *setup) { s.implicit = true } }

// WithAuth demands AUTH PLAIN with these.
func WithAuth(user, password string) Option {
	return func(s *setup) { s.user, s.pass = user, password }
}

// WithUTF8 offers SMTPUTF8.
func WithUTF8() Option { return func(s *setup) { s.utf8 = true } }

// WithSize announces with SIZE that no message may have more bytes.
func WithSize(bytes int) Option { return func(s *setup) { s.size = bytes } }

// WithoutEightBit offers no 8BITMIME.
func WithoutEightBit() Option { return func(s *setup) { s.sevenBit = true } }

// WithoutPipelining offers no PIPELINING.
func WithoutPipelining() Option { return func(s *setup) { s.noPipeline = true } }

// WithoutBodies counts messages and forgets what is in them and who gets them.
func WithoutBodies() Option { return func(s *setup) { s.noBodies = true } }

// WithTake has f called with every message as it is accepted, whole even where
// the server forgets bodies. It is called from all sessions.
func WithTake(f func(Message)) Option { return func(s *setup) { s.take = f } }

// New starts a server that ends with the test.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	s, err := Start(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server on a free port of 127.0.0.1.
func Start(options ...Option) (*Server, error) {
	s := &Server{counts: map[string]int{}, open: map[net.Conn]struct{}{}, changed: make(chan struct{})}
	for _, o := range options {
		o(&s.setup)
	}
	if s.setup.tls || s.setup.implicit {
		var err error
		if s.tls, s.roots, err = certificate(); err != nil {
			return nil, fmt.Errorf("make certificate: %w", err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	s.listener = l
	s.sessions.Add(1)
	go s.serve()
	return s, nil
}

func (s *Server) serve() {
	defer s.sessions.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = conn.Close()
			return
		}
		s.begun++
		n := s.begun
		s.open[conn] = struct{}{}
		s.sessions.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.sessions.Done()
			newSession(s, conn, n).run()
			_ = conn.Close()
			s.change(func() { delete(s.open, conn) })
		}()
	}
}

// change does f under the lock and wakes all who wait.
func (s *Server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Close ends all sessions and waits for them.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.change(func() {
		s.closed = true
		for conn := range s.open {
			_ = conn.Close()
		}
	})
	s.sessions.Wait()
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Port is the port of Addr.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// URL is the server's SMTP_URL.
func (s *Server) URL() string {
	scheme, user := "smtp://", ""
	if s.setup.implicit {
		scheme = "smtps://"
	}
	if s.setup.user != "" {
		user = s.setup.user + ":" + s.setup.pass + "@"
	}
	return scheme + user + s.Addr()
}

// Roots vouches for the server's certificate, with a client's TLS configuration.
func (s *Server) Roots() *tls.Config { return &tls.Config{RootCAs: s.roots} }

// Fault sets the plan of faults from now on; nil ends them.
func (s *Server) Fault(p Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = p
}

func (s *Server) fault(m Moment) *Fault {
	s.mu.Lock()
	p := s.plan
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	return p(m)
}

// Messages are those accepted, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Partial are those whose final dot never came.
func (s *Server) Partial() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.partial)
}

// Accepted counts the messages accepted with this id.
func (s *Server) Accepted(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[id]
}

// Counts is the number of times that each id was accepted.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int, len(s.counts))
	for id, n := range s.counts {
		counts[id] = n
	}
	return counts
}

// Total counts the messages accepted.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Sessions counts the connections that there have been.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// Wait waits until n messages have been accepted in all.
func (s *Server) Wait(ctx context.Context, n int) error {
	return s.until(ctx, func() bool { return s.accepted >= n }, func() string {
		return fmt.Sprintf("wait for %d messages, having %d", n, s.accepted)
	})
}

// WaitStruck waits until n replies of faults in a body have gone out in all.
func (s *Server) WaitStruck(ctx context.Context, n int) error {
	return s.until(ctx, func() bool { return s.struck >= n }, func() string {
		return fmt.Sprintf("wait for %d faults, having %d", n, s.struck)
	})
}

// Hangup closes all connections from this side, as a server does with idle ones.
func (s *Server) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = conn.Close()
	}
}

// WaitIdle waits until no connection is open.
func (s *Server) WaitIdle(ctx context.Context) error {
	return s.until(ctx, func() bool { return len(s.open) == 0 }, func() string {
		return fmt.Sprintf("wait for %d connections to end", len(s.open))
	})
}

func (s *Server) until(ctx context.Context, ok func() bool, what func() string) error {
	for {
		s.mu.Lock()
		done, changed, text := ok(), s.changed, what()
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", text, ctx.Err())
		}
	}
}
