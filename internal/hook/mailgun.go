package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"tidings/internal/inbound"
)

// mailgun checks Mailgun's calls: an HMAC over a timestamp and a token, in the body,
// whose other parts it does not cover. So a token is good for one body.
type mailgun struct{ keys []string }

func newMailgun(list []string) (provider, error) {
	for i, k := range list {
		if len(k) < minSecret {
			return nil, fmt.Errorf("key %d has %d characters; copy the HTTP webhook signing key from Mailgun's settings", i+1, len(k))
		}
	}
	return mailgun{list}, nil
}

// mailgunSignature is what Mailgun signs a call with. The second signature is the
// main account's, where the call is a subaccount's.
type mailgunSignature struct {
	Timestamp text `json:"timestamp"`
	Token     text `json:"token"`
	Signature text `json:"signature"`
	Parent    text `json:"parent-signature"`
}

// valid checks a signature and its age.
func (m mailgun) valid(s mailgunSignature, now time.Time) error {
	ok := false
	for _, k := range m.keys {
		mac := hmac.New(sha256.New, []byte(k))
		mac.Write([]byte(s.Timestamp + s.Token))
		want := []byte(hex.EncodeToString(mac.Sum(nil)))
		for _, given := range []text{s.Signature, s.Parent} {
			ok = hmac.Equal(want, []byte(given)) || ok
		}
	}
	if !ok || s.Token == "" {
		return errUnsigned
	}
	if at, ok := s.Timestamp.seconds(); !ok || !near(time.Unix(at, 0), now, retried) {
		return errStale
	}
	return nil
}

func (mailgun) greet(*http.Request) error { return nil }

func (m mailgun) open(_ context.Context, c call) (opened, error) {
	var signed struct {
		Signature mailgunSignature `json:"signature"`
	}
	if err := json.Unmarshal(c.body, &signed); err != nil {
		return opened{}, errUnsigned
	}
	if err := m.valid(signed.Signature, c.at); err != nil {
		return opened{}, err
	}
	reports, err := parseMailgun(c.body)
	return opened{reports: reports, once: string(signed.Signature.Token)}, err
}

// mailgunEvent is what Mailgun tells of a mail.
type mailgunEvent struct {
	Event     text `json:"event"`
	ID        text `json:"id"`
	At        text `json:"timestamp"`
	Severity  text `json:"severity"`
	Reason    text `json:"reason"`
	Recipient text `json:"recipient"`
	Delivery  struct {
		Code        text `json:"code"`
		Message     text `json:"message"`
		Description text `json:"description"`
		Enhanced    text `json:"enhanced-code"`
	} `json:"delivery-status"`
	Message struct {
		Headers struct {
			ID text `json:"message-id"`
		} `json:"headers"`
	} `json:"message"`
}

func parseMailgun(body []byte) ([]Report, error) {
	var in struct {
		Data *mailgunEvent `json:"event-data"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Data == nil {
		return nil, errBody
	}
	e := in.Data
	r := Report{ID: string(e.ID), Event: string(e.Event), MessageID: string(e.Message.Headers.ID), Address: string(e.Recipient)}
	if r.ID == "" {
		r.ID = string(e.Event) + " " + string(e.At) + " " + r.MessageID
	}
	switch e.Event {
	case "delivered":
		r.Kind = inbound.Delivered
	case "failed":
		e.failed(&r)
	case "complained":
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case "unsubscribed":
		r.Kind, r.Everything = inbound.Unsubscribe, true
	case "accepted", "opened", "clicked", "stored", "list_member_uploaded":
		r.Kind = inbound.Other
	case "rejected": // by Mailgun, before it was tried
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, "", "", inbound.Policy)
	}
	return []Report{r}, nil
}

// failed is a mail that Mailgun could not deliver, or not yet.
func (e mailgunEvent) failed(r *Report) {
	r.Event += " " + string(e.Severity)
	if e.Severity != "permanent" {
		r.Kind = inbound.Other // it tries again, and tells how that ends
		return
	}
	said := string(e.Delivery.Message)
	if said == "" {
		said = string(e.Delivery.Description)
	}
	if code := string(e.Delivery.Code); len(code) == 3 && said != "" {
		said = code + " " + said
	}
	r.Kind = inbound.Bounce
	switch e.Reason {
	case "suppress-unsubscribe":
		r.Kind, r.Everything = inbound.Unsubscribe, true
	case "suppress-complaint":
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case "suppress-bounce":
		r.Bounced = inbound.Refused(r.Address, "", "", inbound.Hard)
	case "bounce":
		r.Bounced = inbound.Refused(r.Address, string(e.Delivery.Enhanced), said, inbound.Hard)
	default: // "generic", "old": tried for hours, or nobody to try
		r.Bounced = inbound.Refused(r.Address, string(e.Delivery.Enhanced), said, "")
	}
}
