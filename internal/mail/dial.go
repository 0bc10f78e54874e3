package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"tidings/internal/campaign"
)

// dial opens a link: TCP, greeting, TLS and AUTH, within the connect timeout.
// When any of it fails nothing stays open.
func (p *Pool) dial(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Connect)
	defer cancel()
	var base net.Conn
	stop := func() bool { return true }
	client, err := p.client(func(_ context.Context, network, addr string) (net.Conn, error) {
		conn, err := p.dialFunc(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		base = conn
		// go-mail minds the context only while it dials, and ends its own on return.
		stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		return p.prepare(ctx, conn)
	})
	if err != nil {
		return nil, &campaign.SendError{Stage: campaign.StageDial, Err: err}
	}
	sc, err := client.DialToSMTPClientWithContext(ctx)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if base != nil {
			// go-mail leaves the connection open when the dialogue fails.
			_ = base.Close()
		}
		return nil, dialError(ctx, err)
	}
	return p.newLink(base, sc), nil
}

// prepare is done with a TCP connection before the greeting.
func (p *Pool) prepare(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if p.server.Loopback() && !loopbackPeer(conn) {
		return nil, fmt.Errorf("%s led to %s, which is not loopback", p.server.Host, conn.RemoteAddr())
	}
	if p.server.Security != Implicit {
		return conn, nil
	}
	secure := tls.Client(conn, p.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("start TLS: %w", err)
	}
	return secure, nil
}

func loopbackPeer(conn net.Conn) bool {
	addr, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	return err != nil || addr.Addr().Unmap().IsLoopback() // an in-memory pipe has no port
}

func (p *Pool) tlsConfig() *tls.Config {
	config := &tls.Config{}
	if p.tls != nil {
		config = p.tls.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if config.ServerName == "" {
		config.ServerName = p.server.Host
	}
	return config
}

// client makes a go-mail client for one dial; a client is never shared, since it
// keeps state of its own while it logs in.
func (p *Pool) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(p.server.Port), gomail.WithHELO(p.helo),
		gomail.WithTimeout(p.timeouts.Connect), gomail.WithTLSConfig(p.tlsConfig()),
		gomail.WithDialContextFunc(dial),
	}
	switch p.server.Security {
	case Implicit:
		options = append(options, gomail.WithSSL())
	case Opportunistic:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case Off:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if p.server.User != "" {
		options = append(options, gomail.WithUsername(p.server.User), gomail.WithPassword(p.server.password),
			gomail.WithOpportunisticSMTPAuth(p.mechanisms()...))
	}
	return gomail.NewClient(p.server.Host, options...)
}

// mechanisms lists the ways of AUTH, best first. Without TLS the bare password
// goes to loopback alone.
func (p *Pool) mechanisms() []gomail.SMTPAuthType {
	plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
	if p.server.Loopback() && p.server.Security != Implicit {
		plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
	}
	return []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, plain, login, gomail.SMTPAuthCramMD5}
}

func (p *Pool) newLink(base net.Conn, sc *smtp.Client) *link {
	l := &link{base: base, text: sc.Text, timeouts: p.timeouts}
	l.pipelining, _ = sc.Extension("PIPELINING")
	l.eightBit, _ = sc.Extension("8BITMIME")
	l.utf8, _ = sc.Extension("SMTPUTF8")
	var limit string
	l.size, limit = sc.Extension("SIZE")
	l.maxSize, _ = strconv.Atoi(limit) // 0, or nothing at all: no limit (RFC 1870)
	_, err := sc.GetTLSConnectionState()
	l.encrypted = err == nil
	return l
}

// dialError keeps the server's own words where it said any.
func dialError(ctx context.Context, err error) error {
	e := &campaign.SendError{Stage: campaign.StageDial, Err: err}
	var reply *textproto.Error
	switch {
	case errors.As(err, &reply):
		e.Reply = newReply(reply.Code, reply.Msg)
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		e.Err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return e
}
