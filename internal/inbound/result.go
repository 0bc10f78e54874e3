package inbound

// Kind is what a message is.
type Kind string

// The kinds.
const (
	Bounce    Kind = "bounce"     // a mail was not delivered, or not yet
	Complaint Kind = "complaint"  // a reader has called a mail spam (RFC 5965)
	AutoReply Kind = "auto_reply" // a machine answers for a person (RFC 3834)
	Reply     Kind = "reply"      // a person answers
	Delivered Kind = "delivered"  // a report that a mail has arrived
	Other     Kind = "other"
)

// Class is what a bounce says about the address.
type Class string

// The classes.
const (
	Hard   Class = "hard"   // the address takes no mail, and will not
	Soft   Class = "soft"   // this time
	Policy Class = "policy" // the mail or its sender is refused; the address may well be good
)

// Result is what a message says.
type Result struct {
	Kind       Kind        `json:"kind"`
	Recipients []Recipient `json:"recipients"`
	MessageID  string      `json:"message_id"` // of the mail that this is about, without <>; empty when it is not said

	// Feedback is a complaint's Feedback-Type (RFC 5965 3.1).
	Feedback string `json:"feedback_type,omitempty"`
	// OwnID is the Message-ID of the message itself, without <>.
	OwnID string `json:"-"`
	// To are the addresses to which the message itself came, most certain first: the
	// envelope's as the delivering server has noted it, then the header's.
	To []string `json:"-"`
	// From is the author's address.
	From string `json:"-"`
	// Subject of the message, as a person reads it.
	Subject string `json:"-"`
	// Evidence are texts in which signs of ours may stand: the headers of the mail
	// that has come back, and what is quoted of it.
	Evidence []string `json:"-"`
	// Reported says that there is a report in the form of RFC 3464, Returns that a
	// message is returned or quoted, Null that the envelope's sender was empty.
	Reported, Returns, Null bool `json:"-"`
}

// Recipient is one whom a report is about.
type Recipient struct {
	Address string `json:"address"`
	Class   Class  `json:"class,omitempty"`  // of a bounce
	Status  string `json:"status,omitempty"` // RFC 3463, such as 5.1.1
	Reason  Reason `json:"reason,omitempty"`
	// Original is the address that the mail was sent to, where it differs: the
	// recipient's server has forwarded it.
	Original string `json:"original,omitempty"`
	// Action is the report's: failed, delayed, delivered, relayed, expanded.
	Action string `json:"action,omitempty"`
	// Diagnostic is what the refusing server said, at most 500 bytes.
	Diagnostic string `json:"diagnostic,omitempty"`
}

// Parse reads a message, of which at most MaxSize bytes count.
func Parse(raw []byte) Result {
	root := parse(raw)
	r := Result{Kind: Other, Recipients: []Recipient{}}
	r.OwnID = firstID(root.get("message-id"))
	r.From = firstAddress(root.get("from"))
	r.Subject = header(root.get("subject"))
	for _, name := range []string{"x-original-to", "delivered-to", "envelope-to", "to"} {
		r.To = append(r.To, addressesIn(header(root.get(name)))...)
	}
	m := &mail{root: root, result: &r}
	m.lay()
	switch {
	case m.notification(), m.complaint():
	case m.answered():
	default:
		m.layReport()
		switch {
		case m.report(), m.notice():
		case m.automatic():
			r.Kind = AutoReply
		case m.answer():
			r.Kind = Reply
		}
	}
	r.Reported, r.Returns, r.Null = len(m.reports) > 0 || m.standard(), m.returned != nil, m.null()
	if r.MessageID == "" {
		r.MessageID = m.originalID()
	}
	return r
}
