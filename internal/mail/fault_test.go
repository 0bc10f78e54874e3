package mail_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
)

// short are timeouts for servers that fall silent.
func short() mail.Option {
	return mail.WithTimeouts(mail.Timeouts{Connect: 5 * time.Second, Command: 150 * time.Millisecond, Reply: 150 * time.Millisecond})
}

// TestFaults drives one message into each fault: the error's stage and verdict,
// what was delivered, and that the connection serves the next message.
func TestFaults(t *testing.T) {
	t.Parallel()
	const data, dot = campaign.StageData, campaign.StageDot
	const retry, failed, uncertain = campaign.WasRetry, campaign.WasFailed, campaign.WasUncertain
	for _, tt := range []struct {
		name      string
		at        smtptest.Point
		fault     smtptest.Fault
		stage     campaign.Stage
		code      int
		verdict   campaign.Verdict
		delivered int
	}{
		{"MAIL 451", smtptest.Mail, smtptest.Fault{Reply: "451 4.7.1 later"}, campaign.StageMail, 451, retry, 0},
		{"MAIL 550", smtptest.Mail, smtptest.Fault{Reply: "550 5.7.1 not you"}, campaign.StageMail, 550, campaign.WasRelease, 0},
		{"RCPT 450", smtptest.Rcpt, smtptest.Fault{Reply: "450 4.2.2 full"}, campaign.StageRcpt, 450, retry, 0},
		{"RCPT 550", smtptest.Rcpt, smtptest.Fault{Reply: "550 5.1.1 unknown"}, campaign.StageRcpt, 550, failed, 0},
		{"RCPT 421", smtptest.Rcpt, smtptest.Fault{Reply: "421 4.3.2 going down"}, campaign.StageRcpt, 421, retry, 0},
		{"DATA 554", smtptest.Data, smtptest.Fault{Reply: "554 5.7.1 no"}, data, 554, failed, 0},
		{"MAIL 421", smtptest.Mail, smtptest.Fault{Reply: "421 4.3.2 going down"}, campaign.StageMail, 421, retry, 0},
		{"MAIL 501", smtptest.Mail, smtptest.Fault{Reply: "501 5.5.4 what"}, campaign.StageMail, 501, campaign.WasRelease, 0},
		{"DATA 451", smtptest.Data, smtptest.Fault{Reply: "451 4.3.0 later"}, data, 451, retry, 0},
		{"DATA 421", smtptest.Data, smtptest.Fault{Reply: "421 4.3.2 going down"}, data, 421, retry, 0},
		{"dot 421", smtptest.Dot, smtptest.Fault{Reply: "421 4.3.2 going down"}, dot, 421, retry, 0},
		{"DATA 250", smtptest.Data, smtptest.Fault{Reply: "250 what"}, data, 0, retry, 0},
		{"dot 451", smtptest.Dot, smtptest.Fault{Reply: "451 4.3.0 disk"}, dot, 451, retry, 0},
		{"dot 554", smtptest.Dot, smtptest.Fault{Reply: "554-5.6.0 bad\r\n554 5.6.0 content"}, dot, 554, failed, 0},
		{"dot 354", smtptest.Dot, smtptest.Fault{Reply: "354 what"}, dot, 0, uncertain, 0},
		{"dot nonsense", smtptest.Dot, smtptest.Fault{Reply: "what"}, dot, 0, uncertain, 0},
		{"dropped at MAIL", smtptest.Mail, smtptest.Fault{Drop: true}, campaign.StageMail, 0, retry, 0},
		{"dropped at RCPT", smtptest.Rcpt, smtptest.Fault{Drop: true}, campaign.StageRcpt, 0, retry, 0},
		{"dropped at DATA", smtptest.Data, smtptest.Fault{Drop: true}, data, 0, retry, 0},
		{"dropped at the dot", smtptest.Dot, smtptest.Fault{Drop: true}, dot, 0, uncertain, 0},
		{"dropped when taken", smtptest.Taken, smtptest.Fault{Drop: true}, dot, 0, uncertain, 1},
		{"silent at MAIL", smtptest.Mail, smtptest.Fault{Silent: true}, campaign.StageMail, 0, retry, 0},
		{"silent at RCPT", smtptest.Rcpt, smtptest.Fault{Silent: true}, campaign.StageRcpt, 0, retry, 0},
		{"silent at DATA", smtptest.Data, smtptest.Fault{Silent: true}, data, 0, retry, 0},
		{"silent at the dot", smtptest.Dot, smtptest.Fault{Silent: true}, dot, 0, uncertain, 0},
		{"silent when taken", smtptest.Taken, smtptest.Fault{Silent: true}, dot, 0, uncertain, 1},
	} {
		for kind, options := range map[string][]smtptest.Option{
			"pipelined": nil, "one by one": {smtptest.WithoutPipelining()}, "TLS": {smtptest.WithTLS()},
		} {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				s := smtptest.New(t, options...)
				c := mustGet(t, mustPool(t, s, short()))
				s.Fault(smtptest.At(tt.at, tt.fault))
				err := c.Begin(within(t), email(1))
				if err == nil {
					_, err = c.Finish(within(t))
				}
				wantError(t, err, tt.stage, tt.code, tt.verdict)
				s.Fault(nil)
				mustSend(t, c, email(2))
				if s.Accepted("1") != tt.delivered || s.Accepted("2") != 1 {
					t.Error("delivered", s.Counts())
				}
			})
		}
	}
}

