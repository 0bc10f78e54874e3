package mjml

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// selector is a CSS selector: compounds, each with how it is joined to the one
// before.
type selector struct {
	compounds   []compound
	specificity int
}

// compound is the part of a selector about one element.
type compound struct {
	join    byte // ' ', '>', '+' or '~'; 0 for the first
	tag     string
	tests   []attrTest
	nth     []nth
	without []compound // :not
}

// attrTest looks at an attribute; classes and ids are such as well.
type attrTest struct{ name, op, value string }

// nth is :nth-child(every*n + first), counted from the end if last.
type nth struct {
	every, first int
	last         bool
}

const (
	maxCompounds = 12
	idWeight     = 1 << 20
	classWeight  = 1 << 10
	tagWeight    = 1
)

var (
	identStart = regexp.MustCompile(`^-?[A-Za-z_\x80-\xff][\w\x80-\xff-]*`)
	attrForm   = regexp.MustCompile(`^\[\s*([\w:-]+)\s*(?:([~|^$*]?=)\s*("[^"]*"|'[^']*'|[\w-]+)\s*)?\]`)
	nthForm    = regexp.MustCompile(`^:nth-(last-)?child\(\s*(odd|even|(?:[+-]?\d{0,4}n)?\s*(?:[+-]?\s*\d{1,4})?)\s*\)`)
	notForm    = regexp.MustCompile(`^:not\(([^()]*)\)`)
)

// parseSelector reads one selector; err is what isn't understood.
func parseSelector(s string) (sel selector, err string) {
	join := byte(0)
	for {
		s = strings.TrimLeft(s, " \t\n\r\f")
		if s == "" {
			break
		}
		if strings.IndexByte(">+~", s[0]) >= 0 {
			if join == 0 || join != ' ' {
				return sel, "a combinator is out of place"
			}
			join, s = s[0], s[1:]
			continue
		}
		c, rest, weight, err := parseCompound(s)
		if err != "" {
			return sel, err
		}
		c.join = join
		sel.compounds = append(sel.compounds, c)
		sel.specificity += weight
		s, join = rest, ' '
		if len(sel.compounds) > maxCompounds {
			return sel, "the selector is too long"
		}
	}
	if len(sel.compounds) == 0 || join != ' ' {
		return sel, "the selector is not complete"
	}
	return sel, ""
}

func parseCompound(s string) (c compound, rest string, weight int, err string) {
	start := s
	if strings.HasPrefix(s, "*") {
		s = s[1:]
	} else if tag := identStart.FindString(s); tag != "" {
		c.tag, s, weight = strings.ToLower(tag), s[len(tag):], tagWeight
	}
	for s != "" && strings.IndexByte(" \t\n\r\f>+~", s[0]) < 0 {
		n, w, problem := c.part(s)
		if problem != "" {
			return c, "", 0, problem
		}
		s, weight = s[n:], weight+w
	}
	if len(s) == len(start) {
		return c, "", 0, "it begins with nothing known"
	}
	return c, s, weight, ""
}

// part reads .class, #id, [attribute] or a pseudo-class, and says how long it is.
func (c *compound) part(s string) (length, weight int, err string) {
	switch {
	case s[0] == '.' || s[0] == '#':
		name := identStart.FindString(s[1:])
		if name == "" {
			return 0, 0, strconv.Quote(shorten(s)) + " is no selector"
		}
		if s[0] == '#' {
			c.tests = append(c.tests, attrTest{"id", "=", name})
			return 1 + len(name), idWeight, ""
		}
		c.tests = append(c.tests, attrTest{"class", "~=", name})
		return 1 + len(name), classWeight, ""
	case s[0] == '[':
		found := attrForm.FindStringSubmatch(s)
		if found == nil {
			return 0, 0, strconv.Quote(shorten(s)) + " is no selector"
		}
		c.tests = append(c.tests, attrTest{strings.ToLower(found[1]), found[2], strings.Trim(found[3], `"'`)})
		return len(found[0]), classWeight, ""
	case s[0] == ':':
		return c.pseudo(s)
	}
	return 0, 0, strconv.Quote(shorten(s)) + " is no selector"
}

