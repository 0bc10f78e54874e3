package hook

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"tidings/internal/campaign"
)

// What the inbound routes of providers hold at most, and how many of them at once:
// a mail is kept whole, to be sent on as it is.
const (
	maxMail       = 32 << 20
	maxField      = 64 << 10 // of a form, beside the mail
	maxFields     = 100
	inboundAtOnce = 2
	mailTime      = 25 * time.Second
)

// takeMail takes a mail that a provider has received for us.
func (h *Handler) takeMail(w http.ResponseWriter, r *http.Request) {
	err := h.inbound.greet(r)
	if err == nil {
		err = h.mail(w, r)
	}
	h.reply(w, Inbound, trusted{}, err)
}

func (h *Handler) mail(w http.ResponseWriter, r *http.Request) error {
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(mailTime))
	mails, err := readMail(r.Header.Get("Content-Type"), http.MaxBytesReader(w, r.Body, maxMail))
	if err != nil {
		return err
	}
	at := campaign.Moment(h.Now())
	for _, m := range mails {
		if len(m.raw) == 0 {
			return errBody
		}
		m.recipients = append(m.recipients, r.URL.Query()["recipient"]...)
		if err := h.receive(r.Context(), Inbound, m, at); err != nil {
			return err
		}
	}
	return nil
}

// ours is the recipient to whom a token of ours leads, or else the first.
func (h *Handler) ours(recipients []string) string {
	for _, a := range recipients {
		if _, _, err := h.Desk.Tokens.ReadReturn(a); err == nil {
			return a
		}
	}
	if len(recipients) == 0 {
		return ""
	}
	return recipients[0]
}

// readMail finds the mails in a body, and to whom the envelope said it went: as it
// is (message/rfc822), in a form as SendGrid (email, envelope) and Mailgun (body-mime,
// recipient) send it, or in JSON as Postmark (RawEmail, OriginalRecipient) and Brevo
// (items) do.
func readMail(kind string, body io.Reader) ([]received, error) {
	kind, params, err := mime.ParseMediaType(kind)
	if err != nil {
		kind = ""
	}
	switch kind {
	case "multipart/form-data":
		return readForm(body, params["boundary"])
	case "application/x-www-form-urlencoded":
		text, err := io.ReadAll(body)
		if err != nil {
			return nil, &bodyError{err}
		}
		form, err := url.ParseQuery(string(text))
		if err != nil {
			return nil, errBody
		}
		f := mailForm{raw: []byte(form.Get("body-mime")), envelope: form.Get("envelope")}
		if f.recipient = form.Get("recipient"); len(f.raw) == 0 {
			f.raw = []byte(form.Get("email"))
		}
		return f.mails()
	case "application/json":
		text, err := io.ReadAll(body)
		if err != nil {
			return nil, &bodyError{err}
		}
		return readJSON(text)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, &bodyError{err}
	}
	return []received{{raw: raw}}, nil
}

// mailForm is what counts of a form.
type mailForm struct {
	raw                 []byte
	recipient, envelope string
}

func (f mailForm) mails() ([]received, error) {
	var to []string
	if f.recipient != "" {
		to = append(to, f.recipient)
	}
	var envelope struct {
		To []string `json:"to"`
	}
	if json.Unmarshal([]byte(f.envelope), &envelope) == nil {
		to = append(to, envelope.To[:min(len(envelope.To), maxRecipients)]...)
	}
	return []received{{raw: f.raw, recipients: to}}, nil
}

// readForm reads a form part by part, and keeps nothing but the mail of it.
func readForm(body io.Reader, boundary string) ([]received, error) {
	if boundary == "" {
		return nil, errBody
	}
	var f mailForm
	parts := multipart.NewReader(body, boundary)
	for range maxFields {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f.mails()
		}
		if err != nil {
			return nil, formError(err)
		}
		limit := int64(maxField)
		switch part.FormName() {
		case "email", "body-mime":
			limit = maxMail
		case "envelope", "recipient":
		default:
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, limit))
		if err != nil {
			return nil, formError(err)
		}
		switch part.FormName() {
		case "envelope":
			f.envelope = string(value)
		case "recipient":
			f.recipient = string(value)
		default:
			f.raw = value
		}
	}
	return nil, errBody
}

// formError tells a form that is none from one that did not come whole.
func formError(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return &bodyError{err}
	}
	return errBody
}
