package hook

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// received is a mail that a provider has received for us.
type received struct {
	event      string // the provider's word
	raw        []byte
	recipients []string // of the envelope
	at         string   // where raw is to be fetched; empty: it is here
}

// receive does with a mail what is done with one that an MTA has handed over.
func (h *Handler) receive(ctx context.Context, name string, m received, at time.Time) error {
	t, err := h.Desk.Take(ctx, m.raw, h.ours(m.recipients), at)
	if err != nil {
		return err
	}
	h.tally.add(name, cmp.Or(m.event, "mail"), string(t.Kind), at)
	if h.Forward != nil {
		return h.Forward(ctx, t, m.raw)
	}
	return nil
}

// sesReceived is what a receipt rule of SES publishes. Its SNS action holds the mail;
// the notifications of other actions only tell of it.
type sesReceived struct {
	Content string `json:"content"`
	Receipt struct {
		Recipients []string `json:"recipients"`
		Action     struct {
			Encoding string `json:"encoding"`
		} `json:"action"`
	} `json:"receipt"`
}

// sesMail is the mail of a notification; ok is false where it holds none.
func sesMail(body []byte) (m received, ok bool, err error) {
	var e sesReceived
	if err := json.Unmarshal(body, &e); err != nil {
		return m, false, errBody
	}
	if e.Content == "" {
		return m, false, nil
	}
	m = received{event: "Received", raw: []byte(e.Content), recipients: e.Receipt.Recipients[:min(len(e.Receipt.Recipients), maxRecipients)]}
	if strings.EqualFold(e.Receipt.Action.Encoding, "base64") {
		if m.raw, err = base64.StdEncoding.DecodeString(e.Content); err != nil {
			return m, false, errBody
		}
	}
	return m, true, nil
}

// Resend tells that it has received a mail, and keeps it for who has a key of its API.
const resendAPI = "https://api.resend.com/emails/receiving/"

var resendID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// resendHosts are where Resend keeps mails: a host of its own, or of its network's.
var resendHosts = []string{".resend.com", ".cloudfront.net"}

