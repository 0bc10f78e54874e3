package render

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"tidings/internal/campaign"
)

// Renderer makes emails of messages. It never changes once compiled and is safe
// for use by many goroutines.
type Renderer struct {
	catalog   *campaign.Catalog
	letters   map[letterKey]*letter
	bodies    map[bodyKey]*unit
	headers   map[headerKey]*unit
	brand     map[string]any
	workspace map[string]any
	zones     sync.Map // name → *time.Location
	buffers   sync.Pool
}

type letterKey struct{ campaign, step string }

type bodyKey struct{ template, layout *campaign.Template }

type headerKey struct{ file, text string }

// compiler holds what Compile needs along the way.
type compiler struct {
	*checker
	catalog  *campaign.Catalog
	engine   *engine
	sources  map[*campaign.Template][]*piece
	partials map[string][]*piece
	broken   map[*campaign.Template]bool
	joined   map[bodyKey][]*piece // the author's pieces of each mail
	statics  map[string]bool      // addresses of links that mails hold written out
	problems []campaign.Problem
	r        *Renderer

	weights      map[string]*weighed // by a template's file
	trialBuffers buffers
}

// Compile makes a catalog's templates ready and lists all that is wrong with
// them, by place. The Renderer is nil if any problem is more than a warning.
func Compile(cat *campaign.Catalog) (*Renderer, []campaign.Problem) {
	c := &compiler{
		catalog:  cat,
		engine:   newEngine(),
		sources:  map[*campaign.Template][]*piece{},
		partials: map[string][]*piece{},
		broken:   map[*campaign.Template]bool{},
		statics:  map[string]bool{},
		weights:  map[string]*weighed{},
		joined:   map[bodyKey][]*piece{},
		r: &Renderer{
			catalog: cat,
			letters: map[letterKey]*letter{},
			bodies:  map[bodyKey]*unit{},
			headers: map[headerKey]*unit{},
			brand:   brandMap(cat.Workspace.Brand),
		},
	}
	c.r.workspace = map[string]any{"name": cat.Workspace.Name, "currency": cat.Workspace.Currency}
	c.r.buffers.New = func() any { return new(buffers) }
	c.checker = &checker{engine: c.engine, workspace: &cat.Workspace, globals: globals(&cat.Workspace), used: map[string][]*piece{}, first: "en"}
	if len(cat.Workspace.Locales) > 0 {
		c.checker.first = cat.Workspace.Locales[0]
	}
	c.checker.phrases, c.problems = newPhrases(cat)
	cat = withBlocks(withService(c.withFooters(cat)))
	c.checker.partials = cat.Partials
	c.catalog, c.r.catalog = cat, cat
	c.read()
	for _, name := range slices.Sorted(maps.Keys(cat.Templates)) {
		for _, locale := range slices.Sorted(maps.Keys(cat.Templates[name])) {
			c.bodies(cat.Templates[name][locale])
		}
	}
	for _, camp := range cat.All() {
		c.letters(camp)
	}
	c.holdsLink()
	c.untranslated()
	c.foreignForms()
	if !hasErrors(c.problems) {
		c.rehearse()
		c.judge()
	}
	c.problems = tidy(c.problems)
	if hasErrors(c.problems) {
		return nil, c.problems
	}
	return c.r, c.problems
}

// read splits and checks all sources. Partials learn first what their calls
// pass them.
func (c *compiler) read() {
	var all []*campaign.Template
	for _, group := range []map[string]map[string]*campaign.Template{c.catalog.Templates, c.catalog.Layouts} {
		for _, locales := range group {
			all = append(all, slices.Collect(maps.Values(locales))...)
		}
	}
	isPartial := map[*campaign.Template]bool{}
	for _, group := range []map[string]*campaign.Template{c.catalog.Partials, c.catalog.Includes} {
		for _, t := range group {
			isPartial[t] = true
			all = append(all, t)
		}
	}
	for _, t := range all {
		ps, problems := splitLiquid(t.File, t.Line, t.Source)
		c.problems = append(c.problems, problems...)
		c.broken[t] = hasErrors(problems)
		s := newScope(ps)
		s.partial = isPartial[t]
		if strings.HasPrefix(t.File, blockDir) {
			for _, name := range blockParams[t.Name] {
				s.params[name] = true
			}
		}
		c.sources[t] = ps
	}
	for name, t := range c.catalog.Partials {
		c.partials[name] = c.sources[t]
	}
	for _, ps := range c.sources {
		c.passed(ps)
	}
	for _, t := range all {
		before := len(c.problems)
		c.checkPieces(c.sources[t])
		c.convert(t)
		c.broken[t] = c.broken[t] || hasErrors(c.problems[before:])
	}
	for name, t := range c.catalog.Partials {
		c.partials[name] = c.sources[t]
		if c.broken[t] {
			delete(c.partials, name) // its callers are looked at without it
		}
	}
}

// convert turns a source of another language into HTML, where that needs nothing
// of what it is joined with.
func (c *compiler) convert(t *campaign.Template) {
	if t.Format != campaign.Markdown {
		return
	}
	ps, problems := fromMarkdown(t, c.sources[t])
	c.sources[t] = ps
	c.problems = append(c.problems, problems...)
}

// passed notes what the calls in ps pass to partials.
func (c *compiler) passed(ps []*piece) {
	for _, p := range ps {
		if p.kind != pieceTag || p.name != "render" {
			continue
		}
		name, args, _ := splitRender(p.body)
		target := c.partials[name]
		if len(target) == 0 {
			continue
		}
		target[0].scope.called = true
		for _, a := range args {
			target[0].scope.params[a.name] = true
		}
	}
}

