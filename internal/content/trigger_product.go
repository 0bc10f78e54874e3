package content

import (
	"time"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// replenishment reads what runs out, and when.
func (s *source) replenishment(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "replenishment", "of", "gap", "fallback", "before", "where")
	if !ok {
		return nil
	}
	t := campaign.Replenishment{Gap: campaign.GapProduct, Where: s.ofAnchor(f, campaign.OrderCompleted)}
	if v, ok := f.values["of"]; ok {
		if g, ok := s.entries(v, "of"); ok {
			t.Of = s.properties(g, room{in: inTrigger, events: []string{campaign.OrderCompleted}, under: "products"})
		}
	}
	if v, ok := f.values["gap"]; ok {
		s.gap(v, &t)
	}
	if v, ok := f.values["fallback"]; ok {
		t.Fallback = s.length(v, "fallback")
	} else if !f.odd {
		s.errorf(key, "add fallback: 30d", "replenishment does not say after how long when too few orders tell the gap")
	}
	if v, ok := f.values["before"]; ok {
		t.Before = s.duration(v, "before")
		for _, gap := range []campaign.Duration{t.Fallback, t.Length} {
			if !gap.IsZero() && t.Before.Fixed >= gap.Fixed {
				s.errorf(v, "write less than "+gap.String(), "before: %s ahead would be no later than the order itself", t.Before)
				break
			}
		}
	}
	return t
}

// gap reads product, customer or a length of time.
func (s *source) gap(n *yaml.Node, t *campaign.Replenishment) {
	v, ok := s.word(n, "gap")
	switch {
	case !ok:
	case v == string(campaign.GapProduct), v == string(campaign.GapCustomer):
		t.Gap = campaign.ReplenishmentGap(v)
	default:
		if _, err := campaign.ParseDuration(v); err != nil {
			s.choice(n, "gap", string(campaign.GapProduct), string(campaign.GapCustomer), "a duration such as 30d")
			return
		}
		t.Gap, t.Length = campaign.GapFixed, s.length(n, "gap")
	}
}

const (
	usualAsked = 180 // days
	usualDrop  = campaign.Share(0.1)
)

// onProduct reads who is told of a product that is back, or cheaper.
func (s *source) onProduct(key, n *yaml.Node) campaign.Trigger {
	known := []string{"after", "where", "asked", "viewed", "per_unit"}
	event, drop := campaign.ProductBackInStock, key.Value == "price_drop"
	if drop {
		known, event = append(known, "by"), campaign.ProductPriceChanged
	}
	f, ok := s.options(n, key.Value, known...)
	if !ok {
		return nil
	}
	t := campaign.OnProduct{After: s.after(f), Where: s.ofAnchor(f, event), Asked: campaign.Days(usualAsked)}
	if drop {
		t.Drop = usualDrop
	}
	if v, ok := f.values["by"]; ok {
		share, ok := s.share(v, "by")
		if ok && share == 0 {
			s.errorf(v, "write 10%", "by: a fall of 0%% is none")
		}
		t.Drop = share
	}
	sound := true
	if v, ok := f.values["asked"]; ok {
		t.Asked, sound = s.fixed(v, "asked")
	}
	if v, ok := f.values["viewed"]; ok {
		t.Viewed = s.duration(v, "viewed")
	}
	if sound && t.Asked.IsZero() && t.Viewed.IsZero() {
		s.errorf(f.keys["asked"], "write asked: 180d or viewed: 30d", "with neither asked nor viewed, nobody waits for the product")
	}
	if v, ok := f.values["per_unit"]; ok {
		t.PerUnit = s.whole(v, "per_unit", "write a whole number such as 3")
	}
	return t
}

// usualClock is when a date's mail is due unless it says otherwise.
const usualClock campaign.TimeOfDay = 9 * 60

// onDate reads the attribute that names the day, and what is counted from it.
func (s *source) onDate(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "a date trigger", "attribute", "yearly", "before", "after", "at")
	if !ok {
		return nil
	}
	t := campaign.OnDate{At: usualClock}
	if v, ok := f.values["attribute"]; ok {
		t.Attribute, _ = s.word(v, "attribute")
		s.use(use{attribute: true, told: true, name: t.Attribute, claim: claim{kind: campaign.Time, cannot: "name a day", instead: "name an attribute that holds dates, such as birthday"}}, v, v)
	} else if !f.odd {
		s.errorf(key, "write { attribute: birthday, yearly: true }", "a date trigger does not name its attribute")
	}
	if v, ok := f.values["yearly"]; ok {
		t.Yearly, _ = s.boolean(v, "yearly")
	}
	if f.has("before") && f.has("after") {
		s.errorf(f.keys["after"], "keep one of them", "a date trigger has both before and after")
	}
	if v, ok := f.values["before"]; ok {
		t.Before = s.wholeDays(v, "before")
	}
	if v, ok := f.values["after"]; ok {
		t.After = s.wholeDays(v, "after")
	}
	if v, ok := f.values["at"]; ok {
		t.At = s.clock(v, "at")
	}
	return t
}

// wholeDays reads a number of days: a day's place in the calendar is no length of
// time.
func (s *source) wholeDays(n *yaml.Node, what string) campaign.Duration {
	d := s.duration(n, what)
	if d.Fixed%(24*time.Hour) != 0 {
		s.errorf(n, "write 3d, and at: for the time of day", "%s: %s is not a number of whole days", what, d)
		return campaign.Duration{}
	}
	return d
}