func (c *compound) pseudo(s string) (length, weight int, err string) {
	for name, n := range map[string]nth{":first-child": {0, 1, false}, ":last-child": {0, 1, true}} {
		if strings.HasPrefix(s, name) {
			c.nth = append(c.nth, n)
			return len(name), classWeight, ""
		}
	}
	if found := nthForm.FindStringSubmatch(s); found != nil {
		n, ok := readNth(found[2])
		if ok {
			n.last = found[1] != ""
			c.nth = append(c.nth, n)
			return len(found[0]), classWeight, ""
		}
	}
	if found := notForm.FindStringSubmatch(s); found != nil {
		inner, rest, w, problem := parseCompound(strings.TrimSpace(found[1]))
		if problem == "" && rest == "" {
			c.without = append(c.without, inner)
			return len(found[0]), w, ""
		}
	}
	return 0, 0, until(s, " \t\n>+~,") + " depends on what happens in the client"
}

func readNth(s string) (n nth, ok bool) {
	s = strings.Join(strings.Fields(s), "")
	switch s {
	case "":
		return n, false
	case "odd":
		return nth{every: 2, first: 1}, true
	case "even":
		return nth{every: 2}, true
	}
	if before, after, found := strings.Cut(s, "n"); found {
		switch before {
		case "", "+":
			n.every = 1
		case "-":
			n.every = -1
		default:
			n.every, _ = strconv.Atoi(before)
		}
		s = after
	}
	if s != "" {
		first, err := strconv.Atoi(s)
		if err != nil {
			return n, false
		}
		n.first = first
	}
	return n, true
}

func (n nth) matches(index, count int) bool {
	if n.last {
		index = count + 1 - index
	}
	if n.every == 0 {
		return index == n.first
	}
	steps := index - n.first
	return steps%n.every == 0 && steps/n.every >= 0
}

// matches tells whether a tag is one the compound is about.
func (c compound) matches(t *htmlTag) bool {
	if c.tag != "" && c.tag != t.name {
		return false
	}
	for _, test := range c.tests {
		if !test.matches(t) {
			return false
		}
	}
	for _, n := range c.nth {
		if !n.matches(t.index, t.siblings()) {
			return false
		}
	}
	return !slices.ContainsFunc(c.without, func(not compound) bool { return not.matches(t) })
}

func (test attrTest) matches(t *htmlTag) bool {
	value, ok := t.get(test.name)
	if !ok || test.op == "" {
		return ok
	}
	switch test.op {
	case "=":
		return value == test.value
	case "~=":
		return slices.Contains(strings.Fields(value), test.value)
	case "|=":
		return value == test.value || strings.HasPrefix(value, test.value+"-")
	}
	if test.value == "" {
		return false
	}
	switch test.op {
	case "^=":
		return strings.HasPrefix(value, test.value)
	case "$=":
		return strings.HasSuffix(value, test.value)
	}
	return strings.Contains(value, test.value)
}

// find gives the tags a selector is about, in one walk over the document: for
// each tag it is known which beginnings of the selector its parent, the tags
// above, the one before and those before it have met.
func (s selector) find(tags []*htmlTag) []*htmlTag {
	var found []*htmlTag
	last := len(s.compounds) - 1
	for _, t := range tags {
		t.met, t.metAbove, t.metBefore = 0, 0, 0
		if t.parent != nil {
			t.metAbove = t.parent.metAbove | t.parent.met
		}
		if t.before != nil {
			t.metBefore = t.before.metBefore | t.before.met
		}
		for i, c := range s.compounds {
			if c.joined(t, i) && c.matches(t) {
				t.met |= 1 << i
			}
		}
		if t.met&(1<<last) != 0 {
			found = append(found, t)
		}
	}
	return found
}

func (c compound) joined(t *htmlTag, i int) bool {
	bit := uint16(1) << max(i-1, 0)
	switch c.join {
	case ' ':
		return t.metAbove&bit != 0
	case '>':
		return t.parent != nil && t.parent.met&bit != 0
	case '+':
		return t.before != nil && t.before.met&bit != 0
	case '~':
		return t.metBefore&bit != 0
	}
	return true
}
