package render

import (
	"bytes"
	"errors"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// message builds the bytes of an email from the HTML in buf.
func (r *Renderer) message(l *letter, o *campaign.Outgoing, st *state, subject string, buf *buffers) (campaign.Email, error) {
	to, err := normalAddress(strings.TrimSpace(o.Customer.Email))
	if err != nil {
		// The address itself stays out of the error, which is stored and logged.
		return campaign.Email{}, errors.New("the customer's address is not an email address that mail can go to")
	}
	html := view(buf.html)
	buf.text = appendTextOf(buf.text[:0], html)
	m := &envelope{letter: l, id: o.ID, now: o.Now, store: st.settings.StoreID, subject: st.settings.Mark + subject}
	m.to = addressText(&mail.Address{Name: customerName(&o.Customer), Address: to})
	if l.topic != "" {
		m.unsubscribe = st.settings.PublicURL + "/u/" + st.unsubscribe()
	}
	back := st.settings.ReturnAddress
	if m.unsubscribe != "" && back != "" {
		m.mailto = st.settings.Signer.ReturnAddress(back, token.Unsubscribe, o.ID)
	}
	m.boundary, m.reference = "=_"+st.opened(), st.settings.Reference
	e := campaign.Email{
		From: l.from.Address, To: to, Links: st.links,
		UTF8: !isASCII(l.from.Address) || !isASCII(to) || l.replyTo != nil && !isASCII(l.replyTo.Address),
	}
	if back != "" {
		e.From = st.settings.Signer.ReturnAddress(back, token.Bounce, o.ID)
	}
	var parts [2]part
	buf.mail, parts = m.append(buf.mail[:0], view(buf.text), html)
	e.Body = bytes.Clone(buf.mail)
	if parts[0].as == eightBit || parts[1].as == eightBit {
		body := e.Body
		e.SevenBit = func() []byte { return sevenBits(body, parts) }
	}
	if st.viewed && !st.settings.Untracked {
		e.Page = campaign.PackPage(st.page(html))
	}
	return e, nil
}

// page is a mail as the browser shows it later: without the image that counts its
// opening, which was counted where it was read.
func (st *state) page(html string) []byte {
	pixel := st.settings.PublicURL + "/o/" + st.opened() + ".gif"
	return []byte(strings.ReplaceAll(html, pixel, emptyImage))
}

// emptyImage is a transparent dot.
const emptyImage = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

// view is b as a string without a copy. It holds until b is changed.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// envelope is what a message has around its parts.
type envelope struct {
	letter      *letter
	id          int64
	now         time.Time
	store       string
	to          string // as a header
	subject     string
	unsubscribe string // empty: transactional
	mailto      string // to unsubscribe by mail; empty: none is read
	boundary    string
	reference   string // header that repeats the Message-ID's first half; empty: none
}

// part is where a part stands in a message: the name of its encoding from name on,
// its content from from to to.
type part struct {
	as             transfer
	name, from, to int
}

// sevenBits is a message for a server that takes ASCII alone.
func sevenBits(body []byte, parts [2]part) []byte {
	b := make([]byte, 0, len(body)*5/4)
	at := 0
	for _, p := range parts {
		if p.as != eightBit {
			continue
		}
		b = append(append(b, body[at:p.name]...), printable...)
		b = append(b, body[p.name+len(p.as):p.from]...)
		b = appendPart(b, view(body[p.from:p.to]), printable)
		at = p.to
	}
	return append(b, body[at:]...)
}

// append writes the message. What mailbox providers, their users and other mail
// programs go by: RFC 2369 and 8058 (unsubscribing), RFC 2919 (List-Id), RFC 3834
// (no automatic replies), Gmail's Feedback-ID.
func (m *envelope) append(b []byte, text, html string) ([]byte, [2]part) {
	l := m.letter
	b = append(b, "Date: "...)
	b = m.now.AppendFormat(b, time.RFC1123Z)
	b = append(b, "\r\nMessage-ID: <t"...)
	b = strconv.AppendInt(b, m.id, 10)
	b = append(append(append(append(b, '.'), m.store...), '@'), l.domain...)
	b = append(b, ">\r\nX-Tidings-Message: "...)
	b = strconv.AppendInt(b, m.id, 10)
	b = append(b, "\r\n"...)
	if m.reference != "" {
		b = append(append(b, m.reference...), ": t"...)
		b = strconv.AppendInt(b, m.id, 10)
		b = append(append(append(b, '.'), m.store...), "\r\n"...)
	}
	b = append(b, l.fields...)
	b = appendHeader(b, "To", m.to)
	b = appendText(b, "Subject", m.subject)
	if m.unsubscribe != "" {
		b = append(append(append(b, "List-Unsubscribe: <"...), m.unsubscribe...), '>')
		if m.mailto != "" {
			b = append(append(append(b, ",\r\n <mailto:"...), m.mailto...), '>')
		}
		b = append(b, "\r\n"...)
	}
	b = append(append(append(b, "Content-Type: multipart/alternative;\r\n boundary=\""...), m.boundary...), "\"\r\n"...)
	var parts [2]part
	b, parts[0] = m.part(b, "text/plain", text)
	b, parts[1] = m.part(b, "text/html", html)
	return append(append(append(b, "\r\n--"...), m.boundary...), "--\r\n"...), parts
}

func (m *envelope) part(b []byte, kind, content string) ([]byte, part) {
	content = withoutBareCR(content)
	p := part{as: transferOf(content)}
	b = append(append(append(b, "\r\n--"...), m.boundary...), "\r\nContent-Type: "...)
	b = append(append(b, kind...), "; charset=UTF-8\r\nContent-Transfer-Encoding: "...)
	p.name = len(b)
	b = append(append(b, p.as...), "\r\n\r\n"...)
	p.from = len(b)
	b = appendPart(b, content, p.as)
	p.to = len(b)
	return b, p
}

// fixed writes the headers that all messages of the letter share.
func (l *letter) fixed() {
	b := appendHeader(nil, "From", addressText(&l.from))
	if l.replyTo != nil {
		b = appendHeader(b, "Reply-To", addressText(l.replyTo))
	}
	b = append(b, "MIME-Version: 1.0\r\n"...)
	b = appendHeader(b, "Feedback-ID", l.feedback)
	b = appendHeader(b, "X-Auto-Response-Suppress", "All")
	if l.auto {
		b = appendHeader(b, "Auto-Submitted", "auto-generated")
	}
	if l.topic != "" {
		b = appendHeader(b, "List-Id", l.listID)
		b = appendHeader(b, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	l.fields = b
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
