package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexeme is a word of a Liquid expression. kind is i (identifier), k (keyword:
// an identifier with its colon), p (property, without its dot), s (string), n
// (number) or o (anything else, two characters long for comparisons and ..).
type lexeme struct {
	kind       byte
	text       string
	start, end int
}

// lexExpr splits an expression. It accepts anything; the library's parser says
// what is wrong.
func lexExpr(s string) []lexeme {
	var out []lexeme
	for i := 0; i < len(s); {
		start := i
		c := s[i]
		l := lexeme{kind: 'o', start: start}
		switch {
		case isSpace(c) || c == '\v':
			i++
			continue
		case c == '"' || c == '\'':
			l.kind, i = 's', stringEnd(s, i)
			l.text = s[start+1 : max(start+1, i-1)]
		case identStart(s[i:]):
			i = identEnd(s, i)
			l.kind, l.text = 'i', s[start:i]
			if i < len(s) && s[i] == ':' {
				i++
				l.kind = 'k'
			}
		case c == '.' && i+1 < len(s) && identStart(s[i+1:]):
			i = identEnd(s, i+1)
			l.kind, l.text = 'p', s[start+1:i]
		case c >= '0' && c <= '9' || c == '-' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			l.kind, i = 'n', numberEnd(s, i)
			l.text = s[start:i]
		default:
			i++
			if i < len(s) {
				switch s[start : i+1] {
				case "==", "!=", ">=", "<=", "..":
					i++
				}
			}
			l.text = s[start:i]
		}
		l.end = i
		out = append(out, l)
	}
	return out
}

func stringEnd(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		if s[j] == '\\' && s[i] == '"' {
			j++
		} else if s[j] == s[i] {
			return j + 1
		}
	}
	return len(s)
}

func numberEnd(s string, i int) int {
	digits := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	i++
	digits()
	if i+1 < len(s) && s[i] == '.' && s[i+1] >= '0' && s[i+1] <= '9' {
		i++
		digits()
	}
	return i
}

func identStart(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || r != utf8.RuneError && unicode.IsLetter(r)
}

func identEnd(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != '_' && r != '-' && (r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)) {
			break
		}
		i += n
	}
	if i < len(s) && s[i] == '?' {
		i++
	}
	return i
}

// isWord tells whether an identifier is a word of the language, not a variable.
func isWord(s string) bool {
	switch s {
	case "true", "false", "nil", "and", "or", "contains", "in":
		return true
	}
	return isBlankWord(s)
}

// ref is a variable as an expression names it: customer.first_name.
type ref struct {
	path  []string // root first; cut where an index in brackets follows
	whole bool     // path is all of it
	text  string
	start int
}

// refsOf lists the variables of an expression.
func refsOf(s string) []ref {
	ls := lexExpr(s)
	var out []ref
	for i, l := range ls {
		filter := i > 0 && ls[i-1].kind == 'o' && ls[i-1].text == "|"
		if l.kind != 'i' || isWord(l.text) || filter {
			continue
		}
		r := ref{path: []string{l.text}, whole: true, start: l.start}
		end := l.end
		for _, n := range ls[i+1:] {
			if n.kind == 'p' && r.whole {
				r.path = append(r.path, n.text)
			} else if n.kind == 'o' && n.text == "[" {
				r.whole = false
			} else if n.kind != 'p' {
				break
			}
			if r.whole {
				end = n.end
			}
		}
		r.text = s[l.start:end]
		out = append(out, r)
	}
	return out
}

// filterUse is a filter in an expression.
type filterUse struct {
	name string
	args string // as written
}

// splitFilters splits an expression at its pipes. ok is false when there is one
// within parentheses or brackets, which cannot be told apart here.
func splitFilters(s string) (base string, filters []filterUse, ok bool) {
	ls := lexExpr(s)
	depth, from := 0, 0
	var parts []string
	for _, l := range ls {
		if l.kind != 'o' {
			continue
		}
		switch l.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case "|":
			if depth > 0 {
				return s, nil, false
			}
			parts = append(parts, s[from:l.start])
			from = l.end
		}
	}
	parts = append(parts, s[from:])
	for _, p := range parts[1:] {
		name, args, _ := strings.Cut(strings.TrimSpace(p), ":")
		filters = append(filters, filterUse{strings.TrimSpace(name), strings.TrimSpace(args)})
	}
	return strings.TrimSpace(parts[0]), filters, true
}

// joinFilters writes the expression again for the library, with what our own
// filters need: the message's state behind the arguments of those that depend
// on the customer, and a price before those whose work grows with their input.
func joinFilters(base string, filters []filterUse) string {
	var b strings.Builder
	b.WriteString(base)
	for _, f := range filters {
		if costs(f.name) {
			b.WriteString(" | " + costFilter + ": " + stateVar)
		}
		b.WriteString(" | " + f.name)
		switch {
		case !needsState(f.name):
			if f.args != "" {
				b.WriteString(": " + f.args)
			}
		case f.args == "":
			b.WriteString(": " + stateVar)
		default:
			b.WriteString(": " + f.args + ", " + stateVar)
		}
	}
	return b.String()
}
