package mjml

import (
	"slices"
	"strings"
)

// styleRule is a rule of a style sheet, for one of its selectors.
type styleRule struct {
	selector     selector
	declarations []declaration
	order        int
}

// declaration is a property with its value.
type declaration struct {
	name, value string
	important   bool
}

// readStylesheet reads what can be put into style attributes. What can't, as
// @media and :hover, is a problem: it would be lost.
func (c *compiler) readStylesheet(n *node) []styleRule {
	var rules []styleRule
	text := blankComments(n.content)
	base := max(strings.Index(n.file.text[n.pos:], n.content), 0) + n.pos
	for i := 0; i < len(text); {
		if strings.IndexByte(" \t\n\r\f;", text[i]) >= 0 {
			i++
			continue
		}
		if text[i] == '@' {
			c.at(n.file, base+i, "put it into an mj-style without inline", "%s can't be put into style attributes", strings.TrimSpace(shorten(until(text[i:], "{;"))))
			return nil
		}
		open := plainIndex(text[i:], "{")
		if open < 0 {
			c.at(n.file, base+i, "", "a rule without { }: %q", shorten(strings.TrimSpace(text[i:])))
			return nil
		}
		end := plainIndex(text[i+open+1:], "}")
		if end < 0 {
			c.at(n.file, base+i, "close it with }", "a rule is not closed: %q", shorten(strings.TrimSpace(text[i:i+open])))
			return nil
		}
		declarations := readDeclarations(text[i+open+1 : i+open+1+end])
		for _, one := range strings.Split(text[i:i+open], ",") {
			sel, err := parseSelector(strings.TrimSpace(one))
			if err != "" {
				c.at(n.file, base+i, "put the rule into an mj-style without inline", "%s can't be put into style attributes: %s", shorten(strings.TrimSpace(one)), err)
				continue
			}
			rules = append(rules, styleRule{sel, declarations, len(rules)})
		}
		i += open + end + 2
	}
	return rules
}

func until(s, stops string) string {
	if k := strings.IndexAny(s, stops); k >= 0 {
		return s[:k]
	}
	return s
}

// blankComments puts spaces in place of comments, so that positions stay.
func blankComments(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); {
		open := strings.Index(s[i:], "/*")
		if open < 0 {
			break
		}
		end := len(s)
		if k := strings.Index(s[i+open+2:], "*/"); k >= 0 {
			end = i + open + 2 + k + 2
		}
		for k := i + open; k < end; k++ {
			if b[k] != '\n' {
				b[k] = ' '
			}
		}
		i = end
	}
	return string(b)
}

// plainIndex is where one of the stops is first, outside of Liquid, quotes and
// parentheses.
func plainIndex(s, stops string) int {
	var quote byte
	depth := 0
	for i := 0; i < len(s); i++ {
		if end := liquidEnd(s[i:]); end > 0 {
			i += end - 1
			continue
		}
		switch ch := s[i]; {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			quote = ch
		case depth == 0 && strings.IndexByte(stops, ch) >= 0:
			return i
		case ch == '(':
			depth++
		case ch == ')' && depth > 0:
			depth--
		}
	}
	return -1
}

func readDeclarations(s string) []declaration {
	var all []declaration
	for s != "" {
		one := s
		if k := plainIndex(s, ";"); k >= 0 {
			one, s = s[:k], s[k+1:]
		} else {
			s = ""
		}
		colon := plainIndex(one, ":")
		if colon < 0 {
			continue
		}
		d := declaration{name: strings.TrimSpace(one[:colon]), value: strings.TrimSpace(one[colon+1:])}
		if before, ok := strings.CutSuffix(d.value, "important"); ok {
			if before, ok = strings.CutSuffix(strings.TrimSpace(before), "!"); ok {
				d.value, d.important = strings.TrimSpace(before), true
			}
		}
		if d.name != "" && d.value != "" {
			all = append(all, d)
		}
	}
	return all
}

// cascade is what an element's style attribute becomes: of each property the
// declaration that wins, the weakest first.
func cascade(rules []styleRule, own []declaration) []declaration {
	type candidate struct {
		declaration
		weight [3]int // important, specificity, order
	}
	const ownSpecificity = 1 << 30
	var all []candidate
	add := func(declarations []declaration, specificity, order int) {
		for _, d := range declarations {
			important := 0
			if d.important {
				important = 1
			}
			all = append(all, candidate{d, [3]int{important, specificity, order}})
		}
	}
	for _, r := range rules {
		add(r.declarations, r.selector.specificity, r.order)
	}
	add(own, ownSpecificity, 0)
	slices.SortStableFunc(all, func(a, b candidate) int { return slices.Compare(a.weight[:], b.weight[:]) })
	strongest := map[string][3]int{}
	for _, c := range all {
		strongest[c.name] = c.weight
	}
	var winners []declaration
	for _, c := range all {
		if strongest[c.name] == c.weight {
			winners = append(winners, c.declaration)
		}
	}
	return winners
}
