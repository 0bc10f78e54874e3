package campaign

import (
	"slices"
	"strings"
	"time"
)

// Status says whether a campaign runs.
type Status string

// The statuses. A draft is checked and never sends; a paused one decides and
// sends nothing until it is active again.
const (
	Draft  Status = "draft"
	Active Status = "active"
	Paused Status = "paused"
)

// Campaign is one file of campaigns/, checked and with its defaults filled in.
type Campaign struct {
	Name          string // the file's name without .yaml: its identity
	Label         string // `name:`
	Was           []string
	Status        Status
	Topic         string // empty: transactional
	Transactional bool
	Trigger       Trigger
	Audience      Condition // nil: all
	EnterWhen     Condition
	ExitOn        []Condition
	ReEntry       ReEntry
	Overlap       Overlap
	Goal          *Goal
	Holdout       Share
	Zone          string // "customer", "workspace" or an IANA name
	MaxLateness   time.Duration
	Expires       Duration
	ActiveFrom    time.Time // zero: from its first load on
	ActiveUntil   time.Time // zero: for ever
	Expect        int       // most entries a tick may decide; 0: the usual fuse
	HoldUncertain bool      // on_uncertain: hold
	Priority      int       // 1…100, the more the sooner where a cap leaves room for one
	WhenCapped    WhenCapped
	SendWindow    *Hours // nil: at any time
	Fresh         *Fresh // nil: whatever the feed does
	Rate          Pace
	UTM           *UTM   // nil: links stay as they are
	From, ReplyTo string // keys of senders
	Steps         []Step
	Program       *Program
	Hash          string // of the file, names its version
	Source        string // the file's text
}

// Goal is the event that a campaign is for.
type Goal struct {
	Event  string
	Where  []Property
	Within Duration
	Value  string // property that holds the amount; empty: conversions only
}

// Segment is one file of segments/.
type Segment struct {
	Name  string
	Label string
	Match Condition
	Limit *Limit // nil: all who match
}

// Limit keeps the first of a segment's members by an attribute, as of the start of
// the day in the workspace's zone: Match and By are judged as of then. Customers
// without the attribute come last; equal ones go by their id.
type Limit struct {
	First  int
	By     string // an attribute, computed ones included
	Lowest bool   // order: lowest; else the highest come first
}

// Topic is what a customer can switch off.
type Topic struct {
	Key  string
	Name Localized
	// DoubleOptIn: a subscription counts once the address has confirmed it.
	DoubleOptIn bool
	// When must hold of a customer as of each mail's last look; nil: no such demand.
	When Condition
}

// Sender is a From with an optional Reply-To.
type Sender struct{ From, ReplyTo string }

// Workspace is tidings.yaml.
type Workspace struct {
	Name    string
	Zone    *time.Location
	Locales []string // the first is the fallback of all
	// Fallbacks are what locales read, before the first, for want of their own.
	Fallbacks map[string]string
	Currency  string
	Brand     map[string]string
	Senders   map[string]Sender
	Topics    map[string]Topic
	Defaults  Defaults
	// Rates convert amounts into Currency.
	Rates Rates
	// Attributes are those declared; empty: any attribute may be named.
	Attributes map[string]AttributeType
	Tiers      []Tier // the attribute `tier`; none: it is an attribute like any other
	RFM        RFM
	Caps       []Cap
	QuietHours *Hours // nil: none
	// AllowIgnoreCap are the campaigns that may have when_capped: ignore.
	AllowIgnoreCap []string
	Providers      map[string]Provider
}

// AttributeType is what tidings.yaml says of an attribute.
type AttributeType struct {
	Kind Kind
	PII  bool
	In   []Value // the only values; empty: any
}

// Tier is an arm of `tiers:`: the first whose When holds names a customer's tier.
type Tier struct {
	Name string
	When Condition // nil: all who are left
}

// RFM says how customers are scored by recency, frequency and monetary value, each
// 1 (lowest) to 5: by quintiles among all who ordered within Within, or by four
// cut points each, ascending.
type RFM struct {
	Within    Duration   // 365d by default
	Recency   []Duration // the longest time since the last order for 5, 4, 3, 2
	Frequency []float64  // the fewest orders for 2, 3, 4, 5
	Monetary  []float64  // the least total for 2, 3, 4, 5
}

