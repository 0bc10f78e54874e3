package campaign

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Forecast is what a campaign does in a stretch of time, found without doing it.
// Passes that were running before the stretch send within it too; all else is
// about those who entered in it.
type Forecast struct {
	Entered   int // held out or not
	HeldOut   int
	Messages  int
	Held      map[string]int // candidates that do not enter, by reason
	Cancelled map[string]int // messages that the last look turns away, by reason
	// Hours are those in which anything happens, by their beginning, in seconds
	// since 1970.
	Hours map[int64]Tally
	// Spans are the passes that entered, in the order of admission.
	Spans []Span
	// Mails are those of Messages, in no order.
	Mails []ForecastMail
}

// ForecastMail is a mail of a forecast: who would get it, by which step, and when in
// microseconds since 1970, were there no gates.
type ForecastMail struct {
	Customer int64
	At       int64
	Step     string
}

// Tally counts entries and messages.
type Tally struct{ Entered, Messages int }

// Span is one customer's time in a campaign. A held-out one ends as it begins.
type Span struct {
	Customer int64
	Entered  int64 // microseconds since 1970
	Ended    int64 // 0: not within the forecast
	HeldOut  bool
}

// HourOf is the beginning of t's hour as zone's clocks show it.
func HourOf(t time.Time, zone *time.Location) int64 {
	l := t.In(zone)
	return t.Unix() - int64(l.Minute()*60+l.Second())
}

// DayTally is a Tally of one local day.
type DayTally struct {
	Date string // 2026-12-01
	Tally
}

// Days are the days of zone that (from, to] touches, empty ones too.
func (f *Forecast) Days(from, to time.Time, zone *time.Location) []DayTally {
	byDate := map[string]Tally{}
	for hour, n := range f.Hours {
		date := time.Unix(hour, 0).In(zone).Format(time.DateOnly)
		t := byDate[date]
		byDate[date] = Tally{t.Entered + n.Entered, t.Messages + n.Messages}
	}
	var out []DayTally
	// From itself is not in it: a window that begins at midnight begins with the
	// day after that moment.
	first, last := from.Add(time.Microsecond).In(zone), to.In(zone)
	// Noon, as no zone leaves noon out.
	for d := time.Date(first.Year(), first.Month(), first.Day(), 12, 0, 0, 0, time.UTC); ; d = d.AddDate(0, 0, 1) {
		date := d.Format(time.DateOnly)
		if date > last.Format(time.DateOnly) {
			return out
		}
		out = append(out, DayTally{date, byDate[date]})
	}
}

// BusiestHour is the beginning of the hour with the most messages, the first of
// several; ok is false without any.
func (f *Forecast) BusiestHour() (hour int64, messages int, ok bool) {
	for _, h := range slices.Sorted(maps.Keys(f.Hours)) {
		if n := f.Hours[h].Messages; n > messages {
			hour, messages, ok = h, n, true
		}
	}
	return hour, messages, ok
}

// mailEvents are what mails bring about: no history tells which of them there
// would have been.
var mailEvents = []string{EmailSent, EmailOpened, EmailClicked, "Email Bounced", "Email Complained", "Email Replied"}

// Suppose is c with each condition that a pass meets on its way and that looks at
// what mails bring about (opens, clicks, the time since the last mail) decided as
// held or as not held, whatever the history says. Entry itself goes by the
// history. depends is false when there is no such condition: c itself is returned.
func (c *Campaign) Suppose(cat *Catalog, held bool) (supposed *Campaign, depends bool) {
	s := &supposing{cat: cat, held: held, within: map[string]bool{}}
	out := *c
	out.Audience = s.condition(c.Audience)
	out.ExitOn = s.conditions(c.ExitOn)
	out.Steps = s.steps(c.Steps)
	if !s.met {
		return c, false
	}
	out.Program = NewProgram(out.Steps)
	return &out, true
}

// supposing rewrites conditions.
type supposing struct {
	cat    *Catalog
	held   bool
	met    bool            // such a condition was met
	within map[string]bool // segments being looked into
}

func (s *supposing) steps(steps []Step) []Step {
	out := slices.Clone(steps)
	for i, step := range steps {
		out[i].When = s.condition(step.When)
		if step.Wait != nil {
			wait := *step.Wait
			wait.For = s.condition(wait.For)
			out[i].Wait = &wait
		}
		out[i].Branch = slices.Clone(step.Branch)
		for a, arm := range step.Branch {
			out[i].Branch[a].When = s.condition(arm.When)
			out[i].Branch[a].Steps = s.steps(arm.Steps)
		}
	}
	return out
}

func (s *supposing) conditions(cs []Condition) []Condition {
	out := make([]Condition, len(cs))
	for i, c := range cs {
		out[i] = s.condition(c)
	}
	return out
}

func (s *supposing) condition(c Condition) Condition {
	switch c := c.(type) {
	case All:
		return All(s.conditions(c))
	case Any:
		return Any(s.conditions(c))
	case Not:
		return Not{s.condition(c.Of)}
	case InSegment:
		return s.segment(c)
	case Attribute:
		if strings.HasPrefix(c.Name, "mail.") {
			return s.decided()
		}
	case EventMatch:
		if slices.Contains(mailEvents, c.Event) || c.Followed != nil && slices.Contains(mailEvents, c.Followed.Event) {
			return s.decided()
		}
	}
	return c
}

