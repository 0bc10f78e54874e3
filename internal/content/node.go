package content

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// fields are the entries of a map, by key.
type fields struct {
	node   *yaml.Node
	values map[string]*yaml.Node
	keys   map[string]*yaml.Node
	// odd tells that a key was reported: what seems to be missing may be it.
	odd bool
}

// has tells whether key is written.
func (f fields) has(key string) bool { return f.values[key] != nil }

// key is the node of a key, or the map's own when it is not written: the best
// place for a problem with it.
func (f fields) key(key string) *yaml.Node {
	if k := f.keys[key]; k != nil {
		return k
	}
	return f.node
}

// among lists which of keys are written, in that order.
func (f fields) among(keys []string) []string {
	var found []string
	for _, k := range keys {
		if f.has(k) {
			found = append(found, k)
		}
	}
	return found
}

// mapping reads a map whose keys are among known; what names it in messages.
// Unknown and repeated keys are reported and left out.
func (s *source) mapping(n *yaml.Node, what string, known ...string) (fields, bool) {
	hint := "write { " + known[0] + ": … }"
	if n == s.root {
		hint = "write " + known[0] + ": …"
	}
	f, ok := s.object(n, what, hint)
	if !ok {
		return f, false
	}
	for _, key := range sorted(f.values) {
		if contains(known, key) {
			continue
		}
		k, v := f.keys[key], f.values[key]
		hint := suggest(key, known)
		if op := operatorFor(key); contains(known, op) {
			hint = "write " + op
		}
		if what == "a campaign" && contains([]string{"cap", "quiet_hours", "providers", "allow_ignore_cap"}, key) {
			hint = "it holds for all campaigns; move it to tidings.yaml"
		}
		if n.Style&yaml.FlowStyle != 0 && isNull(v) && v.Value == "" {
			hint = "between braces a comma begins the next key; put a text with a comma in quotes"
		}
		s.errorf(k, hint, "unknown key %q in %s", key, what)
		delete(f.values, key)
		delete(f.keys, key)
		f.odd = true
	}
	return f, true
}

// entries reads a map whose keys are free.
func (s *source) entries(n *yaml.Node, what string) (fields, bool) {
	return s.object(n, what, "write { key: value }")
}

// object reads a map; hint is how to write one.
func (s *source) object(n *yaml.Node, what, hint string) (fields, bool) {
	f := fields{node: n, values: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}}
	switch {
	case s.braces(n), n.Kind == yaml.AliasNode: // said already
		return f, false
	case n.Kind != yaml.MappingNode:
		s.errorf(n, hint, "%s is a map of keys and values, not %s", what, kindOf(n))
		return f, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if s.braces(k) {
			continue
		}
		if k.Kind != yaml.ScalarNode {
			s.errorf(k, "write key: value", "a key is a word, not %s", kindOf(k))
			f.odd = true
			continue
		}
		if first := f.keys[k.Value]; first != nil {
			s.errorf(k, "keep one of the two", "key %q is written twice in %s; first on %s", k.Value, what, placeOf(first))
			continue
		}
		f.keys[k.Value], f.values[k.Value] = k, v
	}
	return f, true
}

// options reads a map that may also be left empty, as in `past_purchase:`.
func (s *source) options(n *yaml.Node, what string, known ...string) (fields, bool) {
	if isNull(n) {
		return fields{node: n}, true
	}
	return s.mapping(n, what, known...)
}

// list reads a list with at least one entry.
func (s *source) list(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	switch {
	case s.braces(n), n.Kind == yaml.AliasNode: // said already
		return nil, false
	case n.Kind != yaml.SequenceNode:
		s.errorf(n, listHint(n), "%s is a list, not %s", what, kindOf(n))
		return nil, false
	case len(n.Content) == 0:
		s.errorf(n, "put something into it, or take it out", "%s is an empty list", what)
		return nil, false
	}
	return n.Content, true
}

func listHint(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		return "write [ " + shortened(n.Value) + " ]"
	}
	return "write [ …, … ], or a line with a - for each"
}

// items reads one value or a list of them.
func (s *source) items(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	if n.Kind == yaml.SequenceNode {
		return s.list(n, what)
	}
	return []*yaml.Node{n}, true
}

// braces reports an output ({{ … }}) without quotes, which YAML reads as a map
// within a map.
func (s *source) braces(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle == 0 || len(n.Content) == 0 {
		return false
	}
	if inner := n.Content[0]; inner.Kind != yaml.MappingNode || inner.Style&yaml.FlowStyle == 0 {
		return false
	}
	s.errorf(n, quoteHint, "the text begins with {{, which YAML reads as a map")
	return true
}

func kindOf(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	return quote(shortened(n.Value))
}

// shortened keeps messages to a line.
func shortened(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
