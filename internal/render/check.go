package render

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// blocks are the tags with an end, and the clauses between.
var blocks = map[string][]string{
	"if": {"elsif", "else"}, "unless": {"else"}, "case": {"when", "else"}, "for": {"else"}, "capture": nil,
}

// simpleTags stand alone.
var simpleTags = []string{"assign", "render", "cycle", "break", "continue"}

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

func blockNames(name string) bool {
	_, ok := blocks[name]
	return ok
}

func (c *checker) unknownTag(p *piece) {
	hint := ""
	switch p.name {
	case "include":
		hint = `write {% render "name" %}`
	case "tablerow":
		hint = "write a for loop"
	default:
		known := slices.Concat(simpleTags, slices.Sorted(maps.Keys(blocks)), []string{"elsif", "else", "when", "raw", "comment"})
		for b := range blocks {
			known = append(known, "end"+b)
		}
		hint = didYouMean(p.name, known)
	}
	c.report(p, hint, "unknown tag %q", p.name)
}

// tag checks the arguments of a tag.
func (c *checker) tag(p *piece) {
	if strings.Contains(p.body, "%}") {
		c.report(p, "", "%%} cannot stand within a tag, not even in quotes")
		return
	}
	switch p.name {
	case "else", "break", "continue":
		if p.body != "" {
			c.report(p, "", "{%% %s %%} takes nothing behind it", p.name)
		}
	case "assign":
		if name, expr, ok := cutAssign(p.body); !ok {
			c.report(p, "write {% assign name = value %}", "not an assignment: %q", p.body)
		} else if c.free(p, name) {
			c.expression(p, expr, false)
		}
	case "capture":
		if ls := lexExpr(p.body); len(ls) != 1 || ls[0].kind != 'i' {
			c.report(p, "write {% capture name %}", "capture takes one name")
		} else {
			c.free(p, p.body)
		}
	case "for":
		c.forTag(p)
	case "render":
		c.renderTag(p)
	case "cycle":
		if _, ok := cycleWords(p.body); !ok {
			c.report(p, `write {% cycle "odd", "even" %}`, "cycle takes texts in quotes")
		}
	case "when":
		c.refs(p, p.body)
	default:
		c.expression(p, p.body, false)
		c.mixed(p)
	}
}

// free tells whether a template may set a name.
func (c *checker) free(p *piece, name string) bool {
	// A partial may be given products of its own choice.
	if _, taken := c.globals[name]; taken && !(p.name == "render" && name == "products") || strings.HasPrefix(name, "__") {
		c.report(p, "choose another name", "%q is a name of Tidings' own", name)
		return false
	}
	return true
}

// mixed warns of a condition that reads differently in other Liquids.
func (c *checker) mixed(p *piece) {
	var and, or bool
	for _, l := range lexExpr(p.body) {
		and = and || l.kind == 'i' && l.text == "and"
		or = or || l.kind == 'i' && l.text == "or"
	}
	if and && or {
		pr := p.problem("and with or in one condition is read from left to right here, elsewhere from right to left", "split it into two ifs")
		pr.Warning = true
		c.problems = append(c.problems, pr)
	}
}

func (c *checker) forTag(p *piece) {
	f, ok := splitFor(p.body)
	if !ok {
		c.report(p, "write {% for item in list %}", "not a loop: %q", p.body)
		return
	}
	if !c.free(p, f.variable) {
		return
	}
	if from, to, ok := splitRange(f.list); ok {
		c.refs(p, f.list)
		c.rangeBounds(p, f.list)
		for _, bound := range []string{from, to} {
			if _, err := parseExpr(bound); err != nil {
				c.report(p, "write (1..5)", "%v", err)
			}
		}
		return
	}
	c.expression(p, f.list, false)
	c.refs(p, strings.ReplaceAll(f.rest, "reversed", ""))
}

// rangeBounds refuses a range that is long by its own numbers, and one that a
// filter would lay out in memory.
func (c *checker) rangeBounds(p *piece, list string) {
	ls := lexExpr(list)
	var nums []int
	for _, l := range ls {
		if l.kind == 'o' && l.text == "|" {
			c.report(p, "assign the filtered value to a name first", "a range takes no filter")
			return
		}
		if l.kind == 'n' {
			n, err := strconv.Atoi(l.text)
			if err != nil {
				c.report(p, "", "%s is not a number to count to", l.text)
				return
			}
			nums = append(nums, n)
		}
	}
	if len(nums) == 2 && len(ls) == 5 && nums[1]-nums[0] >= maxRange {
		c.report(p, fmt.Sprintf("loop at most %d times", maxRange), "the range %s is too long for a mail", list)
	}
}

