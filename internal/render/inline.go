package render

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// markAttr ties an element of the parsed tree to its start tag in the source.
const markAttr = "data-tidings-mark"

// inlineCSS moves the rules of a document's <style> elements into the style
// attributes of the elements that they match. The source is changed at those
// places only and stays as written elsewhere; a parsed copy serves for matching
// alone, so whatever the parser does to tables, comments and unclosed elements
// does no harm. Rules that a style attribute cannot express (at-rules,
// pseudo-classes) or that match nothing here (mail clients' own hooks) stay in
// <style>, and so do important ones, beside their copies on the elements. A style
// attribute's own declarations win, save against !important.
func inlineCSS(src string) string {
	tags, sheets := styleSheets(src)
	if len(sheets) == 0 {
		return src
	}
	nodes := markedNodes(src, tags)
	styles := make(map[int][]styleDecl)
	var patches []patch
	order := 0
	for _, sheet := range sheets {
		var kept strings.Builder
		for _, rule := range parseCSS(src[sheet.from:sheet.to]) {
			order++
			rest := applyRule(rule, order, nodes, styles)
			if rest != "" {
				kept.WriteString("\n" + rest)
			}
		}
		if kept.Len() == 0 {
			patches = append(patches, patch{from: sheet.open, to: sheet.close})
			continue
		}
		patches = append(patches, patch{from: sheet.from, to: sheet.to, text: kept.String() + "\n"})
	}
	for mark, decls := range styles {
		patches = append(patches, stylePatch(src, tags[mark], decls))
	}
	return applyPatches(src, patches)
}

// sheet is a <style> element: its content, and its outer ends.
type sheet struct{ from, to, open, close int }

// styleSheets lists the start tags of a source and the style sheets that apply
// to every client.
func styleSheets(src string) (tags []htmlToken, sheets []sheet) {
	var open *htmlToken
	scanHTML(src, 0, len(src), func(t *htmlToken) {
		switch {
		case t.kind == htmlStart:
			own := *t
			own.attrs = slices.Clone(t.attrs)
			tags = append(tags, own)
			open = nil
			if own.name == "style" && appliesToAll(src, &own) {
				open = &own
			}
		case t.kind == htmlRaw && t.name == "style" && open != nil:
			sheets = append(sheets, sheet{from: t.start, to: t.end, open: open.start, close: t.end})
		case t.kind == htmlEnd && t.name == "style" && open != nil:
			if n := len(sheets); n > 0 && sheets[n-1].to == t.start {
				sheets[n-1].close = t.end
			}
			open = nil
		}
	})
	return tags, sheets
}

func appliesToAll(src string, t *htmlToken) bool {
	m := t.attr("media")
	if m == nil {
		return true
	}
	v := strings.ToLower(strings.TrimSpace(src[m.vs:m.ve]))
	return v == "" || v == "all" || v == "screen"
}

// markedNode is an element of the tree with the position of its start tag.
type markedNode struct {
	node *html.Node
	mark int
}

// markedNodes parses src and lists the elements that stand in it and can carry
// a style.
func markedNodes(src string, tags []htmlToken) []markedNode {
	marks := make([]patch, len(tags))
	for i, t := range tags {
		marks[i] = patch{from: t.nameEnd, to: t.nameEnd, text: " " + markAttr + `="` + strconv.Itoa(i) + `"`}
	}
	root, err := html.Parse(strings.NewReader(applyPatches(src, marks)))
	if err != nil {
		return nil // a strings.Reader never fails
	}
	var nodes []markedNode
	seen := make([]bool, len(tags))
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for i, a := range n.Attr {
			if a.Key != markAttr {
				continue
			}
			n.Attr = slices.Delete(n.Attr, i, i+1)
			mark, err := strconv.Atoi(a.Val)
			if err == nil && mark < len(seen) && !seen[mark] && !unstyled(n.Data) {
				seen[mark] = true
				nodes = append(nodes, markedNode{n, mark})
			}
			break
		}
	}
	return nodes
}

// unstyled tells whether an element shows nothing itself.
func unstyled(name string) bool {
	switch name {
	case "head", "title", "meta", "style", "script", "link", "base":
		return true
	}
	return false
}

// styleDecl is a declaration with its rank in the cascade.
type styleDecl struct {
	cssDecl
	spec  cascadia.Specificity
	order int
}

