package campaign

import "time"

// Event names with a meaning of their own: those of the Segment e-commerce
// spec that triggers stand on, and Tidings' own.
const (
	OrderCompleted  = "Order Completed"
	OrderRefunded   = "Order Refunded"
	OrderCancelled  = "Order Cancelled"
	ProductAdded    = "Product Added"
	ProductRemoved  = "Product Removed"
	CartViewed      = "Cart Viewed"
	CheckoutStarted = "Checkout Started"

	EmailSent    = "Email Sent"
	EmailOpened  = "Email Opened"
	EmailClicked = "Email Clicked"
	Unsubscribed = "Unsubscribed"
	Subscribed   = "Subscribed"
)

// Trigger is what starts a campaign for a customer: an anchor, a delay, and
// what cancels it. A candidate is due at anchor + After.
type Trigger interface {
	// Delay is the time from the anchor to the due moment.
	Delay() Duration
	// AnchorNames are the events that can be the anchor, none for a schedule.
	AnchorNames() []string
	// Defaults are the values that the language's table gives the trigger.
	Defaults() TriggerDefaults
	// Verb is the trigger's key in the language.
	Verb() string
}

// TriggerDefaults are what a campaign takes from its trigger's kind.
type TriggerDefaults struct {
	ReEntry     ReEntry
	Overlap     Overlap
	MaxLateness time.Duration
	Expires     time.Duration
}

// CartChanges are the events that change a cart, and so can be its last change.
// A Cart Viewed tells its content but changes nothing.
func CartChanges() []string { return []string{ProductAdded, ProductRemoved, CheckoutStarted} }

// PastPurchase: an order, cancelled by its full refund or its cancellation.
type PastPurchase struct {
	After Duration
	Where []Property
}

// AbandonedCart: the last change of a cart, cancelled by an order, a later
// change, or the cart's emptying. Where looks at the cart: `value` is its worth.
type AbandonedCart struct {
	After Duration
	Where []Property
}

// Inactivity: the last event of Of, cancelled by any later one.
type Inactivity struct {
	After Duration
	Of    []string
	Where []Property
}

// OnEvent: any event, cancelled by nothing. In the language: `event`.
type OnEvent struct {
	Name  string
	After Duration
	Where []Property
}

// Schedule: a local moment, for every customer of the audience. Exactly one of
// At, Every, Cron is set; all are wall clock of the campaign's zone.
type Schedule struct {
	After Duration
	At    *LocalTime // once
	Every Every      // day, week, month
	Day   DayRule    // Every week: Weekday; month: a rule
	Clock TimeOfDay  // with Every
	Cron  string     // five fields
}

func (t PastPurchase) Delay() Duration  { return t.After }
func (t AbandonedCart) Delay() Duration { return t.After }
func (t Inactivity) Delay() Duration    { return t.After }
func (t OnEvent) Delay() Duration       { return t.After }
func (t Schedule) Delay() Duration      { return t.After }

func (t PastPurchase) AnchorNames() []string  { return []string{OrderCompleted} }
func (t AbandonedCart) AnchorNames() []string { return CartChanges() }
func (t Inactivity) AnchorNames() []string    { return t.Of }
func (t OnEvent) AnchorNames() []string       { return []string{t.Name} }
func (t Schedule) AnchorNames() []string      { return nil }

func (t PastPurchase) Verb() string  { return "past_purchase" }
func (t AbandonedCart) Verb() string { return "abandoned_cart" }
func (t Inactivity) Verb() string    { return "inactivity" }
func (t OnEvent) Verb() string       { return "event" }
func (t Schedule) Verb() string      { return "schedule" }

const (
	day            = 24 * time.Hour
	defaultExpires = 3 * day
)

func (t PastPurchase) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Always: true}, OverlapBoth, 48 * time.Hour, defaultExpires}
}

func (t AbandonedCart) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Always: true}, OverlapNewest, 24 * time.Hour, defaultExpires}
}

// Defaults for inactivity: the occurrence key, which holds the last activity,
// is what keeps a customer from entering twice.
func (t Inactivity) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Always: true}, OverlapFirst, 7 * day, defaultExpires}
}

// Defaults for an event: LANGUAGE names no lateness for it; it is a reaction to
// something just done, as past_purchase is, and takes the same.
func (t OnEvent) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Always: true}, OverlapBoth, 48 * time.Hour, defaultExpires}
}

func (t Schedule) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Always: true}, OverlapFirst, 6 * time.Hour, 2 * day}
}

// ReEntry is the least time between two entries of a customer.
type ReEntry struct {
	Never  bool
	Always bool
	Every  Duration // neither Never nor Always
}

// Overlap says what a new anchor does while a pass is open.
type Overlap string

// The values of overlap.
const (
	OverlapFirst  Overlap = "first"  // ignore the new anchor
	OverlapNewest Overlap = "newest" // end the old pass, superseded
	OverlapBoth   Overlap = "both"   // run both
)
