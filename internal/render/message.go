package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// message builds the bytes of an email.
func (l *letter) message(o *campaign.Outgoing, st *state, subject, html string) (campaign.Email, error) {
	to, err := normalAddress(strings.TrimSpace(o.Customer.Email))
	if err != nil {
		// The address itself stays out of the error, which is stored and logged.
		return campaign.Email{}, errors.New("the customer's address is not an email address that mail can go to")
	}
	id := "t" + strconv.FormatInt(o.ID, 10) + "." + st.settings.StoreID + "@" + l.domain
	m := gomail.NewMsg(
		gomail.WithNoDefaultUserAgent(),
		gomail.WithEncoding(gomail.EncodingQP),
		gomail.WithBoundary(boundary(id)),
	)
	m.FromMailAddress(&l.from)
	m.ToMailAddress(&mail.Address{Name: customerName(&o.Customer), Address: to})
	if l.replyTo != nil {
		m.ReplyToMailAddress(l.replyTo)
	}
	m.Subject(subject)
	m.SetDateWithValue(o.Now)
	m.SetMessageIDWithValue(id)
	l.headers(m, o, st)
	m.SetBodyString(gomail.TypeTextPlain, textOf(html))
	m.AddAlternativeString(gomail.TypeTextHTML, html)
	var b bytes.Buffer
	b.Grow(len(html)*5/4 + 4096)
	if _, err := m.WriteTo(&b); err != nil {
		return campaign.Email{}, fmt.Errorf("build message %d: %w", o.ID, err)
	}
	return campaign.Email{
		From: l.from.Address, To: to, Body: b.Bytes(), Links: st.links,
		UTF8: !isASCII(l.from.Address) || !isASCII(to) || l.replyTo != nil && !isASCII(l.replyTo.Address),
	}, nil
}

// headers sets what mailbox providers, their users and other mail programs go
// by: RFC 2369 and 8058 (unsubscribing), RFC 2919 (List-Id), RFC 3834 (no
// automatic replies), Gmail's Feedback-ID.
func (l *letter) headers(m *gomail.Msg, o *campaign.Outgoing, st *state) {
	m.SetGenHeader("X-Tidings-Message", strconv.FormatInt(o.ID, 10))
	m.SetGenHeader("Feedback-ID", l.feedback)
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	if l.auto {
		m.SetGenHeader("Auto-Submitted", "auto-generated")
	}
	if l.topic == "" {
		return
	}
	m.SetGenHeader("List-Id", l.listID)
	m.SetGenHeader("List-Unsubscribe", "<"+st.settings.PublicURL+"/u/"+st.sign(token.Unsubscribe, 0)+">")
	m.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
}

// boundary parts the bodies of a message; the same for each attempt at it.
func boundary(id string) string {
	sum := sha256.Sum256([]byte("boundary\x00" + id))
	return hex.EncodeToString(sum[:14])
}

// customerName is the name beside the address, empty when it is not known.
func customerName(c *campaign.Customer) string {
	text := func(key string) string {
		s, _ := wholeNumbers(c.Attributes[key]).(string)
		return strings.Join(strings.Fields(oneLine(strings.ToValidUTF8(s, ""))), " ")
	}
	name := text("name")
	if name == "" {
		name = strings.TrimSpace(text("first_name") + " " + text("last_name"))
	}
	if r := []rune(name); len(r) > 100 {
		name = string(r[:100])
	}
	return name
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