// applyRule gives a rule's declarations to the elements that it matches and
// returns what of the rule must stay in the style sheet.
func applyRule(rule cssRule, order int, nodes []markedNode, styles map[int][]styleDecl) string {
	if rule.raw != "" {
		return rule.raw
	}
	var kept, inlined []string
	for _, s := range rule.selectors {
		sel, err := cascadia.Parse(s)
		if err != nil {
			kept = append(kept, s)
			continue
		}
		matched := false
		for _, n := range nodes {
			if !sel.Match(n.node) {
				continue
			}
			matched = true
			for _, d := range rule.decls {
				styles[n.mark] = append(styles[n.mark], styleDecl{d, sel.Specificity(), order})
			}
		}
		if matched {
			inlined = append(inlined, s)
		} else {
			kept = append(kept, s)
		}
	}
	var rest []string
	if len(kept) > 0 {
		rest = append(rest, strings.Join(kept, ", ")+" { "+rule.block+" }")
	}
	if important := importantOf(rule.decls); important != "" && len(inlined) > 0 {
		rest = append(rest, strings.Join(inlined, ", ")+" { "+important+" }")
	}
	return strings.Join(rest, "\n")
}

// importantOf writes a rule's important declarations. They stay in the sheet as
// well: in a style attribute, with or without !important, they could not be both
// as strong as the author wants and weaker than the sheet's own exceptions for
// small screens and dark mode.
func importantOf(decls []cssDecl) string {
	var out []string
	for _, d := range decls {
		if d.important {
			out = append(out, d.property+": "+d.value+" !important")
		}
	}
	return strings.Join(out, "; ")
}

// cascade orders declarations from weak to strong and keeps the last of each
// property.
func cascade(decls []styleDecl) []styleDecl {
	slices.SortStableFunc(decls, func(a, b styleDecl) int {
		if a.spec != b.spec {
			if a.spec.Less(b.spec) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.order, b.order)
	})
	var out []styleDecl
	for i, d := range decls {
		stronger := slices.ContainsFunc(decls[i+1:], func(later styleDecl) bool {
			return later.property == d.property && later.important == d.important && !fallback(d, later)
		})
		if !stronger {
			out = append(out, d)
		}
	}
	return out
}

// fallback tells whether d and later stand in one rule, where an earlier value
// serves clients that do not know the later one.
func fallback(d, later styleDecl) bool {
	return d.order == later.order && d.value != later.value
}

// stylePatch writes an element's declarations: those of the style sheet, its
// own, and then what is important.
func stylePatch(src string, tag htmlToken, decls []styleDecl) patch {
	var before, after []string
	own := tag.attr("style")
	var sealed []cssDecl // the element's own !important, stronger than all
	if own != nil && own.hasValue {
		sealed = slices.DeleteFunc(parseDecls(html.UnescapeString(src[own.vs:own.ve])), func(d cssDecl) bool { return !d.important })
	}
	for _, d := range cascade(decls) {
		if slices.ContainsFunc(sealed, func(o cssDecl) bool { return o.property == d.property }) {
			continue
		}
		value := d.value
		if !strings.Contains(value, "'") {
			value = strings.ReplaceAll(value, `"`, "'")
		}
		if d.important {
			after = append(after, d.property+": "+value)
		} else {
			before = append(before, d.property+": "+value)
		}
	}
	var parts []string
	quote := `"`
	esc := strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;")
	if own != nil && own.hasValue {
		if own.quote == '\'' {
			quote = "'"
			esc = strings.NewReplacer("&", "&amp;", "'", "&#39;", "<", "&lt;")
		}
		if existing := strings.TrimRight(strings.TrimSpace(src[own.vs:own.ve]), "; "); existing != "" {
			parts = []string{existing}
		}
	}
	if len(before) > 0 {
		parts = append([]string{esc.Replace(strings.Join(before, "; "))}, parts...)
	}
	if len(after) > 0 {
		parts = append(parts, esc.Replace(strings.Join(after, "; ")))
	}
	text := "style=" + quote + strings.Join(parts, "; ") + quote
	if own != nil {
		return patch{from: own.start, to: own.end, text: text}
	}
	return patch{from: tag.nameEnd, to: tag.nameEnd, text: " " + text}
}
