package render

import (
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

// cssRule is a rule set, or something that must stay as it is: an at-rule, a
// comment. Of a rule set, raw is empty.
type cssRule struct {
	raw       string
	selectors []string
	decls     []cssDecl
	block     string // the declarations as written
}

// cssDecl is a declaration.
type cssDecl struct {
	property, value string
	important       bool
}

// parseCSS splits a style sheet into its rules.
func parseCSS(s string) []cssRule {
	var rules []cssRule
	for i := 0; i < len(s); {
		i += len(s[i:]) - len(strings.TrimLeft(s[i:], " \t\r\n\f;}"))
		if i >= len(s) {
			break
		}
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			i = cssSkip(s, i)
		case strings.HasPrefix(s[i:], "<!--"):
			i += 4
		case strings.HasPrefix(s[i:], "-->"):
			i += 3
		case s[i] == '@':
			end := cssRuleEnd(s, i)
			rules = append(rules, cssRule{raw: s[i:end]})
			i = end
		default:
			open := cssFind(s, i, '{')
			if open >= len(s) {
				rules = append(rules, cssRule{raw: strings.TrimSpace(s[i:])})
				return rules
			}
			end := cssRuleEnd(s, i)
			block := strings.TrimSuffix(s[open+1:end], "}")
			rules = append(rules, cssRule{
				selectors: splitSelectors(stripCSSComments(s[i:open])),
				decls:     parseDecls(block),
				block:     strings.TrimSpace(block),
			})
			i = end
		}
	}
	return rules
}

// cssSkip is where the comment or string that begins at i ends; i+1 when none does.
func cssSkip(s string, i int) int {
	switch {
	case strings.HasPrefix(s[i:], "/*"):
		if end := strings.Index(s[i+2:], "*/"); end >= 0 {
			return i + 2 + end + 2
		}
		return len(s)
	case s[i] == '"' || s[i] == '\'':
		for j := i + 1; j < len(s); j++ {
			switch s[j] {
			case '\\':
				j++
			case s[i], '\n':
				return j + 1
			}
		}
		return len(s)
	case s[i] == '\\':
		return min(i+2, len(s))
	}
	return i + 1
}

// cssFind is the place of c from i on, outside of strings and comments, or the
// end.
func cssFind(s string, i int, c byte) int {
	for i < len(s) && s[i] != c {
		i = cssSkip(s, i)
	}
	return min(i, len(s))
}

// cssRuleEnd is where the rule that begins at i ends: after its block, or after
// the ; of an at-rule without one.
func cssRuleEnd(s string, i int) int {
	depth := 0
	for at := s[i] == '@'; i < len(s); {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth <= 0 {
				return i + 1
			}
		case ';':
			if at && depth == 0 {
				return i + 1
			}
		}
		i = cssSkip(s, i)
	}
	return len(s)
}

func stripCSSComments(s string) string {
	for {
		i := strings.Index(s, "/*")
		if i < 0 {
			return s
		}
		s = s[:i] + " " + s[cssSkip(s, i):]
	}
}

// splitSelectors splits a comma list; commas within brackets are its members'.
func splitSelectors(s string) []string {
	var out []string
	depth, from := 0, 0
	for i := 0; i < len(s); i = cssSkip(s, i) {
		switch s[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[from:i]))
				from = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

// parseDecls reads the declarations of a block or of a style attribute.
func parseDecls(block string) []cssDecl {
	var out []cssDecl
	p := css.NewParser(parse.NewInputString(block), true)
	for {
		kind, _, data := p.Next()
		switch kind {
		case css.ErrorGrammar:
			if p.HasParseError() {
				continue // one bad declaration; the parser goes on behind it
			}
			return out
		case css.DeclarationGrammar, css.CustomPropertyGrammar:
			d := cssDecl{property: strings.ToLower(string(data))}
			var b strings.Builder
			for _, v := range p.Values() {
				b.Write(v.Data)
			}
			d.value = strings.TrimSpace(b.String())
			if bang := strings.LastIndexByte(d.value, '!'); bang >= 0 && strings.EqualFold(strings.TrimSpace(d.value[bang+1:]), "important") {
				d.value, d.important = strings.TrimSpace(d.value[:bang]), true
			}
			if d.value != "" {
				out = append(out, d)
			}
		}
	}
}
