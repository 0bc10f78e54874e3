package content

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// Suite is a file of tests beside a campaign: campaigns/NAME.test.yaml.
type Suite struct {
	Campaign  string
	File      string
	Customers []Subject // by name
	Cases     []Case
}

// Subject is a customer of a suite, as known from the beginning of time.
type Subject struct {
	Name       string
	Attributes map[string]any
	Topics     []string // that consent is on record for
	HeldOut    bool     // belongs to the campaign's holdout
}

// Case is one test: what happens, and everything that the campaign then does.
type Case struct {
	Name   string
	Line   int
	Happen []Happening // by time
	Expect []Expectation
	Until  time.Time // the clock stops here; zero: when nothing is left to do
}

// Happening is an event of a customer, or a change of attributes (Set). A fact of
// the catalogue, which is nobody's, has no Who.
type Happening struct {
	At         time.Time
	Who        string
	Event      string
	Properties map[string]any
	Set        map[string]any
}

// Expectation is a mail that is sent (Send: its step or template) or a pass that
// ends (Exit: the reason, or `finished`), within the minute of At.
type Expectation struct {
	Line       int
	At         time.Time
	Who        string
	Send, Exit string
	SubjectHas string
	SubjectIs  string
	TextHas    string
	TextHasNot string
}

// Finished is what Exit says of a pass that came to its end.
const Finished = "finished"

// Suites reads the tests of a workspace, whose catalog is cat. It returns all
// problems of all files, warnings too; a suite with an error is left out.
func Suites(fsys fs.FS, cat *campaign.Catalog) ([]Suite, []campaign.Problem) {
	ps := newProblems()
	entries, err := fs.ReadDir(fsys, "campaigns")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		ps.errorf("campaigns", place{}, "", "read folder: %s", err)
	}
	var out []Suite
	var events []string // that the workspace's files name
	for _, e := range entries {
		name, found := strings.CutSuffix(e.Name(), ".test.yaml")
		if !found || strings.HasPrefix(name, ".") || e.IsDir() {
			continue
		}
		file := "campaigns/" + e.Name()
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			ps.errorf(file, place{}, "", "read file: %s", err)
			continue
		}
		if events == nil {
			events = eventsNamed(fsys)
		}
		before := ps.errors()
		suite := decodeSuite(ps, file, string(text), name, cat, events)
		if ps.errors() == before {
			out = append(out, suite)
		}
	}
	campaign.SortProblems(ps.list)
	return out, ps.list
}

// eventsNamed are the events that the files of a workspace name or wait for, and
// those that are known anyway.
func eventsNamed(fsys fs.FS) []string {
	out := append(knownEvents(), specEvents()...)
	for _, m := range Mentions(fsys) {
		switch m.Kind {
		case MentionEvent:
			out = append(out, m.Name)
		case MentionTrigger:
			out = append(out, m.Events...)
		}
	}
	return out
}

// suiteFile is a file of tests being decoded.
type suiteFile struct {
	*source
	cat   *campaign.Catalog
	suite Suite
	steps []string // that send, and their templates
	ends  []string // reasons for which a pass of the campaign can end
	names []string // of customers

	events []string // that the workspace knows
}

func decodeSuite(ps *problems, file, text, name string, cat *campaign.Catalog, events []string) Suite {
	zone := cat.Workspace.Zone
	c, known := cat.Campaign(name)
	if known {
		zone = c.ZoneFor(&cat.Workspace, "")
	} else {
		var names []string
		for _, c := range cat.Campaigns {
			names = append(names, c.Name)
		}
		ps.errorf(file, place{}, suggest(name, names), "these tests are for a campaign %q, which there is not", name)
	}
	f := &suiteFile{source: ps.parse(file, text, zone), cat: cat, suite: Suite{Campaign: name, File: file}, events: events}
	if known {
		f.ends = endings()
		f.sendSteps(c.Steps)
	}
	if f.root == nil {
		return f.suite
	}
	top, ok := f.mapping(f.root, "a test file", "customers", "tests")
	if !ok {
		return f.suite
	}
	if v, ok := top.values["customers"]; ok {
		f.customers(v)
	}
	if v, ok := top.values["tests"]; ok {
		items, _ := f.list(v, "tests")
		for _, item := range items {
			f.test(item)
		}
	} else if !top.odd {
		f.errorf(f.root, "add tests: and a list of them", "the file has no tests")
	}
	return f.suite
}

// endings are the reasons for which a pass of any campaign can end.
func endings() []string {
	return []string{Finished, string(campaign.PassHeldOut), campaign.ExitOnReason, campaign.ExitTriggerCancel,
		campaign.ExitSuperseded, campaign.ExitAudience, campaign.ExitUnsubscribed, campaign.ExitCampaignRemoved, campaign.ExitErased}
}

