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
	ProductViewed   = "Product Viewed"
	ProductReviewed = "Product Reviewed"

	// A customer waits for a product to come back, or for its price to drop.
	BackInStockRequested = "Back In Stock Requested"
	PriceDropRequested   = "Price Drop Requested"

	// Facts of the catalogue, about a product and no customer.
	ProductBackInStock  = "Product Back In Stock"
	ProductPriceChanged = "Product Price Changed"

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

// CatalogueEvents are the events that are about a product and no customer.
func CatalogueEvents() []string { return []string{ProductBackInStock, ProductPriceChanged} }

// PastPurchase: an order, cancelled by its full refund or its cancellation. With
// Nth it is the customer's nth order of those that pass Where and were not taken
// back whole, in the order in which they happened.
type PastPurchase struct {
	After Duration
	Nth   int // 0: any; 1: the first
	Where []Property
}

// AbandonedCheckout: the last Checkout Started, cancelled by an order, a change of
// the cart or a later checkout.
type AbandonedCheckout struct {
	After Duration
	Where []Property
}

// AbandonedBrowse: the last Product Viewed, cancelled by a later one, a change of
// the cart, a checkout or an order. The product that it is about is the one viewed
// last of those that, since the last order, checkout or change of the cart and at
// most BrowseMemory before the anchor, were viewed as often as Views asks: by
// product_id, or with SameCategory all views of one category together.
type AbandonedBrowse struct {
	After        Duration
	Views        Test // numeric; at_least 1 by default
	SameCategory bool
	Where        []Property // on the view that it is about
}

// BrowseMemory is how far back views of one product are counted together.
const BrowseMemory = 30 * 24 * time.Hour

// Replenishment: an order with a line that passes Of, due when what was bought
// should have run out: the usual gap × the line's quantity after it, less Before.
// The next order of it cancels.
type Replenishment struct {
	Of       []Property // tests on a line of products; none: any line
	Gap      ReplenishmentGap
	Length   Duration // with GapFixed
	Fallback Duration // where there are too few orders to know the gap
	Before   Duration
	Where    []Property // on the order
}

// ReplenishmentGap is whose gap between two purchases counts as usual.
type ReplenishmentGap string

// The gaps: the product's over all customers, the customer's own, or one given.
const (
	GapProduct  ReplenishmentGap = "product"
	GapCustomer ReplenishmentGap = "customer"
	GapFixed    ReplenishmentGap = "fixed"
)

// OnProduct: a fact of the catalogue, for each customer who waits for it. In the
// language: back_in_stock, or price_drop with Drop.
type OnProduct struct {
	After   Duration
	Drop    Share    // least fall of the price; 0: back_in_stock
	Asked   Duration // who asked for it at most this long before; zero: nobody
	Viewed  Duration // who viewed it at most this long before; zero: nobody
	PerUnit int      // customers told for each piece in stock, first come first served; 0: all
	Where   []Property
}

// OnDate: the local day that an attribute names, at a time of day, shifted by
// Before or After whole days.
type OnDate struct {
	Attribute string
	Yearly    bool
	Before    Duration
	After     Duration
	At        TimeOfDay
}

// SegmentChange: the moment at which a customer enters or leaves a segment.
type SegmentChange struct {
	After   Duration
	Segment string
	Left    bool
}

// AbandonedCart: the last change of a cart, cancelled by an order, a later
// change, or the cart's emptying. Where looks at the cart: `value` is its worth.
type AbandonedCart struct {
	After      Duration
	Where      []Property
	OutOfStock OutOfStock // of products gone by the time of a mail; empty: DropGone
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

func (t AbandonedCheckout) Delay() Duration { return t.After }
func (t AbandonedBrowse) Delay() Duration   { return t.After }
func (t OnProduct) Delay() Duration         { return t.After }
func (t SegmentChange) Delay() Duration     { return t.After }

// Delay of a replenishment is its own for each order: a candidate's Due tells it.
func (t Replenishment) Delay() Duration { return Duration{} }

// Delay of a date is in local days, so it is no length of time: the anchor is the
// shifted moment itself.
func (t OnDate) Delay() Duration { return Duration{} }

func (t AbandonedCheckout) AnchorNames() []string { return []string{CheckoutStarted} }
func (t AbandonedBrowse) AnchorNames() []string   { return []string{ProductViewed} }
func (t Replenishment) AnchorNames() []string     { return []string{OrderCompleted} }
func (t OnProduct) AnchorNames() []string         { return nil }
func (t OnDate) AnchorNames() []string            { return nil }
func (t SegmentChange) AnchorNames() []string     { return nil }

func (t AbandonedCheckout) Verb() string { return "abandoned_checkout" }
func (t AbandonedBrowse) Verb() string   { return "abandoned_browse" }
func (t Replenishment) Verb() string     { return "replenishment" }
func (t OnDate) Verb() string            { return "date" }
func (t SegmentChange) Verb() string     { return "segment" }
func (t OnProduct) Verb() string {
	if t.Drop > 0 {
		return "price_drop"
	}
	return "back_in_stock"
}

func (t AbandonedCheckout) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Every: Days(7)}, OverlapFirst, 24 * time.Hour, defaultExpires}
}

func (t AbandonedBrowse) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Every: Days(7)}, OverlapFirst, 24 * time.Hour, defaultExpires}
}

// Defaults for replenishment: the occurrence key, which holds the order, keeps a
// customer from entering twice. What should have run out a week ago has been
// bought elsewhere.
func (t Replenishment) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Always: true}, OverlapNewest, 7 * day, defaultExpires}
}

func (t OnProduct) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Every: Days(14), PerProduct: true}, OverlapFirst, 24 * time.Hour, defaultExpires}
}

// Defaults for a date: a greeting belongs to its day.
func (t OnDate) Defaults() TriggerDefaults {
	re := ReEntry{Never: true}
	if t.Yearly {
		re = ReEntry{Every: Days(300)}
	}
	return TriggerDefaults{re, OverlapFirst, 24 * time.Hour, defaultExpires}
}

func (t SegmentChange) Defaults() TriggerDefaults {
	return TriggerDefaults{ReEntry{Every: Days(30)}, OverlapFirst, 48 * time.Hour, defaultExpires}
}

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
	// PerProduct: only entries about the same product count, as Candidate.Product
	// names it.
	PerProduct bool
}

// Overlap says what a new anchor does while a pass is open.
type Overlap string

// The values of overlap.
const (
	OverlapFirst  Overlap = "first"  // ignore the new anchor
	OverlapNewest Overlap = "newest" // end the old pass, superseded
	OverlapBoth   Overlap = "both"   // run both
)
