package content

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// fault is a syntax error in words that help. repaired is the text with the
// value at masked blanked out, or "" when nothing can be read past the fault.
type fault struct {
	at            place
	message, hint string
	repaired      string
	masked        place
}

const quoteHint = "put the text in quotes"

// diagnose turns the YAML parser's error into a fault. Most are texts that
// needed quotes: the parser then stands at, or somewhere behind, the text.
func diagnose(text string, err error) fault {
	var le *yaml.LoadError
	if !errors.As(err, &le) || le.Mark.Line == 0 {
		return fault{at: place{1, 1}, message: "the file is not YAML: " + err.Error()}
	}
	lines := strings.Split(text, "\n")
	at := place{min(max(le.Mark.Line, 1), len(lines)), max(le.Mark.Column, 1)}
	line := lines[at.line-1]
	if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
		return fault{
			at: place{at.line, strings.Index(indent, "\t") + 1}, message: "a tab indents this line",
			hint: "indent with spaces; if the tab belongs to a text, " + quoteHint,
		}
	}
	from := at.line
	if le.ContextMark.Line > 0 && strings.Contains(le.ContextMsg, "flow") {
		from = min(le.ContextMark.Line, at.line)
	}
	for n := from; n <= at.line; n++ {
		mark := at.column
		if n < at.line {
			mark = len(lines[n-1]) + 1
		}
		if f, ok := unquoted(lines, n, mark, le.Message); ok {
			return f
		}
	}
	return explain(text, at, le)
}

// explain says what the parser's own words mean, for what is not a text.
func explain(text string, at place, le *yaml.LoadError) fault {
	f := fault{at: at, message: le.Message}
	switch m := le.Message; {
	case strings.Contains(m, "mapping values are not allowed"):
		f.message, f.hint = "a key cannot stand here", "indent the line like its neighbours; "+quoteHint+" if it holds a colon"
	case strings.Contains(m, "did not find expected ',' or"):
		f.message = "a list or map in brackets is not closed, or lacks a comma"
		f.hint = "it begins on line " + lineOf(le.ContextMark)
	case strings.Contains(m, "did not find expected node content"):
		f.message, f.hint = "a value is missing", "write one, or take out the comma before it"
		if bracket, open := lastOpen(text); open {
			f.at, f.message, f.hint = bracket, "a list or map in brackets begins here and never ends", "close it with ] or }"
		}
	case strings.Contains(m, "unexpected end of stream") && strings.Contains(le.ContextMsg, "quoted"):
		f.at = place{le.ContextMark.Line, max(le.ContextMark.Column, 1)}
		f.message, f.hint = "a quote begins here and never ends", `close it with the same " or '`
	case strings.Contains(m, "did not find expected key"), strings.Contains(m, "could not find expected ':'"),
		strings.Contains(m, "did not find expected '-' indicator"):
		f.message, f.hint = "the line does not fit the block that it stands in", "indent it like its neighbours; "+quoteHint
	}
	return f
}

// lastOpen is the last bracket of a text, if nothing closes it.
func lastOpen(text string) (at place, open bool) {
	i := strings.LastIndexAny(text, "[{")
	if i < 0 || strings.ContainsAny(text[i:], "]}") {
		return at, false
	}
	before := text[:i]
	line := before[strings.LastIndex(before, "\n")+1:]
	return place{strings.Count(before, "\n") + 1, utf8.RuneCountInString(line) + 1}, true
}

func lineOf(m yaml.Mark) string { return strings.TrimPrefix(place{m.Line, m.Column}.String(), "line ") }

// keyBefore matches a key and what may stand before it on its line.
var keyBefore = regexp.MustCompile(`(?:^[ ]*(?:-[ ]+)*(?:\{[ ]*)?|[{,][ ]*)"?[A-Za-z_][\w.-]*"?:[ \t]+`)

// unquoted looks on line n for a text that needs quotes, in or before column
// mark, and tells why it does.
func unquoted(lines []string, n, mark int, parser string) (fault, bool) {
	line := []rune(lines[n-1])
	start, end, ok := valueAt(string(line), mark)
	if !ok {
		return fault{}, false
	}
	value := string(line[start:end])
	f := fault{at: place{n, start + 1}, masked: place{n, start + 1}, hint: quoteHint}
	first := line[start]
	switch hash := strings.Index(value, " #"); {
	case strings.HasPrefix(value, "{{"), strings.HasPrefix(value, "{%"):
		f.message = "the text begins with " + value[:2] + ", which YAML reads as a map"
	case strings.ContainsRune("%@`", first):
		f.message = "a text cannot begin with " + string(first)
	case strings.ContainsRune(`"'`, first):
		if !strings.Contains(parser, "expected key") && !strings.Contains(parser, "expected ','") {
			return f, false
		}
		f.message, f.hint = "the text goes on behind its closing quote", "put all of it in quotes; within '…' a ' is written ''"
	case strings.ContainsRune("*&!|>-?", first), first == '[' && strings.Contains(parser, "expected key"):
		f.message = "YAML gives " + string(first) + " at the beginning of a text a meaning of its own"
	case hash >= 0 && strings.Contains(parser, "expected ','"):
		f.at.column += len([]rune(value[:hash])) + 1
		f.message = "a # behind a blank begins a comment, which hides the rest of the line"
	case strings.Contains(parser, "mapping values are not allowed") && strings.Contains(value, ":") && mark > start+1:
		f.message = "the text holds a colon and a blank, which YAML reads as a key"
	case strings.Contains(parser, "expected ','") && strings.Contains(value, ": "):
		f.message = "the text holds a colon and a blank, which YAML reads as a key"
	default:
		return f, false
	}
	blank := strings.Repeat("x", end-start)
	if value == blank {
		return f, false
	}
	repaired := append([]string(nil), lines...)
	repaired[n-1] = string(line[:start]) + blank + string(line[end:])
	f.repaired = strings.Join(repaired, "\n")
	return f, true
}

// valueAt finds the value (from start to end, in characters from 0) that column
// mark of a line stands in or behind. In a line of a block that is what follows
// the first key; between braces, what follows the last key before mark.
func valueAt(line string, mark int) (start, end int, ok bool) {
	line = strings.TrimRight(line, " \t\r")
	keys := keyBefore.FindAllStringIndex(line, -1)
	if len(keys) == 0 {
		return 0, 0, false
	}
	count := func(bytes int) int { return len([]rune(line[:bytes])) }
	rest := line[keys[0][1]:]
	flow := strings.HasPrefix(strings.TrimLeft(line, " -"), "{") ||
		(strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "[")) && !strings.HasPrefix(rest, "{{") && !strings.HasPrefix(rest, "{%")
	if !flow {
		return count(keys[0][1]), count(len(line)), len(rest) > 0
	}
	last := -1
	for i, k := range keys {
		if count(k[1]) < mark {
			last = i
		}
	}
	if last < 0 {
		return 0, 0, false
	}
	stop := len(line)
	if last+1 < len(keys) && keys[last+1][0] > keys[last][1] {
		stop = keys[last+1][0]
	}
	// Closing brackets belong to the map, but for those of an output.
	value := line[keys[last][1]:stop]
	trimmed := strings.TrimRight(value, " }],")
	if opened := strings.Count(trimmed, "{{") - strings.Count(trimmed, "}}"); opened > 0 {
		if i := strings.Index(value[len(trimmed):], "}}"); i >= 0 {
			trimmed = value[:len(trimmed)+i+2]
		}
	}
	return count(keys[last][1]), count(keys[last][1] + len(trimmed)), len(trimmed) > 0
}
