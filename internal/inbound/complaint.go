package inbound

import (
	"regexp"
	"strings"
)

var complaintSubject = regexp.MustCompile(`(?i)^\s*complaint about message from`)

// complaint reads a report of abuse (RFC 5965), and the one of Microsoft's, which
// is a mail with the reported one attached.
func (m *mail) complaint() bool {
	marked := m.root.kind == "multipart/report" && strings.EqualFold(m.root.params["report-type"], "feedback-report")
	microsoft := complaintSubject.MatchString(m.result.Subject) && m.returned != nil
	if m.feedback == "" && !marked && !microsoft {
		return false
	}
	p := &part{}
	for _, block := range blocks(m.feedback) {
		p.fields = append(p.fields, block...)
	}
	m.result.Feedback = strings.ToLower(p.get("feedback-type"))
	if m.result.Feedback == "" {
		m.result.Feedback = "abuse"
	}
	for _, f := range p.fields {
		switch f.name {
		case "original-rcpt-to", "removal-recipient", "original-recipient", "x-original-rcpt-to":
			m.complains(addressesIn(header(f.value)))
		}
	}
	if len(m.result.Recipients) == 0 && m.returned != nil {
		for _, name := range []string{"x-hmxmroriginalrecipient", "delivered-to", "x-original-to", "to", "x-apparently-to"} {
			if found := addressesIn(header(m.returned.get(name))); len(found) > 0 {
				m.complains(found[:1])
				break
			}
		}
	}
	switch m.result.Feedback {
	case "abuse", "fraud", "opt-out", "opt-out-list", "virus", "miscategorized", "dislike", "complaint":
		m.result.Kind = Complaint
	default: // not-spam takes a complaint back; auth-failure is of DMARC
		m.result.Kind = Other
	}
	return true
}

func (m *mail) complains(addresses []string) {
	for _, a := range addresses {
		if !contains(addressesOf(m.result.Recipients), a) && len(m.result.Recipients) < maxRecipients {
			m.result.Recipients = append(m.result.Recipients, Recipient{Address: a})
		}
	}
}
