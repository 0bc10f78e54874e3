package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// scope is what one file of a template can name.
type scope struct {
	names    map[string]bool // assigned, captured and loop variables
	captured map[string]bool // captured and nothing else: holds markup
	params   map[string]bool // of a partial: what any of its calls passes
	partial  bool
	called   bool // of a partial: by any template
	subject  bool // a header's text: knows neither subject nor preheader
}

// globals are the variables of every template with their members; nil members
// come from data and cannot be known here.
func globals(w *campaign.Workspace) map[string][]string {
	return map[string][]string{
		"customer": nil, "trigger": nil, "order": nil, "with": nil, "products": nil,
		"cart":      {"id", "value", "count", "products"},
		"campaign":  {"name", "label", "topic"},
		"brand":     slices.Sorted(maps.Keys(w.Brand)),
		"workspace": {"name", "currency"},
		"links":     {"unsubscribe", "preferences", "view", "confirm"},
		"step":      {}, "locale": {}, "dir": {}, "subject": {}, "preheader": {}, "now": {},
	}
}

// newScope collects the names that pieces define.
func newScope(ps []*piece) *scope {
	s := &scope{names: map[string]bool{}, captured: map[string]bool{}, params: map[string]bool{}}
	plain := map[string]bool{}
	for _, p := range ps {
		p.scope = s
		if p.kind != pieceTag {
			continue
		}
		first := p.body
		if ls := lexExpr(p.body); len(ls) > 0 {
			first = strings.TrimSuffix(ls[0].text, ":")
		}
		switch p.name {
		case "capture":
			s.names[p.body], s.captured[p.body] = true, true
		case "assign", "for":
			s.names[first], plain[first] = true, true
		}
	}
	for n := range plain {
		delete(s.captured, n)
	}
	return s
}

// checker looks at one file's pieces.
type checker struct {
	engine    *engine
	workspace *campaign.Workspace
	globals   map[string][]string
	partials  map[string]*campaign.Template
	phrases   *phrases
	first     string              // the locale that all others fall back to
	used      map[string][]*piece // keys of texts, where they stand
	problems  []campaign.Problem
}

func (c *checker) report(p *piece, hint, format string, args ...any) {
	c.problems = append(c.problems, p.problem(fmt.Sprintf(format, args...), hint))
}

// check finds what is wrong with the Liquid of a file, whatever it is joined
// with.
func (c *checker) check(ps []*piece) {
	var stack []*piece
	for _, p := range ps {
		switch p.kind {
		case pieceOutput:
			c.expression(p, p.body, true)
			continue
		case pieceText:
			continue
		}
		top := ""
		if len(stack) > 0 {
			top = stack[len(stack)-1].name
		}
		open, isEnd := strings.CutPrefix(p.name, "end")
		_, isBlock := blocks[p.name]
		switch {
		case isBlock:
			stack = append(stack, p)
		case isEnd && len(stack) > 0 && open == top:
			stack = stack[:len(stack)-1]
			continue
		case isEnd && blockNames(open):
			c.report(p, "each block ends where it began, the innermost first", "{%% %s %%} closes nothing that is open here", p.name)
			continue
		case slices.Contains(blocks[top], p.name):
		case p.name == "else" || p.name == "elsif" || p.name == "when":
			c.report(p, "", "{%% %s %%} stands outside of its block", p.name)
			continue
		case !slices.Contains(simpleTags, p.name):
			c.unknownTag(p)
			continue
		}
		c.tag(p)
	}
	for _, p := range stack {
		c.report(p, "close it with {% end"+p.name+" %}", "unclosed {%% %s %%}", p.name)
	}
}
