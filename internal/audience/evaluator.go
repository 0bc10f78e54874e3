package audience

import (
	"encoding/json"
	"time"

	"tidings/internal/campaign"
)

// Evaluator judges conditions and triggers of one workspace on one engine. It
// holds no state but the workspace, so one serves a whole process.
type Evaluator struct {
	engine Engine
	cat    *campaign.Catalog
}

// New is an Evaluator for the segments, zone and currency of cat.
func New(engine Engine, cat *campaign.Catalog) *Evaluator {
	return &Evaluator{engine: engine, cat: cat}
}

// Window says which candidates, or which fresh facts, are looked for: those of
// moments in (From, To].
type Window struct {
	From, To time.Time
	// Cursor is what Evaluator.Cursor gave before the evaluation that ended at
	// From. With it, facts that were committed since are looked for too, however
	// old they are: candidates whose anchor is one of them and whose due moment
	// lies in (LateFrom, From]. Empty: time alone decides.
	Cursor   string
	LateFrom time.Time
	// Customer, unless it is 0, is the only one whose candidates are looked for.
	Customer int64
	// Imagined, where it is set, are the passes about products that there are in a
	// forecast.
	Imagined *Imagined

	supplied bool // it is kept when orders run out: see Supply

	kept map[keptRank]bool // which ranks are kept, where SQLite looked; nil: unknown
}

// Imagined are passes about products that a forecast lets begin. They count
// beside those that are stored and began by Until; later ones do not.
type Imagined struct {
	Until  time.Time
	Passes []ProductPass
}

// ProductPass is a customer's pass about a product.
type ProductPass struct {
	Customer int64
	Product  string
	Entered  time.Time
}

// PassAt is a pass, or a customer without one, to be judged as of a moment.
type PassAt struct {
	ID       int64 // the caller's name for it in the answer; unique among those asked for
	Customer int64
	Anchor   time.Time       // zero: none, as for a plain customer
	Entered  time.Time       // zero: none
	Trigger  json.RawMessage // the anchor's properties, an object; nil: none
	AsOf     time.Time
}

// Exit says that a pass has ended, when and why.
type Exit struct {
	// At is when the fact happened that ended it; it may lie before the entry,
	// when the fact became known after it. For conditions that no single event
	// makes true it is the moment of looking.
	At     time.Time
	Reason string // campaign.ExitTriggerCancel or campaign.ExitOnReason
}
