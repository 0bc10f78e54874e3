package content

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"golang.org/x/net/idna"

	"tidings/internal/campaign"
)

// hours reads { from: 21:00, to: 08:00 }, with days where the key has them: then the
// times may be left out, and the days are whole.
func (s *source) hours(n *yaml.Node, what string, withDays bool) *campaign.Hours {
	known := []string{"from", "to"}
	if withDays {
		known = append(known, "days")
	}
	f, ok := s.mapping(n, what, known...)
	if !ok {
		return nil
	}
	h := &campaign.Hours{}
	sound := !f.odd
	if v, ok := f.values["days"]; ok {
		sound = s.days7(v, h) && sound
	} else {
		for d := range h.Days {
			h.Days[d] = true
		}
	}
	from, to := f.values["from"], f.values["to"]
	switch {
	case from == nil && to == nil && f.has("days"):
	case from == nil || to == nil:
		if lacks := "from"; !f.odd {
			if from != nil {
				lacks = "to"
			}
			s.errorf(n, "write "+hoursExample[withDays], "%s has no %s", what, lacks)
		}
		sound = false
	default:
		var begins, ends bool
		h.From, begins = parsed(s, from, "from", campaign.ParseTimeOfDay)
		h.To, ends = parsed(s, to, "to", campaign.ParseTimeOfDay)
		sound = sound && begins && ends
		if begins && ends && h.From == h.To {
			hint := "write another time"
			if withDays {
				hint = "write another time, or days: alone for whole days"
			}
			s.errorf(to, hint, "%s: from and to are the same time", what)
			sound = false
		}
	}
	if !sound {
		return nil
	}
	return h
}

// hoursExample is how hours are written, for those without days and with them.
var hoursExample = map[bool]string{false: "{ from: 21:00, to: 08:00 }", true: "{ from: 08:00, to: 21:00 }"}

// days7 reads a list of days of the week.
func (s *source) days7(n *yaml.Node, h *campaign.Hours) bool {
	items, ok := s.list(n, "days")
	for _, item := range items {
		d, known := parsed(s, item, "days", campaign.ParseDayName)
		switch {
		case !known:
			ok = false
		case h.Days[d]:
			s.errorf(item, "keep one of the two", "days: %s is listed twice", item.Value)
			ok = false
		default:
			h.Days[d] = true
		}
	}
	return ok
}

// gates reads what limits the workspace's mails.
func (w *workspaceSource) gates() {
	w.on("quiet_hours", func(n *yaml.Node) { w.workspace.QuietHours = w.hours(n, "quiet_hours", false) })
	w.on("cap", w.caps)
	w.on("allow_ignore_cap", func(n *yaml.Node) {
		items, _ := w.items(n, "allow_ignore_cap")
		for _, item := range items {
			if name := w.source.name(item, "allow_ignore_cap"); name != "" {
				w.refer(campaignRef, name, item)
				w.ignoreAt[name] = placeOf(item)
				w.workspace.AllowIgnoreCap = append(w.workspace.AllowIgnoreCap, name)
			}
		}
	})
	w.on("providers", w.providers)
}

// caps reads 3 per 7d, { max: 3 per 7d }, or a list of them.
func (w *workspaceSource) caps(n *yaml.Node) {
	items, _ := w.items(n, "cap")
	var at []*yaml.Node
	for _, item := range items {
		if item.Kind == yaml.MappingNode {
			f, ok := w.mapping(item, "a cap", "max")
			if !ok || f.odd {
				continue
			}
			if item = f.values["max"]; item == nil {
				w.errorf(f.node, "write { max: 3 per 7d }", "a cap does not say how many")
				continue
			}
		}
		c, ok := parsed(w.source, item, "cap", campaign.ParseCap)
		if !ok {
			continue
		}
		w.workspace.Caps, at = append(w.workspace.Caps, c), append(at, item)
	}
	w.idleCaps(at)
}

// idleCaps warns of a cap that another one keeps anybody from ever reaching.
func (w *workspaceSource) idleCaps(at []*yaml.Node) {
	caps := w.workspace.Caps
	for i, c := range caps {
		for j, other := range caps {
			within := c.Per.Months == other.Per.Months && c.Per.Fixed <= other.Per.Fixed
			if i == j || !within || c.Max < other.Max || c == other && i < j {
				continue
			}
			w.warnf(at[i], "take it out", "cap %s is never reached: %s already allows no more", at[i].Value, at[j].Value)
			break
		}
	}
}

// topicsWhen reads the topics' conditions, once all that they can compare with is
// known.
func (w *workspaceSource) topicsWhen(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return // said already
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		topic, known := w.workspace.Topics[key]
		if !known || value.Kind != yaml.MappingNode {
			continue
		}
		for j := 0; j+1 < len(value.Content); j += 2 {
			if value.Content[j].Value == "when" {
				topic.When = w.condition(value.Content[j+1], inTopic)
			}
		}
		w.workspace.Topics[key] = topic
	}
}

// providers reads how fast the servers that take our mail are given it.
func (w *workspaceSource) providers(n *yaml.Node) {
	all, _ := w.entries(n, "providers")
	for _, key := range sorted(all.values) {
		if key != campaign.DefaultProvider {
			w.errorf(all.keys[key], "write "+campaign.DefaultProvider+": it is the server that SMTP_URL names", "unknown provider %q", shortened(key))
			continue
		}
		f, ok := w.mapping(all.values[key], "a provider", "rate", "daily", "domains")
		if !ok {
			continue
		}
		var p campaign.Provider
		if v, ok := f.values["rate"]; ok {
			p.Rate = w.pace(v, "rate")
		}
		if v, ok := f.values["daily"]; ok {
			p.Daily = w.counted(v, "daily", "a number of mails a day", "write a whole number such as 50000", maxDaily)
		}
		if v, ok := f.values["domains"]; ok {
			p.Domains = w.domains(v)
		}
		if w.workspace.Providers == nil {
			w.workspace.Providers = map[string]campaign.Provider{}
		}
		w.workspace.Providers[key] = p
	}
}

