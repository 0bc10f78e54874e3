package content

import (
	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// triggers are the verbs of `trigger:`.
var triggers = [...]string{"past_purchase", "abandoned_cart", "inactivity", "event", "schedule"}

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
	v := outer.values[verb]
	switch verb {
	case "past_purchase":
		f, ok := s.options(v, verb, "after", "where")
		if !ok {
			return nil
		}
		return campaign.PastPurchase{After: s.after(f), Where: s.ofAnchor(f)}
	case "abandoned_cart":
		f, ok := s.options(v, verb, "after", "where")
		if !ok {
			return nil
		}
		t := campaign.AbandonedCart{After: s.after(f), Where: s.ofAnchor(f)}
		if !f.has("after") && !f.odd {
			s.warnf(outer.keys[verb], "write { after: 1h }", "without after, a cart counts as abandoned at once")
		}
		return t
	case "inactivity":
		return s.inactivity(outer.keys[verb], v)
	case "event":
		f, ok := s.options(v, "an event trigger", "name", "after", "where")
		if !ok {
			return nil
		}
		t := campaign.OnEvent{After: s.after(f), Where: s.ofAnchor(f)}
		if name, ok := f.values["name"]; ok {
			t.Name = s.eventName(name, "name")
		} else if !f.odd {
			s.errorf(outer.keys[verb], "write { name: Order Delivered }", "an event trigger does not name its event")
		}
		return t
	}
	return s.schedule(v)
}

func (s *source) inactivity(key, n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "inactivity", "after", "of", "where")
	if !ok {
		return nil
	}
	t := campaign.Inactivity{After: s.after(f), Where: s.ofAnchor(f)}
	if !f.has("after") && !f.odd {
		s.errorf(key, "write { after: 90d }", "inactivity does not say after how long")
	} else if f.has("after") && t.After.IsZero() {
		s.errorf(f.values["after"], "write 90d", "inactivity cannot begin at once")
	}
	if of, ok := f.values["of"]; ok {
		items, _ := s.items(of, "of")
		for _, item := range items {
			if name := s.eventName(item, "of"); name != "" {
				t.Of = append(t.Of, name)
			}
		}
	}
	return t
}

func (s *source) after(f fields) campaign.Duration {
	if v, ok := f.values["after"]; ok {
		return s.duration(v, "after")
	}
	return campaign.Duration{}
}

func (s *source) ofAnchor(f fields) []campaign.Property {
	if v, ok := f.values["where"]; ok {
		return s.where(v)
	}
	return nil
}
