package render

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// blocks are the tags with an end, and the clauses between.
var blocks = map[string][]string{
	"if": {"elsif", "else"}, "unless": {"else"}, "case": {"when", "else"}, "for": {"else"}, "capture": nil,
}

// simpleTags stand alone.
var simpleTags = []string{"assign", "render", "cycle", "break", "continue"}

func blockNames(name string) bool {
	_, ok := blocks[name]
	return ok
}

func (c *checker) unknownTag(p *piece) {
	name, _, _ := strings.Cut(p.name, "(")
	hint := foreignTags[name]
	if hint == "" {
		known := slices.Concat(simpleTags, slices.Sorted(maps.Keys(blocks)), []string{"elsif", "else", "when", "raw", "comment"})
		for b := range blocks {
			known = append(known, "end"+b)
		}
		hint = didYouMean(name, known)
	}
	c.report(p, hint, "unknown tag %q", name)
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
	case "case":
		c.expression(p, p.body, false)
	default:
		c.condition(p)
	}
}

// condition checks what if, unless and elsif ask.
func (c *checker) condition(p *piece) {
	tests, ok := blankTests(p.body)
	if !ok || len(tests) > 0 && strings.Contains(p.body, "|") {
		c.report(p, "write {% if customer.city != blank %}", "blank and empty stand behind == or != alone, in a condition without filters")
		return
	}
	c.expression(p, withoutBlanks(p.body), false)
	c.mixed(p)
}

// free tells whether a template may set a name.
func (c *checker) free(p *piece, name string) bool {
	// A partial may be given products of its own choice.
	if isBlankWord(name) {
		c.report(p, "choose another name", "%q is a word of Liquid", name)
		return false
	}
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
