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

	// Of the test being read: where the clock stops, and what lies behind that.
	until time.Time
	late  []*yaml.Node
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
