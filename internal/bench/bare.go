package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Letter is a rendered mail taken apart again, as a program would hand it to a
// mail library.
type Letter struct {
	From, To, Subject, Text, HTML string
	Header                        map[string]string // what is sent besides
}

// ReadLetter takes a message apart: its text and its HTML part.
func ReadLetter(raw []byte) (Letter, error) {
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Letter{}, fmt.Errorf("read a letter: %w", err)
	}
	l := Letter{From: m.Header.Get("From"), To: m.Header.Get("To"), Header: map[string]string{}}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return l, fmt.Errorf("read a letter's subject: %w", err)
	}
	for _, name := range []string{"Feedback-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted"} {
		if v := m.Header.Get(name); v != "" {
			l.Header[name] = v
		}
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return l, fmt.Errorf("read a letter's type: %w", err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return l, fmt.Errorf("read a letter's parts: %w", err)
		}
		var body io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return l, fmt.Errorf("read a letter's parts: %w", err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.HTML = string(text)
		} else {
			l.Text = string(text)
		}
	}
}

// Bare sends n letters in turn by go-mail as it comes, over so many connections:
// no record, no queue, nothing rendered. It returns how long that took.
func Bare(ctx context.Context, smtpURL string, letters []Letter, n, connections int) (time.Duration, error) {
	u, err := url.Parse(smtpURL)
	if err != nil || u.Scheme != "smtp" {
		return 0, fmt.Errorf("the bare loop speaks smtp:// alone")
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return 0, fmt.Errorf("the bare loop wants a port in the SMTP URL")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range connections {
		all.Go(func() {
			if err := bareLine(ctx, u.Hostname(), port, letters, func() int {
				if i := int(next.Add(1)); i <= n {
					return i
				}
				return 0
			}); err != nil {
				cancel(fmt.Errorf("bare loop: %w", err))
			}
		})
	}
	all.Wait()
	return time.Since(begun), context.Cause(ctx)
}

func bareLine(ctx context.Context, host string, port int, letters []Letter, next func() int) error {
	c, err := gomail.NewClient(host, gomail.WithPort(port), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO("localhost"))
	if err != nil {
		return err
	}
	line, err := c.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	for i := next(); i > 0 && ctx.Err() == nil; i = next() {
		m, err := letters[i%len(letters)].message(i)
		if err != nil {
			return err
		}
		if err := c.SendWithSMTPClient(line, m); err != nil {
			return err
		}
	}
	return c.CloseWithSMTPClient(line)
}

func (l Letter) message(i int) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(l.From); err != nil {
		return nil, err
	}
	if err := m.To(l.To); err != nil {
		return nil, err
	}
	m.Subject(l.Subject)
	m.SetDate()
	m.SetMessageIDWithValue("bare." + strconv.Itoa(i) + "@kape.example")
	for name, value := range l.Header {
		m.SetGenHeader(gomail.Header(name), value)
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	return m, nil
}

// Bare sends letters by go-mail alone, and tells how long that took.
func (r *Reporter) Bare(ctx context.Context, smtpURL string, letters []Letter, n, connections int) error {
	cpu := processorTime()
	took, err := Bare(ctx, smtpURL, letters, n, connections)
	if err != nil {
		return err
	}
	return r.Say(Report{Seconds: took.Seconds(), Usage: &Usage{CPU: (processorTime() - cpu).Seconds(), Peak: peakMemory()}})
}
