package render

import (
	"strings"
	"unicode/utf8"

	"tidings/internal/campaign"
)

// pieceKind is a kind of piece.
type pieceKind byte

const (
	pieceText   pieceKind = iota
	pieceOutput           // {{ body }}
	pieceTag              // {% name body %}
	pieceMade             // of our own making: a pixel, a link, …
)

// piece is a part of a Liquid source with its place.
type piece struct {
	kind         pieceKind
	text         string // the whole piece as written; of pieceText: what it says
	name, body   string
	trimL, trimR bool
	file         string
	line, col    int  // col in characters, from 1
	loose        bool // of pieceText: made from another language; its place is that of the Liquid before it

	scope *scope       // the file that it stands in
	ctx   outputCtx    // of an output: where in the HTML
	spot  int          // the part of the HTML that it stands in: 0 is text
	made  func(*state) // of pieceMade: what it writes
	link  *linkPlace   // of pieceMade: begins or ends a URL attribute
	ends  bool         // with link or inner: ends it
	inner *partialCall // of pieceMade: begins or ends a partial
}

// at is the problem message at p.
func (p *piece) problem(message, hint string) campaign.Problem {
	return campaign.Problem{File: p.file, Line: p.line, Column: p.col, Message: message, Hint: hint}
}

// The brackets of a hole: what stands for a piece of Liquid in the HTML while
// that is looked at as HTML. They are private characters, refused in sources.
const (
	holeOpen  = "\uf8f0"
	holeClose = "\uf8f1"
)

// splitLiquid splits a source into pieces. Comments are dropped, raw blocks are
// text, and white space is trimmed as the dashes in {%- -%} say. line is where
// in file the source begins.
func splitLiquid(file string, line int, src string) ([]*piece, []campaign.Problem) {
	s := &splitter{file: file, line: max(line, 1), col: 1, src: src}
	for s.i < len(s.src) {
		s.next()
	}
	trimPieces(s.out)
	return s.out, s.problems
}

type splitter struct {
	file      string
	src       string
	i         int
	line, col int
	out       []*piece
	problems  []campaign.Problem
}

// advance moves to byte offset end, counting lines and characters.
func (s *splitter) advance(end int) {
	chunk := s.src[s.i:end]
	if n := strings.Count(chunk, "\n"); n > 0 {
		s.line += n
		s.col = 1
		chunk = chunk[strings.LastIndexByte(chunk, '\n')+1:]
	}
	s.col += utf8.RuneCountInString(chunk)
	s.i = end
}

func (s *splitter) add(kind pieceKind, end int) *piece {
	p := &piece{kind: kind, text: s.src[s.i:end], file: s.file, line: s.line, col: s.col}
	s.out = append(s.out, p)
	s.advance(end)
	return p
}

func (s *splitter) fail(message, hint string) {
	s.problems = append(s.problems, campaign.Problem{File: s.file, Line: s.line, Column: s.col, Message: message, Hint: hint})
}

// next reads one piece.
func (s *splitter) next() {
	rest := s.src[s.i:]
	open := nextOpen(rest)
	if open < 0 {
		open = len(rest)
	}
	if open > 0 {
		if strings.Contains(rest[:open], holeOpen) || strings.Contains(rest[:open], holeClose) {
			s.fail("the private characters U+F8F0 and U+F8F1 cannot stand in a template", "take them out")
		}
		s.add(pieceText, s.i+open)
		return
	}
	output := rest[1] == '{'
	close := "%}"
	if output {
		close = "}}"
	}
	end := closing(rest, close)
	if end < 0 {
		s.fail("unclosed "+rest[:2], "close it with "+close)
		s.advance(len(s.src))
		return
	}
	inner := rest[2 : end-2]
	p := &piece{trimL: strings.HasPrefix(inner, "-"), trimR: len(inner) > 1 && strings.HasSuffix(inner, "-")}
	inner = strings.TrimPrefix(inner, "-")
	if p.trimR {
		inner = strings.TrimSuffix(inner, "-")
	}
	inner = strings.TrimSpace(inner)
	if output {
		made := s.add(pieceOutput, s.i+end)
		made.body, made.trimL, made.trimR = inner, p.trimL, p.trimR
		return
	}
	s.tag(inner, p.trimL, p.trimR, end)
}

// tag reads a tag that ends at offset end from here; raw and comment with all
// that they hold.
func (s *splitter) tag(inner string, trimL, trimR bool, end int) {
	name := inner
	if i := strings.IndexAny(inner, " \t\r\n"); i >= 0 {
		name = inner[:i]
	}
	if name == "#" || strings.HasPrefix(name, "#") { // an inline comment
		s.advance(s.i + end)
		return
	}
	if name != "raw" && name != "comment" {
		p := s.add(pieceTag, s.i+end)
		p.name, p.body, p.trimL, p.trimR = name, strings.TrimSpace(inner[len(name):]), trimL, trimR
		return
	}
	from, to := findEndTag(s.src[s.i+end:], "end"+name)
	if from < 0 {
		s.fail("unclosed {% "+name+" %}", "close it with {% end"+name+" %}")
		s.advance(len(s.src))
		return
	}
	s.advance(s.i + end)
	if name == "raw" && from > 0 {
		s.add(pieceText, s.i+from)
		s.advance(s.i + to - from)
		return
	}
	s.advance(s.i + to)
}

// nextOpen is the offset of the next {{ or {%, or -1.
func nextOpen(s string) int {
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '{')
		if j < 0 || i+j+1 >= len(s) {
			return -1
		}
		i += j
		if c := s[i+1]; c == '{' || c == '%' {
			return i
		}
		i++
	}
}

// closing is the offset behind the closing brackets of the piece that s begins
// with, or -1. Brackets within quotes are text.
func closing(s, close string) int {
	quote := byte(0)
	for i := 2; i+1 < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case s[i:i+2] == close:
			return i + 2
		case c == '"' || c == '\'':
			quote = c
		case s[i:i+2] == "{{" || s[i:i+2] == "{%":
			return -1
		}
	}
	return -1
}

// findEndTag finds {% name %} and returns where it begins and ends, or -1.
func findEndTag(s, name string) (from, to int) {
	for i := 0; ; {
		j := strings.Index(s[i:], "{%")
		if j < 0 {
			return -1, -1
		}
		i += j
		end := strings.Index(s[i+2:], "%}")
		if end < 0 {
			return -1, -1
		}
		if strings.TrimSpace(strings.Trim(s[i+2:i+2+end], "-")) == name {
			return i, i + end + 4
		}
		i += 2
	}
}

// trimPieces takes the white space away that dashes ask for.
func trimPieces(ps []*piece) {
	for i, p := range ps {
		if p.trimL && i > 0 && ps[i-1].kind == pieceText {
			ps[i-1].text = strings.TrimRight(ps[i-1].text, " \t\r\n\f\v")
		}
		if p.trimR && i+1 < len(ps) && ps[i+1].kind == pieceText {
			next := ps[i+1]
			next.text = strings.TrimLeft(next.text, " \t\r\n\f\v")
		}
	}
}
