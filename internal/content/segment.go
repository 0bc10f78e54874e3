package content

import (
	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// decodeSegment reads a file of segments/.
func decodeSegment(s *source, name string) *campaign.Segment {
	out := &campaign.Segment{Name: name, Label: name}
	if s.root == nil {
		return out
	}
	f, ok := s.mapping(s.root, "a segment", "name", "match", "limit")
	if !ok {
		return out
	}
	if v, ok := f.values["name"]; ok {
		out.Label = s.prose(v, "name")
	}
	if v, ok := f.values["match"]; ok {
		out.Match = s.condition(v, inSegment)
	} else if !f.odd {
		s.errorf(f.node, "add match: and a condition", "a segment does not say whom it matches")
	}
	if v, ok := f.values["limit"]; ok {
		out.Limit = s.limit(v)
	}
	return out
}

// limit reads which members of a segment are kept.
func (s *source) limit(n *yaml.Node) *campaign.Limit {
	const hint = "write limit: { first: 500, by: orders.total }"
	f, ok := s.mapping(n, "limit", "first", "by", "order")
	if !ok {
		return nil
	}
	out := &campaign.Limit{}
	if v, ok := f.values["first"]; ok {
		out.First = s.whole(v, "first", "write a whole number such as 500")
	} else if !f.odd {
		s.errorf(n, hint, "limit does not say how many come first")
	}
	if v, ok := f.values["by"]; ok {
		out.By, _ = s.word(v, "by")
		s.use(use{attribute: true, name: out.By, claim: claim{order: true, cannot: "put customers in an order", instead: "name a number or a date, such as orders.total"}}, v, v)
	} else if !f.odd {
		s.errorf(n, hint, "limit does not say by which attribute")
	}
	if v, ok := f.values["order"]; ok {
		out.Lowest = s.choice(v, "order", "highest", "lowest") == "lowest"
	}
	return out
}
