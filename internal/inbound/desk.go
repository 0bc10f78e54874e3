package inbound

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// Store records what comes back.
type Store interface {
	Returned(ctx context.Context, message int64, r campaign.Returned, at time.Time) (campaign.Outcome, error)
	Unsubscribe(ctx context.Context, message int64, everything bool, hit campaign.Hit) error
}

// Tokens reads what we have signed.
type Tokens interface {
	Verify(p token.Purpose, s string) (message, link int64, err error)
	ReadReturn(address string) (p token.Purpose, message int64, err error)
}

// Desk takes inbound mail and does what it asks for.
type Desk struct {
	Store   Store
	Tokens  Tokens
	StoreID string // as in our Message-IDs
}

// Taken is what a message was, and what was done.
type Taken struct {
	Result
	// Message is ours that it is about; 0: of none that we know.
	Message int64 `json:"message,omitempty"`
	// Signed says that the message held proof of it.
	Signed       bool              `json:"signed"`
	Event        string            `json:"event,omitempty"` // that was recorded, now or before
	Outcome      *campaign.Outcome `json:"outcome,omitempty"`
	Unsubscribed bool              `json:"unsubscribed,omitempty"`
}

// Take reads a message and acts on it. recipient is the envelope's, if the mail
// server has told it; empty: the headers say. An error means that nothing was done
// and the message should be brought again.
func (d *Desk) Take(ctx context.Context, raw []byte, recipient string, at time.Time) (Taken, error) {
	t := Taken{Result: Parse(raw)}
	purpose := d.identify(&t, recipient)
	if t.Message == 0 {
		return t, nil
	}
	if purpose == token.Unsubscribe {
		// Whoever answers by machine has read nothing; a complaint asks for no less.
		if t.Kind == AutoReply || t.Kind == Delivered || t.Kind == Bounce && (t.Reported || t.Null) {
			return t, nil
		}
		t.Unsubscribed = true
		return t, d.Store.Unsubscribe(ctx, t.Message, false, campaign.Hit{At: at, UserAgent: "mail"})
	}
	r, ok := t.returned(raw)
	if !ok {
		return t, nil
	}
	out, err := d.Store.Returned(ctx, t.Message, r, at)
	if err != nil {
		return t, err
	}
	t.Event, t.Outcome = r.Event, &out
	return t, nil
}

// returned is what a message means for the one of ours that it is about; ok is false
// for what changes nothing.
func (t *Taken) returned(raw []byte) (r campaign.Returned, ok bool) {
	r = campaign.Returned{UID: t.uid(raw), Signed: t.Signed}
	switch t.Kind {
	case Bounce:
		to, failed := t.failed()
		if !failed {
			return r, false // the server still tries
		}
		r = to.Bounced(r.UID, r.Signed)
		if len(t.Recipients) == 0 && !t.Reported && !t.Returns {
			r.Counts = "" // of nobody, and of no mail
		}
	case Complaint:
		r.Event, r.Feedback = campaign.EmailComplained, t.Feedback
		if len(t.Recipients) > 0 {
			r.Address = t.Recipients[0].Address
		}
	case Reply:
		// A mail that was passed on holds our tokens too: whose reply it is, its author
		// says.
		r.Event, r.Address, r.Signed, r.Proven = campaign.EmailReplied, t.From, false, t.Signed
	default:
		return r, false
	}
	return r, true
}

// failed is the recipient who did not get the mail. Of ours each has one only. A
// bounce that names nobody is still one.
func (t *Taken) failed() (Recipient, bool) {
	for _, to := range t.Recipients {
		if to.Class != "" && to.Action != "delayed" {
			return to, true
		}
	}
	return Recipient{Class: Soft, Reason: Unclear}, len(t.Recipients) == 0
}

// sentTo is the address that the mail was sent to.
func (r Recipient) sentTo() string {
	if r.Original != "" {
		return r.Original
	}
	return r.Address
}

// counts is the reason by which a soft bounce counts with others of its kind; empty:
// it says nothing of the address.
func (r Recipient) counts() string {
	switch r.Reason {
	case MailboxFull:
		return campaign.ReasonMailboxFull
	case Disabled, Filtered, Program, Unclear:
		return campaign.ReasonRejected
	}
	return ""
}

// uid names the report: by its own Message-ID, or by its bytes.
func (t *Taken) uid(raw []byte) string {
	what := []byte(t.OwnID)
	if t.OwnID == "" {
		what = raw
	}
	sum := sha256.Sum256(what)
	return fmt.Sprintf("mail:%s:%d", hex.EncodeToString(sum[:16]), t.Message)
}

var (
	// Where a mail of ours holds a token: its boundary, its links, its pixel.
	ownTokens = regexp.MustCompile(`=_([A-Za-z0-9_-]{26,50})\b|/([ucov])/([A-Za-z0-9_-]{26,50})\b`)
	ownID     = regexp.MustCompile(`^t(\d{1,19})\.([0-9A-Za-z.-]+)@`)
	softBreak = strings.NewReplacer("=\n", "", "=3D", "=")
)

// maxTokens bounds how many tokens of a message are tried.
const maxTokens = 50

// identify finds the message of ours that a mail is about: by the address that it
// came to, by the tokens in what it returns, or, without proof, by its Message-ID.
func (d *Desk) identify(t *Taken, recipient string) token.Purpose {
	for _, a := range append([]string{recipient}, t.To...) {
		if p, message, err := d.Tokens.ReadReturn(a); err == nil {
			t.Message, t.Signed = message, true
			return p
		}
	}
	for _, text := range t.Evidence {
		for _, found := range ownTokens.FindAllStringSubmatch(softBreak.Replace(text), maxTokens) {
			if message, ok := d.proven(found); ok {
				t.Message, t.Signed = message, true
				return token.Bounce
			}
		}
	}
	if found := ownID.FindStringSubmatch(t.MessageID); found != nil && found[2] == d.StoreID {
		if id, err := strconv.ParseInt(found[1], 10, 64); err == nil {
			t.Message = id
		}
	}
	return token.Bounce
}

// proven checks a token that was found in a mail.
func (d *Desk) proven(found []string) (int64, bool) {
	purpose, text := token.Open, found[1]
	if text == "" {
		text = found[3]
		switch found[2] {
		case "u":
			purpose = token.Unsubscribe
		case "c":
			purpose = token.Click
		}
	}
	message, _, err := d.Tokens.Verify(purpose, text)
	return message, err == nil
}
