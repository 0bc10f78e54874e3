package inbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMail     = 10 << 20 // bytes
	maxTo       = 100
	smtpTimeout = 5 * time.Minute // between two commands, RFC 5321 4.5.3.2.7
)

// Listen opens a port on this machine that nobody else uses.
func Listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	return ln, nil
}

// Serve takes in mails over SMTP until ctx ends; it then closes every
// connection, so senders should end before it. It refuses a listener that other
// machines can reach: whatever is sent here is swallowed.
func (i *Inbox) Serve(ctx context.Context, ln net.Listener) error {
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsLoopback() {
		ln.Close()
		return fmt.Errorf("serve inbox: %s is not an address of this machine alone; listen on 127.0.0.1", ln.Addr())
	}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{inbox: i}, nil
	}))
	srv.Domain = "localhost"
	srv.EnableSMTPUTF8 = true
	srv.MaxMessageBytes = maxMail
	srv.MaxRecipients = maxTo
	srv.ReadTimeout, srv.WriteTimeout = smtpTimeout, smtpTimeout
	srv.ErrorLog = quiet{i.opt.Log}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(ln); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve inbox: %w", err)
	}
	return nil
}

// session is one connection.
type session struct {
	inbox *Inbox
	from  string
	to    []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.inbox.Accept(s.from, s.to, raw)
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// quiet keeps what the SMTP library says out of the log but for the fact: its
// lines hold addresses.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, _ ...any) { q.log.Warn("inbox smtp server", "line", format) }
func (q quiet) Println(...any)                 { q.log.Warn("inbox smtp server") }
