package mjml

import (
	"html"
	"maps"
	"slices"
	"strings"
)

// checkTree looks whether every element is one, stands where it may and has only
// attributes it knows, with values they take.
func (c *compiler) checkTree(n, parent *node) {
	e := elements[n.name]
	if e == nil {
		c.unknown(n, parent)
		for _, child := range n.children {
			c.checkTree(child, nil)
		}
		return
	}
	if parent != nil {
		c.checkPlace(n, parent)
		n.inAttributes = parent.name == "mj-attributes"
	}
	c.checkAttributes(n)
	c.checkParts(n)
	for _, child := range n.children {
		c.checkTree(child, n)
	}
}

func (c *compiler) unknown(n, parent *node) {
	hint := former[n.name]
	if hint == "" {
		candidates := slices.Sorted(maps.Keys(elements))
		if parent != nil {
			candidates = append(names(parent.name), candidates...)
		}
		if near := nearest(n.name, candidates); near != "" {
			hint = "did you mean " + near + "?"
		} else if !strings.HasPrefix(n.name, "mj-") {
			hint = "HTML goes into mj-text, mj-table or mj-raw"
		}
	}
	c.at(n.file, n.pos, hint, "there is no element %s", shorten(n.name))
}

// checkPlace looks whether n may stand in parent.
func (c *compiler) checkPlace(n, parent *node) {
	if n.name == raw && n.bare() {
		c.checkBare(n, parent)
		return
	}
	if parent.name == "mj-class" {
		return // where nothing may stand: see checkParts
	}
	e := elements[n.name]
	if parent.name == "mj-attributes" && e.styled() || slices.Contains(e.parents, parent.name) {
		return
	}
	hint := ""
	if own := slices.DeleteFunc(slices.Clone(e.parents), func(p string) bool { return p == "mj-attributes" }); len(own) > 0 {
		hint = "it stands in " + orList(own)
	}
	c.at(n.file, n.pos, hint, "%s can't stand in %s", n.name, parent.name)
}

// checkBare looks at a comment or a Liquid tag between elements. Comments may be
// anywhere.
func (c *compiler) checkBare(n, parent *node) {
	if n.isComment() || parent.name != "mj-head" && parent.name != "mjml" && slices.Contains(elements[raw].parents, parent.name) {
		return
	}
	c.at(n.file, n.pos, "", "Liquid can't stand in %s", parent.name)
}

func (c *compiler) checkAttributes(n *node) {
	e := elements[n.name]
	for _, a := range n.attrs {
		if n.free(a.name) {
			continue
		}
		known, ok := e.attrs[a.name]
		if !ok {
			c.unknownAttribute(n, a)
			continue
		}
		c.checkValue(n.file, n.name, a, known.kind)
		c.checkAddress(n, a)
	}
}

// checkAddress refuses an address that would run as a script.
func (c *compiler) checkAddress(n *node, a attribute) {
	if a.name != "href" && a.name != "src" {
		return
	}
	scheme, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(html.UnescapeString(a.value))), ":")
	if scheme == "javascript" || scheme == "vbscript" {
		c.at(n.file, a.valuePos, "write an address that begins with https://", "%s of %s can't be a script", a.name, n.name)
	}
}

// free tells the attributes of any name: mj-all and mj-class set those of others,
// and any styled element may name its classes.
func (n *node) free(name string) bool {
	if n.name == "mj-all" || n.name == "mj-class" {
		return true
	}
	return name == "mj-class" && elements[n.name].styled()
}

func (c *compiler) unknownAttribute(n *node, a attribute) {
	candidates := slices.Sorted(maps.Keys(elements[n.name].attrs))
	hint := ""
	if near := nearest(a.name, candidates); near != "" {
		hint = "did you mean " + near + "?"
	} else if len(candidates) == 0 {
		hint = n.name + " has none"
	}
	c.at(n.file, a.pos, hint, "%s has no attribute %s", n.name, shorten(a.name))
}

