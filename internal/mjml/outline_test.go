package mjml

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// outline is a document as comparing sees it: one line for each element with its
// attributes, each piece of text, each rule of CSS, and the same of what is in
// conditional comments. Space between elements and the ids that the reference
// draws don't count.
func outline(t testing.TB, doc []byte) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(string(doc)))
	if err != nil {
		t.Fatal(err)
	}
	o := &outliner{ids: map[string]string{}}
	o.node(root, 0)
	return o.lines
}

type outliner struct {
	lines []string
	ids   map[string]string
}

func (o *outliner) line(depth int, format string, args ...any) {
	o.lines = append(o.lines, strings.Repeat(" ", depth)+o.withoutIDs(fmt.Sprintf(format, args...)))
}

func (o *outliner) node(n *html.Node, depth int) {
	switch n.Type {
	case html.ElementNode:
		o.line(depth, "<%s%s>", n.Data, attributes(n.Attr))
	case html.TextNode:
		o.text(n, depth)
	case html.CommentNode:
		o.comment(n.Data, depth)
	case html.DoctypeNode:
		o.line(depth, "<!doctype %s>", n.Data)
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		o.node(child, depth+1)
	}
}

func (o *outliner) text(n *html.Node, depth int) {
	text := strings.Join(strings.Fields(n.Data), " ")
	if text == "" {
		return
	}
	if n.Parent != nil && n.Parent.Data == "style" {
		o.css(text, depth)
		return
	}
	o.line(depth, "%q", text)
}

var noSpace = regexp.MustCompile(`\s*([{};:,>+])\s*`)

func (o *outliner) css(text string, depth int) {
	text = noSpace.ReplaceAllString(text, "$1")
	text = strings.NewReplacer("{", "{\n", "}", "\n}\n").Replace(text)
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(strings.TrimSpace(line), ";"); line != "" {
			o.line(depth, "css %s", line)
		}
	}
}

// comment looks into a conditional comment, whose tags needn't be balanced.
func (o *outliner) comment(data string, depth int) {
	condition, content, ok := strings.Cut(data, ">")
	if !ok || !strings.HasPrefix(strings.TrimSpace(data), "[if") {
		o.line(depth, "<!-- %s -->", strings.Join(strings.Fields(data), " "))
		return
	}
	o.line(depth, "<!--%s>", condition)
	z := html.NewTokenizer(strings.NewReader(strings.TrimSuffix(content, "<![endif]")))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			o.line(depth+1, "<%s%s>", token.Data, attributes(token.Attr))
		case html.EndTagToken:
			o.line(depth+1, "</%s>", token.Data)
		default:
			if text := strings.Join(strings.Fields(token.String()), " "); text != "" {
				o.line(depth+1, "%q", text)
			}
		}
	}
	o.line(depth, "endif")
}

func attributes(attrs []html.Attribute) string {
	var all []string
	for _, a := range attrs {
		value := strings.Join(strings.Fields(a.Val), " ")
		if a.Key == "background" && (kind{name: "color"}).takes(value) {
			continue // the reference's inliner takes any background of a cell for a picture
		}
		if a.Key == "style" {
			value = styleOf(value)
		}
		all = append(all, fmt.Sprintf(" %s=%q", a.Key, value))
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

var afterColon = regexp.MustCompile(`\s*([:;])\s*`)

func styleOf(value string) string {
	var all []string
	for _, declaration := range strings.Split(afterColon.ReplaceAllString(value, "$1"), ";") {
		if declaration = strings.TrimSpace(declaration); declaration != "" {
			all = append(all, declaration)
		}
	}
	return strings.Join(all, "; ")
}

var drawnID = regexp.MustCompile(`\b[0-9a-f]{16}\b|\bm[0-9]+\b`)

// withoutIDs numbers ids in the order they appear.
func (o *outliner) withoutIDs(line string) string {
	return drawnID.ReplaceAllStringFunc(line, func(id string) string {
		if o.ids[id] == "" {
			o.ids[id] = fmt.Sprintf("ID%d", len(o.ids)+1)
		}
		return o.ids[id]
	})
}

// different shows where two outlines part, "" if they don't.
func different(ours, theirs []string) string {
	for i := range max(len(ours), len(theirs)) {
		a, b := lineAt(ours, i), lineAt(theirs, i)
		if a != b {
			return fmt.Sprintf("line %d\nbefore %s\nours   %s\ntheirs %s", i, lineAt(ours, i-1), strings.TrimSpace(a), strings.TrimSpace(b))
		}
	}
	return ""
}

func lineAt(lines []string, i int) string {
	if i < 0 || i >= len(lines) {
		return "(nothing)"
	}
	return lines[i]
}