// Defaults are what a campaign takes from tidings.yaml.
type Defaults struct {
	From    string
	Holdout Share
	Goal    *Goal
	UTM     *UTM // of campaigns that say nothing of it
}

// UTM is what is added to the links to the shop's own site, so that its analytics
// know where a visit came from. Empty ones are left out.
type UTM struct{ Source, Medium, Campaign, Term, Content string }

// Params are the parameters in the order in which they are added.
func (u *UTM) Params() [][2]string {
	if u == nil {
		return nil
	}
	var out [][2]string
	for _, p := range [][2]string{
		{"utm_source", u.Source}, {"utm_medium", u.Medium}, {"utm_campaign", u.Campaign}, {"utm_term", u.Term}, {"utm_content", u.Content},
	} {
		if p[1] != "" {
			out = append(out, p)
		}
	}
	return out
}

// String is for comparisons and reports; off where there is none.
func (u *UTM) String() string {
	if u == nil {
		return "off"
	}
	var words []string
	for _, p := range u.Params() {
		words = append(words, p[0]+"="+p[1])
	}
	return strings.Join(words, " ")
}

// Format is the language that a template is written in: the ending of its file.
type Format string

// Formats of templates. Liquid stands in each.
const (
	HTML     Format = "" // NAME.html
	Markdown Format = "md"
	MJML     Format = "mjml"
)

// Template is one source below templates/, with its front matter taken off.
// Locale is empty for the one that serves all.
type Template struct {
	Name, Locale string
	Format       Format
	File         string // path in the workspace, for errors
	Line         int    // line of File on which Source begins, from 1
	Source       string
	Subject      Localized
	Preheader    Localized
	Layout       string // "" is the default layout
}

// Catalog is a workspace, loaded and checked. It never changes; a process loads
// it once.
type Catalog struct {
	Workspace Workspace
	Campaigns []*Campaign // by name
	Service   *Campaign   // sends what customers ask for on their pages; nil: there is no sender
	Segments  map[string]*Segment
	Templates map[string]map[string]*Template // name → locale → source
	Layouts   map[string]map[string]*Template
	Partials  map[string]*Template
	// Includes are the MJML sources below templates/partials, by their path in the
	// workspace: <mj-include> puts them in.
	Includes map[string]*Template
	// Texts are those of locales/, by locale and key, as in cart.title.
	Texts map[string]map[string]Phrase
}

// Phrase is one text of locales/, as it is written, with its place.
type Phrase struct {
	Source       string
	File         string
	Line, Column int
}

// All are the campaigns, that of service mails last.
func (c *Catalog) All() []*Campaign {
	if c.Service == nil {
		return c.Campaigns
	}
	return append(slices.Clip(c.Campaigns), c.Service)
}

// Campaign finds a campaign by name.
func (c *Catalog) Campaign(name string) (*Campaign, bool) {
	if name == ServiceCampaign {
		return c.Service, c.Service != nil
	}
	i, ok := slices.BinarySearchFunc(c.Campaigns, name, func(x *Campaign, n string) int {
		switch {
		case x.Name < n:
			return -1
		case x.Name > n:
			return 1
		}
		return 0
	})
	if !ok {
		return nil, false
	}
	return c.Campaigns[i], true
}

// In picks the text for locale: its own, its language's (he for he-IL), the
// first fallback's, or the one for all.
func (l Localized) In(locale string, fallbacks []string) string {
	for _, k := range LocaleChain(locale, fallbacks) {
		if s, ok := l[k]; ok {
			return s
		}
	}
	return l[""]
}

// ZoneFor is the zone that the campaign's times of day are in for a customer
// whose own zone is named customerZone (which may be empty or unknown).
func (c *Campaign) ZoneFor(w *Workspace, customerZone string) *time.Location {
	name := c.Zone
	if name == "workspace" {
		return w.Zone
	}
	if name == "customer" {
		name = customerZone
	}
	if name == "" || name == "Local" {
		return w.Zone
	}
	if z, err := time.LoadLocation(name); err == nil {
		return z
	}
	return w.Zone
}
