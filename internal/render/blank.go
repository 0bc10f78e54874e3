package render

import (
	"reflect"
	"strings"
)

// blankTest is a comparison of what a condition names with blank or empty.
type blankTest struct {
	from, to int // of what is compared
	end      int // behind the word
	word     string
	not      bool
}

// isBlankWord tells whether an identifier stands for what is left out, as shops know it.
func isBlankWord(s string) bool { return s == "blank" || s == "empty" }

// blankTests lists a condition's comparisons with blank and empty. ok is false when one
// of these stands anywhere but behind == and !=.
func blankTests(s string) (tests []blankTest, ok bool) {
	if !strings.Contains(s, "blank") && !strings.Contains(s, "empty") {
		return nil, true
	}
	ls := lexExpr(s)
	for i, l := range ls {
		if l.kind != 'i' || !isBlankWord(l.text) {
			continue
		}
		if i < 2 || ls[i-1].text != "==" && ls[i-1].text != "!=" || i+1 < len(ls) && (ls[i+1].kind == 'p' || ls[i+1].text == "[") {
			return nil, false
		}
		from := operandStart(ls[:i-1])
		if from < 0 {
			return nil, false
		}
		tests = append(tests, blankTest{from: ls[from].start, to: ls[i-2].end, end: l.end, word: l.text, not: ls[i-1].text == "!="})
	}
	return tests, true
}

// operandStart is where the variable or literal begins with which ls ends, -1 if there
// is none.
func operandStart(ls []lexeme) int {
	i, depth := len(ls)-1, 0
	for ; i >= 0; i-- {
		switch l := ls[i]; {
		case l.text == "]" && l.kind == 'o':
			depth++
		case l.text == "[" && l.kind == 'o':
			depth--
		case depth > 0 || l.kind == 'p':
		case l.kind == 'i' && !isWord(l.text), l.kind == 's', l.kind == 'n':
			return i
		default:
			return -1
		}
	}
	return -1
}

// withBlanks writes a condition for the library, which knows neither word.
func withBlanks(s string) string {
	tests, _ := blankTests(s)
	var b strings.Builder
	at := 0
	for _, t := range tests {
		b.WriteString(s[at:t.from] + "(" + s[t.from:t.to] + " | " + blankFilter + `: "` + t.word + `")`)
		if t.not {
			b.WriteString(" == false")
		}
		at = t.end
	}
	b.WriteString(s[at:])
	return b.String()
}

// withoutBlanks writes nil for both words, so that the rest of a condition can be checked.
func withoutBlanks(s string) string {
	tests, _ := blankTests(s)
	var b strings.Builder
	at := 0
	for _, t := range tests {
		b.WriteString(s[at:t.end-len(t.word)] + "nil")
		at = t.end
	}
	b.WriteString(s[at:])
	return b.String()
}

const blankFilter = "__blank"

// holdsNothing tells whether a text, a list or a group holds nothing; for blank a text of
// spaces, what is false and what is missing count too.
func holdsNothing(v any, word string) bool {
	blank := word == "blank"
	switch v := v.(type) {
	case nil:
		return blank
	case bool:
		return blank && !v
	case string:
		return v == "" || blank && strings.TrimSpace(v) == ""
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array:
		return r.Len() == 0
	}
	return false
}
