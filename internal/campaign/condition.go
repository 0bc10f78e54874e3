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
// Exactly one of Count, Sum, First, Last is used; content fills in the default
// `count: { at_least: 1 }`.
type EventMatch struct {
	Event  string
	Window Window
	Where  []Property
	Count  *Test        // numeric test on the number of events
	Sum    *SumOf       // numeric test on the sum of a property
	First  *RecencyTest // when the first such event happened
	Last   *RecencyTest // when the last such event happened
}

// SumOf tests the sum of a numeric property. Amounts whose event names another
// currency than the workspace's are left out, never added bare.
type SumOf struct {
	Property string
	Test     Test
}

// RecencyTest tests a moment against the moment of looking. Both may be given.
type RecencyTest struct {
	Within Duration // at most this long ago
	Before Duration // earlier than this long ago
}

// Window limits which events an EventMatch looks at.
type Window struct {
	Within Duration  // (moment - Within, moment]
	Since  Since     // from the anchor, the entry or a date on
	Date   time.Time // Since == SinceDate
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

// Property tests a property of an event; nested objects by a dotted path.
type Property struct {
	Path string
	Test Test
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
)

// Test is an operator with its operands: one for most, two for between, any
// number for in and not_in. Exists carries its bool in Values[0]. Within,
// within_next and a relative before carry Length instead.
type Test struct {
	Op     Op
	Values []Value
	Length Duration
	Now    bool // before: now, after: now
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
