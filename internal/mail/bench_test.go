package mail_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
)

// BenchmarkHandOver hands a mail of 6 KB over, to a server that looks at all that
// it gets, and to a sink that costs next to nothing.
func BenchmarkHandOver(b *testing.B) {
	e := email(1)
	for len(e.Body) < 6000 {
		e.Body = fmt.Appendf(e.Body, "%076d\r\n", len(e.Body))
	}
	for _, to := range []struct {
		name string
		url  func(*testing.B) string
	}{
		{"server", func(b *testing.B) string { return smtptest.New(b, smtptest.WithoutBodies()).URL() }},
		{"sink", sink},
	} {
		for _, way := range []struct {
			name string
			run  func(*testing.B, *mail.Pool, campaign.Email)
		}{
			{"dial per mail", dialPerMail}, {"reuse", reuse}, {"one round trip", oneRoundTrip},
		} {
			b.Run(to.name+"/"+way.name, func(b *testing.B) {
				server, err := mail.ParseURL(to.url(b))
				if err != nil {
					b.Fatal(err)
				}
				p := mail.New(server, mail.WithRecycling(1_000_000, time.Minute))
				b.Cleanup(func() { _ = p.Close(context.Background()) })
				b.ReportAllocs()
				way.run(b, p, e)
			})
		}
	}
}

// batch is how many mails the best time is taken of: so few that other work on the
// machine leaves some batches alone.
const batch = 25

// each calls one for every mail, and reports the time of the quickest batch.
func each(b *testing.B, one func()) {
	best, since := time.Hour, time.Now()
	for n := 0; b.Loop(); n++ {
		one()
		if n%batch == batch-1 {
			now := time.Now()
			best, since = min(best, now.Sub(since)), now
		}
	}
	b.ReportMetric(float64(best.Nanoseconds())/1000/batch, "best-µs/mail")
}

func dialPerMail(b *testing.B, p *mail.Pool, e campaign.Email) {
	each(b, func() {
		c := mustGetBench(b, p)
		benchSend(b, c, e)
		c.Abort()
		p.Put(c)
	})
}

func reuse(b *testing.B, p *mail.Pool, e campaign.Email) {
	c := mustGetBench(b, p)
	defer p.Put(c)
	each(b, func() { benchSend(b, c, e) })
}

func oneRoundTrip(b *testing.B, p *mail.Pool, e campaign.Email) {
	c := mustGetBench(b, p)
	defer p.Put(c)
	if err := c.Begin(b.Context(), e); err != nil {
		b.Fatal(err)
	}
	each(b, func() {
		if done, err := c.FinishBegin(b.Context(), e); err != nil || done.Err != nil {
			b.Fatal(done.Err, err)
		}
	})
}

func mustGetBench(b *testing.B, p *mail.Pool) *mail.Conn {
	c, err := p.Get(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func benchSend(b *testing.B, c *mail.Conn, e campaign.Email) {
	err := c.Begin(b.Context(), e)
	if err == nil {
		_, err = c.Finish(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
}

// sink is a server that answers a group of commands in one write and throws all
// mail away. It gives its URL.
func sink(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go swallow(conn)
		}
	}()
	return "smtp://" + l.Addr().String()
}

func swallow(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in, out := bufio.NewReaderSize(conn, 64<<10), []byte("220 sink\r\n")
	for body := false; ; {
		if in.Buffered() == 0 && len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
		line, err := in.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case body:
			if body = !bytes.Equal(line, []byte(".\r\n")); !body {
				out = append(out, "250 2.0.0 ok\r\n"...)
			}
		case bytes.HasPrefix(line, []byte("EHLO")):
			out = append(out, "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"...)
		case bytes.HasPrefix(line, []byte("DATA")):
			out, body = append(out, "354 go\r\n"...), true
		default:
			out = append(out, "250 2.1.0 ok\r\n"...)
		}
	}
}
