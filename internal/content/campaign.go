package content

import (
	"crypto/sha256"
	"encoding/hex"
	"math"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// campaignFile is a file of campaigns/, decoded, with what later stages need to
// know of how it was written.
type campaignFile struct {
	*source
	campaign  *campaign.Campaign
	top       fields
	stepNotes []*stepNote
	locales   []string // of the workspace; nil: not known
}

// campaignKeys are the keys of a campaign.
var campaignKeys = [...]string{
	"name", "was", "status", "topic", "transactional", "trigger", "audience", "enter_when", "exit_on",
	"re_entry", "overlap", "goal", "holdout", "zone", "max_lateness", "expires", "expect",
	"active_from", "active_until", "priority", "when_capped", "send_window", "fresh", "rate",
	"on_uncertain", "from", "reply_to", "utm", "steps",
}

// decodeCampaign reads a campaign as it is written, with no default filled in
// but its name's. zone and locales are the workspace's.
func decodeCampaign(s *source, name string, locales []string) *campaignFile {
	sum := sha256.Sum256([]byte(s.text))
	f := &campaignFile{source: s, locales: locales, campaign: &campaign.Campaign{
		Name: name, Hash: hex.EncodeToString(sum[:])[:16], Source: s.text,
	}}
	if s.root == nil {
		return f
	}
	top, ok := s.mapping(s.root, "a campaign", campaignKeys[:]...)
	if !ok {
		return f
	}
	f.top = top
	// The zone comes first: every moment of the file is in it.
	f.on("zone", f.zoneKey)
	f.identity()
	f.audience()
	f.timing()
	f.gates()
	f.on("steps", func(n *yaml.Node) { f.campaign.Steps = f.readSteps(n, 0) })
	return f
}

// on calls read with the value of a key that is written.
func (f *campaignFile) on(key string, read func(*yaml.Node)) {
	if v, ok := f.top.values[key]; ok {
		read(v)
	}
}

func (f *campaignFile) zoneKey(n *yaml.Node) {
	v, ok := f.word(n, "zone")
	if !ok {
		return
	}
	f.campaign.Zone = v
	if v == "customer" || v == "workspace" {
		return
	}
	hint := "write customer, workspace or a name such as Asia/Manila"
	if best := campaign.Nearest(v, []string{"customer", "workspace"}); best != "" {
		hint = "did you mean " + quote(best) + "?"
	}
	if _, zone := f.zoneName(n, "zone", hint); zone != nil {
		f.zone = zone
	}
}

// identity reads what a campaign is and whom its mails come from.
func (f *campaignFile) identity() {
	c := f.campaign
	f.on("name", func(n *yaml.Node) { c.Label = f.prose(n, "name") })
	f.on("was", f.was)
	f.on("status", func(n *yaml.Node) {
		c.Status = campaign.Status(f.choice(n, "status", string(campaign.Draft), string(campaign.Active), string(campaign.Paused)))
	})
	f.on("transactional", func(n *yaml.Node) { c.Transactional, _ = f.boolean(n, "transactional") })
	c.Topic = f.named(f.top, "topic", topicRef)
	c.From = f.named(f.top, "from", senderRef)
	c.ReplyTo = f.named(f.top, "reply_to", senderRef)
	f.on("utm", func(n *yaml.Node) { c.UTM = f.utm(n) })
	f.on("on_uncertain", func(n *yaml.Node) {
		c.HoldUncertain = f.choice(n, "on_uncertain", "resend", "hold") == "hold"
	})
}

func (f *campaignFile) was(n *yaml.Node) {
	if isNull(n) || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		f.warnf(n, "write the file's earlier name, or take the line out", "was names no campaign")
		return
	}
	items, _ := f.items(n, "was")
	for _, item := range items {
		if name := f.name(item, "was"); name != "" {
			f.campaign.Was = append(f.campaign.Was, name)
		}
	}
}