// renderTag checks a call of a partial.
func (c *checker) renderTag(p *piece) {
	name, args, ok := splitRender(p.body)
	if !ok {
		c.report(p, `write {% render "name", key: value %}`, "not a call of a partial: %q", p.body)
		return
	}
	if c.partials[name] == nil {
		c.report(p, didYouMean(name, slices.Concat(slices.Sorted(maps.Keys(c.partials)), slices.Sorted(maps.Keys(blockParams)))), "no partial %q", name)
	}
	for _, a := range args {
		if c.free(p, a.name) {
			c.refs(p, a.expr)
			if _, err := parseExpr(a.expr); err != nil {
				c.report(p, "", "%v", err)
			}
		}
	}
}

// expression checks the variables, filters and syntax of an expression.
func (c *checker) expression(p *piece, s string, printed bool) {
	if s == "" {
		c.report(p, "", "nothing stands in %q", p.text)
		return
	}
	for _, l := range lexExpr(s) {
		if l.kind == 'o' && l.text == ".." {
			c.report(p, "", "a range stands only in a for, without filters")
			return
		}
	}
	c.refs(p, s)
	base, filters, ok := splitFilters(s)
	if !ok {
		c.report(p, "assign the filtered value to a name first", "filters cannot stand in brackets")
		return
	}
	if len(filters) > 0 && filters[0].name == textFilter && (printed || p.name == "assign") {
		c.checkText(p, base, filters[0].args)
		filters = filters[1:]
	}
	if n := len(filters); n > 0 && filters[n-1].name == rawFilter {
		if !printed || !ownWords(base, filters) {
			c.report(p, "leave raw out: every output is escaped for its place", "raw is for values of brand alone, as in {{ brand.legal | raw }}")
			return
		}
		c.activeWords(p, s)
		filters = filters[:n-1]
	}
	known := true
	for _, f := range filters {
		if f.name == rawFilter {
			c.report(p, "put it last", "raw stands behind all other filters")
			return
		}
		if f.name == textFilter {
			c.report(p, "assign it to a name first", "t stands only in an output or an assign, first of its filters")
			return
		}
		if !c.engine.filters[f.name] || strings.HasPrefix(f.name, "__") {
			c.report(p, didYouMean(f.name, c.filterNames()), "unknown filter %q", f.name)
			known = false
		}
	}
	if !known {
		return
	}
	if _, err := parseExpr(joinFilters(base, filters)); err != nil {
		c.report(p, "", "%q is not Liquid", s)
	}
}

func (c *checker) filterNames() []string {
	names := slices.Sorted(maps.Keys(c.engine.filters))
	return slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "__") })
}

// refs checks the variables of an expression.
func (c *checker) refs(p *piece, s string) {
	for _, r := range refsOf(s) {
		root := r.path[0]
		members, global := c.globals[root]
		switch {
		case p.scope.subject && (root == "subject" || root == "preheader"):
			c.report(p, "", "%s cannot stand in a subject or preheader", root)
		case root == "customer":
			c.attribute(p, r)
		case global:
			c.member(p, r, members)
		case root == "forloop":
			c.loop(p, r)
		case p.scope.names[root] || p.scope.params[root]:
		case root == "content":
			if p.kind != pieceOutput || p.body != "content" {
				c.report(p, "write {{ content }} alone", "content is the mail itself, not a value")
			}
		case root == "event" || root == "item":
			c.report(p, map[string]string{"event": "write trigger", "item": "item is only known within its for"}[root], "unknown variable %q", root)
		case p.scope.partial && !p.scope.called: // nothing is known of its values
		case p.scope.partial:
			c.report(p, "pass it: {% render …, "+root+": value %}", "unknown variable %q: no call of this partial passes it", root)
		default:
			known := slices.Concat(slices.Collect(maps.Keys(c.globals)), slices.Collect(maps.Keys(p.scope.names)))
			slices.Sort(known)
			c.report(p, didYouMean(root, known), "unknown variable %q", root)
		}
	}
}

// member checks the second word of a variable whose members are known.
func (c *checker) member(p *piece, r ref, members []string) {
	if len(r.path) < 2 || members == nil {
		return
	}
	if r.path[0] == "brand" {
		c.brandMember(p, r, members)
		return
	}
	if m := r.path[1]; !slices.Contains(members, m) {
		hint := didYouMean(m, members)
		c.report(p, hint, "unknown variable %q", r.path[0]+"."+m)
	}
}

// brandMember checks a value of the brand: colours.button and the like are groups.
func (c *checker) brandMember(p *piece, r ref, members []string) {
	name := strings.Join(r.path[1:], ".")
	for _, m := range members {
		if m == name || strings.HasPrefix(m, name+".") || r.path[len(r.path)-1] == "size" {
			return
		}
	}
	if isBlock(p) && optionalBrand(name) {
		return
	}
	hint := didYouMean(name, members)
	if hint == "" {
		hint = "add it to brand in tidings.yaml"
	}
	c.report(p, hint, "unknown variable %q", "brand."+name)
}
