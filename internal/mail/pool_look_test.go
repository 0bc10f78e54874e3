//go:build unix

package mail_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
)

// stuck is a connection that cannot be looked at until it is let go.
type stuck struct {
	*net.TCPConn
	looked chan struct{} // told of each look
	let    chan struct{}
}

func (c *stuck) SyscallConn() (syscall.RawConn, error) {
	c.looked <- struct{}{}
	<-c.let
	return c.TCPConn.SyscallConn()
}

// Whoever takes a connection that is slow to look at waits for it alone: others take
// theirs and give them back meanwhile.
func TestSlowLookHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	looked, let := make(chan struct{}, 1), make(chan struct{})
	dials := 0
	p := mustPool(t, s, mail.WithConnections(3), mail.WithDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if dials++; err != nil || dials > 1 {
			return conn, err
		}
		return &stuck{conn.(*net.TCPConn), looked, let}, nil
	}))
	slow, quick := mustGet(t, p), mustGet(t, p)
	p.Put(quick)
	p.Put(slow) // taken first, then
	got := make(chan *mail.Conn, 1)
	go func() { got <- mustGet(t, p) }()
	<-looked
	others := make(chan *mail.Conn)
	go func() {
		c := mustGet(t, p)
		p.Put(c)
		others <- mustGet(t, p)
	}()
	select {
	case c := <-others:
		p.Put(c)
	case <-within(t).Done():
		t.Error("others wait for the look")
	}
	close(let)
	p.Put(<-got)
	if s.Sessions() != 2 {
		t.Errorf("%d sessions, want the two of the beginning", s.Sessions())
	}
}
