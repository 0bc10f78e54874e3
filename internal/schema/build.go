package schema

// key is a property with one sentence about it, as an editor shows it.
func key(name string, value *node, about string) property {
	v := *value
	v.Description = about
	return property{name: name, value: &v}
}

// must is a key that has to be there.
func must(name string, value *node, about string) property {
	p := key(name, value, about)
	p.required = true
	return p
}

// object is a map of the keys given and no others.
func object(title string, ps ...property) *node {
	n := &node{Title: title, Type: "object", Properties: ps, Additional: new(bool)}
	for _, p := range ps {
		if p.required {
			n.Required = append(n.Required, p.name)
		}
	}
	return n
}

// mapOf is a map with keys of one's own that match pattern.
func mapOf(title, pattern string, value *node) *node {
	return &node{
		Title: title, Type: "object", Additional: new(bool),
		PatternProperties: map[string]*node{pattern: value},
	}
}

// emptied lets a map be left out, as in `past_purchase:`.
func emptied(n *node) *node {
	v := *n
	v.Type = []string{"object", "null"}
	return &v
}

// filled is a map with n of its keys or more.
func filled(of *node, n int) *node {
	v := *of
	v.MinProperties = n
	return &v
}

// sized is a map with exactly n of its keys. The most stands apart: a language
// server counts the key being typed, and would offer none.
func sized(of *node, n int) *node {
	v := *of
	v.MinProperties = n
	v.AllOf = append(v.AllOf, &node{MaxProperties: n})
	return &v
}

// exactlyOne of the keys is there.
func (n *node) exactlyOne(keys ...string) *node {
	n.AllOf = append(n.AllOf, &node{OneOf: having(keys)})
	return n
}

// atMostOne of the keys is there.
func (n *node) atMostOne(keys ...string) *node {
	none := &node{Not: &node{AnyOf: having(keys)}}
	n.AllOf = append(n.AllOf, &node{OneOf: append(having(keys), none)})
	return n
}

// together: where the first key is, the others are.
func (n *node) together(first string, others ...string) *node {
	n.AllOf = append(n.AllOf, &node{If: &node{Required: []string{first}}, Then: &node{Required: others}})
	return n
}

// having is, for each key, the maps that have it.
func having(keys []string) []*node {
	var out []*node
	for _, k := range keys {
		out = append(out, &node{Required: []string{k}})
	}
	return out
}

// words is one of a few words.
func words(list ...string) *node {
	n := &node{}
	for _, w := range list {
		n.Enum = append(n.Enum, w)
	}
	return n
}

// either is one of several shapes.
func either(shapes ...*node) *node { return &node{AnyOf: shapes} }

// listOf is a list with at least one entry.
func listOf(item *node) *node { return &node{Type: "array", Items: item, MinItems: 1} }

// listOfN is a list with exactly n entries.
func listOfN(item *node, n int) *node {
	return &node{Type: "array", Items: item, MinItems: n, MaxItems: n}
}

// oneOrMore is an entry or a list of them.
func oneOrMore(item *node) *node { return either(item, listOf(item)) }

// ref points to a definition.
func ref(name string) *node { return &node{Ref: "#/$defs/" + name} }

// or is n with its default.
func (n *node) or(value any) *node {
	v := *n
	v.Default = value
	return &v
}

// like is n with examples.
func (n *node) like(examples ...any) *node {
	v := *n
	v.Examples = examples
	return &v
}

func number(f float64) *float64 { return &f }