func (c *compiler) checkPieces(ps []*piece) {
	c.checker.problems = nil
	c.check(ps)
	c.mergeTagsIn(ps)
	c.problems = append(c.problems, c.checker.problems...)
}

// bodies compiles a template with each layout that it can meet.
func (c *compiler) bodies(t *campaign.Template) {
	for _, p := range c.sources[t] {
		if p.kind == pieceOutput && p.body == "content" {
			c.problems = append(c.problems, p.problem("content belongs into a layout", "take it out here"))
			c.broken[t] = true
		}
	}
	layouts, ok := c.layoutsOf(t)
	if !ok {
		c.problems = append(c.problems, campaign.Problem{File: t.File, Message: "no layout " + t.Layout, Hint: didYouMean(t.Layout, slices.Sorted(maps.Keys(c.catalog.Layouts)))})
		return
	}
	for _, layout := range layouts {
		if c.broken[t] || layout != nil && c.broken[layout] {
			continue
		}
		if layout != nil && !c.holdsContent(layout) {
			continue
		}
		u, ps := c.body(t, layout)
		c.r.bodies[bodyKey{t, layout}] = u
		c.joined[bodyKey{t, layout}] = ps
		c.printed(t, layout, ps)
	}
}

func (c *compiler) anyPartialBroken() bool {
	for _, t := range c.catalog.Partials {
		if c.broken[t] {
			return true
		}
	}
	return false
}

// holdsContent reports a layout that does not print its mail exactly once.
func (c *compiler) holdsContent(layout *campaign.Template) bool {
	n := 0
	for _, p := range c.sources[layout] {
		if p.kind == pieceOutput && p.body == "content" {
			n++
		}
	}
	if n != 1 {
		c.problems = append(c.problems, campaign.Problem{File: layout.File, Message: "a layout prints its mail once", Hint: "write {{ content }} in one place"})
	}
	return n == 1
}

// layoutsOf lists the layouts of a template: one for each locale that has its
// own; nil is none.
func (c *compiler) layoutsOf(t *campaign.Template) ([]*campaign.Template, bool) {
	name, needed := layoutName(c.catalog, t)
	if name == "" {
		return []*campaign.Template{nil}, true
	}
	locales := c.catalog.Layouts[name]
	if len(locales) == 0 {
		return nil, !needed
	}
	return slices.Collect(maps.Values(locales)), true
}

// layoutName is the layout of a template, "" for none: what it names, or base
// where there is one.
func layoutName(cat *campaign.Catalog, t *campaign.Template) (name string, needed bool) {
	switch {
	case t.Layout == "none":
		return "", false
	case t.Layout != "":
		return t.Layout, true
	case cat.Layouts["base"] != nil:
		return "base", false
	}
	return "", false
}

// printed reports which of the parts that a marketing mail must hold are printed
// neither by the template nor by its layout.
func (c *compiler) printed(t, layout *campaign.Template, ps []*piece) {
	if !c.marketing(t.Name) || c.anyPartialBroken() {
		return
	}
	where := "the template"
	if layout != nil {
		where += " or its layout " + layout.File
	}
	for _, need := range []struct{ name, what string }{
		{"links.unsubscribe", "a link to unsubscribe"},
		{"brand.address", "the sender's postal address"},
	} {
		if printing(ps, need.name) == nil {
			c.problems = append(c.problems, campaign.Problem{
				File: t.File, Line: max(t.Line, 1), Column: 1, Message: "a marketing mail must hold " + need.what,
				Hint: "print {{ " + need.name + " }} in " + where + "; " + footerCall + " has all that it needs",
			})
		}
	}
	// What the law asks for is there: the mail may go, and check tells its author.
	if leave := printing(ps, "links.unsubscribe"); leave != nil && printing(ps, "links.preferences") == nil {
		pr := leave.problem("a marketing mail must hold a link to the customer's preferences",
			`write <a href="{{ links.preferences }}"> beside the link to unsubscribe, or `+footerCall+" for both")
		pr.Mended = true
		c.problems = append(c.problems, pr)
	}
}

// printing is the first piece that prints a variable, nil if none does.
func printing(ps []*piece, name string) *piece {
	if i := slices.IndexFunc(ps, func(p *piece) bool { return prints(p, name) }); i >= 0 {
		return ps[i]
	}
	return nil
}

// prints tells whether a piece prints a variable, or passes it to a partial
// that can.
func prints(p *piece, name string) bool {
	body := p.body
	if p.kind != pieceOutput && p.inner == nil && p.name != "assign" {
		return false
	}
	return slices.ContainsFunc(refsOf(body), func(r ref) bool { return strings.Join(r.path, ".") == name })
}

// marketing tells whether a campaign with a topic sends the template.
func (c *compiler) marketing(template string) bool {
	for _, camp := range c.catalog.Campaigns {
		for _, s := range sends(camp) {
			if s.Send.Template == template && topicOf(camp, s) != "" {
				return true
			}
		}
	}
	return false
}

// sends lists a campaign's mails.
func sends(camp *campaign.Campaign) []*campaign.Step {
	program := camp.Program
	if program == nil {
		program = campaign.NewProgram(camp.Steps)
	}
	var out []*campaign.Step
	for i := range program.Nodes {
		if program.Nodes[i].Send != nil {
			out = append(out, &program.Nodes[i].Step)
		}
	}
	return out
}

// topicOf is the topic of a mail, "" for a transactional one.
func topicOf(camp *campaign.Campaign, s *campaign.Step) string {
	if camp.Transactional {
		return ""
	}
	if s.Send.Topic != "" {
		return s.Send.Topic
	}
	return camp.Topic
}
