package campaign

// Step is one step of a campaign. Exactly one verb is set.
type Step struct {
	ID     string
	When   Condition // nil: always
	Send   *Send
	Wait   *Wait
	Branch []Arm
	Exit   string // reason
}

// Send mails a template.
type Send struct {
	Template  string
	Subject   Localized // empty: the template's own
	Preheader Localized
	From      string // a key of senders; empty: the campaign's
	ReplyTo   string
	Topic     string   // empty: the campaign's
	Expires   Duration // zero: the campaign's
	// SendAt is the time of day from which on it goes out, after any wait; nil: at once.
	SendAt     *TimeOfDay
	SendWindow *Hours     // nil: the campaign's
	WhenCapped WhenCapped // empty: the campaign's
	// With are values for the template.
	With map[string]With
}

// With is a value that a step gives its template: a text, for all or by locale, or
// else a number, a bool or a list of such and of texts.
type With struct {
	Text  Localized
	Value any // float64, bool, []any; with Text nil
}

// Wait holds a pass: for a length of time, until a time of day, or for a
// condition, at most for a length of time. Exactly one of Length, Until, For.
type Wait struct {
	Length Duration
	Until  *UntilTime
	For    Condition
	AtMost Duration // with For
}

// UntilTime is a time of day, on a weekday or on any.
type UntilTime struct {
	AnyDay bool
	Day    DayName
	Clock  TimeOfDay
}

// Arm is one named way through a branch. The first whose When holds is taken,
// or the one that the customer's draw falls on; an arm with neither is
// otherwise.
type Arm struct {
	Name  string
	When  Condition
	Share Share
	Steps []Step
}

// Share is a part of the whole, in 0…1.
type Share float64

// Localized is a text that a customer reads, by locale. The empty locale holds
// a text that is the same for all.
type Localized map[string]string

// Plain is a text that is the same in every locale.
func Plain(s string) Localized { return Localized{"": s} }