func (c *compiler) checkValue(file *source, element string, a attribute, k kind) {
	if hasLiquid(a.value) {
		if !k.liquid(element, a.name) {
			c.at(file, a.valuePos, "write it out: MJML computes with it when the template is loaded", "%s of %s can't be Liquid", a.name, element)
		}
		return
	}
	if !k.takes(a.value) {
		c.at(file, a.valuePos, "it takes "+k.wants(), "%s of %s can't be %q", a.name, element, shorten(a.value))
	}
}

// checkParts looks at what an element must have, or have once.
func (c *compiler) checkParts(n *node) {
	switch n.name {
	case "mjml":
		c.once(n, "mj-head", "mj-body")
		if !slices.ContainsFunc(n.children, func(child *node) bool { return child.name == "mj-body" }) {
			c.at(n.file, n.pos, "add <mj-body>", "the document has no mj-body")
		}
		c.checkFileStart(n)
	case "mj-accordion-element":
		c.once(n, "mj-accordion-title", "mj-accordion-text")
	case "mj-breakpoint":
		c.needs(n, "width")
	case "mj-font":
		c.needs(n, "name", "href")
	case "mj-class", "mj-html-attribute":
		c.needs(n, "name")
		if len(n.children) > 0 {
			c.at(n.children[0].file, n.children[0].pos, "", "elements in mj-class are not supported")
		}
	case "mj-selector":
		c.needs(n, "path")
	case "mj-social-element":
		c.checkNetwork(n)
	case "mj-carousel":
		c.checkCarousel(n)
	}
	c.leaf(n)
}

// maxPictures bounds a carousel, whose CSS grows with the square of its pictures.
const maxPictures = 40

func (c *compiler) checkCarousel(n *node) {
	switch count := len(images(n)); {
	case n.inAttributes:
	case count == 0:
		c.at(n.file, n.pos, "add mj-carousel-image", "mj-carousel has no picture")
	case count > maxPictures:
		c.at(n.file, n.pos, "", "mj-carousel has more than %d pictures", maxPictures)
	}
}

// leaf refuses children of what in the body has none.
func (c *compiler) leaf(n *node) {
	e := elements[n.name]
	if e.ending || len(n.children) == 0 || n.name == "mj-class" {
		return
	}
	if len(names(n.name)) == 0 {
		child := n.children[0]
		c.at(child.file, child.pos, "", "%s holds nothing", n.name)
	}
}

// checkFileStart looks at the mj-raw outside of head and body.
func (c *compiler) checkFileStart(root *node) {
	for _, child := range root.children {
		if _, ok := child.own("position"); child.name == raw && !child.bare() && !ok {
			c.at(child.file, child.pos, `say position="file-start", or move it into mj-head or mj-body`, "mj-raw outside of head and body has no position")
		}
	}
	for _, part := range root.children {
		c.noPosition(part)
	}
}

func (c *compiler) noPosition(n *node) {
	for _, child := range n.children {
		if _, ok := child.own("position"); ok && child.name == raw {
			c.at(child.file, child.pos, "move it into mjml", "position has no effect here")
		}
		c.noPosition(child)
	}
}

func (c *compiler) once(n *node, names ...string) {
	for _, name := range names {
		seen := false
		for _, child := range n.children {
			if child.name != name {
				continue
			}
			if seen {
				c.at(child.file, child.pos, "", "a second %s in %s", name, n.name)
			}
			seen = true
		}
	}
}

func (c *compiler) needs(n *node, attributes ...string) {
	for _, name := range attributes {
		if value, ok := n.own(name); !ok || value == "" {
			c.at(n.file, n.pos, "", "%s has no %s", n.name, name)
		}
	}
}

// nearest is the candidate most like a name, "" if none is near.
func nearest(name string, candidates []string) string {
	if len(name) > 40 {
		return ""
	}
	best, bestDistance := "", 1+len(name)/3
	for _, candidate := range candidates {
		d := distance(name, candidate)
		if len(name) > 5 && strings.HasPrefix(candidate, name) {
			d = 1 // it was not written out
		}
		if d < bestDistance || best == "" && d == bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal = row[j+1]
			row[j+1] = cost
		}
	}
	return row[len(b)]
}
