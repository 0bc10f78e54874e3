package content

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// tiers reads a list of named arms, the first of which that holds is a customer's.
func (w *workspaceSource) tiers(n *yaml.Node) {
	items, _ := w.list(n, "tiers")
	first := map[string]*yaml.Node{}
	tiers := make([]campaign.Tier, 0, len(items))
	for i, item := range items {
		m, ok := w.mapping(item, "a tier", "name", "when")
		if !ok {
			continue
		}
		var t campaign.Tier
		if v, ok := m.values["name"]; ok {
			t.Name = w.source.name(v, "name")
		} else if !m.odd {
			w.errorf(m.node, "add name: gold", "a tier has no name")
		}
		if first[t.Name] != nil {
			w.errorf(m.key("name"), "give each tier a name of its own", "two tiers are named %q; first on %s", t.Name, placeOf(first[t.Name]))
		} else if t.Name != "" {
			first[t.Name] = m.key("name")
		}
		if v, ok := m.values["when"]; ok {
			t.When = w.condition(v, inTiers)
		} else if !m.odd && i < len(items)-1 {
			w.errorf(item, "give it a when, or put it last", "a tier without when takes all the others' customers")
		}
		tiers = append(tiers, t)
	}
	w.workspace.Tiers = tiers
}

const cutPoints = 4

// rfm reads how customers are scored.
func (w *workspaceSource) rfm(n *yaml.Node) {
	f, _ := w.options(n, "rfm", "within", "recency", "frequency", "monetary")
	r := &w.workspace.RFM
	if v, ok := f.values["within"]; ok {
		r.Within = w.back(v, "within")
	}
	if v, ok := f.values["recency"]; ok {
		r.Recency = cuts(w, v, "recency", "30d, 60d, 120d, 240d",
			func(n *yaml.Node) (campaign.Duration, bool) { d := w.length(n, "recency"); return d, !d.IsZero() },
			func(a, b campaign.Duration) bool { return a.Fixed < b.Fixed })
	}
	numbers := func(key, example string, money bool) []float64 {
		v, ok := f.values[key]
		if !ok {
			return nil
		}
		return cuts(w, v, key, example, func(n *yaml.Node) (float64, bool) {
			v, ok := w.number(n, amount(key, money))
			return v.Number, ok
		}, func(a, b float64) bool { return a < b })
	}
	r.Frequency = numbers("frequency", "2, 3, 5, 8", false)
	r.Monetary = numbers("monetary", "50, 100, 200, 500", true)
}

// cuts reads four points in ascending order.
func cuts[T any](w *workspaceSource, n *yaml.Node, key, example string, read func(*yaml.Node) (T, bool), less func(a, b T) bool) []T {
	if n.Kind != yaml.SequenceNode || len(n.Content) != cutPoints {
		w.errorf(n, "write ["+example+"]", "%s takes a list of four cut points", key)
		return nil
	}
	var out []T
	for _, item := range n.Content {
		v, ok := read(item)
		if !ok {
			return nil
		}
		if i := len(out); i > 0 && !less(out[i-1], v) {
			w.errorf(item, "write them in ascending order", "%s: %s does not lie above the one before it", key, shortened(item.Value))
			return nil
		}
		out = append(out, v)
	}
	return slices.Clip(out)
}
