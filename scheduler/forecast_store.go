package scheduler

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// History is a store as a forecast reads it.
type History interface {
	// Foresee runs f on one unchanging view of the store, in which nothing can be
	// written.
	Foresee(ctx context.Context, o Foresight, f func(Archive) error) error
}

// Foresight says what a forecast is of.
type Foresight struct {
	// Campaign is by whose trigger and audience customers enter; Supposed, by whose
	// conditions their passes are judged: the same one, or what Suppose made of it.
	Campaign, Supposed *campaign.Campaign
	From, To           time.Time
	// Live: passes go on from where they stand now, at From. Otherwise From is in
	// the past: passes that began after it are not there, and those that were running
	// then are followed from their beginning.
	Live bool
}

// Archive are a campaign's books as of the beginning of a forecast.
type Archive interface {
	Books
	// Begun are the passes that were running, and which of their messages were done
	// by then, and when.
	Begun(ctx context.Context) ([]campaign.Pass, map[Sent]time.Time, error)
	// Cuts are moments in w up to which who is a candidate must have been decided, and
	// been imagined, before what comes after is looked at.
	Cuts(ctx context.Context, w Window) ([]time.Time, error)
	// Imagine notes an entry, for what may depend on it.
	Imagine(e campaign.Entry)
	// LastLook does what the last look would do for mails of a step, each at its
	// own moment. Those that it lets pass are not in the answer.
	LastLook(ctx context.Context, n campaign.Node, sends []Send) (map[int64]Turned, error)
}

// Sent names a message.
type Sent struct {
	Pass int64
	Step string
}

// Send is a pass that has come to a send.
type Send struct {
	Look
	// Ended: facts that are known by the end of the forecast have ended the pass by
	// then; whether they were known at that moment is for the last look to say.
	Ended bool
	// Asked: the customer entered by asking for a mail. First: no mail of the pass
	// has been accepted yet, so that this is the one asked for.
	Asked, First bool
}

// Turned is a message that the last look turns away.
type Turned struct {
	Why  string
	Exit string // why its pass ends with it; empty: it goes on
}
