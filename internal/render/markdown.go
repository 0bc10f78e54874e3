package render

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"tidings/internal/campaign"
)

// markdown reads CommonMark with tables, strikethrough and bare addresses as
// links. HTML of the author's passes: templates are the shop's own.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
	goldmark.WithRendererOptions(html.WithUnsafe()),
)

// fromMarkdown turns the pieces of a Markdown source into pieces of HTML. Each
// piece of Liquid is a word while Markdown is read. A line that holds tags alone
// stands between blocks, between the items of a list, or between the rows of a
// table, by what it encloses: so a loop makes one list, not a list for each
// round.
func fromMarkdown(t *campaign.Template, ps []*piece) ([]*piece, []campaign.Problem) {
	m := &markdownSource{tokens: newTokens(ps), pieces: ps}
	for i, p := range ps {
		if p.kind == pieceText {
			m.src.WriteString(p.text)
		} else {
			m.src.WriteString(m.tokens.of(i))
		}
	}
	m.lines = strings.Split(m.src.String(), "\n")
	m.layTags()
	var out bytes.Buffer
	if err := markdown.Convert([]byte(strings.Join(m.lines, "\n")), &out); err != nil {
		return nil, []campaign.Problem{{File: t.File, Message: "not Markdown: " + err.Error()}}
	}
	return m.tokens.pieces(m.unwrap(out.String()), ps)
}

// tokens are words that stand for pieces of Liquid while another language is
// read, in a form that no language changes and no source holds.
type tokens struct {
	mark  string
	found *regexp.Regexp
}

func newTokens(ps []*piece) tokens {
	mark := "tidingshole"
	for clash := true; clash; {
		clash = false
		for _, p := range ps {
			if p.kind == pieceText && strings.Contains(p.text, mark) {
				mark, clash = mark+"x", true
			}
		}
	}
	return tokens{mark, regexp.MustCompile(mark + `(\d+)z`)}
}

func (t tokens) of(i int) string { return t.mark + strconv.Itoa(i) + "z" }

// pieces parts HTML at its tokens again. A tag that the other language has
// dropped is a problem.
func (t tokens) pieces(src string, ps []*piece) ([]*piece, []campaign.Problem) {
	var out []*piece
	used := make([]bool, len(ps))
	last := &piece{}
	if len(ps) > 0 {
		last = ps[0]
	}
	text := func(s string) {
		if s != "" {
			out = append(out, &piece{kind: pieceText, text: s, file: last.file, line: last.line, col: last.col, scope: last.scope, loose: true})
		}
	}
	at := 0
	for _, m := range t.found.FindAllStringSubmatchIndex(src, -1) {
		i, err := strconv.Atoi(src[m[2]:m[3]])
		if err != nil || i >= len(ps) {
			continue
		}
		text(src[at:m[0]])
		at = m[1]
		p := ps[i]
		if used[i] { // what is written once may stand twice, as a link's address
			again := *p
			p = &again
		}
		used[i] = true
		out = append(out, p)
		last = p
	}
	text(src[at:])
	var problems []campaign.Problem
	for i, p := range ps {
		if p.kind != pieceText && !used[i] {
			problems = append(problems, p.problem("Liquid cannot stand here: nothing would come of it", "move it into a text"))
		}
	}
	return out, problems
}

// markdownSource is a Markdown text with tokens, line by line.
type markdownSource struct {
	tokens tokens
	pieces []*piece
	src    strings.Builder
	lines  []string
	rows   map[int]bool // pieces that stand as an item of a list or a row of a table
}

var (
	listItem = regexp.MustCompile(`^([ \t]*(?:[-*+]|\d{1,9}[.)]))[ \t]+\S`)
	tableRow = regexp.MustCompile(`^[ \t]*\|`)
)

