// Package intake turns what comes from outside (CSV and NDJSON files, calls of
// the Segment HTTP API) into the domain's events and traits. It knows no SQL
// and keeps nothing: what it returns is checked, typed and ready to store.
package intake

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"tidings/internal/campaign"
)

// Limits on what is taken in.
const (
	MaxItem  = 32 << 10  // bytes of one call, or of one item of a batch
	MaxCall  = 500 << 10 // bytes of a whole batch, as the Segment HTTP API has it
	MaxRow   = 256 << 10 // bytes of one row of a file
	MaxName  = 200       // characters of an event's name, of an id, of an attribute's name
	MaxDepth = 10        // levels of a property's value, the properties being the first
)

// maxAhead is how far in the future a sender's clock may say that something
// happened; what lies beyond happened now.
const maxAhead = 5 * time.Minute

// Item is one thing that a call says: an event, traits, or that an anonymous id
// and a customer id are the same person. An identify call with both ids sets
// Traits and Link.
type Item struct {
	Event  *campaign.Event
	Traits *campaign.Traits
	Link   campaign.Ref // both ids set, or neither
	Key    int          // the write key by which the call came, from 1 on; 0: by none
}

// CustomerRow is a customer of an imported file. Traits.At and KnownAt are
// zero: what an import vouches for is the store's to decide.
type CustomerRow struct {
	Line    int
	Traits  campaign.Traits
	Consent string // where and how consent was given; empty: the file does not say
	Proof   string // where that can be shown
	Text    string // which version of the words stood beside it
	Raw     string // the row as it stands in the file
}

// EventRow is an event of an imported file, known from when it happened.
type EventRow struct {
	Line  int
	Event campaign.Event
}

// Rejected is a row that cannot be taken, with the reason for the person who
// made the file. As an error of Next it does not end the reading.
type Rejected struct {
	Line   int    // from 1, where the row begins
	Reason string // without the line
	Raw    string // the row as it stands in the file, without its line end
}

func (r *Rejected) Error() string { return fmt.Sprintf("line %d: %s", r.Line, r.Reason) }

// GivenUID is the uid of an event that its sender has named: the event_id of a
// file and the messageId of a call share it, so that the same event imported
// and tracked is one.
func GivenUID(id string) string { return "id:" + id }

// rowUID is the uid of an event without an id: the same content is the same
// event, however often its file is imported.
func rowUID(e campaign.Event) (string, error) {
	text, err := json.Marshal([]any{
		e.Customer.ID, e.Customer.AnonymousID, e.Name, campaign.Micros(e.OccurredAt), e.Properties,
	})
	if err != nil {
		return "", fmt.Errorf("encode row: %w", err)
	}
	sum := sha256.Sum256(text)
	return "row:" + hex.EncodeToString(sum[:]), nil
}

// freshUID is the uid of a tracked event without a messageId: each call is an
// event of its own.
func freshUID() string { return "new:" + rand.Text() }

// fieldError is a field that cannot be taken: its path and what is wrong.
type fieldError struct{ path, what string }

func (e *fieldError) Error() string {
	if e.path == "" {
		return e.what
	}
	return e.path + " " + e.what
}

// below puts a field's error below the object or list that holds it.
func below(parent string, err error) error {
	fe, ok := err.(*fieldError)
	if !ok || parent == "" {
		return err
	}
	switch {
	case fe.path == "":
		return &fieldError{parent, fe.what}
	case fe.path[0] == '[':
		return &fieldError{parent + fe.path, fe.what}
	}
	return &fieldError{parent + "." + fe.path, fe.what}
}

func missing(path string) error { return &fieldError{path, "is missing"} }

// checkName tells what is wrong with an id or a name, if anything.
func checkName(path, s string) error {
	switch {
	case s == "":
		return &fieldError{path, "is empty"}
	case utf8.RuneCountInString(s) > MaxName:
		return &fieldError{path, fmt.Sprintf("is longer than %d characters", MaxName)}
	}
	return nil
}
