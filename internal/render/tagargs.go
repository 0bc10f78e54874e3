package render

import (
	"strings"

	"tidings/internal/campaign"
)

// cutAssign splits name = expression.
func cutAssign(s string) (name, expr string, ok bool) {
	ls := lexExpr(s)
	if len(ls) < 3 || ls[0].kind != 'i' || isWord(ls[0].text) || ls[1].text != "=" || ls[1].kind != 'o' {
		return "", "", false
	}
	return ls[0].text, strings.TrimSpace(s[ls[1].end:]), true
}

// forArgs are the arguments of a for tag.
type forArgs struct {
	variable, list string
	rest           string // limit, offset, reversed
}

func splitFor(s string) (forArgs, bool) {
	ls := lexExpr(s)
	if len(ls) < 3 || ls[0].kind != 'i' || isWord(ls[0].text) || ls[1].text != "in" {
		return forArgs{}, false
	}
	end := len(s)
	for i, l := range ls[3:] {
		filter := ls[i+2].kind == 'o' && ls[i+2].text == "|"
		modifier := l.kind == 'k' && (l.text == "limit" || l.text == "offset") || l.kind == 'i' && l.text == "reversed"
		if modifier && !filter {
			end = l.start
			break
		}
	}
	return forArgs{ls[0].text, strings.TrimSpace(s[ls[1].end:end]), strings.TrimSpace(s[end:])}, true
}

// splitRange splits (a..b).
func splitRange(s string) (from, to string, ok bool) {
	if !strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")") {
		return "", "", false
	}
	for _, l := range lexExpr(s) {
		if l.kind == 'o' && l.text == ".." {
			return strings.TrimSpace(s[1:l.start]), strings.TrimSpace(s[l.end : len(s)-1]), true
		}
	}
	return "", "", false
}

// renderArg is a value that a call passes to a partial.
type renderArg struct{ name, expr string }

// splitRender splits "name", key: value, key: value.
func splitRender(s string) (name string, args []renderArg, ok bool) {
	ls := lexExpr(s)
	if len(ls) == 0 || ls[0].kind != 's' {
		return "", nil, false
	}
	name = ls[0].text
	for i := 1; i < len(ls); {
		if ls[i].text != "," || ls[i].kind != 'o' || i+2 >= len(ls) || ls[i+1].kind != 'k' {
			return "", nil, false
		}
		j := i + 2
		depth := 0
		for ; j < len(ls); j++ {
			if ls[j].kind == 'o' {
				switch ls[j].text {
				case "(", "[":
					depth++
				case ")", "]":
					depth--
				}
				if depth == 0 && ls[j].text == "," {
					break
				}
			}
		}
		args = append(args, renderArg{ls[i+1].text, strings.TrimSpace(s[ls[i+1].end:ls[j-1].end])})
		i = j
	}
	return name, args, true
}

// cycleWords are the texts of a cycle tag.
func cycleWords(s string) ([]string, bool) {
	var words []string
	for i, l := range lexExpr(s) {
		if i%2 == 0 && l.kind == 's' {
			words = append(words, l.text)
		} else if i%2 == 0 || l.text != "," {
			return nil, false
		}
	}
	return words, len(words) > 0
}

// didYouMean is the hint for a word that is not among known, or "".
func didYouMean(s string, known []string) string {
	near := campaign.Nearest(s, known)
	if near == "" {
		return ""
	}
	return "did you mean " + near + "?"
}
