package grade

import (
	"regexp"
	"strings"
)

// matcher is an expression of many alternatives, most of which are plain words: those
// are looked for as such, which is tens of times as fast.
type matcher struct {
	words []string
	rest  *regexp.Regexp
}

func match(expr string) matcher {
	var m matcher
	var rest []string
	depth, from := 0, 0
	class := false // within [ ]
	for i := 0; i <= len(expr); i++ {
		switch {
		case i < len(expr) && expr[i] == '\\':
			i++ // what is escaped parts nothing
			continue
		case i == len(expr):
		case class || expr[i] == '[':
			class = expr[i] != ']'
		case expr[i] == '(':
			depth++
		case expr[i] == ')':
			depth--
		}
		if i < len(expr) && (expr[i] != '|' || depth > 0 || class) {
			continue
		}
		if piece := expr[from:i]; strings.ContainsAny(piece, `\.+*?()[]{}^$`) {
			rest = append(rest, piece)
		} else if piece != "" {
			m.words = append(m.words, piece)
		}
		from = i + 1
	}
	if len(rest) > 0 {
		m.rest = regexp.MustCompile(strings.Join(rest, "|"))
	}
	return m
}

// find is what matches; empty: nothing does.
func (m matcher) find(s string) string {
	for _, w := range m.words {
		if strings.Contains(s, w) {
			return w
		}
	}
	if m.rest == nil {
		return ""
	}
	return m.rest.FindString(s)
}

func (m matcher) in(s string) bool { return m.find(s) != "" }
