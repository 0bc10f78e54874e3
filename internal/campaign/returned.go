package campaign

import "errors"

// ErrUnderWay says that a mail is being handed over at this moment: what it has come
// to is known soon.
var ErrUnderWay = errors.New("the mail is being handed over just now")

// What comes back from mails, as events.
const (
	EmailBounced    = "Email Bounced"
	EmailComplained = "Email Complained"
	EmailReplied    = "Email Replied"
)

// The classes of bounces, and the type of whatever came back without proof.
const (
	BounceHard   = "hard"   // the address takes no mail
	BounceSoft   = "soft"   // this time
	BouncePolicy = "policy" // the mail or its sender was refused, not the address
	Unverified   = "unverified"
)

// ReasonComplained is why an address is suppressed whose reader has called a mail
// spam.
const ReasonComplained = "complained"

// Returned is what came back of a message: a bounce, a complaint, a reply, by mail
// or from a provider.
type Returned struct {
	Event string // EmailBounced, EmailComplained or EmailReplied
	// UID names the report. One that comes again changes nothing.
	UID string
	// Signed says that the report holds proof that it is about this message: a token
	// of ours, or a provider's signature. Without one nothing is done but to keep it.
	Signed bool
	// Proven says of a reply that it holds a token of ours: whoever wrote it, the message
	// had gone out.
	Proven bool
	// Address is whom the report names; empty: it does not say. A report that is not
	// signed counts only if this is the address that the message went to.
	Address string
	// Final is the address that a bounce says refused the mail: another than Address
	// where that one forwards, empty where it does not say.
	Final string

	Class  string // of a bounce
	Reason string // of a bounce, as ReasonMailboxFull; others as the reporter says
	Status string // RFC 3463
	// Counts says that a soft bounce is one of those which, repeated on other days,
	// give an address up (ReasonMailboxFull and ReasonRejected by SoftRule).
	Counts   string
	Feedback string // a complaint's type
}

// Outcome is what a Returned led to.
type Outcome struct {
	Found      bool `json:"found"`      // the message, and its customer, are there
	New        bool `json:"new"`        // it was not known yet
	Suppressed bool `json:"suppressed"` // the address gets no more mail because of it
}
