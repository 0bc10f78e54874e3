package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strconv"
	"time"
)

const checkTLS = "tls"

// Server is where mails are handed over.
type Server struct {
	Host     string
	Port     int
	Implicit bool // TLS from the first byte
	Loopback bool // on this machine
	Helo     string
	Roots    *x509.CertPool // nil: the system's
}

const lineTime = 15 * time.Second

// lookTLS looks whether the line to the mail server is encrypted, as Gmail asks of
// every line to itself. Nothing is sent, and nobody logs in.
func (l *look) lookTLS(ctx context.Context) {
	s := l.Server
	if s == nil {
		l.add(checkTLS, Hint, "the line to the mail server was not looked at: SMTP_URL is not set", "", nil)
		return
	}
	if s.Loopback && !s.Implicit {
		l.ok(checkTLS, fmt.Sprintf("mails are handed over on this machine (%s); let the server there encrypt its own lines (Postfix: smtp_tls_security_level = may)", s.Host))
		return
	}
	state, err := s.handshake(ctx)
	if err != nil && ctx.Err() != nil {
		return // our time is over, which says nothing of the server
	}
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNoSTARTTLS):
		l.add(checkTLS, Fail, s.Host+" does not offer STARTTLS, so that mails and the password would go over the line for all to read", "use a port or a server that does; 465 with smtps:// is usual", nil)
	case errors.As(err, &untrusted):
		l.add(checkTLS, Fail, fmt.Sprintf("the certificate of %s is not valid for it: %v; no mail is handed over", s.Host, untrusted.Err), "mend the certificate, or the name in SMTP_URL", nil)
	case err != nil:
		l.add(checkTLS, Fail, fmt.Sprintf("%s cannot be reached: %v; no mail is handed over", s.Host, err), "mend SMTP_URL; some platforms let no connection out on port 25", nil)
	default:
		l.ok(checkTLS, s.Host+": "+tls.VersionName(state.Version)+", with a valid certificate")
	}
}

var errNoSTARTTLS = errors.New("no STARTTLS")

// handshake begins a dialogue with the server, encrypts it, and ends it.
func (s *Server) handshake(ctx context.Context) (tls.ConnectionState, error) {
	var none tls.ConnectionState
	ctx, cancel := context.WithTimeout(ctx, lineTime)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	if err != nil {
		return none, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	config := &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	if s.Implicit {
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return none, err
		}
		conn = secure
	}
	client, err := smtp.NewClient(conn, s.Host)
	if err != nil {
		return none, err
	}
	if err := client.Hello(s.Helo); err != nil {
		return none, err
	}
	if !s.Implicit {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return none, errNoSTARTTLS
		}
		if err := client.StartTLS(config); err != nil {
			return none, err
		}
	}
	state, _ := client.TLSConnectionState()
	_ = client.Quit()
	return state, nil
}
