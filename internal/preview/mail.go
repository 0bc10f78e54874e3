package preview

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"

	"tidings/internal/campaign"
)

// Mail is a mail as it would be sent, and read back.
type Mail struct {
	Campaign *campaign.Campaign
	Step     Step
	Locale   string // of the customer
	Customer string // what people call the customer
	Occasion Occasion

	Email   campaign.Email
	Fields  []Field // the header, decoded
	From    string
	To      string
	Subject string
	HTML    string
	Text    string
	Shown   string // HTML with links as they are written, and no pixel

	// Problems are those of the files that the mail is made of, and of the mail itself.
	Problems []campaign.Problem
}

// Field is a line of a header.
type Field struct{ Name, Value string }

// Mail renders the mail of a choice. An error of rendering is a *render.Error; others
// say what of the choice there is not.
func (s *Studio) Mail(ctx context.Context, ch Choice) (*Mail, error) {
	l, err := s.find(ctx, ch)
	if err != nil {
		return nil, err
	}
	return s.mail(l)
}

func (s *Studio) mail(l *letter) (*Mail, error) {
	m, err := s.bytes(l)
	if err != nil {
		return nil, err
	}
	settings := s.settings
	settings.Untracked = true
	plain, err := s.renderer.Render(l.out, settings)
	if err != nil {
		return nil, err
	}
	shown := &Mail{Email: plain}
	if err := shown.read(); err != nil {
		return nil, err
	}
	m.Shown = shown.HTML
	return m, nil
}

// bytes renders a letter as the worker does.
func (s *Studio) bytes(l *letter) (*Mail, error) {
	e, err := s.renderer.Render(l.out, s.settings)
	if err != nil {
		return nil, err
	}
	m := &Mail{
		Campaign: l.campaign, Step: l.step, Locale: l.out.Customer.Locale, Customer: l.customer, Occasion: l.occasion, Email: e,
	}
	if err := m.read(); err != nil {
		return nil, fmt.Errorf("read the mail back: %w", err)
	}
	m.Problems = append(s.problemsOf(m), m.judge(l.out.Customer)...)
	campaign.SortProblems(m.Problems)
	return m, nil
}

// Test is the mail of a choice as a test to an address: marked, untracked, and of no
// pass. sent tells one test from the next.
func (s *Studio) Test(ctx context.Context, ch Choice, address, sent string) (campaign.Email, error) {
	l, err := s.find(ctx, ch)
	if err != nil {
		return campaign.Email{}, err
	}
	l.out.Customer.Email = address
	settings := s.settings
	settings.Untracked, settings.Mark, settings.StoreID = true, "[Test] ", "test-"+sent
	return s.renderer.Render(l.out, settings)
}

// read takes the mail's bytes apart.
func (m *Mail) read() error {
	msg, err := mail.ReadMessage(bytes.NewReader(m.Email.Body))
	if err != nil {
		return err
	}
	m.Fields = fieldsOf(m.Email.Body)
	for _, f := range m.Fields {
		switch f.Name {
		case "From":
			m.From = f.Value
		case "To":
			m.To = f.Value
		case "Subject":
			m.Subject = f.Value
		}
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		p, err := parts.NextPart() // it decodes quoted-printable by itself
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var r io.Reader = p
		if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "base64") {
			r = base64.NewDecoder(base64.StdEncoding, p)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		content := strings.ReplaceAll(string(b), "\r\n", "\n")
		switch kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind {
		case "text/plain":
			m.Text = content
		case "text/html":
			m.HTML = content
		}
	}
}

// fieldsOf are the header's fields in their order, unfolded and decoded.
func fieldsOf(body []byte) []Field {
	head, _, _ := strings.Cut(string(body), "\r\n\r\n")
	head = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(head)
	var out []Field
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			value = text
		}
		out = append(out, Field{name, value})
	}
	return out
}
