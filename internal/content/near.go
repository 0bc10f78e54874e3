package content

import (
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// usualAttributes are names under which shops send what they know of a customer,
// besides the standard ones. Source: the reserved traits of Segment's identify call,
// https://segment.com/docs/connections/spec/identify/#traits
func usualAttributes() []string {
	return []string{
		"address", "age", "avatar", "birthday", "company", "description", "gender", "id", "name", "phone", "title", "username", "website",
	}
}

// NearAttribute is the attribute of which a name in the text of a mail is a slip of
// the pen, as far as that can be told without data: one that customers have anyway,
// that the workspace tests elsewhere, or that shops usually send. "" is none.
func NearAttribute(ws *campaign.Workspace, mentions []Mention, path string) string {
	known := slices.Concat(sorted(standardAttributes()), usualAttributes(), sorted(ws.Attributes))
	for _, m := range mentions {
		if m.Kind == MentionAttribute || m.Kind == MentionDeclared {
			first, _, _ := strings.Cut(m.Name, ".")
			known = append(known, m.Name, first)
		}
	}
	first, rest, dotted := strings.Cut(path, ".")
	if contains(known, path) || dotted && contains(known, first) {
		return ""
	}
	if near := mistyped(path, known); near != "" || !dotted {
		return near
	}
	if near := mistyped(first, known); near != "" {
		return near + "." + rest
	}
	return ""
}

// NearProperty is the property of which a name in the text of a mail is a slip, of
// what starts a campaign: one that the events have by their specification, or that
// the workspace tests of them.
func NearProperty(t campaign.Trigger, mentions []Mention, path string) string {
	events := anchorEvents(t)
	var known []string
	if slices.ContainsFunc(events, func(e string) bool { return contains(knownEvents(), e) }) {
		known = append(standardProperties(), "products")
	}
	for _, m := range mentions {
		if m.Kind == MentionProperty && slices.ContainsFunc(m.Events, func(e string) bool { return contains(events, e) }) {
			known = append(known, strings.Split(m.Name, ".")...)
		}
	}
	return slipIn(path, known)
}

// NearProduct is the same of the lines of a cart and the products of the catalogue.
func NearProduct(path string) string {
	return slipIn(path, append(standardProperties(), "products", "was", "in_stock", "count", "id", "title", "size", "colour", "color"))
}

func standardProperties() []string {
	var out []string
	for _, names := range standardKinds() {
		out = append(out, names...)
	}
	slices.Sort(out)
	return out
}

// slipIn looks at each part of a path.
func slipIn(path string, known []string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if near := mistyped(part, known); near != "" {
			parts[i] = near
			return strings.Join(parts, ".")
		}
	}
	return ""
}

// mistyped is the known word that is so near that another one is hardly meant: a letter
// apart, or two in a long word.
func mistyped(word string, known []string) string {
	const long = 7
	near := campaign.Nearest(word, known)
	if near == "" || contains(known, word) || len(word) < 3 {
		return ""
	}
	if d := campaign.Distance(word, near); d > 2 || d == 2 && len(word) < long {
		return ""
	}
	return near
}
