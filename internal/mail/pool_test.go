package mail_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
)

func TestPoolReuses(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	var now atomic.Int64
	p := mustPool(t, s, mail.WithRecycling(3, time.Minute), mail.WithClock(func() time.Time { return time.Unix(now.Load(), 0) }))
	send := func(id int) {
		c := mustGet(t, p)
		mustSend(t, c, email(id))
		p.Put(c)
	}
	send(1)
	now.Add(60)
	send(2)
	if s.Sessions() != 1 {
		t.Fatal("not reused:", s.Sessions())
	}
	now.Add(61)
	send(3)
	if s.Sessions() != 2 {
		t.Fatal("reused after lying idle too long:", s.Sessions())
	}
	for id := 4; id <= 6; id++ {
		send(id)
	}
	if s.Sessions() != 3 {
		t.Error("reused after three messages:", s.Sessions())
	}
}

func TestPoolLimit(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	p := mustPool(t, s, mail.WithConnections(2))
	a := mustGet(t, p)
	mustGet(t, p)
	ctx, cancel := context.WithCancel(within(t))
	got := make(chan error, 1)
	go func() {
		_, err := p.Get(ctx)
		got <- err
	}()
	cancel()
	wantError(t, <-got, campaign.StageDial, 0, campaign.WasRelease)
	waiting := make(chan error, 1)
	go func() {
		c, err := p.Get(within(t))
		if err == nil {
			p.Put(c)
		}
		waiting <- err
	}()
	p.Put(a)
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	if s.Sessions() != 2 {
		t.Error("sessions", s.Sessions())
	}
}

func TestPoolClose(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	p := mustPool(t, s)
	idle, busy := mustGet(t, p), mustGet(t, p)
	if err := busy.Begin(within(t), email(1)); err != nil {
		t.Fatal(err)
	}
	p.Put(idle)
	closed := make(chan error, 1)
	go func() { closed <- p.Close(within(t)) }()
	if _, err := busy.Finish(within(t)); err != nil {
		t.Fatal(err)
	}
	p.Put(busy)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := p.Close(within(t)); err != nil {
		t.Error("second close:", err)
	}
	if _, err := p.Get(within(t)); !errors.Is(err, mail.ErrClosed) {
		t.Error("get after close:", err)
	}
	if err := s.WaitIdle(within(t)); err != nil {
		t.Error(err)
	}
	if s.Total() != 1 {
		t.Error(s.Counts())
	}
}

func TestPoolInParallel(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	s.Fault(smtptest.PerSession(17))
	p := mustPool(t, s, mail.WithConnections(4))
	ctx := within(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				c, err := p.Get(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if err = c.Begin(ctx, email(w*100+i)); err == nil {
					_, err = c.Finish(ctx)
				}
				if err != nil {
					t.Error(err)
				}
				p.Put(c)
			}
		})
	}
	wg.Wait()
	if s.Total() != 200 || len(s.Counts()) != 200 {
		t.Error("accepted", s.Total(), "of", len(s.Counts()))
	}
}

// counted counts the connections dialled and not closed.
type counted struct {
	net.Conn
	open *atomic.Int32
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func counting(open *atomic.Int32) mail.Option {
	return mail.WithDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return &counted{Conn: conn, open: open}, nil
	})
}

func TestFailedDialLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options []smtptest.Option
		plan    smtptest.Plan
		url     func(addr string) string
		code    int
	}{
		{name: "greeting 554", plan: smtptest.At(smtptest.Greeting, smtptest.Fault{Reply: "554 5.3.2 go away"}), code: 554},
		{name: "greeting 421", plan: smtptest.At(smtptest.Greeting, smtptest.Fault{Reply: "421 4.3.2 busy"}), code: 421},
		{name: "no greeting", plan: smtptest.At(smtptest.Greeting, smtptest.Fault{Silent: true})},
		{name: "dropped", plan: smtptest.At(smtptest.Greeting, smtptest.Fault{Drop: true})},
		{name: "EHLO 550", plan: smtptest.At(smtptest.Ehlo, smtptest.Fault{Reply: "550 5.7.1 not you"}), code: 550},
		{name: "STARTTLS not offered", url: func(a string) string { return "smtp://" + a + "?tls=mandatory" }},
		{name: "STARTTLS 454", options: []smtptest.Option{smtptest.WithStartTLS()}, url: func(a string) string { return "smtp://" + a + "?tls=mandatory" },
			plan: smtptest.At(smtptest.StartTLS, smtptest.Fault{Reply: "454 4.7.0 no TLS now"}), code: 454},
		{name: "STARTTLS broken", options: []smtptest.Option{smtptest.WithStartTLS()}, url: func(a string) string { return "smtp://" + a + "?tls=mandatory" },
			plan: smtptest.At(smtptest.StartTLS, smtptest.Fault{Reply: "220 2.0.0 but the bytes that follow are no TLS"})},
		{name: "TLS to a server without", url: func(a string) string { return "smtps://" + a }},
		{name: "AUTH 535", options: []smtptest.Option{smtptest.WithAuth("u", "p"), smtptest.WithStartTLS()},
			url: func(a string) string { return "smtp://u:wrong@" + a }, code: 535},
		{name: "AUTH not offered", url: func(a string) string { return "smtp://u:p@" + a + "?tls=off" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, tt.options...)
			s.Fault(tt.plan)
			url := s.URL()
			if tt.url != nil {
				url = tt.url(s.Addr())
			}
			server, err := mail.ParseURL(url)
			if err != nil {
				t.Fatal(err)
			}
			var open atomic.Int32
			p := mail.New(server, counting(&open), mail.WithTLS(s.Roots()), mail.WithConnections(1),
				mail.WithTimeouts(mail.Timeouts{Connect: 300 * time.Millisecond}))
			for range 3 {
				_, err = p.Get(within(t))
				wantError(t, err, campaign.StageDial, tt.code, campaign.WasRelease)
			}
			if n := open.Load(); n != 0 {
				t.Errorf("%d connections are still open", n)
			}
		})
	}
}

func TestUnknownCertificate(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.WithTLS())
	server, err := mail.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	_, err = mail.New(server).Get(within(t))
	wantError(t, err, campaign.StageDial, 0, campaign.WasRelease)
}

func TestSecurities(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options []smtptest.Option
		query   string
	}{
		{"in the clear", nil, ""},
		{"STARTTLS", []smtptest.Option{smtptest.WithStartTLS()}, "?tls=mandatory"},
		{"STARTTLS if offered, and it is", []smtptest.Option{smtptest.WithStartTLS()}, "?tls=opportunistic"},
		{"STARTTLS if offered, and it is not", nil, "?tls=opportunistic"},
		{"AUTH over STARTTLS", []smtptest.Option{smtptest.WithStartTLS(), smtptest.WithAuth("u", "p")}, ""},
		{"AUTH on loopback", []smtptest.Option{smtptest.WithAuth("u", "p")}, "?tls=off"},
		{"TLS", []smtptest.Option{smtptest.WithTLS()}, ""},
		{"AUTH over TLS", []smtptest.Option{smtptest.WithTLS(), smtptest.WithAuth("u", "p")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, tt.options...)
			server, err := mail.ParseURL(s.URL() + tt.query)
			if err != nil {
				t.Fatal(err)
			}
			p := mail.New(server, mail.WithTLS(s.Roots()))
			mustSend(t, mustGet(t, p), email(1))
			if s.Total() != 1 {
				t.Error(s.Counts())
			}
		})
	}
}

// A name for loopback that leads elsewhere is refused: what is simulated must
// not reach a person.
func TestLoopbackIsChecked(t *testing.T) {
	t.Parallel()
	server, err := mail.ParseURL("smtp://localhost:2525")
	if err != nil {
		t.Fatal(err)
	}
	p := mail.New(server, mail.WithDial(func(context.Context, string, string) (net.Conn, error) {
		a, b := net.Pipe()
		t.Cleanup(func() { _ = b.Close() })
		return elsewhere{a}, nil
	}))
	_, err = p.Get(within(t))
	wantError(t, err, campaign.StageDial, 0, campaign.WasRelease)
}

type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }
