package hook

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tidings/internal/inbound"
)

// sendgrid checks the signed Event Webhook of SendGrid: ECDSA over the timestamp and
// the body, in two headers.
type sendgrid struct{ keys []*ecdsa.PublicKey }

func newSendGrid(list []string) (provider, error) {
	var s sendgrid
	for i, text := range list {
		key, err := ecdsaKey(text)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// ecdsaKey reads a public key as SendGrid shows it: base64 without the lines of PEM,
// or with them.
func ecdsaKey(s string) (*ecdsa.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if block, _ := pem.Decode([]byte(s)); block != nil {
		raw, err = block.Bytes, nil
	}
	if err != nil {
		return nil, errors.New("it is not base64; copy the verification key from the Event Webhook's settings")
	}
	key, err := x509.ParsePKIXPublicKey(raw)
	if err != nil {
		return nil, errors.New("it is no public key; copy the verification key from the Event Webhook's settings")
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, SendGrid signs by ECDSA", key)
	}
	return public, nil
}

const (
	sendgridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	sendgridTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
)

func (sendgrid) greet(r *http.Request) error {
	if r.Header.Get(sendgridSignature) == "" || r.Header.Get(sendgridTimestamp) == "" {
		return errUnsigned
	}
	return nil
}

func (s sendgrid) open(_ context.Context, c call) (opened, error) {
	stamp := c.Header.Get(sendgridTimestamp)
	signature, err := base64.StdEncoding.DecodeString(c.Header.Get(sendgridSignature))
	if err != nil {
		return opened{}, errUnsigned
	}
	h := sha256.New()
	h.Write([]byte(stamp))
	h.Write(c.body)
	sum, ok := h.Sum(nil), false
	for _, key := range s.keys {
		ok = ok || ecdsa.VerifyASN1(key, sum, signature)
	}
	if !ok {
		return opened{}, errUnsigned
	}
	if at, ok := text(stamp).seconds(); !ok || !near(time.Unix(at, 0), c.at, retried) {
		return opened{}, errStale
	}
	reports, err := parseSendGrid(c.body)
	return opened{reports: reports}, err
}

// sendgridEvent is an element of the list that SendGrid sends.
type sendgridEvent struct {
	Event  text `json:"event"`
	ID     text `json:"sg_event_id"`
	Email  text `json:"email"`
	SMTPID text `json:"smtp-id"` // the Message-ID
	Mail   text `json:"sg_message_id"`
	At     text `json:"timestamp"`
	Type   text `json:"type"`
	Reason text `json:"reason"`
	Status text `json:"status"`
}

func parseSendGrid(body []byte) ([]Report, error) {
	var events []sendgridEvent
	if err := json.Unmarshal(body, &events); err != nil || len(events) > maxReports {
		return nil, errBody
	}
	out := make([]Report, 0, len(events))
	for _, e := range events {
		out = append(out, e.report())
	}
	return out, nil
}

func (e sendgridEvent) report() Report {
	r := Report{ID: string(e.ID), Event: string(e.Event), MessageID: string(e.SMTPID), Address: string(e.Email)}
	if r.ID == "" {
		r.ID = strings.Join([]string{string(e.Mail), string(e.Event), string(e.At), string(e.Email)}, " ")
	}
	switch e.Event {
	case "delivered":
		r.Kind = inbound.Delivered
	case "bounce":
		verdict := inbound.Hard
		if e.Type == "blocked" || e.Type == "expired" { // for a reason that is not the address, or tried for days
			verdict = inbound.Soft
		}
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, string(e.Status), string(e.Reason), verdict)
	case "dropped":
		e.dropped(&r)
	case "spamreport":
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case "unsubscribe":
		r.Kind, r.Everything = inbound.Unsubscribe, true
	case "group_unsubscribe":
		r.Kind = inbound.Unsubscribe
	case "processed", "deferred", "open", "click", "group_resubscribe":
		r.Kind = inbound.Other
	}
	return r
}

// dropped is what SendGrid has not even tried, for what it knows of the address.
func (e sendgridEvent) dropped(r *Report) {
	switch reason := strings.ToLower(string(e.Reason)); {
	case strings.HasPrefix(reason, "unsubscribed"):
		r.Kind, r.Everything = inbound.Unsubscribe, true
	case strings.HasPrefix(reason, "spam reporting"):
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case reason == "bounced address", reason == "invalid":
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, string(e.Status), "", inbound.Hard)
	default: // the mail was not to its liking, or the account's quota is used up
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, "", "", inbound.Policy)
	}
}
