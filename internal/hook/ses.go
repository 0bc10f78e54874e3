package hook

import (
	"encoding/json"

	"tidings/internal/inbound"
)

// sesEvent is what Amazon SES publishes of a mail: as a notification of an identity
// or as an event of a configuration set.
type sesEvent struct {
	Notification text `json:"notificationType"`
	Event        text `json:"eventType"`
	Bounce       struct {
		ID         text `json:"feedbackId"`
		Type       text `json:"bounceType"`
		SubType    text `json:"bounceSubType"`
		Recipients []struct {
			Address    text `json:"emailAddress"`
			Status     text `json:"status"`
			Diagnostic text `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		ID         text `json:"feedbackId"`
		SubType    text `json:"complaintSubType"`
		Feedback   text `json:"complaintFeedbackType"`
		Recipients []struct {
			Address text `json:"emailAddress"`
		} `json:"complainedRecipients"`
	} `json:"complaint"`
	Mail struct {
		ID      text  `json:"messageId"` // of SES
		Source  text  `json:"source"`    // the envelope's sender
		Headers pairs `json:"headers"`
		Common  struct {
			MessageID text `json:"messageId"`
		} `json:"commonHeaders"`
	} `json:"mail"`
}

// parseSES reads what SES has written into a notification of SNS.
func parseSES(body []byte) ([]Report, error) {
	var e sesEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, errBody
	}
	word := e.Notification
	if word == "" {
		word = e.Event
	}
	if word == "" { // SES says once that a topic was set up, in a few words
		return []Report{{Event: "none", Kind: inbound.Other}}, nil
	}
	about := Report{Event: string(word), MessageID: e.Mail.Headers.get("Message-ID"), Sender: string(e.Mail.Source), Evidence: e.Mail.Headers.evidence()}
	if about.MessageID == "" {
		about.MessageID = string(e.Mail.Common.MessageID)
	}
	switch word {
	case "Bounce":
		return e.bounces(about), nil
	case "Complaint":
		return e.complaints(about), nil
	case "Delivery":
		about.Kind, about.ID = inbound.Delivered, string(e.Mail.ID)+" delivery"
	case "Reject": // SES has found a virus
		about.Kind, about.ID = inbound.Bounce, string(e.Mail.ID)+" reject"
		about.Bounced = inbound.Refused("", "", "", inbound.Policy)
	case "Send", "Open", "Click", "DeliveryDelay", "Rendering Failure", "Subscription", "AmazonSnsSubscriptionSucceeded", "Received":
		about.Kind = inbound.Other
	}
	return []Report{about}, nil
}

// maxRecipients bounds the recipients of an event. Mails of ours have one.
const maxRecipients = 100

func (e sesEvent) bounces(about Report) (out []Report) {
	verdict := inbound.Hard
	if e.Bounce.Type != "Permanent" {
		verdict = inbound.Soft
	}
	about.Kind = inbound.Bounce
	about.Event += " " + string(e.Bounce.Type)
	for _, to := range e.Bounce.Recipients[:min(len(e.Bounce.Recipients), maxRecipients)] {
		r := about
		r.ID, r.Address = string(e.Bounce.ID)+" "+string(to.Address), string(to.Address)
		if e.Bounce.SubType == "UnsubscribedRecipient" { // from a list that SES keeps
			r.Kind, r.Everything = inbound.Unsubscribe, true
		} else {
			r.Bounced = sesRefused(r.Address, string(to.Status), string(to.Diagnostic), string(e.Bounce.SubType), verdict)
		}
		out = append(out, r)
	}
	return out
}

// sesRefused judges by SES's kinds of bounce, which Resend passes on: those that it
// has not tried, for an earlier bounce, say nothing of this one.
func sesRefused(address, status, said, kind string, verdict inbound.Class) inbound.Recipient {
	switch kind {
	case "Suppressed", "OnAccountSuppressionList":
		return inbound.Refused(address, "", "", verdict)
	case "ContentRejected", "AttachmentRejected":
		verdict = inbound.Policy
	case "MailboxFull":
		said += " mailbox full"
	case "MessageTooLarge":
		said += " message too large"
	}
	return inbound.Refused(address, status, said, verdict)
}

func (e sesEvent) complaints(about Report) (out []Report) {
	about.Kind, about.Feedback = inbound.Complaint, string(e.Complaint.Feedback)
	if about.Feedback == "not-spam" { // taken back, and nothing to be done
		about.Kind = inbound.Other
	}
	for _, to := range e.Complaint.Recipients[:min(len(e.Complaint.Recipients), maxRecipients)] {
		r := about
		r.ID, r.Address = string(e.Complaint.ID)+" "+string(to.Address), string(to.Address)
		out = append(out, r)
	}
	return out
}
