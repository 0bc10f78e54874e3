package campaign

import "time"

// Condition says who, or whether: the one language of segments, audience,
// enter_when, exit_on, when and wait for. A condition is judged for one
// customer as of one moment, within a pass or without one.
type Condition interface{ isCondition() }

// All holds when every part holds; Any when one does; Not when its part does not.
type (
	All []Condition
	Any []Condition
	Not struct{ Of Condition }
)

// InSegment holds for members of the segment named.
type InSegment struct{ Segment string }

// Attribute tests the customer's attribute as it was known at the moment.
// A missing attribute satisfies no operator but `exists: false`, `is_not` and
// `not_in`.
type Attribute struct {
	Name string
	Test Test
}

// EventMatch looks at the customer's events named Event, up to the moment.
// Exactly one of Count, Aggregate, Distinct, First, Last is used; content fills in
// the default `count: { at_least: 1 }`.
type EventMatch struct {
	Event     string
	Window    Window
	Where     []Property
	Followed  *Sequence    // nil: whatever came after
	Count     *Test        // numeric test on the number of events
	Aggregate *Aggregate   // numeric test on a property's sum, average, least or largest
	Distinct  *Distinct    // numeric test on how many values a property had
	First     *RecencyTest // when the first such event happened
	Last      *RecencyTest // when the last such event happened
}

// Aggregate tests a numeric property over the events found. Amounts of money
// (see IsMoney) are in the workspace's currency, converted by its rates; those in
// a currency without a rate are left out, never added bare; those of an order are
// net of its refunds, and an order cancelled or refunded whole is left out. The
// sum of none is 0; an average, a least or a largest of none satisfies nothing.
type Aggregate struct {
	Func     AggregateFunc
	Property string // a dotted path; through a list of objects, each of them counts
	Test     Test
}

// AggregateFunc is what an Aggregate makes of its values.
type AggregateFunc string

// The functions, as the language has them.
const (
	Sum AggregateFunc = "sum"
	Avg AggregateFunc = "avg"
	Min AggregateFunc = "min"
	Max AggregateFunc = "max"
)

// Distinct tests how many different values a property had over the events found.
// Events without it count for nothing.
type Distinct struct {
	Property string
	Test     Test
}

// Sequence keeps, of the events found, those that another event follows, or does
// not (Not). An event of another name follows when it happened at the same moment
// or later, one of the same name when it happened later; both at most Within
// later, both ends included; zero: ever. With Not and Within an event only counts
// once its time is over, at or after its moment + Within.
type Sequence struct {
	Not    bool
	Event  string
	Where  []Property
	Within Duration
}

// RecencyTest tests a moment against the moment of looking. Both may be given.
type RecencyTest struct {
	Within Duration // at most this long ago
	Before Duration // earlier than this long ago
}

// Window limits which events an EventMatch looks at.
// At most one of its ways is used.
type Window struct {
	Within Duration  // (moment - Within, moment]
	Before Duration  // earlier than that long ago: [ever, moment - Before)
	Since  Since     // from the anchor, the entry or a date on
	Date   time.Time // Since == SinceDate
	From   time.Time // between: [From, Until], both included
	Until  time.Time
}

// Since names where a window begins.
type Since string

// The starts of a window. Events count from the anchor or the entry on, both
// inclusive, but the anchor (and events of the anchor's own name in the same
// instant) never counts.
const (
	SinceEver   Since = ""
	SinceAnchor Since = "anchor"
	SinceEntry  Since = "entry"
	SinceDate   Since = "date"
)

// Property tests a property of an event; nested objects by a dotted path. On the
// way through a list of objects (`products.category`) some element must pass; the
// negative operators deny that any does. With Each, Path is a list of objects and
// some one of them must pass all of Each; Test is unused.
type Property struct {
	Path string
	Test Test
	Each []Property
}

// TriggerProperty tests a property of the pass's own anchor.
type TriggerProperty struct{ Property }

// CampaignState holds when the customer has a pass through Campaign that is
// running, that was entered (held out or not), or that was held out.
type CampaignState struct {
	Campaign string
	Is       PassIs
	Within   Duration // only passes entered within it; zero: ever
}

// Sample holds for a share of all customers, the same ones at all times: those
// whose Draw("sample", Seed, customer) lies below Share. The customer is the
// shop's id, or ours as "#1" while anonymous.
type Sample struct {
	Share Share
	Seed  string // in the language by default the file: "segments/NAME", "campaigns/NAME"
}

// PassIs is what a CampaignState asks of a pass.
type PassIs string

// The values of `is:` beside `campaign:`.
const (
	IsRunning PassIs = "running"
	IsEntered PassIs = "entered"
	IsHeldOut PassIs = "held_out"
)

func (All) isCondition()             {}
func (Any) isCondition()             {}
func (Not) isCondition()             {}
func (InSegment) isCondition()       {}
func (Attribute) isCondition()       {}
func (EventMatch) isCondition()      {}
func (TriggerProperty) isCondition() {}
func (CampaignState) isCondition()   {}
func (Sample) isCondition()          {}

// Op is an operator of the language; the same set serves attributes,
// properties, counts, sums and dates.
type Op string

// The operators.
const (
	OpIs         Op = "is"
	OpIsNot      Op = "is_not"
	OpIn         Op = "in"
	OpNotIn      Op = "not_in"
	OpAtLeast    Op = "at_least"
	OpAtMost     Op = "at_most"
	OpAbove      Op = "above"
	OpBelow      Op = "below"
	OpBetween    Op = "between" // both ends included
	OpContains   Op = "contains"
	OpStartsWith Op = "starts_with"
	OpExists     Op = "exists"
	OpHas        Op = "has"    // a list holds the value
	OpBefore     Op = "before" // a date lies before a date or a duration ago
	OpAfter      Op = "after"  // a date lies after a date, or `now`
	OpWithin     Op = "within" // a date lies at most the duration ago
	OpWithinNext Op = "within_next"
	OpMatches    Op = "matches" // a regular expression of the subset that Pattern reads
	OpHasAny     Op = "has_any" // a list holds one of the values
	// OpAnniversaryWithin: a date's day of the year is today, in UTC, or comes
	// within the duration; 29 February is on the 28th in years without one.
	OpAnniversaryWithin Op = "anniversary_within"
	// OpSameAs: the value equals a property of the pass's own anchor; with a list on
	// a side, some element does.
	OpSameAs Op = "same_as"
)

// Test is an operator with its operands: one for most, two for between, any
// number for in, not_in and has_any. Exists carries its bool in Values[0]. Within,
// within_next and a relative before carry Length instead.
type Test struct {
	Op      Op
	Values  []Value
	Length  Duration
	Now     bool   // before: now, after: now
	Trigger string // same_as: a path in the anchor's properties
}

// AtLeastOnce is what an event condition without an aggregate means.
func AtLeastOnce() *Test { return &Test{Op: OpAtLeast, Values: []Value{NumberValue(1)}} }

// Walk calls f for c and every condition below it, parents first. It does not
// follow segments.
func Walk(c Condition, f func(Condition)) {
	if c == nil {
		return
	}
	f(c)
	switch c := c.(type) {
	case All:
		for _, part := range c {
			Walk(part, f)
		}
	case Any:
		for _, part := range c {
			Walk(part, f)
		}
	case Not:
		Walk(c.Of, f)
	}
}
