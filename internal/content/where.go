package content

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// room is where tests of properties stand.
type room struct {
	in     scope
	events []string // whose properties they are
	under  string   // path of the objects that they are of; "": the event itself
}

func (r room) path(name string) string {
	if r.under == "" {
		return name
	}
	return r.under + "." + name
}

// where reads tests of properties, all of which must hold. A bare value is what
// the property must be.
func (s *source) where(n *yaml.Node, r room) []campaign.Property {
	f, ok := s.entries(n, "where")
	if !ok {
		return nil
	}
	return s.properties(f, r)
}

func (s *source) properties(f fields, r room) []campaign.Property {
	var out []campaign.Property
	for _, path := range sorted(f.values) {
		if strings.TrimSpace(path) == "" {
			s.errorf(f.keys[path], "write the property's name before the colon", "a property has a name")
			continue
		}
		if p, ok := s.property(f.keys[path], f.values[path], r); ok {
			out = append(out, p)
		}
	}
	return out
}

// property reads `path: value`, `path: { operator: operand }`, or for a list of
// objects `path: { property: …, property: … }`, which one of them passes whole.
func (s *source) property(key, n *yaml.Node, r room) (campaign.Property, bool) {
	p := campaign.Property{Path: key.Value}
	o := operand{what: "property " + r.path(p.Path), known: operators(), in: r.in, money: campaign.IsMoney(p.Path)}
	at := n
	switch {
	case n.Kind == yaml.SequenceNode:
		s.errorf(n, "write "+p.Path+": { in: […] }", "%s is compared with a list", o.what)
		return p, false
	case n.Kind == yaml.MappingNode && s.isObject(n, r):
		f, ok := s.entries(n, o.what)
		if !ok || s.mixed(f, o.what) {
			return p, false
		}
		s.use(use{name: r.path(p.Path), events: r.events, claim: claim{objects: true, cannot: "be a list of objects"}}, key, n)
		p.Each = s.properties(f, room{in: r.in, events: r.events, under: r.path(p.Path)})
		return p, true
	case n.Kind == yaml.MappingNode:
		f, ok := s.operation(n, o.what, operators())
		if !ok {
			return p, false
		}
		p.Test, at = s.test(f, o), s.operandOf(f)
	default:
		v, ok := s.valueOf(n, o)
		if !ok {
			return p, false
		}
		p.Test = campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{v}}
	}
	s.use(use{name: r.path(p.Path), events: r.events, claim: claimOf(p.Test), test: p.Test}, key, at)
	return p, true
}

// isObject tells whether a map has tests of an object's properties rather than an
// operator: when some key is no operator, nor looks like one.
func (s *source) isObject(n *yaml.Node, r room) bool {
	if r.under != "" || n.Style&yaml.FlowStyle != 0 && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode {
		return false
	}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind == yaml.ScalarNode && !contains(operators(), k.Value) && !looksLikeOperator(k.Value) {
			return true
		}
	}
	return false
}

// looksLikeOperator tells whether a key is a slip for an operator. Short words are
// properties: `id` is no slip for `is`.
func looksLikeOperator(key string) bool {
	if operatorFor(key) != "" {
		return true
	}
	near := campaign.Nearest(key, operators())
	return near != "" && len(key) > 5 && slip(key, near)
}

// mixed reports an operator among properties.
func (s *source) mixed(f fields, what string) bool {
	found := f.among(operators())
	if len(found) == 0 {
		return false
	}
	s.errorf(f.keys[found[0]], "write the operator within a property, as in { price: { at_least: 20 } }",
		"%s has the operator %s among properties", what, found[0])
	return true
}

// operation reads the map { operator: operand }.
func (s *source) operation(n *yaml.Node, what string, known []string) (fields, bool) {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		hint := "write { at_least: " + shortened(n.Value) + " }"
		s.errorf(n, hint, "%s needs an operator", what)
		return fields{}, false
	}
	return s.mapping(n, what, known...)
}