// sendSteps notes which steps send, and the reasons of those that exit.
func (f *suiteFile) sendSteps(steps []campaign.Step) {
	for _, s := range steps {
		if s.Exit != "" && !contains(f.ends, s.Exit) {
			f.ends = append(f.ends, s.Exit)
		}
		if s.Send != nil {
			f.steps = append(f.steps, s.ID)
			if s.Send.Template != s.ID {
				f.steps = append(f.steps, s.Send.Template)
			}
		}
		for _, arm := range s.Branch {
			f.sendSteps(arm.Steps)
		}
	}
}

func (f *suiteFile) customers(n *yaml.Node) {
	all, _ := f.entries(n, "customers")
	for _, name := range sorted(all.values) {
		f.names = append(f.names, name)
		who := Subject{Name: name, Attributes: map[string]any{}}
		for topic := range f.cat.Workspace.Topics {
			who.Topics = append(who.Topics, topic)
		}
		slices.Sort(who.Topics)
		v := all.values[name]
		if isNull(v) {
			f.suite.Customers = append(f.suite.Customers, who)
			continue
		}
		entries, ok := f.entries(v, "customer "+name)
		if !ok {
			continue
		}
		for _, key := range sorted(entries.values) {
			f.about(&who, key, entries.keys[key], entries.values[key])
		}
		f.suite.Customers = append(f.suite.Customers, who)
	}
}

// about reads one thing that is known of a customer.
func (f *suiteFile) about(who *Subject, key string, at, v *yaml.Node) {
	switch key {
	case "consent":
		who.Topics = nil
		if v.Kind == yaml.SequenceNode && len(v.Content) == 0 {
			return
		}
		items, _ := f.items(v, "consent")
		for _, item := range items {
			topic, ok := f.word(item, "consent")
			if _, known := f.cat.Workspace.Topics[topic]; ok && !known {
				f.errorf(item, suggest(topic, sorted(f.cat.Workspace.Topics)), "unknown topic %q", shortened(topic))
			}
			who.Topics = append(who.Topics, topic)
		}
	case "held_out":
		who.HeldOut, _ = f.boolean(v, "held_out")
	default:
		if _, computed := f.cat.Workspace.ComputedAttribute(key); computed {
			// A plain zero says what holds without any history, and reads well.
			if value, ok := f.value(v, key); ok && !(value.Kind == campaign.Number && value.Number == 0) {
				f.workedOut(at, key)
			}
			return
		}
		who.Attributes[key] = f.data(v, key)
	}
}

func (f *suiteFile) workedOut(at *yaml.Node, key string) {
	f.errorf(at, "put the orders, views or mails that it comes from under events:", "%s is worked out from what happened and cannot be set", key)
}

// data is a value as JSON has it.
func (f *suiteFile) data(n *yaml.Node, what string) any {
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			out[i] = f.data(item, what)
		}
		return out
	case yaml.MappingNode:
		entries, _ := f.entries(n, what)
		out := make(map[string]any, len(entries.values))
		for key, v := range entries.values {
			out[key] = f.data(v, key)
		}
		return out
	}
	if isNull(n) {
		return nil
	}
	v, ok := f.value(n, what)
	switch {
	case !ok:
		return nil
	case v.Kind == campaign.Number:
		return v.Number
	case v.Kind == campaign.Bool:
		return v.Bool
	}
	return v.Text
}

func (f *suiteFile) test(n *yaml.Node) {
	top, ok := f.mapping(n, "a test", "name", "events", "expect", "until")
	if !ok {
		return
	}
	c := Case{Line: n.Line}
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
	if v, ok := top.values["until"]; ok {
		c.Until = f.moment(v, "until", f.zone)
		if len(c.Happen) > 0 && !c.Until.IsZero() && !c.Happen[0].At.IsZero() && c.Until.Before(c.Happen[0].At) {
			f.errorf(v, "stop the clock after it, or take until out", "until lies before the first event, so that nothing of the test happens")
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
	if near := campaign.Nearest(h.Event, f.events); near != "" && !contains(f.events, h.Event) {
		f.ps.warnf(f.file, placeOf(event), suggest(h.Event, f.events), "no file of the workspace names an event %q", shortened(h.Event))
	}
	h.Properties = map[string]any{}
	for _, key := range sorted(entries.values) {
		if key != "at" && key != "who" && key != "event" {
			h.Properties[key] = f.data(entries.values[key], key)
		}
	}
	return h, true
}

func (f *suiteFile) expectation(n *yaml.Node) (Expectation, bool) {
	entries, ok := f.mapping(n, "an expectation", "at", "who", "send", "exit", "subject_has", "subject_is", "text_has", "text_has_not")
	if !ok {
		return Expectation{}, false
	}
	e := Expectation{Line: n.Line}
	e.At, e.Who = f.atWho(entries, "an expectation", false)
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
