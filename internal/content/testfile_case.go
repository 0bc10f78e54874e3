package content

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

func (f *suiteFile) test(n *yaml.Node) {
	top, ok := f.mapping(n, "a test", "name", "events", "expect", "until")
	if !ok {
		return
	}
	c := Case{Line: n.Line}
	f.until, f.late = time.Time{}, nil
	if v, ok := top.values["until"]; ok {
		c.Until = f.moment(v, "until", f.zone)
		f.until = c.Until
	}
	if v, ok := top.values["name"]; ok {
		c.Name = f.prose(v, "name")
	} else if !top.odd {
		f.errorf(n, "add name: and what must hold", "a test has no name")
	}
	if v, ok := top.values["events"]; ok && !(v.Kind == yaml.SequenceNode && len(v.Content) == 0) {
		items, _ := f.list(v, "events")
		for _, item := range items {
			if h, ok := f.happening(item); ok {
				c.Happen = append(c.Happen, h)
			}
		}
		slices.SortStableFunc(c.Happen, func(a, b Happening) int { return a.At.Compare(b.At) })
	}
	switch v, ok := top.values["expect"]; {
	case !ok && !top.odd:
		f.errorf(n, "add expect: and everything that is sent, or expect: [] for nothing", "a test does not say what it expects")
	case ok && v.Kind == yaml.SequenceNode && len(v.Content) == 0:
	case ok:
		items, _ := f.list(v, "expect")
		for _, item := range items {
			if e, ok := f.expectation(item); ok {
				c.Expect = append(c.Expect, e)
			}
		}
	}
	if len(c.Happen) > 0 && !c.Until.IsZero() && c.Until.Before(c.Happen[0].At) {
		f.errorf(top.values["until"], "stop the clock after it, or take until out", "until lies before the first event, so that nothing of the test happens")
	} else {
		for _, at := range f.late {
			f.errorf(at, "stop the clock after it, or take one of them out", "until lies before it, so that it never happens")
		}
	}
	if len(c.Happen) == 0 && len(c.Expect) == 0 && c.Until.IsZero() && !top.odd {
		f.errorf(n, "add events:, or until: and a moment", "a test in which nothing happens has no moment to look at")
	}
	f.suite.Cases = append(f.suite.Cases, c)
}

// atWho reads at and who of an event or an expectation; nobodys is one that needs
// no customer.
func (f *suiteFile) atWho(entries fields, what string, nobodys bool) (at time.Time, who string) {
	if v, ok := entries.values["at"]; ok {
		at = f.moment(v, "at", f.zone)
	} else if !entries.odd {
		f.errorf(entries.node, "add at: 2026-11-02 10:00", "%s does not say when", what)
	}
	if v, ok := entries.values["who"]; ok {
		if who, ok = f.word(v, "who"); ok && !contains(f.names, who) {
			hint := suggest(who, f.names)
			if len(f.names) == 0 {
				hint = "add customers: { " + shortened(who) + ": {} }"
			}
			f.errorf(v, hint, "unknown customer %q", shortened(who))
		}
	} else if !entries.odd && !nobodys {
		f.errorf(entries.node, "add who: and a name of customers:", "%s does not say whose it is", what)
	}
	return at, who
}

// happening reads { at, who, event, PROPERTIES… } or { at, who, set: {…} }.
func (f *suiteFile) happening(n *yaml.Node) (Happening, bool) {
	entries, ok := f.entries(n, "an event")
	if !ok {
		return Happening{}, false
	}
	var h Happening
	event, isEvent := entries.values["event"]
	nobodys := isEvent && contains(campaign.CatalogueEvents(), event.Value)
	h.At, h.Who = f.atWho(entries, "an event", nobodys)
	if nobodys {
		h.Who = "" // taken and passed over, as where events come in
	}
	f.notLater(entries, h.At)
	set, isSet := entries.values["set"]
	switch {
	case isSet && !isEvent:
		h.Set = map[string]any{}
		if attributes, ok := f.entries(set, "set"); ok {
			for _, key := range sorted(attributes.values) {
				if _, computed := f.cat.Workspace.ComputedAttribute(key); computed {
					f.workedOut(attributes.keys[key], key)
				}
				h.Set[key] = f.data(attributes.values[key], key)
			}
		}
		return h, true
	case !isEvent:
		f.errorf(n, "add event: Order Completed, or set: { tier: gold }", "it does not say what happened")
		return h, false
	}
	h.Event = f.eventName(event, "event")
	f.unnamed(event, h.Event)
	h.Properties = map[string]any{}
	for _, key := range sorted(entries.values) {
		if key != "at" && key != "who" && key != "event" {
			h.Properties[key] = f.data(entries.values[key], key)
		}
	}
	return h, true
}

// misspelt is in how many letters at most an event's name is a slip of the pen. With
// more it may be another event, of which the campaign is to take no notice: Product
// Liked is no Product Clicked.
const misspelt = 1

// unnamed tells of an event that no file of the workspace names, where the name is
// near another one.
func (f *suiteFile) unnamed(at *yaml.Node, event string) {
	near := campaign.Nearest(event, f.events)
	if near == "" || contains(f.events, event) {
		return
	}
	const what = "no file of the workspace names an event %q"
	if campaign.Distance(event, near) <= misspelt {
		f.errorf(at, suggest(event, f.events), what, shortened(event))
	} else {
		f.ps.warnf(f.file, placeOf(at), suggest(event, f.events), what, shortened(event))
	}
}

func (f *suiteFile) expectation(n *yaml.Node) (Expectation, bool) {
	entries, ok := f.mapping(n, "an expectation", "at", "who", "send", "exit", "subject_has", "subject_is", "text_has", "text_has_not")
	if !ok {
		return Expectation{}, false
	}
	e := Expectation{Line: n.Line}
	e.At, e.Who = f.atWho(entries, "an expectation", false)
	f.notLater(entries, e.At.Truncate(time.Minute))
	if v, ok := entries.values["send"]; ok {
		if e.Send, ok = f.word(v, "send"); ok && !contains(f.steps, e.Send) {
			f.errorf(v, suggest(e.Send, f.steps), "the campaign has no step %q that sends", shortened(e.Send))
		}
	}
	if v, ok := entries.values["exit"]; ok {
		if e.Exit, ok = f.word(v, "exit"); ok && f.ends != nil && !contains(f.ends, e.Exit) {
			f.errorf(v, suggest(e.Exit, f.ends), "no pass of the campaign ends with %q", shortened(e.Exit))
		}
	}
	text := func(key string, into *string) {
		if v, ok := entries.values[key]; ok {
			*into, _ = f.word(v, key)
			f.hidden(v, key, true)
			if e.Send == "" {
				f.errorf(entries.keys[key], "add send:", "%s is about a mail", key)
			}
		}
	}
	text("subject_has", &e.SubjectHas)
	text("subject_is", &e.SubjectIs)
	text("text_has", &e.TextHas)
	text("text_has_not", &e.TextHasNot)
	if (e.Send == "") == (e.Exit == "") && !entries.odd {
		f.errorf(n, "write send: STEP or exit: REASON", "an expectation is a mail that is sent or a pass that ends")
		return e, false
	}
	return e, true
}

// notLater notes what is to be at a moment to which the clock does not come.
func (f *suiteFile) notLater(entries fields, at time.Time) {
	if v, ok := entries.values["at"]; ok && !f.until.IsZero() && at.After(f.until) {
		f.late = append(f.late, v)
	}
}
