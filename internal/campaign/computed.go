package campaign

import (
	"slices"
	"strings"
)

// DaysKind is a number of days, with fractions: what a duration is compared with.
const DaysKind Kind = "days"

// ListKind is a list of texts or numbers: what `has` looks into.
const ListKind Kind = "list"

// Computed is an attribute that is worked out from a customer's history instead of
// being told: read-only, dotted. docs/segments.md defines each.
type Computed struct {
	Name string
	Kind Kind
	// In are the only values that it has; empty: any.
	In []string
	// Daily: it ranks people against each other, and is as of the start of the day
	// in the workspace's zone.
	Daily bool
}

// Stages are the values of the attribute `stage`, in the order of a customer's way.
var Stages = []string{
	"awareness", "consideration", "purchase", "onboarding", "engagement", "retention", "advocacy", "at_risk", "lapsed",
}

var computed = []Computed{
	{Name: "orders.count", Kind: Number},
	{Name: "orders.total", Kind: Number},
	{Name: "orders.average", Kind: Number},
	{Name: "orders.first_at", Kind: Time},
	{Name: "orders.last_at", Kind: Time},
	{Name: "orders.gap", Kind: DaysKind},
	{Name: "orders.overdue_by", Kind: DaysKind},
	{Name: "rfm.r", Kind: Number, Daily: true},
	{Name: "rfm.f", Kind: Number, Daily: true},
	{Name: "rfm.m", Kind: Number, Daily: true},
	{Name: "stage", Kind: Text, In: Stages},
	{Name: "favourite.category", Kind: Text},
	{Name: "favourite.product", Kind: Text},
	{Name: "mail.last_sent_at", Kind: Time},
	{Name: "mail.last_clicked_at", Kind: Time},
	{Name: "mail.sent", Kind: Number},
	{Name: "mail.clicked", Kind: Number},
}

// ComputedAttribute finds a computed attribute: one of the list, `tier` where the
// workspace has tiers, and `consent.TOPIC`, true or false, for its topics.
func (w *Workspace) ComputedAttribute(name string) (Computed, bool) {
	if name == "tier" && len(w.Tiers) > 0 {
		c := Computed{Name: name, Kind: Text}
		for _, t := range w.Tiers {
			c.In = append(c.In, t.Name)
		}
		return c, true
	}
	if topic, found := strings.CutPrefix(name, "consent."); found {
		_, known := w.Topics[topic]
		return Computed{Name: name, Kind: Bool}, known
	}
	i := slices.IndexFunc(computed, func(c Computed) bool { return c.Name == name })
	if i < 0 {
		return Computed{}, false
	}
	return computed[i], true
}

// ComputedNames lists the computed attributes that the workspace has.
func (w *Workspace) ComputedNames() []string {
	var out []string
	for _, c := range computed {
		out = append(out, c.Name)
	}
	if len(w.Tiers) > 0 {
		out = append(out, "tier")
	}
	for topic := range w.Topics {
		out = append(out, "consent."+topic)
	}
	slices.Sort(out)
	return out
}
