package campaign

import (
	"encoding/json"
	"time"
)

// Report says what campaigns did, as of At.
//
// Every figure counts one of three things. Passes: a customer's ways through a
// campaign, one per occurrence. Messages: rows of the ledger. Customers: each
// once, however many mails they had. A figure counts from the beginning of time
// to At.
type Report struct {
	Campaigns []CampaignReport // by name
	At        time.Time
}

// MarshalJSON writes campaigns as an object keyed by their names, as a tick's
// answer has them: a script asks for .campaigns["win-back"].sent.
func (r Report) MarshalJSON() ([]byte, error) {
	by := make(map[string]CampaignReport, len(r.Campaigns))
	for _, c := range r.Campaigns {
		by[c.Campaign] = c
	}
	return json.Marshal(struct {
		At        time.Time                 `json:"at"`
		Campaigns map[string]CampaignReport `json:"campaigns"`
	}{r.At, by})
}

// CampaignReport is the funnel of one campaign. Passes entered = held out +
// those who may be mailed; a pass can have several messages.
type CampaignReport struct {
	Campaign string `json:"campaign"` // its identity
	Label    string `json:"label"`    // its name for people
	Status   string `json:"status"`   // draft, active, paused

	Entered     int            `json:"entered"`      // passes, held out or not
	HeldOut     int            `json:"held_out"`     // passes kept back to measure lift
	Sent        int            `json:"sent"`         // messages that a server accepted
	Failed      int            `json:"failed"`       // messages that never will be
	FailedBy    map[string]int `json:"failed_by"`    // messages by reason
	CancelledBy map[string]int `json:"cancelled_by"` // messages by reason
	HeldBy      map[string]int `json:"held_by"`      // candidates that did not enter, by reason
	Fuse        *FuseReport    `json:"fuse,omitempty"`
	Paused      *PauseReport   `json:"paused,omitempty"`

	Engagement
	Unsubscribed int `json:"unsubscribed"` // customers who left by a message of it
	// Converted counts customers with a goal event within the goal's window of a
	// message, this campaign's being the last that they had before it (last
	// touch). Revenue is the value of those events, net of refunds and
	// cancellations, in major units by ISO 4217 code.
	Converted int                `json:"converted"`
	Revenue   map[string]float64 `json:"revenue"`

	Waiting   int `json:"waiting"`   // messages on their way: pending, queued, claimed, handoff
	Uncertain int `json:"uncertain"` // messages that a server may have taken

	Steps []StepReport `json:"steps"` // those that send, in the order of the file
}

// Engagement counts messages, of those sent, by who came back from them: people, as
// far as can be seen, and machines (proxies, scanners, what loads ahead). A message
// may be in both.
type Engagement struct {
	Opened         int `json:"opened"` // by a person
	Clicked        int `json:"clicked"`
	MachineOpened  int `json:"machine_opened"`
	MachineClicked int `json:"machine_clicked"`
}

// Add adds up.
func (e *Engagement) Add(o Engagement) {
	e.Opened, e.Clicked = e.Opened+o.Opened, e.Clicked+o.Clicked
	e.MachineOpened, e.MachineClicked = e.MachineOpened+o.MachineOpened, e.MachineClicked+o.MachineClicked
}

// StepReport is the share of one sending step in its campaign.
type StepReport struct {
	Step      string `json:"step"`      // its id
	Template  string `json:"template"`  // what it sends
	Sent      int    `json:"sent"`      // messages accepted
	Failed    int    `json:"failed"`    // messages
	Cancelled int    `json:"cancelled"` // messages
	Engagement
	Unsubscribed int `json:"unsubscribed"` // customers
	Waiting      int `json:"waiting"`      // messages
	Uncertain    int `json:"uncertain"`    // messages
}

// PauseReport is a pause by hand or by the breaker, which wins over Status.
type PauseReport struct {
	Since  time.Time `json:"since"`
	Who    string    `json:"who"`
	Why    string    `json:"why"`
	Resume string    `json:"resume"` // the command that ends it
}

// String says it in a line.
func (p PauseReport) String() string {
	out := PausedBy(p.Who) + " since " + p.Since.Format(time.RFC3339)
	if p.Why != "" {
		out += ": " + p.Why
	}
	return out + "; " + p.Resume
}

// PausedBy says who has paused a campaign.
func PausedBy(who string) string {
	switch who {
	case "":
		return "paused by hand"
	case "breaker":
		return "paused by the breaker"
	}
	return "paused by hand (" + who + ")"
}

// FuseReport is what the fuse holds of a campaign as of its last tick.
type FuseReport struct {
	Entries int       `json:"entries"` // passes that would begin
	Allowed int       `json:"allowed"` // as many begin by themselves
	Usual   float64   `json:"usual"`   // the mean of earlier ticks that decided anything; 0: there was none
	Since   time.Time `json:"since"`   // the first tick that was held
	Release string    `json:"release"` // the command that lets them in
}
