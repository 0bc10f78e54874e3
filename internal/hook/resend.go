package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tidings/internal/inbound"
)

// resend checks Resend's calls, which are signed as Svix and the Standard Webhooks
// do: HMAC-SHA256 over the call's id, a timestamp and the body.
type resend struct{ keys [][]byte }

func newResend(list []string) (provider, error) {
	var r resend
	for i, s := range list {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil || len(key) < minSecret {
			return nil, fmt.Errorf("secret %d is none of Resend's; copy the signing secret, whsec_…, from the webhook's page", i+1)
		}
		r.keys = append(r.keys, key)
	}
	return r, nil
}

// svix is a header of the scheme, under its older name or its newer one.
func svix(h http.Header, name string) string {
	if v := h.Get("Svix-" + name); v != "" {
		return v
	}
	return h.Get("Webhook-" + name)
}

// A call that is tried again is signed again.
const svixWindow = 5 * time.Minute

// maxSignatures bounds how many signatures of a header are looked at: one for each
// secret that the provider is changing from or to.
const maxSignatures = 10

func (resend) greet(r *http.Request) error {
	for _, name := range []string{"Id", "Timestamp", "Signature"} {
		if svix(r.Header, name) == "" {
			return errUnsigned
		}
	}
	return nil
}

func (s resend) open(_ context.Context, c call) (opened, error) {
	id, stamp := svix(c.Header, "Id"), svix(c.Header, "Timestamp")
	ok := false
	for _, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.", id, stamp)
		mac.Write(c.body)
		want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		given := strings.Fields(svix(c.Header, "Signature"))
		for _, g := range given[:min(len(given), maxSignatures)] {
			ok = hmac.Equal(want, []byte(g)) || ok
		}
	}
	if !ok {
		return opened{}, errUnsigned
	}
	if at, ok := text(stamp).seconds(); !ok || !near(time.Unix(at, 0), c.at, svixWindow) {
		return opened{}, errStale
	}
	if m, ok, err := resendMail(c.body); err != nil || ok {
		return opened{mails: []received{m}}, err
	}
	reports, err := parseResend(c.body)
	for i := range reports {
		reports[i].ID = id // stays the same when the call is tried again
	}
	return opened{reports: reports}, err
}

func parseResend(body []byte) ([]Report, error) {
	var e struct {
		Type text `json:"type"`
		Data struct {
			MessageID text            `json:"message_id"`
			To        json.RawMessage `json:"to"`
			Headers   json.RawMessage `json:"headers"`
			Bounce    struct {
				Message text `json:"message"`
				Type    text `json:"type"`
				SubType text `json:"subType"`
			} `json:"bounce"`
			Failed struct {
				Reason text `json:"reason"`
			} `json:"failed"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, errBody
	}
	var headers pairs
	if err := json.Unmarshal(e.Data.Headers, &headers); err != nil {
		headers = nil // a list as documented, or we do without
	}
	r := Report{Event: string(e.Type), MessageID: headers.get(referenceHeader), Evidence: headers.evidence(), Address: firstOf(e.Data.To)}
	if r.MessageID == "" {
		r.MessageID = string(e.Data.MessageID)
	}
	switch e.Type {
	case "email.delivered":
		r.Kind = inbound.Delivered
	case "email.bounced":
		r.Kind = inbound.Bounce
		r.Event += " " + string(e.Data.Bounce.Type)
		verdict := inbound.Hard
		if e.Data.Bounce.Type != "" && e.Data.Bounce.Type != "Permanent" {
			verdict = inbound.Soft
		}
		r.Bounced = sesRefused(r.Address, "", string(e.Data.Bounce.Message), string(e.Data.Bounce.SubType), verdict)
	case "email.suppressed":
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, "", "", inbound.Hard)
	case "email.failed": // before it was tried: a quota, a domain that is not verified
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, "", "", inbound.Policy)
	case "email.complained":
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case "email.sent", "email.delivery_delayed", "email.opened", "email.clicked", "email.scheduled", "email.received":
		r.Kind = inbound.Other
	}
	return []Report{r}, nil
}

// firstOf is the first of a list of addresses, or the one that stands there alone.
func firstOf(raw json.RawMessage) string {
	var list []text
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		return string(list[0])
	}
	var one text
	if json.Unmarshal(raw, &one) != nil {
		return ""
	}
	return string(one)
}