// resendMail is the mail that a call of Resend tells of; ok is false where it tells of none.
func resendMail(body []byte) (m received, ok bool, err error) {
	var e struct {
		Type text `json:"type"`
		Data struct {
			ID text            `json:"email_id"`
			To json.RawMessage `json:"to"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return m, false, errBody
	}
	if e.Type != "email.received" {
		return m, false, nil
	}
	if !resendID.MatchString(string(e.Data.ID)) {
		return m, false, errBody
	}
	m = received{event: string(e.Type), at: resendAPI + string(e.Data.ID)}
	var to []string
	if json.Unmarshal(e.Data.To, &to) == nil {
		m.recipients = to[:min(len(to), maxRecipients)]
	}
	return m, true, nil
}

// fetchMail gets a mail of Resend's: where it lies, by the API, and then the mail.
func (h *Handler) fetchMail(ctx context.Context, m received) (received, error) {
	select { // mails are kept whole
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	case <-ctx.Done():
		return m, ctx.Err()
	}
	text, err := h.get(ctx, m.at, h.ResendKey, maxMail)
	if err != nil {
		return m, err
	}
	var is struct {
		Raw struct {
			URL string `json:"download_url"`
		} `json:"raw"`
	}
	if err := json.Unmarshal(text, &is); err != nil {
		return m, fmt.Errorf("ask Resend for the mail: %w", err)
	}
	u, err := url.Parse(is.Raw.URL)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" ||
		!slices.ContainsFunc(resendHosts, func(host string) bool { return strings.HasSuffix(strings.ToLower(u.Hostname()), host) }) {
		return m, fmt.Errorf("ask Resend for the mail: it lies at no host of theirs")
	}
	// The address is signed: the key of the API is nothing for this host.
	m.raw, err = h.get(ctx, is.Raw.URL, "", maxMail)
	return m, err
}

// get fetches what an address holds, and no more than most of it.
func (h *Handler) get(ctx context.Context, address, key string, most int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch a mail: %w", err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	reply, err := h.Fetch.Do(r)
	if err != nil {
		return nil, fmt.Errorf("fetch a mail from %s: %w", r.URL.Hostname(), withoutURL(err))
	}
	defer reply.Body.Close()
	switch {
	case reply.StatusCode == http.StatusOK:
	case key != "" && (reply.StatusCode == http.StatusUnauthorized || reply.StatusCode == http.StatusForbidden):
		return nil, fmt.Errorf("fetch a mail from %s: it answered %d; give RESEND_API_KEY a key with full access, for one that may only send reads no mails", r.URL.Hostname(), reply.StatusCode)
	default:
		return nil, fmt.Errorf("fetch a mail from %s: it answered %d", r.URL.Hostname(), reply.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("fetch a mail from %s: %w", r.URL.Hostname(), err)
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("fetch a mail from %s: it holds more than %d MB", r.URL.Hostname(), most>>20)
	}
	return body, nil
}

// takeReceived takes the mails of a call that is the provider's.
func (h *Handler) takeReceived(ctx context.Context, name string, mails []received, at time.Time) error {
	for _, m := range mails {
		if m.at != "" {
			if h.ResendKey == "" {
				h.tally.add(name, m.event+" without RESEND_API_KEY", "nothing", at)
				continue
			}
			var err error
			if m, err = h.fetchMail(ctx, m); err != nil {
				return err
			}
			if len(m.raw) == 0 {
				return errBody
			}
		}
		if err := h.receive(ctx, name, m, at); err != nil {
			return err
		}
	}
	return nil
}

// brevoMail is an item of Brevo's inbound parsing, which takes mails apart.
type brevoMail struct {
	Headers    map[string]json.RawMessage `json:"Headers"`
	Recipients []string                   `json:"Recipients"`
	Text       string                     `json:"RawTextBody"`
	HTML       string                     `json:"RawHtmlBody"`
}

var headerName = regexp.MustCompile(`^[!-9;-~]{1,100}$`)

// mail puts a mail together again: its header, and what was written. The parts of a
// report on delivery, and attachments, are not among what Brevo hands over.
func (b brevoMail) mail() received {
	var head strings.Builder
	for _, name := range slices.Sorted(maps.Keys(b.Headers)) {
		lower := strings.ToLower(name)
		if !headerName.MatchString(name) || lower == "mime-version" || strings.HasPrefix(lower, "content-") {
			continue
		}
		for _, value := range texts(b.Headers[name]) {
			fmt.Fprintf(&head, "%s: %s\r\n", name, strings.Join(strings.Fields(value), " "))
		}
	}
	kind, body := "text/plain", b.Text
	if strings.TrimSpace(body) == "" {
		kind, body = "text/html", b.HTML
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(body))
	fmt.Fprintf(&head, "MIME-Version: 1.0\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n", kind)
	for len(encoded) > 76 {
		head.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	head.WriteString(encoded + "\r\n")
	return received{raw: []byte(head.String()), recipients: b.Recipients[:min(len(b.Recipients), maxRecipients)]}
}

// texts are a header's values: one, or a list where it stands more than once.
func texts(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list[:min(len(list), maxRecipients)]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	return nil
}

// readJSON reads the mails of a JSON body: Postmark's one, or Brevo's items.
func readJSON(text []byte) ([]received, error) {
	var in struct {
		Raw       string      `json:"RawEmail"`
		Recipient string      `json:"OriginalRecipient"`
		Items     []brevoMail `json:"items"`
	}
	if err := json.Unmarshal(text, &in); err != nil || len(in.Items) > maxItems {
		return nil, errBody
	}
	if in.Raw != "" {
		f := mailForm{raw: []byte(in.Raw), recipient: in.Recipient}
		return f.mails()
	}
	var out []received
	for _, item := range in.Items {
		if len(item.Headers) > 0 {
			out = append(out, item.mail())
		}
	}
	if len(out) == 0 {
		return nil, errBody
	}
	return out, nil
}

// maxItems bounds the mails of a call.
const maxItems = 100
