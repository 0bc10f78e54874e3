package content

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// MentionKind is what a Mention names.
type MentionKind int

// What a workspace names of which only its data can tell whether it is there.
const (
	MentionEvent     MentionKind = iota // an event, by Name
	MentionTrigger                      // the events that a trigger of the kind Name waits for, one of Events
	MentionAttribute                    // a customer's attribute, neither computed nor declared
	MentionDeclared                     // one that is declared, or that customers have anyway
	MentionProperty                     // a property by its dotted path, of one of Events
	MentionSegment                      // a segment's match
	MentionAudience                     // the audience written in the campaign Name
	MentionCurrency                     // the workspace's currency; Name is its file of rates, if it has one
)

// Mention is a place where a workspace names something of its data.
type Mention struct {
	Kind         MentionKind
	Name         string
	Events       []string
	File         string
	Line, Column int // of the name, from 1
	use          use
}

// Mentions lists what the sound workspace at the root of fsys names, in the order
// of files and places.
func Mentions(fsys fs.FS) []Mention {
	w := decode(fsys)
	defaults(w)
	out := w.mentions(w.workspace.source, nil)
	if _, at, found := topKey(w.workspace.source, "currency"); found {
		m := Mention{Kind: MentionCurrency, File: workspaceFile, Line: at.Line, Column: at.Column}
		if _, rates, found := topKey(w.workspace.source, "rates"); found {
			m.Name, m.Line, m.Column = rates.Value, rates.Line, rates.Column
		}
		out = append(out, m)
	}
	for _, f := range w.segments {
		out = append(out, w.mentions(f.source, nil)...)
		out = append(out, whole(f.source, MentionSegment, f.segment.Name, "match")...)
	}
	for _, f := range w.campaigns {
		out = append(out, w.mentions(f.source, f.campaign.Trigger)...)
		out = append(out, whole(f.source, MentionAudience, f.campaign.Name, "audience")...)
		out = append(out, f.waitsFor()...)
	}
	slices.SortStableFunc(out, func(a, b Mention) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return out
}

// mentions are the names in one file; trigger is the campaign's.
func (w *workspaceFiles) mentions(s *source, trigger campaign.Trigger) []Mention {
	var out []Mention
	for _, r := range s.refs {
		if r.kind == eventRef {
			out = append(out, Mention{Kind: MentionEvent, Name: r.name, File: s.file, Line: r.at.line, Column: r.at.column})
		}
	}
	for _, u := range s.uses {
		m := Mention{Kind: MentionProperty, Name: u.name, File: s.file, Line: u.nameAt.line, Column: u.nameAt.column, use: u}
		switch {
		case u.attribute:
			if _, computed := w.workspace.workspace.ComputedAttribute(u.name); computed {
				continue
			}
			m.Kind = MentionAttribute
			if _, declared := w.workspace.workspace.Attributes[u.name]; declared || standardAttributes()[u.name] != "" {
				m.Kind = MentionDeclared
			}
		case u.anchor && workedOut(trigger, u.name):
			continue
		case u.anchor:
			m.Events = anchorEvents(trigger)
		default:
			m.Events = u.events
		}
		// What a cart holds is gathered from several events.
		if m.Kind == MentionProperty && (len(m.Events) == 0 || contains(m.Events, theCart)) {
			continue
		}
		out = append(out, m)
	}
	return out
}

// NamedAttribute mentions an attribute that a mail's text names; ok is false for one
// that is declared or that customers have anyway.
func NamedAttribute(w *campaign.Workspace, path string) (m Mention, ok bool) {
	_, declared := w.Attributes[path]
	return Mention{Kind: MentionAttribute, Name: path}, !declared && path != "id" && standardAttributes()[path] == ""
}

// NamedProperty mentions a property of what starts a campaign that a mail's text
// names; ok is false for one that the trigger itself puts there, and where no event
// starts it.
func NamedProperty(t campaign.Trigger, path string) (m Mention, ok bool) {
	events := anchorEvents(t)
	if len(events) == 0 || contains(events, theCart) || workedOut(t, path) {
		return m, false
	}
	return Mention{Kind: MentionProperty, Name: path, Events: events}, true
}

// workedOut tells whether the trigger itself puts a property into its anchor.
func workedOut(t campaign.Trigger, path string) bool {
	name, _, _ := strings.Cut(path, ".")
	switch t.(type) {
	case campaign.AbandonedBrowse:
		return name == "views" || name == "products"
	case campaign.Replenishment:
		return name == "product" || name == "gap_days"
	}
	return false
}

// waitsFor mentions what the trigger waits for, where the file does not name it.
func (f *campaignFile) waitsFor() []Mention {
	t := f.campaign.Trigger
	if t == nil {
		return nil
	}
	events := t.AnchorNames()
	if _, product := t.(campaign.OnProduct); product {
		events = anchorEvents(t)
	}
	_, at, found := topKey(f.source, "trigger")
	if len(events) == 0 || !found || len(at.Content) == 0 {
		return nil
	}
	for _, r := range f.refs {
		if r.kind == eventRef && contains(events, r.name) {
			return nil
		}
	}
	at = at.Content[0]
	return []Mention{{Kind: MentionTrigger, Name: t.Verb(), Events: events, File: f.file, Line: at.Line, Column: at.Column}}
}

// whole mentions the condition under a key of the file.
func whole(s *source, kind MentionKind, name, key string) []Mention {
	at, _, found := topKey(s, key)
	if !found {
		return nil
	}
	return []Mention{{Kind: kind, Name: name, File: s.file, Line: at.Line, Column: at.Column}}
}

// topKey finds one of the file's own keys, and its value.
func topKey(s *source, name string) (key, value *yaml.Node, found bool) {
	if s.root == nil || s.root.Kind != yaml.MappingNode {
		return nil, nil, false
	}
	for i := 0; i+1 < len(s.root.Content); i += 2 {
		if s.root.Content[i].Value == name {
			return s.root.Content[i], s.root.Content[i+1], true
		}
	}
	return nil, nil, false
}

// Fits tells whether a value, as encoding/json decodes one, is of a kind that the
// test can pass.
func (m Mention) Fits(v any) bool {
	c := m.use.claim
	if list, ok := v.([]any); ok {
		switch {
		case c.objects:
			return slices.ContainsFunc(list, isMap)
		case c.kind == "" && !c.order:
			return true
		}
		return c.list && slices.ContainsFunc(list, c.fitsValue)
	}
	switch {
	case c.objects:
		return isMap(v)
	case c.list && (m.use.attribute || !strings.Contains(m.Name, ".")):
		return false
	}
	return c.fitsValue(v) || m.dayOfYear(v)
}

func isMap(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// dayOfYear tells whether v is a date without its year, in which a date trigger
// and an anniversary find their day.
func (m Mention) dayOfYear(v any) bool {
	text, _ := v.(string)
	return (m.use.told || m.use.test.Op == campaign.OpAnniversaryWithin) && monthDay.MatchString(text)
}

// fitsValue tells whether one value is of the kind that is taken for granted.
func (c claim) fitsValue(v any) bool {
	text, isText := v.(string)
	_, number := v.(float64)
	date := func() bool { _, ok := campaign.ParseMoment(text, nil); return ok }
	switch {
	case c.order:
		return number || date()
	case c.kind == campaign.Number:
		return number
	case c.kind == campaign.Text:
		return isText
	case c.kind == campaign.Time:
		return date()
	case c.kind == campaign.Bool:
		_, ok := v.(bool)
		return ok
	}
	return true
}

// Cannot says what a value that does not fit cannot do, as in "be compared with a
// number".
func (m Mention) Cannot() string { return m.use.claim.cannot }

// Wants is the kind that values, or the elements of lists, have to be of; "" where
// there are several.
func (m Mention) Wants() campaign.Kind { return m.use.claim.kind }

// Instead is what to write for values of the kind.
func (m Mention) Instead(kind campaign.Kind) string { return m.use.claim.hint(kind, m.use, 0) }

// Wanted are the texts that values are compared with; none where the test is
// another, or compares with no texts.
func (m Mention) Wanted() []string {
	t := m.use.test
	if m.use.claim.kind != campaign.Text || !compares(t.Op) && t.Op != campaign.OpHas && t.Op != campaign.OpHasAny {
		return nil
	}
	var out []string
	for _, v := range t.Values {
		out = append(out, v.Text)
	}
	return out
}

// Operand is the place of the i-th of Wanted.
func (m Mention) Operand(i int) (line, column int) {
	at := m.use.place(i)
	return at.line, at.column
}

// EventOrigin is where events of a name come from.
type EventOrigin int

// The origins.
const (
	ShopsOwn   EventOrigin = iota // a name of the shop's own choice
	Standard                      // a name that shops send
	TidingsOwn                    // what Tidings itself writes down
)

// OriginOf tells where events of a name come from.
func OriginOf(event string) EventOrigin {
	switch {
	case contains(ownEvents(), event):
		return TidingsOwn
	case contains(knownEvents(), event), contains(specEvents(), event):
		return Standard
	}
	return ShopsOwn
}

func ownEvents() []string {
	return []string{campaign.EmailSent, campaign.EmailOpened, campaign.EmailClicked, campaign.Unsubscribed}
}

// specEvents are the names that Segment's e-commerce spec, version 2, has besides
// those of knownEvents. Source:
// https://www.twilio.com/docs/segment/connections/spec/ecommerce/v2
func specEvents() []string {
	return []string{
		"Products Searched", "Product List Viewed", "Product List Filtered", "Promotion Viewed", "Promotion Clicked",
		"Product Clicked", "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered",
		"Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed",
		"Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart",
		"Product Shared", "Cart Shared",
	}
}
