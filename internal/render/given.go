package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// withOf are the values that a step gives its template, by the workspace's locales.
func (c *compiler) withOf(given map[string]campaign.With) map[string]map[string]any {
	out := map[string]map[string]any{}
	locales := c.catalog.Workspace.Locales
	if len(locales) == 0 {
		locales = []string{"en"}
	}
	for _, locale := range locales {
		values := map[string]any{}
		for name, w := range given {
			if w.Text == nil {
				values[name] = wholeNumbers(w.Value)
			} else if text := c.catalog.Workspace.Text(w.Text, locale); text != "" {
				values[name] = text
			}
		}
		out[locale] = values
	}
	return out
}

// givenTo compares what a step gives with what its mail names of with.
func (c *compiler) givenTo(l *letter, t *campaign.Template) {
	named := map[string]bool{}
	layouts, _ := c.layoutsOf(t)
	for _, layout := range layouts {
		c.lacksGiven(l, c.joined[bodyKey{t, layout}], named)
	}
	for _, texts := range []campaign.Localized{t.Subject, t.Preheader, l.step.Send.Subject, l.step.Send.Preheader} {
		for _, locale := range slices.Sorted(maps.Keys(texts)) {
			ps, _ := splitLiquid(t.File, 1, texts[locale])
			c.lacksGiven(l, ps, named)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.step.Send.With)) {
		if !named[name] && c.joined != nil {
			c.problems = append(c.problems, campaign.Problem{
				File: campaignFile(l.campaign), Line: lineOf(l.campaign.Source, name+":"), Warning: true,
				Message: fmt.Sprintf("with.%s is read nowhere in %s", name, t.File), Hint: "take it out, or print {{ with." + name + " }}",
			})
		}
	}
}

// lacksGiven reports outputs that are sure to stop every mail of a step: they print
// a value that the step does not give, say nothing to print instead, and stand in
// no condition on it. It notes all names that are read.
func (c *compiler) lacksGiven(l *letter, ps []*piece, named map[string]bool) {
	var open []string // the conditions around
	for _, p := range ps {
		if p.inner != nil {
			for _, a := range p.inner.args {
				c.noteGiven(a.expr, named)
			}
		}
		c.noteGiven(p.body, named)
		switch {
		case p.kind == pieceTag && (p.name == "if" || p.name == "unless" || p.name == "case"):
			open = append(open, p.body)
		case p.kind == pieceTag && (p.name == "endif" || p.name == "endunless" || p.name == "endcase") && len(open) > 0:
			open = open[:len(open)-1]
		case p.kind == pieceOutput && !slices.ContainsFunc(open, func(s string) bool { return strings.Contains(s, "with.") }):
			c.lacks(l, p)
		}
	}
}

func (c *compiler) noteGiven(expr string, named map[string]bool) {
	if !strings.Contains(expr, "with") {
		return
	}
	for _, r := range refsOf(expr) {
		if r.path[0] == "with" && len(r.path) > 1 {
			named[r.path[1]] = true
		}
	}
}

func (c *compiler) lacks(l *letter, p *piece) {
	if !strings.Contains(p.body, "with.") || strings.Contains(p.body, "default") {
		return
	}
	for _, r := range refsOf(p.body) {
		if r.path[0] != "with" || len(r.path) < 2 {
			continue
		}
		if _, given := l.step.Send.With[r.path[1]]; !given {
			c.problems = append(c.problems, p.problem(
				fmt.Sprintf("with.%s is not given by step %s of campaign %s", r.path[1], l.step.ID, l.campaign.Name),
				fmt.Sprintf("write with: { %s: … } beside the send, or a default here", r.path[1])))
		}
	}
}
