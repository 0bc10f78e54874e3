package campaign

import (
	"strings"
	"time"
)

// Explanation is why a customer gets a campaign, or does not, as of a moment.
type Explanation struct {
	Customer string    `json:"customer"` // the shop's id, or ours as "#1"
	Campaign string    `json:"campaign"`
	At       time.Time `json:"at"`
	Decision Decision  `json:"decision"`
	// Blocker is the first thing that keeps the customer out, in a tick's words
	// where a tick counts it; of one who has entered, the gate at which the mail waits.
	// Empty when nothing does.
	Blocker string      `json:"blocker"`
	Detail  string      `json:"detail"` // of the decision, in words
	Checks  []Check     `json:"checks"`
	Change  string      `json:"change,omitempty"` // what would change it
	Passes  []PassStory `json:"passes"`           // the earlier ones, the first first
}

// Decision is the answer of an Explanation.
type Decision string

// The decisions.
const (
	Enters  Decision = "enters"  // the next tick lets the customer in
	Entered Decision = "entered" // an earlier one has, for the latest occurrence
	NotYet  Decision = "not_yet" // an occurrence is on its way
	No      Decision = "no"
)

// Check is one of the things that must be so.
type Check struct {
	Check  string  `json:"check"`
	OK     bool    `json:"ok"`
	Reason string  `json:"reason,omitempty"` // when it is not OK
	Detail string  `json:"detail"`
	Tree   *Judged `json:"tree,omitempty"` // of conditions
}

// Judged is a condition as it was judged for one customer, with what was found.
type Judged struct {
	Condition string   `json:"condition"`       // in words
	Holds     bool     `json:"holds"`           // by the very expression that decides
	Found     string   `json:"found,omitempty"` // what it looked at; empty for a set of conditions
	Parts     []Judged `json:"parts,omitempty"`
}

// FirstFalse is what makes a condition fail, the first and smallest of it; where
// it is a `not`, that which should not hold.
func (j Judged) FirstFalse() Judged {
	for _, p := range j.Parts {
		if p.Holds == j.Holds {
			return p.FirstFalse()
		}
	}
	if len(j.Parts) == 1 {
		return j.Parts[0].FirstFalse()
	}
	return j
}

// PassStory is one pass of the customer, with its mails.
type PassStory struct {
	Key     string      `json:"key"`
	Entered time.Time   `json:"entered"`
	Ended   *time.Time  `json:"ended,omitempty"`
	State   PassState   `json:"state"`
	Reason  string      `json:"reason,omitempty"`
	Step    string      `json:"step,omitempty"` // where a running one stands
	Wakes   *time.Time  `json:"wakes,omitempty"`
	Mails   []MailStory `json:"mails,omitempty"`
}

// MailStory is a message of a pass.
type MailStory struct {
	Step   string     `json:"step"`
	State  State      `json:"state"`
	Reason string     `json:"reason,omitempty"`
	Done   *time.Time `json:"done,omitempty"`
	// Said is what the mail server, or the template, said of one that failed or that
	// may have arrived; without addresses.
	Said string `json:"said,omitempty"`
}

// GateWord is a gate as people read it; those that are keys of a file stay as they
// are written there.
func GateWord(gate string) string {
	switch gate {
	case GateSendAt, GateSendWindow:
		return gate
	}
	return strings.ReplaceAll(gate, "_", " ")
}