// audience reads who enters, who leaves, and what it is for.
func (f *campaignFile) audience() {
	c := f.campaign
	f.on("trigger", func(n *yaml.Node) { c.Trigger = f.trigger(n) })
	f.on("audience", func(n *yaml.Node) { c.Audience = f.segmentOr(n) })
	f.on("enter_when", func(n *yaml.Node) { c.EnterWhen = f.condition(n, inEntry) })
	f.on("exit_on", func(n *yaml.Node) {
		items, _ := f.items(n, "exit_on")
		for _, item := range items {
			c.ExitOn = append(c.ExitOn, f.condition(item, inExit))
		}
	})
	f.on("goal", func(n *yaml.Node) { c.Goal = f.goal(n) })
	f.on("holdout", func(n *yaml.Node) { c.Holdout, _ = f.share(n, "holdout") })
}

// segmentOr reads a segment's name or a condition.
func (s *source) segmentOr(n *yaml.Node) campaign.Condition {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		return s.condition(n, inEntry)
	}
	name, _ := s.word(n, "audience")
	s.refer(segmentRef, name, n)
	return campaign.InSegment{Segment: name}
}

func (s *source) goal(n *yaml.Node) *campaign.Goal {
	f, ok := s.mapping(n, "goal", "event", "where", "within", "value")
	if !ok {
		return nil
	}
	g := &campaign.Goal{}
	if v, ok := f.values["event"]; ok {
		g.Event = s.customerEvent(v, "event")
	} else if !f.odd {
		s.errorf(n, "add event: Order Completed", "a goal does not name its event")
	}
	if v, ok := f.values["where"]; ok {
		g.Where = s.where(v, room{in: inGoal, events: []string{g.Event}})
	}
	if v, ok := f.values["within"]; ok {
		g.Within = s.length(v, "within")
	} else if !f.odd {
		s.errorf(n, "add within: 5d", "a goal does not say within what time")
	}
	if v, ok := f.values["value"]; ok {
		g.Value, _ = s.word(v, "value")
		s.use(use{events: []string{g.Event}, name: g.Value, claim: claim{kind: campaign.Number, cannot: "be added up", instead: "name a property that holds numbers, such as total"}}, v, v)
	}
	return g
}

// timing reads when customers may enter, how often and how many.
func (f *campaignFile) timing() {
	c := f.campaign
	f.on("re_entry", func(n *yaml.Node) { c.ReEntry = f.reEntry(n) })
	f.on("overlap", func(n *yaml.Node) {
		c.Overlap = campaign.Overlap(f.choice(n, "overlap", string(campaign.OverlapFirst), string(campaign.OverlapNewest), string(campaign.OverlapBoth)))
	})
	f.on("max_lateness", func(n *yaml.Node) { c.MaxLateness = f.length(n, "max_lateness").Fixed })
	f.on("expires", func(n *yaml.Node) { c.Expires = f.length(n, "expires") })
	f.on("active_from", func(n *yaml.Node) { c.ActiveFrom = f.moment(n, "active_from", f.zone) })
	f.on("active_until", func(n *yaml.Node) { c.ActiveUntil = f.moment(n, "active_until", f.zone) })
	f.on("expect", f.expect)
}

func (f *campaignFile) reEntry(n *yaml.Node) campaign.ReEntry {
	v, ok := f.word(n, "re_entry")
	switch {
	case !ok:
		return campaign.ReEntry{}
	case v == "never":
		return campaign.ReEntry{Never: true}
	case v == "always":
		return campaign.ReEntry{Always: true}
	}
	d, err := campaign.ParseDuration(v)
	switch {
	case err != nil:
		f.errorf(n, "write never, always or a duration such as 7d", "re_entry cannot be %q", shortened(v))
	case d.IsZero():
		f.errorf(n, "write always", "re_entry is no time at all")
	default:
		d = f.duration(n, "re_entry")
	}
	return campaign.ReEntry{Every: d}
}

func (f *campaignFile) expect(n *yaml.Node) {
	const hint = "write expect: { entries: { at_most: 5000 } }"
	outer, ok := f.mapping(n, "expect", "entries")
	if !ok {
		return
	}
	entries, ok := outer.values["entries"]
	if !ok {
		if !outer.odd {
			f.errorf(n, hint, "expect does not say what")
		}
		return
	}
	inner, ok := f.mapping(entries, "entries", "at_most")
	if !ok {
		return
	}
	most, ok := inner.values["at_most"]
	if !ok {
		if !inner.odd {
			f.errorf(entries, hint, "entries does not say how many at most")
		}
		return
	}
	f.campaign.Expect = f.counted(most, "at_most", "a number of customers", "write a whole number such as 5000", math.MaxInt)
}
