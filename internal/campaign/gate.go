package campaign

import (
	"fmt"
	"time"
)

// Cap is the most marketing mails that a customer gets within a time, across all
// campaigns.
type Cap struct {
	Max int
	Per Duration
}

// Pace is the most mails within a time.
type Pace struct {
	Max int
	Per time.Duration
}

// IsZero: there is no limit.
func (p Pace) IsZero() bool { return p.Max == 0 }

// Hours are the part of the day from From up to, without, To, on the Days. They may
// run over midnight (21:00 to 08:00): then the day is the one on which they begin.
// From and To alike are 24 hours. No day at all is every day.
type Hours struct {
	Days     [7]bool // by time.Weekday
	From, To TimeOfDay
}

// WhenCapped says what becomes of a mail that is over the cap.
type WhenCapped string

// The ways: until the slot opens, not at all, or sent all the same.
const (
	CappedWait   WhenCapped = "wait"
	CappedDrop   WhenCapped = "drop"
	CappedIgnore WhenCapped = "ignore"
)

// Fresh says how quiet a feed of events may be before mails that rely on it wait.
type Fresh struct {
	Event string
	Gap   Duration // zero: FreshTimes its usual gap
}

// String says what the feed is, and nothing where there is none.
func (f *Fresh) String() string {
	switch {
	case f == nil:
		return ""
	case f.Gap.IsZero():
		return fmt.Sprintf("%s within %d × its usual gap", f.Event, FreshTimes)
	}
	return f.Event + " within " + f.Gap.String()
}

// FreshTimes is how many of its usual gaps a feed may be quiet for by default.
const FreshTimes = 10

// Provider is what tidings.yaml says of the server that mail is handed over to.
type Provider struct {
	Rate    Pace
	Daily   int             // mails a day of the workspace's zone; 0: no limit
	Domains map[string]Pace // by the recipients' domain, lower case
}

// DefaultProvider is the name of the server that SMTP_URL names.
const DefaultProvider = "default"

// What a pending message waits for, beside its due moment. The same words stand in
// SQL, JSON and pages.
const (
	GateSendAt     = "send_at"
	GateSendWindow = "send_window"
	GateQuiet      = "quiet_hours"
	GateCustomer   = "customer_pause" // the customer asked for a pause
	GateCap        = "cap"            // gate_by: the campaign that took the place
	GateFresh      = "fresh"          // gate_by: the event that has not been heard of
	GateRetry      = "retry"          // a temporary refusal
	GateConnection = "connection"     // the mail server was not reached
	GateRate       = "rate"           // gate_by: provider, domain or campaign
	GateDaily      = "daily_quota"    // of the provider
	GateSlowed     = "slowed_down"    // gate_by: the domain that asked for it
	GateStopped    = "stopped"        // the provider refuses us: a person must look
	GateSender     = "sender_refused" // gate_by: the sender, whom the provider refuses: a person must look
	GatePaused     = "paused"         // the campaign is
	GateByHand     = "by_hand"        // nothing: a person has let it go, and a quiet feed does not hold it
	CancelCapped   = "capped"         // gate_by: the campaign that took the place
)
