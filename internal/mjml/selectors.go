package mjml

import (
	"slices"
	"strings"
)

// applySelectors puts into the HTML what mj-style inline and mj-html-attributes
// say of the elements their selectors find.
func (m *mail) applySelectors(doc []byte) []byte {
	var rules []styleRule
	for _, style := range m.inline {
		for _, r := range m.readStylesheet(style) {
			r.order = len(rules)
			rules = append(rules, r)
		}
	}
	text := string(doc)
	tags := scanTags(text)
	if len(tags)*(len(rules)+len(m.selectors)) > maxMatching {
		m.at(m.root.file, m.root.pos, "", "there are too many styles to put into elements")
		return nil
	}
	m.putStyles(tags, rules)
	m.putAttributes(tags)
	return []byte(edited(text, tags))
}

// maxMatching bounds elements times selectors.
const maxMatching = 20_000_000

func (m *mail) putStyles(tags []*htmlTag, rules []styleRule) {
	of := map[*htmlTag][]styleRule{}
	for _, r := range rules {
		for _, t := range r.selector.find(tags) {
			of[t] = append(of[t], r)
		}
	}
	size := 0
	for _, t := range tags {
		if len(of[t]) == 0 || inHead(t) {
			continue
		}
		own, _ := t.get("style")
		winners := cascade(of[t], readDeclarations(own))
		var b strings.Builder
		for _, d := range winners {
			b.WriteString(d.name + ":" + quotesInStyle(d.value) + ";")
		}
		if size += b.Len(); size > maxOutput {
			m.at(m.root.file, m.root.pos, "", "the HTML would be larger than %d bytes", maxOutput)
			return
		}
		t.set("style", b.String())
		t.presentation(winners)
	}
}

// inHead tells what no style is for.
func inHead(t *htmlTag) bool {
	for ; t != nil; t = t.parent {
		if t.name == "head" {
			return true
		}
	}
	return false
}

// quotesInStyle lets a value stand in style="…".
func quotesInStyle(value string) string {
	if hasLiquid(value) {
		return value
	}
	return strings.ReplaceAll(value, `"`, `'`)
}

var tableTags = words("table th tr td caption colgroup col thead tbody tfoot")

// presentation sets the attributes that say the same as styles: some clients
// read only those.
func (t *htmlTag) presentation(styles []declaration) {
	last := map[string]string{}
	for _, d := range styles {
		last[d.name] = d.value
	}
	if t.name == "table" || t.name == "td" || t.name == "th" || t.name == "img" {
		t.sizeAttribute("width", last["width"])
		t.sizeAttribute("height", last["height"])
	}
	if !tableTags[t.name] {
		return
	}
	for _, pair := range [][2]string{{"background-color", "bgcolor"}, {"text-align", "align"}, {"vertical-align", "valign"}} {
		if value := last[pair[0]]; value != "" {
			t.set(pair[1], value)
		}
	}
	if url, ok := strings.CutPrefix(last["background-image"], "url("); ok {
		t.set("background", strings.Trim(strings.TrimSuffix(url, ")"), `"' `))
	}
}

func (t *htmlTag) sizeAttribute(name, value string) {
	number, unit := measure(value)
	switch {
	case value != "" && unit == "px" && value[0] != 'p':
		t.set(name, num(number))
	case t.name != "img" && (unit == "%" && value != "%" || value == "auto"):
		t.set(name, value)
	}
}

// putAttributes sets the attributes of mj-html-attributes.
func (m *mail) putAttributes(tags []*htmlTag) {
	for _, n := range m.selectors {
		path, _ := n.own("path")
		for _, one := range strings.Split(path, ",") {
			sel, err := parseSelector(strings.TrimSpace(one))
			if err != "" {
				m.at(n.file, n.pos, "", "path %q: %s", shorten(path), err)
				break
			}
			for _, t := range sel.find(tags) {
				for _, a := range elementsOnly(n.children) {
					name, _ := a.own("name")
					t.set(strings.ToLower(name), a.content)
				}
			}
		}
	}
}

// edited is the document with the tags' edits.
func edited(doc string, tags []*htmlTag) string {
	var w writer
	done := 0
	for _, t := range tags {
		if len(t.edited) == 0 {
			continue
		}
		added := slices.Clone(t.edited)
		for _, a := range t.attrs {
			value, ok := t.edits[a.name]
			if !ok {
				continue
			}
			w.put(doc[done:a.start], a.name, "=")
			w.quoted(value)
			done = a.end
			added = slices.DeleteFunc(added, func(name string) bool { return name == a.name })
		}
		w.put(strings.TrimRight(doc[done:t.end], " "))
		done = t.end
		for _, name := range added {
			w.put(" ", name, "=")
			w.quoted(t.edits[name])
		}
	}
	w.put(doc[done:])
	return string(w.b)
}
