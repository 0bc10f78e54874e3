package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"tidings/internal/inbound"
)

// Report is what a provider says of one mail.
type Report struct {
	// ID names the event at the provider: the same event has the same one whenever it
	// is told.
	ID    string
	Event string // the provider's word for what happened
	// Kind is what it comes to: inbound.Bounce, Complaint, Unsubscribe, Delivered;
	// inbound.Other: known, and nothing follows. Empty: a word that we don't know.
	Kind inbound.Kind

	MessageID string   // the mail's, as we wrote it
	Sender    string   // of the envelope
	Evidence  []string // headers of the mail

	Address    string
	Bounced    inbound.Recipient // of a bounce
	Feedback   string            // of a complaint
	Everything bool              // of an unsubscribe: of all but transactional mail
}

// result is the report as one finds the mail by it.
func (r Report) result() inbound.Result {
	out := inbound.Result{Kind: r.Kind, MessageID: strings.Trim(r.MessageID, "<> "), Evidence: r.Evidence}
	if r.Sender != "" {
		out.To = []string{r.Sender}
	}
	// Where a provider keeps a header of ours for us it holds the Message-ID's first half.
	if out.MessageID != "" && !strings.Contains(out.MessageID, "@") {
		out.MessageID += "@"
	}
	return out
}

// uid names the report among all events.
func (r Report) uid(provider string) string {
	sum := sha256.Sum256([]byte(r.ID))
	return "hook:" + provider + ":" + hex.EncodeToString(sum[:16])
}

// The ways in which a call is refused.
var (
	errUnsigned = errors.New("the call does not prove that it is the provider's")
	errStale    = errors.New("the call was signed too long ago, or by a clock that is wrong")
	errBody     = errors.New("the body is not what the provider documents")
)

// maxReports bounds the events of one call.
const maxReports = 5000