// maxDaily is more than any shop mails in a day.
const maxDaily = 1_000_000_000

func (s *source) pace(n *yaml.Node, what string) campaign.Pace {
	p, _ := parsed(s, n, what, campaign.ParsePace)
	return p
}

// domains reads paces by the domain of whom a mail goes to.
func (w *workspaceSource) domains(n *yaml.Node) map[string]campaign.Pace {
	all, _ := w.entries(n, "domains")
	out, first := map[string]campaign.Pace{}, map[string]*yaml.Node{}
	for _, key := range inOrder(all) {
		at := all.keys[key]
		name, ok := domainName(key)
		switch {
		case !ok:
			w.errorf(at, "write what stands behind the @, as in gmail.com", "%q is not a mail domain", shortened(key))
		case first[name] != nil:
			w.errorf(at, "keep one of the two", "domain %s is listed twice; first on %s", name, placeOf(first[name]))
		default:
			first[name] = at
			if p := w.pace(all.values[key], name); !p.IsZero() {
				out[name] = p
			}
		}
	}
	return out
}

// inOrder are a map's keys as the file has them.
func inOrder(f fields) []string {
	keys := sorted(f.values)
	slices.SortFunc(keys, func(a, b string) int {
		x, y := f.keys[a], f.keys[b]
		return cmp.Or(x.Line-y.Line, x.Column-y.Column)
	})
	return keys
}

// domainName is a mail domain as it is compared: in small letters, other scripts as
// DNS has them (xn--…).
func domainName(s string) (string, bool) {
	name, err := idna.Lookup.ToASCII(s)
	if err != nil || len(name) > 253 || !strings.Contains(strings.Trim(name, "."), ".") {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
	}
	return name, true
}

// gates reads what a campaign's mails wait for, and how fast they go.
func (f *campaignFile) gates() {
	c := f.campaign
	f.on("priority", func(n *yaml.Node) {
		c.Priority = f.counted(n, "priority", "a number from 1 to 100", "write 80 for more than the usual 50, or 20 for less", maxPriority)
	})
	f.on("when_capped", func(n *yaml.Node) { c.WhenCapped = f.whenCapped(n) })
	f.on("send_window", func(n *yaml.Node) { c.SendWindow = f.hours(n, "send_window", true) })
	f.on("fresh", func(n *yaml.Node) { c.Fresh = f.fresh(n) })
	f.on("rate", func(n *yaml.Node) { c.Rate = f.pace(n, "rate") })
}

const (
	usualPriority = 50
	maxPriority   = 100
)

func (f *campaignFile) whenCapped(n *yaml.Node) campaign.WhenCapped {
	return campaign.WhenCapped(f.choice(n, "when_capped", string(campaign.CappedWait), string(campaign.CappedDrop), string(campaign.CappedIgnore)))
}

// fresh reads off, or { event: Order Completed, gap: 6h }.
func (f *campaignFile) fresh(n *yaml.Node) *campaign.Fresh {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		if n.Value != "off" {
			f.errorf(n, "write off, or { event: Order Completed, gap: 6h }", "fresh cannot be %q", shortened(n.Value))
		}
		return nil
	}
	m, ok := f.mapping(n, "fresh", "event", "gap")
	if !ok {
		return nil
	}
	out := &campaign.Fresh{}
	if v, ok := m.values["event"]; ok {
		out.Event = f.customerEvent(v, "event")
	} else if !m.odd {
		f.errorf(n, "add event: "+campaign.OrderCompleted, "fresh does not name its event")
	}
	if v, ok := m.values["gap"]; ok {
		out.Gap = f.length(v, "gap")
	}
	return out
}

// sendGates reads what one mail waits for.
func (f *campaignFile) sendGates(m fields, out *campaign.Send) {
	if v, ok := m.values["send_at"]; ok {
		if at, ok := parsed(f.source, v, "send_at", campaign.ParseTimeOfDay); ok {
			out.SendAt = &at
		}
	}
	if v, ok := m.values["send_window"]; ok {
		out.SendWindow = f.hours(v, "send_window", true)
	}
	if v, ok := m.values["when_capped"]; ok {
		out.WhenCapped = f.whenCapped(v)
	}
}

// defaultGates fills in what a campaign does not say of them. No cap holds a
// transactional mail.
func defaultGates(f *campaignFile) {
	c := f.campaign
	if !f.top.has("priority") {
		c.Priority = usualPriority
	}
	if !f.top.has("when_capped") {
		c.WhenCapped = campaign.CappedWait
		if _, ok := c.Trigger.(campaign.Schedule); ok {
			c.WhenCapped = campaign.CappedDrop
		}
		if c.Transactional {
			c.WhenCapped = campaign.CappedIgnore
		}
	}
	if f.top.has("fresh") || c.Transactional {
		return
	}
	// What an order cancels must not go out because no orders come in.
	switch c.Trigger.(type) {
	case campaign.AbandonedCart, campaign.AbandonedCheckout, campaign.AbandonedBrowse, campaign.Inactivity:
		c.Fresh = &campaign.Fresh{Event: campaign.OrderCompleted}
	}
}
