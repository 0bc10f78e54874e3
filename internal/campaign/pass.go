package campaign

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Candidate is one occurrence of a trigger for one customer, judged as of its
// own moment: what layer (a) of the evaluator finds.
type Candidate struct {
	Customer int64
	Key      string    // the occurrence: unique within the campaign
	Anchor   time.Time // the fact that the trigger names
	Due      time.Time // Anchor + After
	// AsOf is when it could first be decided: Due, or the moment that we learned
	// of the anchor if that was later. Every condition is judged as of it.
	AsOf    time.Time
	Trigger json.RawMessage // the anchor's properties, an object
	Product string          // what it is about, where the trigger is about a product
	// Asked: the customer has asked for this very mail, which is consent for it.
	Asked bool
}

// SortCandidates puts candidates into the order in which they are admitted.
func SortCandidates(cs []Candidate) {
	slices.SortFunc(cs, func(a, b Candidate) int {
		if c := a.AsOf.Compare(b.AsOf); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
}

// PassState is the state of an enrollment.
type PassState string

// The states. Only running passes move.
const (
	PassRunning  PassState = "running"
	PassFinished PassState = "finished"
	PassExited   PassState = "exited"
	PassHeldOut  PassState = "held_out"
)

// Pass is an enrollment as the scheduler moves it.
type Pass struct {
	ID       int64
	Customer int64
	Key      string
	Anchor   time.Time
	Entered  time.Time
	Trigger  json.RawMessage
	State    PassState
	Step     string    // where it stands; "" before the first
	Moment   time.Time // when it came to stand there, or when a wait ends
	Deadline time.Time // of a wait for a condition
	Since    time.Time // when such a wait began
	Arriving bool      // it is to take Step, not to go on from it
	// External and Timezone are the customer's, for draws and times of day.
	External string
	Timezone string
}

// Reasons why a candidate does not enter (held), a pass ends, or a message is
// cancelled. The same words stand in SQL, JSON and reports.
const (
	HeldNoConsent  = "no_consent"
	HeldSuppressed = "suppressed"
	HeldNoAddress  = "no_address"
	HeldReEntry    = "re_entry"
	HeldInProgress = "in_progress"
	HeldTooLate    = "too_late"
	HeldFuse       = "fuse"
	HeldUntil      = "active_until"

	ExitOnReason        = "exit_on"
	ExitTriggerCancel   = "trigger_cancelled"
	ExitSuperseded      = "superseded"
	ExitAudience        = "audience"
	ExitUnsubscribed    = "unsubscribed"
	ExitCampaignRemoved = "campaign_removed"
	ExitErased          = "erased"

	CancelWhen        = "when"
	CancelTopic       = "topic_when"   // what its topic demands of a customer does not hold
	CancelOutOfStock  = "out_of_stock" // what is in the cart cannot be bought any more
	CancelExpired     = "expired"
	CancelStepRemoved = "step_removed"
	CancelMerged      = "merged"
)

// Standing is what the store knows of a customer in a campaign when candidates
// are admitted.
type Standing struct {
	// LastEntry is the latest entry, held out or not; zero: none. Where re-entry goes
	// by product it is the latest about the candidate's.
	LastEntry time.Time
	// Open is the running pass with its end unknown, 0 for none; EndedAt, when a
	// pass has ended, is its end.
	Open    int64
	EndedAt time.Time
	// Reachable is false with Why when no mail of the campaign's topic may go to
	// the customer as of the candidate's moment.
	Reachable bool
	Why       string
	External  string
	Timezone  string
	// Known: the candidate's occurrence has entered before.
	Known bool
	// Gone: there is no such customer any more.
	Gone bool
}

// Entry is an admitted candidate.
type Entry struct {
	Candidate
	HeldOut    bool
	Supersedes bool // end every other running pass of the customer here
}

// Admission is layer (b) of the evaluator: the fold over candidates in order
// that decides who enters. It carries what earlier candidates decided.
type Admission struct {
	Campaign  *Campaign
	Workspace string
	Seed      string // the campaign's first name
	// Now is the moment of the tick, by which lateness goes. Zero: each candidate is
	// decided at its own moment.
	Now time.Time
	// Activated: due moments at or before it never enter.
	Activated time.Time
	// ExitedBefore tells whether the pass that began with the earlier candidate
	// has ended by its own cancel or exit_on as of the later one. Used only with
	// overlap: first.
	ExitedBefore func(earlier, later Candidate) (bool, error)
	// Note, where it is set, is told of each candidate that does not enter, and why.
	Note func(c Candidate, reason string)

	Entries []Entry
	Held    map[string]int

	last    map[int64]Entry
	entered map[subject]time.Time // the latest entry
}

// subject is what re-entry counts entries by.
type subject struct {
	customer int64
	product  string
}

func (a *Admission) about(c Candidate) subject {
	if a.Campaign.ReEntry.PerProduct {
		return subject{c.Customer, c.Product}
	}
	return subject{customer: c.Customer}
}

// Offer decides one candidate. s must be the customer's standing as stored.
func (a *Admission) Offer(c Candidate, s Standing) error {
	if a.last == nil {
		a.last, a.entered = map[int64]Entry{}, map[subject]time.Time{}
	}
	if a.Held == nil {
		a.Held = map[string]int{}
	}
	camp := a.Campaign
	prev, again := a.last[c.Customer]
	lastEntry := s.LastEntry
	if earlier := a.entered[a.about(c)]; earlier.After(lastEntry) {
		lastEntry = earlier
	}
	switch {
	case s.Known:
		return nil // found again, decided once
	case !c.Due.After(a.Activated):
		return nil // before its activation nothing of a campaign exists
	case !camp.ActiveUntil.IsZero() && c.Due.After(camp.ActiveUntil):
		a.hold(c, HeldUntil)
		return nil
	case a.lateness(c) >= camp.MaxLateness:
		a.hold(c, HeldTooLate)
		return nil
	case !s.Reachable:
		a.hold(c, s.Why)
		return nil
	case !camp.ReEntry.Allows(lastEntry, c.AsOf):
		a.hold(c, HeldReEntry)
		return nil
	}
	if camp.Overlap == OverlapFirst {
		open := s.Open != 0 || s.EndedAt.After(c.AsOf)
		// A pass that is held out ends as it begins.
		if again && !prev.HeldOut {
			exited, err := a.ExitedBefore(prev.Candidate, c)
			if err != nil {
				return err
			}
			open = !exited
		}
		if open {
			a.hold(c, HeldInProgress)
			return nil
		}
	}
	entry := Entry{
		Candidate:  c,
		HeldOut:    !camp.Transactional && HeldOut(camp.Holdout, a.Workspace, a.Seed, s.External),
		Supersedes: camp.Overlap == OverlapNewest,
	}
	a.last[c.Customer] = entry
	a.entered[a.about(c)] = c.AsOf
	a.Entries = append(a.Entries, entry)
	return nil
}

func (a *Admission) lateness(c Candidate) time.Duration {
	if a.Now.IsZero() {
		return c.AsOf.Sub(c.Due)
	}
	return a.Now.Sub(c.Due)
}

func (a *Admission) hold(c Candidate, reason string) {
	a.Held[reason]++
	if a.Note != nil {
		a.Note(c, reason)
	}
}

// Allows tells whether an entry at a moment is long enough after the last one,
// which is zero when there was none.
func (r ReEntry) Allows(last, at time.Time) bool {
	switch {
	case last.IsZero() || r.Always:
		return true
	case r.Never:
		return false
	}
	return !at.Before(r.Every.After(last))
}

// fuseFloor and fuseFactor are the fuse of a tick where the campaign expects
// nothing itself: a mistake in a file or in an import shows as far more entries
// than usual, and must not reach customers before a person has looked. The floor
// leaves a campaign that usually decides a few entries room to have a good day.
const (
	fuseFloor  = 500
	fuseFactor = 5
)

// Blows tells whether a tick that decides n entries is to be held for a person:
// more than the campaign expects or, where it expects nothing, more than
// max(500, 5 × usual), usual being the mean of its earlier ticks that decided
// anything.
func (c *Campaign) Blows(n int, usual float64) bool { return n > c.Allows(usual) }

// Allows is how many entries a tick may decide at most: see Blows.
func (c *Campaign) Allows(usual float64) int {
	if c.Expect > 0 {
		return c.Expect
	}
	return int(max(fuseFloor, fuseFactor*usual))
}
