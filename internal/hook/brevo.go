package hook

import (
	"bytes"
	"encoding/json"
	"strings"

	"tidings/internal/inbound"
)

// brevoEvent is a call of Brevo's transactional webhook. It has no id of its own:
// the mail, the event and its time make one.
type brevoEvent struct {
	Event     text `json:"event"`
	Email     text `json:"email"`
	MessageID text `json:"message-id"`
	Custom    text `json:"X-Mailin-custom"`
	Reason    text `json:"reason"`
	Epoch     text `json:"ts_epoch"`
	TSEvent   text `json:"ts_event"`
}

// parseBrevo reads one event or, of a batched webhook, a list of them.
func parseBrevo(body []byte) ([]Report, error) {
	var events []brevoEvent
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := json.Unmarshal(body, &events); err != nil || len(events) > maxReports {
			return nil, errBody
		}
	} else {
		var one brevoEvent
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, errBody
		}
		events = append(events, one)
	}
	out := make([]Report, 0, len(events))
	for _, e := range events {
		out = append(out, e.report())
	}
	return out, nil
}

func (e brevoEvent) report() Report {
	r := Report{Event: string(e.Event), MessageID: string(e.Custom), Address: string(e.Email)}
	if r.MessageID == "" {
		r.MessageID = string(e.MessageID)
	}
	at := e.Epoch
	if at == "" {
		at = e.TSEvent
	}
	r.ID = strings.Join([]string{string(e.MessageID), string(e.Event), string(e.Email), string(at)}, " ")
	refused := func(verdict inbound.Class) {
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, "", string(e.Reason), verdict)
	}
	switch e.Event {
	case "delivered":
		r.Kind = inbound.Delivered
	case "hard_bounce", "invalid_email":
		refused(inbound.Hard)
	case "soft_bounce":
		refused(inbound.Soft)
	case "blocked": // on Brevo's list, for one of many reasons that it does not tell
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, "", "", inbound.Soft)
	case "error":
		r.Kind, r.Bounced = inbound.Bounce, inbound.Refused(r.Address, "", "", inbound.Policy)
	case "spam", "complaint":
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case "unsubscribe", "unsubscribed":
		r.Kind, r.Everything = inbound.Unsubscribe, true
	case "request", "sent", "deferred", "opened", "unique_opened", "proxy_open", "unique_proxy_open", "click":
		r.Kind = inbound.Other
	}
	return r
}