// segment puts a segment's own condition in its place where that looks at mail.
// One with a limit ranks people against each other and stays as it is.
func (s *supposing) segment(c InSegment) Condition {
	segment, ok := s.cat.Segments[c.Segment]
	if !ok || segment.Limit != nil || s.within[c.Segment] {
		return c
	}
	s.within[c.Segment] = true
	defer delete(s.within, c.Segment)
	inner := &supposing{cat: s.cat, held: s.held, within: s.within}
	if inside := inner.condition(segment.Match); inner.met {
		s.met = true
		return inside
	}
	return c
}

// decided is a condition that holds, or one that does not.
func (s *supposing) decided() Condition {
	s.met = true
	if s.held {
		return All{}
	}
	return Any{}
}

const (
	// A lift shown by chance alone in one of twenty tests, both ways, and missed in
	// one of five: the usual choice.
	zAlpha = 1.959964 // two-sided 5 %
	zBeta  = 0.841621 // power 80 %
)

// HoldoutSize is how many customers must be held out until a conversion rate
// that is lift above rate shows among the others, held being the share held out:
// the sample size for two proportions in groups of unequal size (Fleiss, Levin and
// Paik, Statistical Methods for Rates and Proportions, 3rd edition, section 4.3),
// at 5 % two-sided and a power of 80 %. It is infinite when nothing can show.
func HoldoutSize(rate, lift float64, held Share) float64 {
	other := rate + lift
	if held <= 0 || held >= 1 || lift <= 0 || rate < 0 || other > 1 {
		return math.Inf(1)
	}
	ratio := (1 - float64(held)) / float64(held)
	mean := (rate + ratio*other) / (ratio + 1)
	spread := zAlpha*math.Sqrt((ratio+1)*mean*(1-mean)) + zBeta*math.Sqrt(ratio*rate*(1-rate)+other*(1-other))
	return spread * spread / (ratio * lift * lift)
}

// Organic are the customers of a forecast who reached the campaign's goal anyway:
// within the goal's time of entering, while no mail of ours was accepted for them.
type Organic struct {
	Converted int
	Of        int // customers with such a time without mail
}

// TodayValue is an attribute for which a value was used that nobody knew then.
type TodayValue struct {
	Attribute string
	Since     time.Time // its first fact that has a time of its own; zero: none has
	Customers int       // of those who entered
}

// LookedAt are the attributes that the campaign's conditions look at and that are
// told, not computed, those of its segments and tiers included, in the order of
// their names.
func (c *Campaign) LookedAt(cat *Catalog) []string {
	names := map[string]bool{}
	c.WalkConditions(cat, func(part Condition) {
		if a, ok := part.(Attribute); ok {
			if _, computed := cat.Workspace.ComputedAttribute(a.Name); !computed {
				names[a.Name] = true
			}
		}
	})
	return slices.Sorted(maps.Keys(names))
}

// Overlapping are how many customers of f are in a pass of another campaign's
// forecast at the same time as in one of their own. Passes without an end last to
// the end of the forecast; held-out ones are in nobody's way.
func (f *Forecast) Overlapping(other *Forecast) int {
	theirs := map[int64][]Span{}
	for _, s := range other.Spans {
		if !s.HeldOut {
			theirs[s.Customer] = append(theirs[s.Customer], s)
		}
	}
	customers := map[int64]bool{}
	for _, s := range f.Spans {
		if !s.HeldOut && slices.ContainsFunc(theirs[s.Customer], s.meets) {
			customers[s.Customer] = true
		}
	}
	return len(customers)
}

func (s Span) meets(o Span) bool {
	return (o.Ended == 0 || o.Ended >= s.Entered) && (s.Ended == 0 || s.Ended >= o.Entered)
}

// FuseHours are the hours of a forecast whose entries the fuse would have held,
// had the campaign been evaluated once an hour.
type FuseHours struct {
	Hours int
	First int64 // beginning of the first, in seconds since 1970
	Most  int   // entries in one
}

// Fuse finds the hours in which c's fuse would have blown.
func (f *Forecast) Fuse(c *Campaign) FuseHours {
	var out FuseHours
	var usual []float64
	for _, hour := range slices.Sorted(maps.Keys(f.Hours)) {
		n := f.Hours[hour].Entered
		if n == 0 {
			continue
		}
		sum := 0.0
		for _, u := range usual {
			sum += u
		}
		if c.Blows(n, sum/max(1, float64(len(usual)))) {
			if out.Hours == 0 {
				out.First = hour
			}
			out.Hours++
			out.Most = max(out.Most, n)
		}
		if usual = append(usual, float64(n)); len(usual) > usualTicks {
			usual = usual[1:]
		}
	}
	return out
}

// usualTicks is over how many earlier ticks that decided anything the usual
// number of entries is the mean.
const usualTicks = 20
