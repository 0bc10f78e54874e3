package render

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// expression checks the variables, filters and syntax of an expression.
func (c *checker) expression(p *piece, s string, printed bool) {
	if s == "" {
		c.report(p, "", "nothing stands in %q", p.text)
		return
	}
	for _, l := range lexExpr(s) {
		if l.kind == 'o' && l.text == "$" {
			name := braced(s[l.start:])
			c.report(p, "write {{ customer."+name+" }}", "${%s} is a name in another mailer", name)
			return
		}
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
			c.report(p, cmp.Or(foreignFilters[f.name], didYouMean(f.name, c.filterNames())), "unknown filter %q", f.name)
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
	for _, l := range lexExpr(s) {
		if l.kind == 'i' && isBlankWord(l.text) {
			c.report(p, "write {% if customer.city != blank %}", "%s stands only in a condition, behind == or !=", l.text)
		}
	}
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
		case p.scope.partial && !p.scope.called: // nothing is known of its values
		case p.scope.partial:
			c.report(p, "pass it: {% render …, "+root+": value %}", "unknown variable %q: no call of this partial passes it", root)
		default:
			known := slices.Concat(slices.Collect(maps.Keys(c.globals)), slices.Collect(maps.Keys(p.scope.names)))
			slices.Sort(known)
			c.report(p, cmp.Or(foreignRoots[root], didYouMean(root, known)), "unknown variable %q", root)
		}
	}
}