// tagsOf lists the tags of a line that holds nothing else.
func (m *markdownSource) tagsOf(line string) []int {
	if strings.TrimSpace(m.tokens.found.ReplaceAllString(line, "")) != "" {
		return nil
	}
	var out []int
	for _, f := range m.tokens.found.FindAllStringSubmatch(line, -1) {
		i, err := strconv.Atoi(f[1])
		if err != nil || i >= len(m.pieces) || m.pieces[i].kind != pieceTag {
			return nil
		}
		out = append(out, i)
	}
	return out
}

// layTags rewrites the lines that hold tags alone.
func (m *markdownSource) layTags() {
	m.rows = map[int]bool{}
	tags := make([][]int, len(m.lines))
	for n, line := range m.lines {
		tags[n] = m.tagsOf(line)
	}
	laid := make([]string, len(m.lines))
	var open [][]int // lines of the blocks that are open: their beginning and clauses
	for n, line := range tags {
		if len(line) != 1 {
			continue
		}
		p := m.pieces[line[0]]
		switch _, block := blocks[p.name]; {
		case block:
			open = append(open, []int{n})
		case len(open) == 0:
		case p.name == "else" || p.name == "elsif" || p.name == "when":
			open[len(open)-1] = append(open[len(open)-1], n)
		case strings.HasPrefix(p.name, "end"):
			parts := append(open[len(open)-1], n)
			open = open[:len(open)-1]
			prefix, suffix := m.within(parts[0], n, tags)
			if prefix == "" {
				break
			}
			for _, at := range parts {
				laid[at] = prefix + m.tokens.of(tags[at][0]) + suffix
				m.rows[tags[at][0]] = true
			}
		}
	}
	for n, line := range tags {
		switch {
		case laid[n] != "":
			m.lines[n] = laid[n]
		case len(line) > 0:
			indent := len(m.lines[n]) - len(strings.TrimLeft(m.lines[n], " \t"))
			m.lines[n] = strings.Repeat(" ", min(indent, 3)) + "<!--" + strings.TrimSpace(m.lines[n]) + "-->"
		}
	}
}

// within tells how the tags of a block from line a to line b have to stand: as
// items of the list or rows of the table that they enclose. Both are empty when
// it is neither.
func (m *markdownSource) within(a, b int, tags [][]int) (prefix, suffix string) {
	for n := a + 1; n < b; n++ {
		line := m.lines[n]
		if tags[n] != nil || strings.TrimSpace(line) == "" {
			continue
		}
		item := listItem.FindStringSubmatch(line)
		switch {
		case prefix == "" && item != nil:
			prefix = item[1] + " "
		case prefix == "" && tableRow.MatchString(line) && m.inTable(a, tags):
			prefix, suffix = "| ", " |"
		case prefix == "":
			return "", ""
		case suffix != "" && !tableRow.MatchString(line):
			return "", ""
		case suffix == "" && item == nil && !strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "\t"):
			return "", ""
		}
	}
	return prefix, suffix
}

// inTable tells whether the text before line n is a row of a table.
func (m *markdownSource) inTable(n int, tags [][]int) bool {
	for n--; n >= 0; n-- {
		if tags[n] == nil {
			return tableRow.MatchString(m.lines[n])
		}
	}
	return false
}

// unwrap takes away what stood around tags for Markdown's sake.
func (m *markdownSource) unwrap(src string) string {
	token := m.tokens.mark + `\d+z`
	src = regexp.MustCompile(`<!--((?:`+token+`\s*)+)-->`).ReplaceAllString(src, "$1")
	row := func(s string) string {
		found := m.tokens.found.FindStringSubmatch(s)
		if i, err := strconv.Atoi(found[1]); err != nil || !m.rows[i] {
			return s
		}
		return found[0]
	}
	src = regexp.MustCompile(`<li>\s*(?:<p>)?`+token+`(?:</p>)?\s*</li>\n?`).ReplaceAllStringFunc(src, row)
	return regexp.MustCompile(`<tr>\s*<td[^>]*>`+token+`</td>\s*(?:<td[^>]*></td>\s*)*</tr>\n?`).ReplaceAllStringFunc(src, row)
}
