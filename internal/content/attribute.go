package content

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// typeNames are the types that an attribute can be declared with.
var typeNames = [...]string{"text", "number", "bool", "date", "list"}

func kindNamed(name string) campaign.Kind {
	switch name {
	case "date":
		return campaign.Time
	case "list":
		return campaign.ListKind
	}
	return campaign.Kind(name)
}

// attributes reads what is declared of attributes.
func (w *workspaceSource) attributes(n *yaml.Node) {
	all, _ := w.entries(n, "attributes")
	for _, name := range sorted(all.values) {
		if strings.TrimSpace(name) == "" {
			w.errorf(all.keys[name], "write the attribute's name before the colon", "an attribute has a name")
			continue
		}
		if _, computed := w.workspace.ComputedAttribute(name); computed {
			w.errorf(all.keys[name], "take it out, or give yours another name", "attribute %s is computed, and cannot be declared", name)
			continue
		}
		// What is declared wrongly is declared all the same: its users are not at fault.
		w.workspace.Attributes[name] = campaign.AttributeType{}
		f, ok := w.mapping(all.values[name], "attribute "+name, "type", "in", "pii")
		if !ok {
			continue
		}
		var out campaign.AttributeType
		if v, ok := f.values["type"]; ok {
			out.Kind = kindNamed(w.choice(v, "type", typeNames[:]...))
		} else if !f.odd {
			w.errorf(all.keys[name], "add type: text, number, bool, date or list", "attribute %q has no type", name)
		}
		if v, ok := f.values["pii"]; ok {
			out.PII, _ = w.boolean(v, "pii")
		}
		if v, ok := f.values["in"]; ok {
			out.In = w.allowed(v, out.Kind)
		}
		w.workspace.Attributes[name] = out
	}
}

// allowed reads the only values that an attribute of a kind has.
func (w *workspaceSource) allowed(n *yaml.Node, kind campaign.Kind) []campaign.Value {
	if kind == campaign.Bool || kind == campaign.Time {
		w.errorf(n, "take it out", "in: only texts, numbers and lists have a few values")
		return nil
	}
	var out []campaign.Value
	items, _ := w.list(n, "in")
	for _, item := range items {
		v, ok := w.value(item, "in")
		switch {
		case !ok:
		case kind == campaign.Text && v.Kind != campaign.Text:
			w.errorf(item, `write "`+v.Text+`"`, "in: %s is %s, not a text", v.Text, article(v.Kind))
		case kind == campaign.Number && v.Kind != campaign.Number:
			w.errorf(item, "write numbers, or type: text", "in: %q is not a number", shortened(v.Text))
		default:
			out = append(out, v)
		}
	}
	return out
}
