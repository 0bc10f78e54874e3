package content

import (
	"strconv"
	"time"

	"tidings/internal/campaign"
)

const defaultLocale = "en"

// defaultWorkspace fills in what tidings.yaml does not say.
func defaultWorkspace(w *workspaceSource) {
	ws := &w.workspace
	if ws.Zone == nil {
		ws.Zone = time.UTC
	}
	if len(ws.Locales) == 0 {
		ws.Locales = []string{defaultLocale}
	}
	if ws.RFM.Within.IsZero() {
		ws.RFM.Within = campaign.Days(365)
	}
	for i := range ws.Tiers {
		ws.Tiers[i].When = defaultCount(ws.Tiers[i].When)
	}
	for key, t := range ws.Topics {
		if len(t.Name) == 0 {
			t.Name = campaign.Plain(key)
		}
		t.When = defaultCount(t.When)
		ws.Topics[key] = t
	}
}

// defaultCampaign fills in what a campaign does not say: from tidings.yaml and
// from its trigger's kind.
func defaultCampaign(f *campaignFile, ws *campaign.Workspace) {
	c := f.campaign
	if c.Label == "" {
		c.Label = c.Name
	}
	if c.Status == "" {
		c.Status = campaign.Draft
	}
	if c.Zone == "" {
		c.Zone = "customer"
	}
	if c.From == "" {
		c.From = ws.Defaults.From
	}
	if !f.top.has("utm") {
		c.UTM = ws.Defaults.UTM
	}
	if c.UTM != nil && c.UTM.Campaign == "" {
		own := *c.UTM
		own.Campaign = c.Name
		c.UTM = &own
	}
	if c.Goal == nil {
		c.Goal = ws.Defaults.Goal
	}
	if !f.top.has("holdout") && !c.Transactional {
		c.Holdout = ws.Defaults.Holdout
	}
	defaultTrigger(f)
	defaultGates(f)
	defaultConditions(f)
	defaultIDs(f.stepNotes)
	c.Program = campaign.NewProgram(c.Steps)
}

func defaultConditions(f *campaignFile) {
	c := f.campaign
	c.Audience, c.EnterWhen = defaultCount(c.Audience), defaultCount(c.EnterWhen)
	for i, cond := range c.ExitOn {
		c.ExitOn[i] = countFrom(campaign.SinceAnchor, cond)
	}
	for _, n := range f.stepNotes {
		n.step.When = defaultCount(n.step.When)
		if w := n.step.Wait; w != nil {
			w.For = countFrom(campaign.SinceEntry, w.For)
		}
		for i := range n.step.Branch {
			n.step.Branch[i].When = defaultCount(n.step.Branch[i].When)
		}
	}
}

func defaultTrigger(f *campaignFile) {
	c := f.campaign
	if t, ok := c.Trigger.(campaign.Inactivity); ok && t.Of == nil {
		t.Of = []string{campaign.OrderCompleted}
		c.Trigger = t
	}
	if c.Trigger == nil {
		return
	}
	d := c.Trigger.Defaults()
	if !f.top.has("re_entry") {
		c.ReEntry = d.ReEntry
	} else if !c.ReEntry.Every.IsZero() {
		c.ReEntry.PerProduct = d.ReEntry.PerProduct // a length says how long, not of what
	}
	if !f.top.has("overlap") {
		c.Overlap = d.Overlap
	}
	if !f.top.has("max_lateness") {
		c.MaxLateness = d.MaxLateness
	}
	if !f.top.has("expires") {
		c.Expires = campaign.Of(d.Expires)
	}
}

// mapEvents replaces every event condition below c.
func mapEvents(c campaign.Condition, f func(campaign.EventMatch) campaign.EventMatch) campaign.Condition {
	switch c := c.(type) {
	case campaign.All:
		for i, part := range c {
			c[i] = mapEvents(part, f)
		}
	case campaign.Any:
		for i, part := range c {
			c[i] = mapEvents(part, f)
		}
	case campaign.Not:
		return campaign.Not{Of: mapEvents(c.Of, f)}
	case campaign.EventMatch:
		return f(c)
	}
	return c
}

// countFrom gives every event condition below c that does not say itself where
// its window begins one that begins at since.
func countFrom(since campaign.Since, c campaign.Condition) campaign.Condition {
	return defaultCount(mapEvents(c, func(e campaign.EventMatch) campaign.EventMatch {
		// Also beside `within`: what was before the pass never counts. Dates and
		// `before` say themselves how far back they go.
		w := e.Window
		w.Within = campaign.Duration{}
		if (w == campaign.Window{}) {
			e.Window.Since = since
		}
		return e
	}))
}

// defaultCount makes event conditions that ask nothing of their events ask for
// one of them.
func defaultCount(c campaign.Condition) campaign.Condition {
	return mapEvents(c, func(e campaign.EventMatch) campaign.EventMatch {
		if e.Count == nil && e.Aggregate == nil && e.Distinct == nil && e.First == nil && e.Last == nil {
			e.Count = campaign.AtLeastOnce()
		}
		return e
	})
}

// defaultIDs names the steps that have no id: a send after its template, an exit
// after its reason, a wait and a branch after its place among the file's waits
// or branches, with -2, -3 where that is taken. What a wait waits for is not in
// its id: passes that stand at it must find it again when that is edited.
func defaultIDs(notes []*stepNote) {
	taken := map[string]bool{}
	for _, n := range notes {
		if n.step.ID == "" && n.step.Send != nil {
			n.step.ID = n.step.Send.Template
		}
		taken[n.step.ID] = true
	}
	waits, branches := 0, 0
	for _, n := range notes {
		var base string
		switch {
		case n.step.Send != nil:
		case n.step.Wait != nil:
			waits++
			base = "wait-" + strconv.Itoa(waits)
		case n.step.Exit != "":
			base = "exit-" + n.step.Exit
		default:
			branches++
			base = "branch-" + strconv.Itoa(branches)
		}
		if n.step.ID != "" {
			continue
		}
		n.step.ID = base
		for i := 2; taken[n.step.ID]; i++ {
			n.step.ID = base + "-" + strconv.Itoa(i)
		}
		taken[n.step.ID] = true
	}
}
