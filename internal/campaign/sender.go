package campaign

import (
	"cmp"
	"maps"
	"slices"
)

// SenderOf is the key of senders under which a campaign's step sends; empty where
// none is named and there are several. A step that is not there any more counts as
// one that names none.
func (w *Workspace) SenderOf(c *Campaign, step string) string {
	var own string
	if i, ok := c.Program.Index(step); ok && c.Program.Nodes[i].Send != nil {
		own = c.Program.Nodes[i].Send.From
	}
	return w.sender(own, c.From)
}

// SendersOf are the keys of senders under which a campaign sends.
func (w *Workspace) SendersOf(c *Campaign) []string {
	out := map[string]bool{}
	for _, n := range c.Program.Nodes {
		if n.Send != nil {
			out[w.sender(n.Send.From, c.From)] = true
		}
	}
	delete(out, "")
	return slices.Sorted(maps.Keys(out))
}

func (w *Workspace) sender(of ...string) string {
	key := cmp.Or(append(of, w.Defaults.From)...)
	if key == "" && len(w.Senders) == 1 {
		for key = range w.Senders {
		}
	}
	return key
}
