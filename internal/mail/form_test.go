package mail_test

import (
	"fmt"
	"strings"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
)

// eightBits is an email with a letter that ASCII lacks, in both forms.
func eightBits(id int) campaign.Email {
	e := email(id)
	e.Body = fmt.Appendf(nil, "X-Tidings-Message: %d\r\n\r\nשלום\r\n", id)
	e.SevenBit = func() []byte {
		return fmt.Appendf(nil, "X-Tidings-Message: %d\r\n\r\n=D7=A9=D7=9C=D7=95=D7=9D\r\n", id)
	}
	return e
}

// Each server gets the form that it takes, and is told so.
func TestEightBitWhereOffered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options []smtptest.Option
		params  string // of the message with 8 bits
		body    string
	}{
		{"offered", nil, "BODY=8BITMIME", "שלום"},
		{"not offered", []smtptest.Option{smtptest.WithoutEightBit()}, "", "=D7=A9=D7=9C=D7=95=D7=9D"},
		{"nothing offered", []smtptest.Option{smtptest.WithoutEightBit(), smtptest.WithoutPipelining()}, "", "=D7=A9=D7=9C=D7=95=D7=9D"},
		{"SIZE too", []smtptest.Option{smtptest.WithSize(1000)}, "SIZE=34 BODY=8BITMIME", "שלום"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, tt.options...)
			c := mustGet(t, mustPool(t, s))
			mustSend(t, c, eightBits(1))
			if err := c.Begin(within(t), email(2)); err != nil {
				t.Fatal(err)
			}
			if done, err := c.FinishBegin(within(t), eightBits(3)); err != nil || done.Err != nil {
				t.Fatal(done, err)
			}
			if _, err := c.Finish(within(t)); err != nil {
				t.Fatal(err)
			}
			for i, m := range s.Messages() {
				if plain := i == 1; !plain && (m.Params != tt.params || !strings.Contains(string(m.Body), tt.body)) ||
					plain && strings.Contains(m.Params, "BODY") {
					t.Errorf("message %d with %q: %q", i+1, m.Params, m.Body)
				}
			}
		})
	}
}

// A message that the server announces not to take is never begun, and no fault of
// anybody but its author.
func TestSize(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.WithSize(200))
	c := mustGet(t, mustPool(t, s))
	big := email(1)
	big.Body = append(big.Body, strings.Repeat("more of it\r\n", 20)...)
	e := wantError(t, c.Begin(within(t), big), campaign.StageMail, 552, campaign.WasFailed)
	if j := e.Judge(); j.Reason != campaign.ReasonContent || j.Slow != campaign.SlowNothing {
		t.Errorf("judged %+v", j)
	}
	if err := c.Begin(within(t), email(2)); err != nil {
		t.Fatal(err)
	}
	done, err := c.FinishBegin(within(t), big)
	if done.Err != nil {
		t.Fatal(done.Err)
	}
	wantError(t, err, campaign.StageMail, 552, campaign.WasFailed)
	mustSend(t, c, email(3))
	if s.Total() != 2 || s.Sessions() != 1 {
		t.Error(s.Sessions(), s.Counts())
	}
}

// A connection that is renewed may lead to a server that offers less.
func TestRenewedToAnotherForm(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	c := mustGet(t, mustPool(t, s))
	s.Fault(func(m smtptest.Moment) *smtptest.Fault {
		switch {
		case m.Point == smtptest.Mail && m.Taken == 1:
			return &smtptest.Fault{Reply: "421 4.7.0 too many messages in this session"}
		case m.Point == smtptest.Ehlo:
			return &smtptest.Fault{Reply: "250-smtptest\r\n250 PIPELINING"}
		}
		return nil
	})
	if err := c.Begin(within(t), eightBits(1)); err != nil {
		t.Fatal(err)
	}
	if done, err := c.FinishBegin(within(t), eightBits(2)); err != nil || done.Err != nil {
		t.Fatal(done, err)
	}
	if _, err := c.Finish(within(t)); err != nil {
		t.Fatal(err)
	}
	if m := s.Messages(); len(m) != 2 || m[0].Params != "BODY=8BITMIME" || m[1].Params != "" || !strings.Contains(string(m[1].Body), "=D7") {
		t.Errorf("%+v", m)
	}
}

// What a session has had enough of, the next one takes at once, at whatever
// command and with whatever code the server says so.
func TestSessionLimitRenews(t *testing.T) {
	t.Parallel()
	for _, at := range []smtptest.Point{smtptest.Mail, smtptest.Rcpt, smtptest.Data} {
		for _, reply := range []string{"421 Maximum message count per session reached", "451 4.7.1 Mails per session limit exceeded"} {
			for kind, options := range map[string][]smtptest.Option{"": nil, " one by one": {smtptest.WithoutPipelining()}} {
				t.Run(string(at)+" "+reply[:3]+kind, func(t *testing.T) {
					t.Parallel()
					s := smtptest.New(t, options...)
					s.Fault(after(2, at, smtptest.Fault{Reply: reply}))
					c := mustGet(t, mustPool(t, s))
					if err := c.Begin(within(t), email(1)); err != nil {
						t.Fatal(err)
					}
					for i := 2; i <= 7; i++ {
						if done, err := c.FinishBegin(within(t), email(i)); err != nil || done.Err != nil {
							t.Fatal(i, done, err)
						}
					}
					if _, err := c.Finish(within(t)); err != nil {
						t.Fatal(err)
					}
					if s.Total() != 7 || len(s.Counts()) != 7 || s.Sessions() != 4 {
						t.Error(s.Sessions(), s.Counts())
					}
				})
			}
		}
	}
}

func TestHeloNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"shop.example": "shop.example", "käse.example": "xn--kse-qla.example", "192.0.2.1": "[192.0.2.1]", "2001:db8::1": "[IPv6:2001:db8::1]",
		"": "localhost", "two words": "localhost",
	} {
		s := smtptest.New(t)
		mustSend(t, mustGet(t, mustPool(t, s, mail.WithHelo(given))), email(1))
		if got := s.Messages()[0].Helo; got != want {
			t.Errorf("%q greets as %q, want %q", given, got, want)
		}
	}
}
