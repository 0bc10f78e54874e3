package render

import (
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"tidings/internal/campaign"
	"tidings/internal/mjml"
)

// fromMJML compiles a joined mail, which is an MJML document, to pieces of HTML.
// Liquid is Liquid to MJML too; only its words are replaced, by ones that name the
// piece. name is the path that includes are relative to.
func (c *compiler) fromMJML(name string, ps []*piece) ([]*piece, []campaign.Problem) {
	m := &mjmlSource{compiler: c, tokens: newTokens(ps), pieces: slices.Clone(ps), places: map[string][]placed{}}
	m.languages()
	src := m.write(name, m.pieces, 0)
	html, found := mjml.Compile(name, []byte(src), mjml.Options{Include: m.include})
	problems := m.problems
	for _, p := range found {
		problems = append(problems, m.placeOf(p))
	}
	if hasErrors(problems) {
		return nil, problems
	}
	m.tokens.found = m.liquid()
	return m.tokens.pieces(string(html), m.pieces)
}

// mjmlSource is an MJML document with tokens, and what it includes.
type mjmlSource struct {
	*compiler
	tokens   tokens
	pieces   []*piece
	places   map[string][]placed // by file, in order: where each piece begins
	problems []campaign.Problem
}

// placed is a piece with the line and column at which it stands in a generated
// source.
type placed struct {
	line, col int
	piece     *piece
}

// of is the Liquid that stands for piece i, of the same kind.
func (m *mjmlSource) of(i int) string {
	if m.pieces[i].kind == pieceOutput {
		return "{{ " + m.tokens.of(i) + " }}"
	}
	return "{% " + m.tokens.of(i) + " %}"
}

func (m *mjmlSource) liquid() *regexp.Regexp {
	return regexp.MustCompile(`(?:\{\{|\{%) ` + m.tokens.mark + `(\d+)z (?:\}\}|%\})`)
}

// write makes a file's source of pieces, of which the first is piece number from.
func (m *mjmlSource) write(file string, ps []*piece, from int) string {
	var b strings.Builder
	line, col := 1, 1
	for i, p := range ps {
		m.places[file] = append(m.places[file], placed{line, col, p})
		text := p.text
		if p.kind != pieceText {
			text = m.of(from + i)
		}
		text = strings.ReplaceAll(text, "\r\n", "\n")
		b.WriteString(text)
		if n := strings.Count(text, "\n"); n > 0 {
			line, col = line+n, 1
			text = text[strings.LastIndexByte(text, '\n')+1:]
		}
		col += len([]rune(text))
	}
	return b.String()
}

// placeOf is a problem of MJML at the author's place.
func (m *mjmlSource) placeOf(p mjml.Problem) campaign.Problem {
	out := campaign.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.What, Hint: p.Hint}
	all := m.places[p.File]
	i := sort.Search(len(all), func(i int) bool {
		return all[i].line > p.Line || all[i].line == p.Line && all[i].col > p.Column
	}) - 1
	if i < 0 {
		return out
	}
	at := all[i]
	out.File, out.Line, out.Column = at.piece.file, at.piece.line, at.piece.col
	if at.piece.kind != pieceText || at.piece.loose {
		return out
	}
	if out.Line += p.Line - at.line; p.Line > at.line {
		out.Column = p.Column
	} else {
		out.Column += p.Column - at.col
	}
	return out
}

// include gives MJML what a file of templates/partials holds.
func (m *mjmlSource) include(file string) ([]byte, error) {
	t := m.catalog.Includes[file]
	if _, inner, found := strings.Cut(file, "partials/"); t == nil && found {
		t = m.catalog.Includes[path.Join("templates/partials", inner)]
	}
	if t == nil {
		near := didYouMean(file, slices.Sorted(maps.Keys(m.catalog.Includes)))
		if near == "" {
			near = "MJML files to include stand in templates/partials"
		}
		return nil, errors.New("there is no such file; " + near)
	}
	j := &joiner{partials: m.partials}
	j.add(m.sources[t])
	m.compiler.problems = append(m.compiler.problems, j.problems...)
	from := len(m.pieces)
	m.pieces = append(m.pieces, j.out...)
	return []byte(m.write(file, j.out, from)), nil
}

var mjmlRoot = regexp.MustCompile(`<mjml(\s[^>]*)?>`)

// languages says on the root which language the mail is in and which way it runs,
// where its author does not.
func (m *mjmlSource) languages() {
	for i, p := range m.pieces {
		if p.kind != pieceText {
			continue
		}
		at := mjmlRoot.FindStringSubmatchIndex(p.text)
		if at == nil {
			continue
		}
		written := ""
		if at[2] >= 0 {
			written = p.text[at[2]:at[3]]
		}
		name := at[0] + len("<mjml")
		before, after := *p, *p
		before.text, after.text = p.text[:name], p.text[name:]
		after.line += strings.Count(before.text, "\n")
		after.col = len([]rune(before.text[strings.LastIndexByte(before.text, '\n')+1:])) + 1
		if after.line == p.line {
			after.col += p.col - 1
		}
		made := []*piece{&before}
		for _, a := range [][2]string{{"lang", "locale"}, {"dir", "dir"}} {
			if regexp.MustCompile(`(^|\s)` + a[0] + `\s*=`).MatchString(written) {
				continue
			}
			text := func(s string) *piece { q := before; q.text, q.loose = s, true; return &q }
			made = append(made, text(" "+a[0]+`="`),
				&piece{kind: pieceOutput, text: "{{ " + a[1] + " }}", body: a[1], file: p.file, line: p.line, col: p.col, scope: p.scope}, text(`"`))
		}
		m.pieces = slices.Concat(m.pieces[:i], made, []*piece{&after}, m.pieces[i+1:])
		return
	}
}

// isMJML tells whether a template, in its layout, is an MJML document.
func isMJML(t, layout *campaign.Template) bool {
	return layout != nil && layout.Format == campaign.MJML || layout == nil && t.Format == campaign.MJML
}
