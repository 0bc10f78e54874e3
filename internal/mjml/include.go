package mjml

import (
	"path"
	"slices"
	"strings"
)

// maxIncludes is how deep files may include each other.
const maxIncludes = 16

// load reads a file and all it includes to one tree, nil if it isn't a document.
func (c *compiler) load(name string, src []byte) *node {
	file := &source{name: name, text: normalLines(src)}
	c.size = len(file.text)
	if c.size > maxSource {
		c.at(file, 0, "", "the file is larger than %d bytes", maxSource)
		return nil
	}
	top := elementsOnly(c.parse(file))
	if c.torn {
		return nil
	}
	if len(top) != 1 || top[0].name != "mjml" {
		at := 0
		if len(top) > 0 {
			at = top[min(1, len(top)-1)].pos
		}
		c.at(file, at, "put everything between <mjml> and </mjml>", "an MJML document is one mjml element")
		return nil
	}
	c.files = []string{name}
	var head []*node
	c.expand(top[0], &head)
	c.addToHead(top[0], append(head, c.css...))
	return top[0]
}

// elementsOnly leaves comments out.
func elementsOnly(nodes []*node) []*node {
	return slices.DeleteFunc(slices.Clone(nodes), (*node).isComment)
}

func (n *node) isComment() bool {
	return n.name == raw && strings.HasPrefix(n.content, "<!--") && n.bare()
}

// bare tells a comment or Liquid tag from an mj-raw that is written.
func (n *node) bare() bool {
	return n.name == raw && !strings.HasPrefix(n.file.text[n.pos:], "<"+raw)
}

// expand puts in place of every mj-include below n what the file holds; what it
// holds for the head is gathered.
func (c *compiler) expand(n *node, head *[]*node) {
	var children []*node
	for _, child := range n.children {
		if child.name == "mj-include" {
			children = append(children, c.include(child, n, head)...)
			continue
		}
		c.expand(child, head)
		children = append(children, child)
	}
	n.children = children
}

func (c *compiler) addToHead(root *node, nodes []*node) {
	if len(nodes) == 0 {
		return
	}
	for _, child := range root.children {
		if child.name == "mj-head" {
			child.children = append(child.children, nodes...)
			return
		}
	}
	root.children = append(root.children, &node{name: "mj-head", children: nodes, file: root.file, pos: root.pos})
}

func (c *compiler) include(n, parent *node, head *[]*node) []*node {
	c.checkAttributes(n)
	c.checkPlace(n, parent)
	file := c.included(n)
	if file == nil {
		return nil
	}
	switch kind, _ := n.own("type"); kind {
	case "html":
		return []*node{{name: raw, content: strings.TrimSpace(file.text), file: n.file, pos: n.pos}}
	case "css":
		style := &node{name: "mj-style", content: strings.TrimSpace(file.text), file: file}
		if inline, ok := n.own("css-inline"); ok {
			style.attrs = []attribute{{name: "inline", value: inline}}
		}
		c.css = append(c.css, style)
		return nil
	}
	return c.includedTree(n, parent, file, head)
}

// includedTree is what of an included MJML file goes to the place of inclusion.
func (c *compiler) includedTree(n, parent *node, file *source, head *[]*node) []*node {
	outer := c.css
	c.files, c.css = append(c.files, file.name), nil
	defer func() { c.files, c.css = c.files[:len(c.files)-1], outer }()
	holder := &node{name: parent.name, children: c.parse(file), file: file}
	if top := elementsOnly(holder.children); len(top) == 1 && top[0].name == "mjml" {
		holder.children = c.includedDocument(top[0], parent, head)
	} else {
		c.expand(holder, head)
	}
	if parent.name == "mj-head" {
		return append(holder.children, c.css...)
	}
	*head = append(*head, c.css...)
	return holder.children
}

// includedDocument takes a whole document apart: its body goes to the place of
// inclusion, its head to the head.
func (c *compiler) includedDocument(doc, parent *node, head *[]*node) []*node {
	var here []*node
	for _, part := range elementsOnly(doc.children) {
		switch part.name {
		case "mj-head":
			c.expand(part, head)
			if parent.name == "mj-head" {
				here = append(here, part.children...)
			} else {
				*head = append(*head, part.children...)
			}
		case "mj-body":
			body := &node{name: parent.name, children: part.children, file: part.file, pos: part.pos}
			c.expand(body, head)
			if parent.name == "mj-head" && len(elementsOnly(body.children)) > 0 {
				c.at(part.file, part.pos, "include it in mj-body", "the file has a body, but is included in mj-head")
				continue
			}
			here = append(here, body.children...)
		default:
			c.at(part.file, part.pos, "", "%s is not supported in an included file", part.name)
		}
	}
	return here
}

// included reads the file an mj-include names, nil with a problem if that fails.
func (c *compiler) included(n *node) *source {
	at := n.pos
	named, ok := n.own("path")
	if !ok || named == "" {
		c.at(n.file, at, `name the file: path="…"`, "mj-include has no path")
		return nil
	}
	for _, a := range n.attrs {
		if a.name == "path" {
			at = a.valuePos
		}
	}
	switch {
	case c.opt.Include == nil:
		c.at(n.file, at, "", "mj-include is not allowed here")
		return nil
	case path.IsAbs(named) || strings.ContainsAny(named, ":\\\x00"):
		c.at(n.file, at, "write it relative to this file", "%q is no relative path", shorten(named))
		return nil
	}
	name := path.Join(path.Dir(n.file.name), named)
	if slices.Contains(c.files, name) {
		c.at(n.file, at, "", "%s includes itself", name)
		return nil
	}
	if len(c.files) > maxIncludes {
		c.at(n.file, at, "", "files include each other more than %d deep", maxIncludes)
		return nil
	}
	return c.read(n, at, name)
}

func (c *compiler) read(n *node, at int, name string) *source {
	data, err := c.opt.Include(name)
	if err != nil {
		c.at(n.file, at, "", "include %s: %v", name, err)
		return nil
	}
	c.size += len(data)
	if c.size > maxSource {
		c.at(n.file, at, "", "with its includes the mail is larger than %d bytes", maxSource)
		return nil
	}
	return &source{name: name, text: normalLines(data)}
}
