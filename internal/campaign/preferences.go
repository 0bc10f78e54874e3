package campaign

import (
	"errors"
	"time"
)

// What a page of preferences cannot do, and why.
var (
	ErrLink    = errors.New("that needs a fresh link from the customer's own mail")
	ErrAddress = errors.New("that is not an email address")
)

// Preferences is what the page of a mail's link shows of its customer.
type Preferences struct {
	Customer   int64
	Address    string
	Locale     string
	Topics     []TopicChoice // those of the workspace, by key
	LessOften  bool
	PausedTill time.Time // zero, or past: mails come
	// What the page tells about the mail itself.
	Campaign string // its name
	Label    string
	Topic    string // of the mail; empty: it was transactional
	Trigger  string // the verb of the campaign's trigger; empty: it is not known any more
}

// TopicChoice says whether a customer gets mails of a topic.
type TopicChoice struct {
	Key string
	On  bool
	// Stuck: the address has complained or takes no mail, which no choice lifts.
	Stuck bool
	// Pending: it was subscribed to, and is still to be confirmed for this address.
	Pending bool
}

// Frequency is how often a customer wants marketing mail.
type Frequency string

// The frequencies.
const (
	AsUsual   Frequency = "usual"
	LessOften Frequency = "less"
	PauseMail Frequency = "pause"
)

// PauseLength is how long a customer's pause lasts.
const PauseLength = 30 * 24 * time.Hour

// RareCaps are the caps of customers who want less mail: each counts over twice its
// time. Where there is none, theirs is one mail in seven days.
func RareCaps(caps []Cap) []Cap {
	if len(caps) == 0 {
		return []Cap{{Max: 1, Per: Days(7)}}
	}
	out := make([]Cap, len(caps))
	for i, c := range caps {
		out[i] = Cap{Max: c.Max, Per: Duration{Months: 2 * c.Per.Months, Fixed: 2 * c.Per.Fixed}}
	}
	return out
}

// PreferenceChange is what a customer has chosen.
type PreferenceChange struct {
	Off        []string
	On         []string
	Everything bool      // all marketing off
	Frequency  Frequency // empty: as it is
	Locale     string    // empty: as it is
	Text       string    // the version of the words beside the choice, for the log
}

// More tells whether the change makes mail more, which only somebody may ask for who
// reads the address's mail.
func (c PreferenceChange) More() bool { return len(c.On) > 0 || c.Frequency == AsUsual }

// Service mails, by their template. Nobody's campaign sends them: they come because
// the customer asked for them, or for what they make sure of.
const (
	ServiceLink    = "preferences-link"
	ServiceConfirm = "confirm-subscription"
	ServiceAddress = "confirm-address"
)

// MailRequested is the event that a service mail answers; its property mail says
// which.
const MailRequested = "Mail Requested"

// PreferencesChanged is the event of a choice of frequency.
const PreferencesChanged = "Preferences Changed"

// ServiceCampaign is the name of the campaign of all service mails. No file can
// bear it.
const ServiceCampaign = "tidings.service"

// How long what service mails hold is good for, from the moment at which the mail
// was taken.
const (
	LinkLife    = time.Hour        // a one-time link
	SessionLife = 30 * time.Minute // what it opens
	ConfirmLife = 7 * 24 * time.Hour
)

// LinkState says what a link of a service mail is worth.
type LinkState string

// The states. Only a good one does anything.
const (
	LinkGood    LinkState = "good"
	LinkUsed    LinkState = "used"
	LinkExpired LinkState = "expired"
	LinkGone    LinkState = "gone" // no such mail, or its customer has another address by now
)

// Confirmation is what a link of a service mail would confirm.
type Confirmation struct {
	State   LinkState
	Address string // that the mail went to
	Locale  string
	Topic   string // of a subscription; *: all of them
	New     string // of a change of address: the new one
}

// ConsentEntry is a line of the consent log.
type ConsentEntry struct {
	At          time.Time `json:"at"`
	Recorded    time.Time `json:"recorded_at"`
	Topic       string    `json:"topic"` // *: all
	Given       bool      `json:"given"`
	Source      string    `json:"source"`
	Text        string    `json:"text_version,omitempty"`
	Proof       string    `json:"proof,omitempty"`
	AddressHash string    `json:"address_hash,omitempty"`
	Pending     bool      `json:"pending,omitempty"` // asked for, not confirmed: it counts for nothing
	// Follows: nobody said it, it follows from another address. A yes to a topic of double
	// opt-in holds for the address that it was said of.
	Follows bool `json:"follows,omitempty"`
}
