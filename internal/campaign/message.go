package campaign

import (
	"encoding/json"
	"time"
)

// State is the state of a message in the ledger.
//
//	pending → queued → claimed → handoff → accepted | failed | uncertain
//
// and cancelled from any state but handoff and the terminal ones.
type State string

// The states.
const (
	Pending   State = "pending"   // due at its due_at
	Queued    State = "queued"    // a task for its slice is in the queue
	Claimed   State = "claimed"   // passed the last look; a worker holds its lease
	Handoff   State = "handoff"   // the final dot may be on the wire
	Accepted  State = "accepted"  // the server has taken it
	Failed    State = "failed"    // it never will
	Cancelled State = "cancelled" // we decided not to
	Uncertain State = "uncertain" // the server may have taken it; evidence or policy settles it
)

// Terminal tells whether a message in s is done with.
func (s State) Terminal() bool { return s == Accepted || s == Failed || s == Cancelled }

// Lane is one of the two queues.
type Lane string

// The lanes. Transactional mail has its own and never waits behind bulk.
const (
	LaneTransactional Lane = "transactional"
	LaneBulk          Lane = "bulk"
)

// Lane is the queue of a campaign's messages.
func (c *Campaign) Lane() Lane {
	if c.Transactional {
		return LaneTransactional
	}
	return LaneBulk
}

// Outgoing is a claimed message with all that it takes to render and send it.
type Outgoing struct {
	ID        int64
	Token     int64 // the fencing token of this claim
	Campaign  string
	Step      string
	Pass      int64
	Key       string // the pass's occurrence
	Customer  Customer
	Trigger   json.RawMessage
	Anchor    time.Time
	Cart      *Cart // with an abandoned_cart trigger: its content now
	Attempt   int   // this one, from 1
	Now       time.Time
	Expires   time.Time
	LeaseTill time.Time
	Duplicate bool // sent again after an uncertain hand-over
	Last      bool // no step follows: accepted, it finishes the pass
}

// Email is a message rendered: the bytes that go over the line, and the links
// in them, which must be stored before it is handed over.
type Email struct {
	From, To string // envelope addresses
	Body     []byte // the whole message, CRLF line ends
	// SevenBit makes the same message in ASCII, for a server that takes no 8 bits.
	// Nil: Body is ASCII already.
	SevenBit func() []byte
	Links    []Link
	UTF8     bool // an address needs SMTPUTF8
	Page     Page // to be kept for those who open it in the browser; nil: it has no such link
}

// Link is a target of tracked clicks. ID is the first 63 bits of its URL's
// SHA-256, so that it is known without asking the store.
type Link struct {
	ID  int64
	URL string
}

// Verdict is what became of an attempt to send.
type Verdict string

// The verdicts. Retry and Release lead back to pending; Release costs no
// attempt.
const (
	WasAccepted  Verdict = "accepted"
	WasFailed    Verdict = "failed"
	WasRetry     Verdict = "retry"
	WasRelease   Verdict = "release"
	WasUncertain Verdict = "uncertain"
)

// Result records an attempt at a message.
type Result struct {
	ID, Token int64
	Verdict   Verdict
	Reason    string // for failed, retry, cancelled: one word of the report
	Detail    string // for a person: the template's error, the server's line
	Reply     Reply
	RetryIn   time.Duration // for retry, and for release: 0 is at once
	Suppress  bool          // the address does not exist
	Slow      Slow          // whom the server asks to slow down for
	Last      bool          // as of the message
}

// Slow says for whom less mail is to be let out after a server's answer.
type Slow string

// The ways: not at all, the recipient's domain, all that the provider takes; or
// nothing but a probe now and then, since it refuses our sender's address, or us.
const (
	SlowNothing  Slow = ""
	SlowDomain   Slow = "domain"
	SlowProvider Slow = "provider"
	SlowSender   Slow = "sender"
	SlowStop     Slow = "stop"
)

// Claim names a message with the fencing token of its claim.
type Claim struct{ ID, Token int64 }

// Backoff is the wait before attempt n+1 after n temporary failures: 5 min,
// 15 min, 1 h, then 4 h until the message expires. RFC 5321 4.5.4.1 asks for at
// least 30 min between a relay's retries; a first quick one gets past
// greylisting.
func Backoff(n int) time.Duration {
	steps := []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour}
	return steps[min(max(n, 1), len(steps))-1]
}

// MaxUncertain is how often a message's hand-over may end without a reply
// before only a person may send it again.
const MaxUncertain = 2
