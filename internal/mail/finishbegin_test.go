package mail_test

import (
	"strconv"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
)

func TestFinishBegin(t *testing.T) {
	t.Parallel()
	for kind, options := range map[string][]smtptest.Option{
		"pipelined": nil, "one by one": {smtptest.WithoutPipelining()}, "TLS": {smtptest.WithTLS()},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, options...)
			c := mustGet(t, mustPool(t, s, mail.WithRecycling(4, 0)))
			if err := c.Begin(within(t), email(1)); err != nil {
				t.Fatal(err)
			}
			for i := 2; i <= 10; i++ {
				done, err := c.FinishBegin(within(t), email(i))
				if err != nil || done.Err != nil || done.Reply.Code != 250 {
					t.Fatal(i, done, err)
				}
				if s.Accepted(strconv.Itoa(i)) != 0 || s.Total() != i-1 {
					t.Fatal("accepted before its dot:", i, s.Counts())
				}
			}
			c.Abort()
			if err := s.WaitIdle(within(t)); err != nil {
				t.Fatal(err)
			}
			if s.Total() != 9 || s.Sessions() != 3 {
				t.Error(s.Total(), s.Sessions())
			}
			for i, m := range s.Messages() {
				if m.To != email(i+1).To || string(m.Body) != string(email(i+1).Body) {
					t.Errorf("%+v", m)
				}
			}
		})
	}
}

// Whatever becomes of one message, the other is judged by its own replies.
func TestFinishBeginFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		plan  smtptest.Plan
		stage campaign.Stage // of message 1, whose dot it is; empty: accepted
		code  int
		begun campaign.Stage // of message 2
		bcode int
		want1 int
	}{
		{"dot refused", of("1", smtptest.Dot, smtptest.Fault{Reply: "554 5.6.0 no"}), campaign.StageDot, 554, "", 0, 0},
		{"dot 421", of("1", smtptest.Dot, smtptest.Fault{Reply: "421 4.3.2 down"}), campaign.StageDot, 421, "", 0, 0},
		{"dot dropped", of("1", smtptest.Dot, smtptest.Fault{Drop: true}), campaign.StageDot, 0, "", 0, 0},
		{"taken, then dropped", of("1", smtptest.Taken, smtptest.Fault{Drop: true}), campaign.StageDot, 0, "", 0, 1},
		{"taken, then silent", of("1", smtptest.Taken, smtptest.Fault{Silent: true}), campaign.StageDot, 0, "", 0, 1},
		{"next 421 at MAIL", smtptest.PerSession(1), "", 0, "", 0, 1},
		{"next refused at MAIL", after(1, smtptest.Mail, smtptest.Fault{Reply: "451 4.7.1 later"}), "", 0, campaign.StageMail, 451, 1},
		{"next refused at RCPT", after(1, smtptest.Rcpt, smtptest.Fault{Reply: "550 5.1.1 unknown"}), "", 0, campaign.StageRcpt, 550, 1},
		{"next refused at DATA", after(1, smtptest.Data, smtptest.Fault{Reply: "451 4.3.0 later"}), "", 0, campaign.StageData, 451, 1},
	} {
		for kind, options := range map[string][]smtptest.Option{"pipelined": nil, "one by one": {smtptest.WithoutPipelining()}} {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				s := smtptest.New(t, options...)
				s.Fault(tt.plan)
				c := mustGet(t, mustPool(t, s, short()))
				if err := c.Begin(within(t), email(1)); err != nil {
					t.Fatal(err)
				}
				done, begun := c.FinishBegin(within(t), email(2))
				check(t, "finish", done.Err, tt.stage, tt.code)
				check(t, "begin", begun, tt.begun, tt.bcode)
				s.Fault(nil)
				want2 := 0
				if begun == nil {
					want2 = 1
					if _, err := c.Finish(within(t)); err != nil {
						t.Fatal(err)
					}
				}
				mustSend(t, c, email(3))
				if s.Accepted("1") != tt.want1 || s.Accepted("2") != want2 || s.Accepted("3") != 1 {
					t.Error(s.Counts())
				}
			})
		}
	}
}

func check(t *testing.T, what string, err error, stage campaign.Stage, code int) {
	t.Helper()
	if stage == "" {
		if err != nil {
			t.Fatal(what, err)
		}
		return
	}
	verdict := campaign.WasRetry
	switch {
	case stage == campaign.StageDot && code == 0:
		verdict = campaign.WasUncertain
	case code >= 500:
		verdict = campaign.WasFailed
	}
	wantError(t, err, stage, code, verdict)
}

// of strikes at one message only.
func of(id string, p smtptest.Point, f smtptest.Fault) smtptest.Plan {
	return func(m smtptest.Moment) *smtptest.Fault {
		if m.ID == id {
			return smtptest.At(p, f)(m)
		}
		return nil
	}
}

func TestFinishBeginAddress(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	c := mustGet(t, mustPool(t, s))
	if err := c.Begin(within(t), email(1)); err != nil {
		t.Fatal(err)
	}
	bad := email(2)
	bad.To = "x y@shop.example"
	done, err := c.FinishBegin(within(t), bad)
	if done.Err != nil {
		t.Fatal(done.Err)
	}
	wantError(t, err, campaign.StageRcpt, 501, campaign.WasFailed)
	mustSend(t, c, email(3))
	if s.Total() != 2 {
		t.Error(s.Counts())
	}
}
