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
	raw, recipients, err := readMail(r.Header.Get("Content-Type"), http.MaxBytesReader(w, r.Body, maxMail))
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		return errBody
	}
	at := campaign.Moment(h.Now())
	t, err := h.Desk.Take(r.Context(), raw, h.ours(append(recipients, r.URL.Query()["recipient"]...)), at)
	if err != nil {
		return err
	}
	h.tally.add(Inbound, "mail", string(t.Kind), at)
	if h.Forward != nil {
		return h.Forward(r.Context(), t, raw)
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

// readMail finds the mail in a body, and to whom the envelope said it went: as it
// is (message/rfc822), in a form as SendGrid (email, envelope) and Mailgun (body-mime,
// recipient) send it, or in Postmark's JSON (RawEmail, OriginalRecipient).
func readMail(kind string, body io.Reader) (raw []byte, recipients []string, err error) {
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
			return nil, nil, &bodyError{err}
		}
		form, err := url.ParseQuery(string(text))
		if err != nil {
			return nil, nil, errBody
		}
		f := mailForm{raw: []byte(form.Get("body-mime")), envelope: form.Get("envelope")}
		if f.recipient = form.Get("recipient"); len(f.raw) == 0 {
			f.raw = []byte(form.Get("email"))
		}
		return f.mail()
	case "application/json":
		text, err := io.ReadAll(body)
		if err != nil {
			return nil, nil, &bodyError{err}
		}
		return readPostmark(text)
	}
	if raw, err = io.ReadAll(body); err != nil {
		return nil, nil, &bodyError{err}
	}
	return raw, nil, nil
}

// mailForm is what counts of a form.
type mailForm struct {
	raw                 []byte
	recipient, envelope string
}

func (f mailForm) mail() ([]byte, []string, error) {
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
	return f.raw, to, nil
}

// readForm reads a form part by part, and keeps nothing but the mail of it.
func readForm(body io.Reader, boundary string) ([]byte, []string, error) {
	if boundary == "" {
		return nil, nil, errBody
	}
	var f mailForm
	parts := multipart.NewReader(body, boundary)
	for range maxFields {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f.mail()
		}
		if err != nil {
			return nil, nil, formError(err)
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
			return nil, nil, formError(err)
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
	return nil, nil, errBody
}

// formError tells a form that is none from one that did not come whole.
func formError(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return &bodyError{err}
	}
	return errBody
}

// readPostmark reads what Postmark posts once "include raw email content" is on.
func readPostmark(text []byte) ([]byte, []string, error) {
	var in struct {
		Raw       string `json:"RawEmail"`
		Recipient string `json:"OriginalRecipient"`
	}
	if err := json.Unmarshal(text, &in); err != nil || in.Raw == "" {
		return nil, nil, errBody
	}
	f := mailForm{raw: []byte(in.Raw), recipient: in.Recipient}
	return f.mail()
}
