package inbound

import (
	"encoding/json"
	"strings"
)

// sesNotification is what Amazon SES writes about a mail, as SNS passes it on by
// mail (Amazon SES, "Notification contents").
type sesNotification struct {
	Type   string `json:"notificationType"`
	Event  string `json:"eventType"`
	Bounce struct {
		Type       string `json:"bounceType"`
		Recipients []struct {
			Address    string `json:"emailAddress"`
			Status     string `json:"status"`
			Action     string `json:"action"`
			Diagnostic string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		Feedback   string `json:"complaintFeedbackType"`
		Recipients []struct {
			Address string `json:"emailAddress"`
		} `json:"complainedRecipients"`
	} `json:"complaint"`
	Delivery struct {
		Recipients []string `json:"recipients"`
		Response   string   `json:"smtpResponse"`
	} `json:"delivery"`
	Mail struct {
		Headers []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
		Common struct {
			MessageID string `json:"messageId"`
		} `json:"commonHeaders"`
		ID string `json:"messageId"`
	} `json:"mail"`
}

// notification reads what Amazon SES tells by mail, through SNS.
func (m *mail) notification() bool {
	text := strings.TrimSpace(m.words)
	if !strings.HasPrefix(text, "{") || !strings.Contains(text, "notificationType") && !strings.Contains(text, "eventType") {
		return false
	}
	text = strings.ReplaceAll(text, "!\n ", "") // where sendmail has broken a long line
	var wrapped struct {
		Message string `json:"Message"`
	}
	// SNS puts its own text behind the document, which a decoder leaves unread.
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&wrapped); err != nil {
		return false
	}
	if wrapped.Message != "" {
		text = wrapped.Message
	}
	var n sesNotification
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&n); err != nil {
		return false
	}
	return m.notified(&n)
}

func (m *mail) notified(n *sesNotification) bool {
	r := m.result
	kind := n.Type
	if kind == "" {
		kind = n.Event
	}
	switch kind {
	case "Bounce":
		r.Kind = Bounce
		for _, b := range n.Bounce.Recipients {
			made := Recipient{Address: firstAddress(b.Address), Action: strings.ToLower(b.Action)}
			if made.Address == "" || len(r.Recipients) >= maxRecipients {
				continue
			}
			m.judge(&made, statusIn(b.Status), diagnostic(b.Diagnostic))
			r.Recipients = append(r.Recipients, made)
		}
	case "Complaint":
		r.Kind, r.Feedback = Complaint, n.Complaint.Feedback
		for _, c := range n.Complaint.Recipients {
			m.complains(addressesIn(c.Address))
		}
	case "Delivery":
		r.Kind = Delivered
		for _, a := range n.Delivery.Recipients {
			if a = firstAddress(a); a != "" && len(r.Recipients) < maxRecipients {
				r.Recipients = append(r.Recipients, Recipient{Address: a, Action: "delivered", Status: statusIn(n.Delivery.Response)})
			}
		}
	default:
		return false
	}
	r.MessageID = firstID(n.Mail.Common.MessageID)
	for _, h := range n.Mail.Headers {
		r.Evidence = append(r.Evidence, h.Name+": "+h.Value)
	}
	if r.MessageID == "" {
		r.MessageID = n.Mail.ID
	}
	return true
}
