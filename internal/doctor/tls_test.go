package doctor

import (
	"crypto/x509"
	"strings"
	"testing"

	"tidings/internal/mail/smtptest"
)

// The line to the mail server: encrypted either way, in the clear, with a certificate
// that nobody vouches for, not there at all. Nobody logs in, and nothing is sent.
func TestTLS(t *testing.T) {
	t.Parallel()
	start, implicit, clear := smtptest.New(t, smtptest.WithStartTLS()), smtptest.New(t, smtptest.WithTLS()), smtptest.New(t)
	const host = "127.0.0.1"
	gone := smtptest.New(t)
	gone.Close()
	for _, c := range []struct {
		name   string
		server *Server
		want   string
	}{
		{"STARTTLS", &Server{Port: start.Port(), Roots: start.Roots().RootCAs}, "ok: 127.0.0.1: TLS 1.3, with a valid certificate\n"},
		{"from the first byte", &Server{Port: implicit.Port(), Implicit: true, Roots: implicit.Roots().RootCAs}, "ok: 127.0.0.1: TLS 1.3, with a valid certificate\n"},
		{"in the clear", &Server{Port: clear.Port()}, "fail: 127.0.0.1 does not offer STARTTLS, so that mails and the password would go over the line for all to read"},
		{"nobody vouches", &Server{Port: start.Port(), Roots: x509.NewCertPool()}, "fail: the certificate of 127.0.0.1 is not valid for it: x509: certificate signed by unknown authority; no mail is handed over"},
		{"nobody vouches, from the first byte", &Server{Port: implicit.Port(), Implicit: true, Roots: x509.NewCertPool()}, "fail: the certificate of 127.0.0.1 is not valid for it"},
		{"not there", &Server{Port: gone.Port()}, "fail: 127.0.0.1 cannot be reached: dial tcp"},
		{"on this machine", &Server{Port: gone.Port(), Loopback: true}, "ok: mails are handed over on this machine (127.0.0.1)"},
		{"unknown", nil, "hint: the line to the mail server was not looked at: SMTP_URL is not set\n"},
	} {
		if c.server != nil {
			c.server.Host, c.server.Helo = host, "shop.example"
		}
		l := &look{Sender: Sender{Server: c.server}}
		l.lookTLS(t.Context())
		if got := lines(Report{Findings: l.findings.all}, checkTLS); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s\n got %s want %s", c.name, got, c.want)
		}
	}
	for _, s := range []*smtptest.Server{start, implicit, clear} {
		if n := len(s.Messages()); n != 0 {
			t.Errorf("%d messages", n)
		}
	}
}
