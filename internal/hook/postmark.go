package hook

import (
	"encoding/json"

	"tidings/internal/inbound"
)

// postmarkEvent is a call of Postmark's bounce, delivery, spam complaint or
// subscription change webhook.
type postmarkEvent struct {
	RecordType text            `json:"RecordType"`
	ID         text            `json:"ID"`
	Type       text            `json:"Type"`
	MessageID  text            `json:"MessageID"` // Postmark's own
	Email      text            `json:"Email"`
	Recipient  text            `json:"Recipient"`
	Details    text            `json:"Details"`
	Content    text            `json:"Content"` // of a bounce, when it is to be included
	Suppress   bool            `json:"SuppressSending"`
	Why        text            `json:"SuppressionReason"`
	Origin     text            `json:"Origin"`
	ChangedAt  text            `json:"ChangedAt"`
	Metadata   map[string]text `json:"Metadata"`
}

func parsePostmark(body []byte) ([]Report, error) {
	var e postmarkEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, errBody
	}
	r := Report{Event: string(e.RecordType), MessageID: string(e.Metadata[reference]), Address: string(e.Email)}
	if r.Address == "" {
		r.Address = string(e.Recipient)
	}
	if e.Content != "" {
		r.Evidence = []string{string(e.Content)}
	}
	switch e.RecordType {
	case "Delivery":
		r.Kind = inbound.Delivered
	case "Bounce":
		e.bounce(&r, e.Type)
	case "SpamComplaint":
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case "SubscriptionChange":
		e.change(&r)
	case "Open", "Click":
		r.Kind = inbound.Other
	}
	// By the mail and not by the call: a bounce and the change of subscription that
	// follows from it are one.
	r.ID = string(e.MessageID) + " " + string(r.Kind) + " " + string(r.Bounced.Class)
	if e.MessageID == "" {
		r.ID += string(e.ID)
	}
	if e.RecordType == "SubscriptionChange" && r.Kind == inbound.Unsubscribe {
		r.ID += string(e.ChangedAt)
	}
	return []Report{r}, nil
}

// bounce tells by Postmark's type of it what a bounce is.
func (e postmarkEvent) bounce(r *Report, kind text) {
	r.Event += " " + string(kind)
	r.Kind = inbound.Bounce
	refused := func(verdict inbound.Class) {
		r.Bounced = inbound.Refused(r.Address, "", string(e.Details), verdict)
	}
	switch kind {
	case "HardBounce", "BadEmailAddress":
		refused(inbound.Hard)
	case "SoftBounce", "Transient", "DnsError", "Undeliverable", "Unknown":
		refused(inbound.Soft)
	case "SpamNotification", "Blocked", "DMARCPolicy", "VirusNotification":
		refused(inbound.Policy)
	case "SpamComplaint":
		r.Kind, r.Feedback = inbound.Complaint, "abuse"
	case "Unsubscribe":
		r.Kind, r.Everything = inbound.Unsubscribe, true
	case "AutoResponder", "AddressChange", "ChallengeVerification", "OpenRelayTest", "Subscribe", "ManuallyDeactivated", "Unconfirmed",
		"SMTPApiError", "InboundError", "TemplateRenderingFailed":
		r.Kind = inbound.Other
	default:
		r.Kind = ""
	}
}

// change is a reader who was put on Postmark's list of those who get nothing, or
// taken off it. Coming back there is no consent.
func (e postmarkEvent) change(r *Report) {
	r.Kind = inbound.Other
	switch {
	case !e.Suppress:
		r.Event += " off"
	case e.Why == "HardBounce", e.Why == "SpamComplaint":
		e.bounce(r, e.Why)
	case e.Why == "ManualSuppression" && e.Origin == "Recipient":
		r.Event += " " + string(e.Why)
		r.Kind, r.Everything = inbound.Unsubscribe, true
	}
}
