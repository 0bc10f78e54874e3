package mail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
)

// within is a context that fails a test that hangs.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func mustPool(t testing.TB, s *smtptest.Server, options ...mail.Option) *mail.Pool {
	t.Helper()
	server, err := mail.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	p := mail.New(server, append([]mail.Option{mail.WithTLS(s.Roots())}, options...)...)
	t.Cleanup(func() { _ = p.Close(within(t)) })
	return p
}

func mustGet(t testing.TB, p *mail.Pool) *mail.Conn {
	t.Helper()
	c, err := p.Get(within(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Put(c) })
	return c
}

func email(id int) campaign.Email {
	body := fmt.Sprintf("X-Tidings-Message: %d\r\nSubject: hello\r\n\r\nFirst line.\r\n.\r\n..two dots\r\nlast line %d\r\n", id, id)
	return campaign.Email{From: "b+1@bounce.example", To: fmt.Sprintf("c%d@shop.example", id), Body: []byte(body)}
}

func mustSend(t testing.TB, c *mail.Conn, e campaign.Email) {
	t.Helper()
	if err := c.Begin(within(t), e); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Finish(within(t)); err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, stage campaign.Stage, code int, verdict campaign.Verdict) *campaign.SendError {
	t.Helper()
	var e *campaign.SendError
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a SendError at %s", err, stage)
	}
	if j := e.Judge(); e.Stage != stage || e.Reply.Code != code || j.Verdict != verdict {
		t.Fatalf("error is %v (stage %s, code %d, judged %+v), want stage %s, code %d, judged %s", e, e.Stage, e.Reply.Code, j, stage, code, verdict)
	}
	return e
}

func TestSendBytesExactly(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]smtptest.Option{"pipelined": nil, "one by one": {smtptest.WithoutPipelining()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, options...)
			c := mustGet(t, mustPool(t, s))
			e := email(7)
			if err := c.Begin(within(t), e); err != nil {
				t.Fatal(err)
			}
			if s.Total() != 0 {
				t.Fatal("accepted before the dot")
			}
			reply, err := c.Finish(within(t))
			if err != nil || reply != (campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "accepted"}) {
				t.Fatal(reply, err)
			}
			m := s.Messages()[0]
			wire := strings.ReplaceAll(string(e.Body), "\r\n.", "\r\n..")
			if m.ID != "7" || m.From != e.From || m.To != e.To || string(m.Body) != string(e.Body) || string(m.Wire) != wire || m.Params != "" {
				t.Errorf("got %+v", m)
			}
		})
	}
}

func TestAbortDeliversNothing(t *testing.T) {
	t.Parallel()
	endings := map[string]func(*testing.T, *mail.Pool, *mail.Conn){
		"Abort": func(_ *testing.T, _ *mail.Pool, c *mail.Conn) { c.Abort() },
		"Put":   func(_ *testing.T, p *mail.Pool, c *mail.Conn) { p.Put(c) },
		"Finish": func(t *testing.T, _ *mail.Pool, c *mail.Conn) {
			ctx, cancel := context.WithCancel(within(t))
			cancel()
			_, err := c.Finish(ctx)
			wantError(t, err, campaign.StageData, 0, campaign.WasRetry)
		},
		"Close": func(t *testing.T, p *mail.Pool, _ *mail.Conn) {
			ctx, cancel := context.WithCancel(within(t))
			cancel()
			if err := p.Close(ctx); err == nil || !errors.Is(err, context.Canceled) {
				t.Errorf("close with a connection in use: %v", err)
			}
		},
	}
	for name, end := range endings {
		for kind, options := range map[string][]smtptest.Option{"": nil, " TLS": {smtptest.WithTLS()}} {
			t.Run(name+kind, func(t *testing.T) {
				t.Parallel()
				s := smtptest.New(t, options...)
				p := mustPool(t, s)
				c := mustGet(t, p)
				if err := c.Begin(within(t), email(1)); err != nil {
					t.Fatal(err)
				}
				end(t, p, c)
				if err := s.WaitIdle(within(t)); err != nil {
					t.Fatal(err)
				}
				if s.Total() != 0 {
					t.Error("half a message was delivered")
				}
			})
		}
	}
}

// What is on the line when a message is given up must end in the message, with
// no word behind it.
func TestAbortSaysNothing(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	read := make(chan struct{})
	s.Fault(func(m smtptest.Moment) *smtptest.Fault {
		if m.Point == smtptest.Body && m.Session == 1 {
			close(read)
		}
		return nil
	})
	c := mustGet(t, mustPool(t, s))
	if err := c.Begin(within(t), email(1)); err != nil {
		t.Fatal(err)
	}
	<-read
	c.Abort()
	if err := s.WaitIdle(within(t)); err != nil {
		t.Fatal(err)
	}
	if p := s.Partial(); len(p) != 1 || !strings.HasPrefix(strings.ReplaceAll(string(email(1).Body), "\r\n.", "\r\n.."), string(p[0].Wire)) {
		t.Errorf("the server read %+v", p)
	}
	mustSend(t, c, email(2))
	if s.Accepted("1") != 0 || s.Accepted("2") != 1 {
		t.Error(s.Counts())
	}
}

func TestUseOutOfOrder(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	p := mustPool(t, s)
	c := mustGet(t, p)
	if _, err := c.Finish(within(t)); !errors.Is(err, mail.ErrOrder) {
		t.Error("Finish first:", err)
	}
	if err := c.Begin(within(t), email(1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(within(t), email(2)); !errors.Is(err, mail.ErrOrder) {
		t.Error("Begin twice:", err)
	}
	if _, err := c.Finish(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Finish(within(t)); !errors.Is(err, mail.ErrOrder) {
		t.Error("Finish twice:", err)
	}
	p.Put(c)
	p.Put(c)
	if err := c.Begin(within(t), email(3)); !errors.Is(err, mail.ErrOrder) {
		t.Error("Begin after Put:", err)
	}
	if s.Total() != 1 {
		t.Error(s.Counts())
	}
}

func TestAddressesCannotSpeakCommands(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.WithUTF8())
	c := mustGet(t, mustPool(t, s))
	for _, addr := range []string{"", "a@b>\r\nRCPT TO:<c@d", "a b@c", "<a@b>", "a@b\n", "a\x00@b"} {
		e := email(1)
		e.To = addr
		wantError(t, c.Begin(within(t), e), campaign.StageRcpt, 501, campaign.WasFailed)
		if e = email(1); addr != "" {
			e.From = addr
			wantError(t, c.Begin(within(t), e), campaign.StageMail, 501, campaign.WasRelease)
		}
	}
	mustSend(t, c, email(1))
}

func TestSMTPUTF8(t *testing.T) {
	t.Parallel()
	e := email(1)
	e.To = "անի@փոստ.հայ"
	t.Run("asked for", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t, smtptest.WithUTF8())
		c := mustGet(t, mustPool(t, s))
		wantError(t, c.Begin(within(t), e), campaign.StageRcpt, 553, campaign.WasFailed)
		e := e
		e.UTF8 = true
		mustSend(t, c, e)
		mustSend(t, c, email(2))
		if m := s.Messages(); m[0].To != e.To || m[0].Params != "SMTPUTF8" || m[1].Params != "" {
			t.Errorf("%+v", m)
		}
	})
	t.Run("not offered", func(t *testing.T) {
		t.Parallel()
		c := mustGet(t, mustPool(t, smtptest.New(t)))
		e := e
		e.UTF8 = true
		wantError(t, c.Begin(within(t), e), campaign.StageRcpt, 553, campaign.WasFailed)
		mustSend(t, c, email(2))
	})
}