// A connection that is gone before the dot is a safe retry; only after it nobody
// knows.
func TestLostBeforeTheDot(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault   smtptest.Fault
		code    int
		verdict campaign.Verdict
	}{
		"dropped": {smtptest.Fault{Drop: true}, 0, campaign.WasRetry},
		"refused": {smtptest.Fault{Reply: "421 4.4.2 too slow"}, 421, campaign.WasRetry},
		"too big": {smtptest.Fault{Reply: "552 5.3.4 too big"}, 552, campaign.WasFailed},
		"early":   {smtptest.Fault{Reply: "250 taken?"}, 0, campaign.WasRetry},
	} {
		for kind, options := range map[string][]smtptest.Option{"": nil, " TLS": {smtptest.WithTLS()}} {
			t.Run(name+kind, func(t *testing.T) {
				t.Parallel()
				s := smtptest.New(t, options...)
				c := mustGet(t, mustPool(t, s))
				s.Fault(smtptest.At(smtptest.Body, tt.fault))
				if err := c.Begin(within(t), email(1)); err != nil {
					wantError(t, err, campaign.StageData, tt.code, tt.verdict)
					return
				}
				waitSpoken(t, s, tt.fault.Drop)
				_, err := c.Finish(within(t))
				wantError(t, err, campaign.StageData, tt.code, tt.verdict)
				if s.Total() != 0 {
					t.Error(s.Counts())
				}
			})
		}
	}
}

// waitSpoken waits until the server has acted on the body.
func waitSpoken(t *testing.T, s *smtptest.Server, dropped bool) {
	t.Helper()
	if dropped {
		if err := s.WaitIdle(within(t)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := s.WaitStruck(within(t), 1); err != nil {
		t.Fatal(err)
	}
}

func TestReusedConnectionIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]smtptest.Plan{
		"421 at MAIL":     smtptest.PerSession(1),
		"dropped at MAIL": smtptest.InSession(1, after(1, smtptest.Mail, smtptest.Fault{Drop: true})),
		"dropped idle":    smtptest.InSession(1, smtptest.At(smtptest.Quit, smtptest.Fault{Drop: true})),
	} {
		for kind, options := range map[string][]smtptest.Option{"": nil, " TLS": {smtptest.WithTLS()}} {
			t.Run(name+kind, func(t *testing.T) {
				t.Parallel()
				s := smtptest.New(t, options...)
				s.Fault(plan)
				c := mustGet(t, mustPool(t, s))
				mustSend(t, c, email(1))
				if name == "dropped idle" {
					s.Hangup()
					if err := s.WaitIdle(within(t)); err != nil {
						t.Fatal(err)
					}
				}
				mustSend(t, c, email(2))
				if s.Sessions() != 2 || s.Total() != 2 {
					t.Error(s.Sessions(), s.Counts())
				}
			})
		}
	}
	t.Run("421 again", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t)
		c := mustGet(t, mustPool(t, s))
		mustSend(t, c, email(1))
		s.Fault(smtptest.PerSession(0))
		wantError(t, c.Begin(within(t), email(2)), campaign.StageMail, 421, campaign.WasRelease)
		if s.Sessions() != 2 {
			t.Error("sessions", s.Sessions())
		}
	})
}

// after strikes once a session has had n messages.
func after(n int, p smtptest.Point, f smtptest.Fault) smtptest.Plan {
	return func(m smtptest.Moment) *smtptest.Fault {
		if m.Taken >= n {
			return smtptest.At(p, f)(m)
		}
		return nil
	}
}

func TestResetIsLazyAndMayFail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rset     smtptest.Fault
		sessions int
	}{
		"taken":   {smtptest.Fault{}, 1},
		"refused": {smtptest.Fault{Reply: "502 5.5.1 no RSET"}, 2},
		"421":     {smtptest.Fault{Reply: "421 4.3.0 no RSET"}, 2},
		"dropped": {smtptest.Fault{Drop: true}, 2},
		"silent":  {smtptest.Fault{Silent: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t)
			var resets atomic.Int32
			s.Fault(func(m smtptest.Moment) *smtptest.Fault {
				switch {
				case m.Point == smtptest.Rcpt && m.To == "c1@shop.example":
					return &smtptest.Fault{Reply: "550 5.1.1 unknown"}
				case m.Point == smtptest.Rset:
					resets.Add(1)
					return &tt.rset
				}
				return nil
			})
			c := mustGet(t, mustPool(t, s, short()))
			wantError(t, c.Begin(within(t), email(1)), campaign.StageRcpt, 550, campaign.WasFailed)
			if resets.Load() != 0 {
				t.Error("RSET before there was a need")
			}
			mustSend(t, c, email(2))
			mustSend(t, c, email(3))
			if resets.Load() != 1 || s.Sessions() != tt.sessions || s.Total() != 2 {
				t.Error("resets, sessions, total:", resets.Load(), s.Sessions(), s.Total())
			}
		})
	}
}

func TestContextCutsAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at      smtptest.Point
		stage   campaign.Stage
		verdict campaign.Verdict
	}{
		{smtptest.Rcpt, campaign.StageRcpt, campaign.WasRetry},
		{smtptest.Taken, campaign.StageDot, campaign.WasUncertain},
	} {
		t.Run(string(tt.at), func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, smtptest.WithoutPipelining())
			c := mustGet(t, mustPool(t, s))
			ctx, cancel := context.WithCancel(within(t))
			s.Fault(func(m smtptest.Moment) *smtptest.Fault {
				if m.Point != tt.at {
					return nil
				}
				cancel()
				return &smtptest.Fault{Silent: true}
			})
			err := c.Begin(ctx, email(1))
			if err == nil {
				_, err = c.Finish(ctx)
			}
			if e := wantError(t, err, tt.stage, 0, tt.verdict); !errors.Is(e, context.Canceled) {
				t.Error(e)
			}
		})
	}
}

// A server that takes its time, though not too much of it, gets every mail once.
func TestSlowReplies(t *testing.T) {
	t.Parallel()
	for kind, options := range map[string][]smtptest.Option{"pipelined": nil, "one by one": {smtptest.WithoutPipelining()}, "TLS": {smtptest.WithTLS()}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, options...)
			s.Fault(func(smtptest.Moment) *smtptest.Fault { return &smtptest.Fault{After: 2 * time.Millisecond} })
			c := mustGet(t, mustPool(t, s))
			if err := c.Begin(within(t), email(1)); err != nil {
				t.Fatal(err)
			}
			for i := 2; i <= 5; i++ {
				if done, err := c.FinishBegin(within(t), email(i)); err != nil || done.Err != nil {
					t.Fatal(i, done, err)
				}
			}
			if _, err := c.Finish(within(t)); err != nil {
				t.Fatal(err)
			}
			if s.Total() != 5 || len(s.Counts()) != 5 || s.Sessions() != 1 {
				t.Error(s.Sessions(), s.Counts())
			}
		})
	}
}

// However a server takes a farewell, the mail before it was taken once, and
// nobody waits.
func TestQuitRefused(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]smtptest.Fault{
		"refused": {Reply: "502 5.5.1 no QUIT"}, "421": {Reply: "421 4.3.2 down"}, "dropped": {Drop: true}, "silent": {Silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t)
			s.Fault(smtptest.At(smtptest.Quit, fault))
			p := mustPool(t, s)
			c, err := p.Get(within(t))
			if err != nil {
				t.Fatal(err)
			}
			mustSend(t, c, email(1))
			p.Put(c)
			if err := p.Close(within(t)); err != nil {
				t.Error(err)
			}
			if err := s.WaitIdle(within(t)); err != nil {
				t.Error(err)
			}
			if s.Total() != 1 {
				t.Error(s.Counts())
			}
		})
	}
}
