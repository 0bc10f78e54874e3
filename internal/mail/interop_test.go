package mail_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"tidings/internal/campaign"
	"tidings/internal/mail"
)

// inbox is a backend of an SMTP server that is not ours.
type inbox struct {
	mu   sync.Mutex
	got  []string
	from string
}

func (b *inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *inbox) Reset()                                      {}
func (b *inbox) Logout() error                               { return nil }

func (b *inbox) Mail(from string, _ *smtp.MailOptions) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from = from
	return nil
}

func (b *inbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	return nil
}

func (b *inbox) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, string(body))
	return nil
}

func TestAnotherServer(t *testing.T) {
	t.Parallel()
	box := &inbox{}
	server := smtp.NewServer(box)
	server.Domain, server.EnableSMTPUTF8 = "localhost", true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	at, err := mail.ParseURL("smtp://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p := mail.New(at)
	c := mustGet(t, p)
	mustSend(t, c, email(1))
	unknown := email(2)
	unknown.To = "nobody@shop.example"
	e := wantError(t, c.Begin(within(t), unknown), campaign.StageRcpt, 550, campaign.WasFailed)
	if j := e.Judge(); j.Reason != campaign.ReasonBadAddress || !j.Suppress {
		t.Errorf("judged %+v", j)
	}
	if err := c.Begin(within(t), email(3)); err != nil {
		t.Fatal(err)
	}
	if done, err := c.FinishBegin(within(t), email(4)); done.Err != nil || err != nil {
		t.Fatal(done, err)
	}
	c.Abort()
	mustSend(t, c, email(5))
	p.Put(c)
	if err := p.Close(within(t)); err != nil {
		t.Error(err)
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	want := []string{string(email(1).Body), string(email(3).Body), string(email(5).Body)}
	if strings.Join(box.got, "|") != strings.Join(want, "|") || box.from != "b+1@bounce.example" {
		t.Errorf("got %q from %q", box.got, box.from)
	}
}
