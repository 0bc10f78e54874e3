package content

import (
	"strconv"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// triggers are the verbs of `trigger:`.
var triggers = [...]string{
	"past_purchase", "abandoned_cart", "abandoned_checkout", "abandoned_browse", "inactivity", "event",
	"replenishment", "back_in_stock", "price_drop", "date", "segment", "schedule",
}

// trigger reads what starts a campaign; nil when it is not one.
func (s *source) trigger(n *yaml.Node) campaign.Trigger {
	if n.Kind == yaml.ScalarNode && contains(triggers[:], n.Value) {
		s.errorf(n, "write trigger: { "+n.Value+": {} }", "a trigger is a map of its kind and its options, not a word")
		return nil
	}
	verb, ok := s.verb(n, "a trigger", triggers[:])
	if !ok {
		return nil
	}
	outer, _ := s.mapping(n, "a trigger", verb)
	key, v := outer.keys[verb], outer.values[verb]
	switch verb {
	case "past_purchase":
		return s.pastPurchase(v)
	case "abandoned_cart":
		return s.abandonedCart(key, v)
	case "abandoned_checkout":
		return s.abandonedCheckout(key, v)
	case "abandoned_browse":
		return s.abandonedBrowse(key, v)
	case "inactivity":
		return s.inactivity(key, v)
	case "event":
		return s.onEvent(key, v)
	case "replenishment":
		return s.replenishment(key, v)
	case "back_in_stock", "price_drop":
		return s.onProduct(key, v)
	case "date":
		return s.onDate(key, v)
	case "segment":
		return s.segmentChange(key, v)
	}
	return s.schedule(v)
}

func (s *source) pastPurchase(n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "past_purchase", "after", "where", "which")
	if !ok {
		return nil
	}
	t := campaign.PastPurchase{After: s.after(f), Where: s.ofAnchor(f, campaign.OrderCompleted)}
	if v, ok := f.values["which"]; ok {
		t.Nth = s.which(v)
	}
	return t
}

// which reads any, first or { nth: 3 }.
func (s *source) which(n *yaml.Node) int {
	if n.Kind == yaml.MappingNode && !s.braces(n) {
		f, ok := s.mapping(n, "which", "nth")
		switch {
		case !ok || f.odd:
			return 0
		case !f.has("nth"):
			s.errorf(n, "write { nth: 3 }", "which does not say which order")
			return 0
		}
		return s.whole(f.values["nth"], "nth", "write a whole number such as 3")
	}
	if s.choice(n, "which", "any", "first", "{ nth: 3 }") == "first" {
		return 1
	}
	return 0
}

// whole reads a whole number from 1 on.
func (s *source) whole(n *yaml.Node, what, hint string) int {
	v, ok := s.word(n, what)
	if !ok {
		return 0
	}
	i, err := strconv.Atoi(v)
	if err != nil || i < 1 || i > maxWhole || !plainNumber.MatchString(v) {
		s.errorf(n, hint, "%s: %q is not a whole number from 1 to %d", what, shortened(v), maxWhole)
		return 0
	}
	return i
}

// maxWhole is more than any count of a shop, and fits every integer of SQL.
const maxWhole = 1_000_000_000

func (s *source) abandonedCart(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "abandoned_cart", "after", "where", "out_of_stock")
	if !ok {
		return nil
	}
	s.atOnce(key, f, "a cart")
	out := campaign.AbandonedCart{After: s.after(f), Where: s.ofAnchor(f, theCart)}
	if v, ok := f.values["out_of_stock"]; ok {
		out.OutOfStock = campaign.OutOfStock(s.choice(v, "out_of_stock", string(campaign.DropGone), string(campaign.CancelGone), string(campaign.KeepGone)))
	}
	return out
}

func (s *source) abandonedCheckout(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "abandoned_checkout", "after", "where")
	if !ok {
		return nil
	}
	s.atOnce(key, f, "a checkout")
	return campaign.AbandonedCheckout{After: s.after(f), Where: s.ofAnchor(f, campaign.CheckoutStarted)}
}

func (s *source) abandonedBrowse(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "abandoned_browse", "after", "where", "views", "same")
	if !ok {
		return nil
	}
	s.atOnce(key, f, "a product viewed")
	t := campaign.AbandonedBrowse{After: s.after(f), Where: s.ofAnchor(f, campaign.ProductViewed), Views: *campaign.AtLeastOnce()}
	if v, ok := f.values["views"]; ok {
		t.Views, _ = s.tally(v, "views")
	}
	if v, ok := f.values["same"]; ok {
		t.SameCategory = s.choice(v, "same", "product", "category") == "category"
	}
	return t
}

func (s *source) atOnce(key *yaml.Node, f fields, what string) {
	if !f.has("after") && !f.odd {
		s.warnf(key, "write { after: 1h }", "without after, %s counts as abandoned at once", what)
	}
}

func (s *source) onEvent(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "an event trigger", "name", "after", "where")
	if !ok {
		return nil
	}
	t := campaign.OnEvent{After: s.after(f)}
	if name, ok := f.values["name"]; ok {
		t.Name = s.customerEvent(name, "name")
	} else if !f.odd {
		s.errorf(key, "write { name: Order Delivered }", "an event trigger does not name its event")
	}
	t.Where = s.ofAnchor(f, t.Name)
	return t
}

func (s *source) inactivity(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "inactivity", "after", "of", "where")
	if !ok {
		return nil
	}
	t := campaign.Inactivity{After: s.after(f)}
	if !f.has("after") && !f.odd {
		s.errorf(key, "write { after: 90d }", "inactivity does not say after how long")
	} else if f.has("after") && t.After.IsZero() {
		s.errorf(f.values["after"], "write 90d", "inactivity cannot begin at once")
	}
	of := []string{campaign.OrderCompleted}
	if v, ok := f.values["of"]; ok {
		of = nil
		items, _ := s.items(v, "of")
		for _, item := range items {
			if name := s.customerEvent(item, "of"); name != "" {
				t.Of = append(t.Of, name)
			}
		}
		of = t.Of
	}
	t.Where = s.ofAnchor(f, of...)
	return t
}

// segmentChange reads entered or left.
func (s *source) segmentChange(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "a segment trigger", "entered", "left", "after")
	if !ok {
		return nil
	}
	t := campaign.SegmentChange{After: s.after(f), Left: f.has("left")}
	switch found := f.among([]string{"entered", "left"}); {
	case len(found) > 1:
		s.errorf(f.keys["left"], "keep one of them, or make two campaigns", "a segment trigger has both entered and left")
	case len(found) == 1:
		t.Segment = s.named(f, found[0], segmentRef)
	case !f.odd:
		s.errorf(key, "write { entered: vip } or { left: vip }", "a segment trigger does not say which segment")
	}
	return t
}

func (s *source) after(f fields) campaign.Duration {
	if v, ok := f.values["after"]; ok {
		return s.duration(v, "after")
	}
	return campaign.Duration{}
}

// ofAnchor reads the tests that an anchor must pass, itself one of events.
func (s *source) ofAnchor(f fields, events ...string) []campaign.Property {
	if v, ok := f.values["where"]; ok {
		return s.where(v, room{in: inTrigger, events: events})
	}
	return nil
}
