package mjml

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxSource is the size in bytes of all files of one mail together, maxOutput
// that of the HTML. Mail clients cut off at about 100 kB, so both are generous;
// they keep a file that includes itself often, or attributes that multiply, from
// filling the memory.
const (
	maxSource = 1 << 20
	maxOutput = 8 << 20
)

// maxProblems is how many problems are told of one mail: who has more reads the
// first ones and starts again.
const maxProblems = 50

// Options say what Compile may use besides the source.
type Options struct {
	// Include reads the file of an mj-include. Its path is the one in the
	// attribute, taken relative to the file that includes and cleaned; who reads
	// decides which paths are allowed. Without it mj-include is a problem.
	Include func(path string) ([]byte, error)
}

// Problem is something in a source that Compile doesn't take.
type Problem struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
	What   string
	Hint   string // what to do about it, if that is known
}

func (p Problem) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.What)
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// Compile turns an MJML document into the HTML of a mail. name is the path that
// problems are told with and that includes are relative to. Where there is a
// problem there is no HTML. Compile is safe for concurrent use if opt.Include is.
func Compile(name string, src []byte, opt Options) (html []byte, problems []Problem) {
	c := &compiler{opt: opt}
	root := c.load(name, src)
	if root != nil && !c.torn {
		html = c.document(root)
	}
	if len(c.problems) > 0 {
		return nil, c.sorted()
	}
	return html, nil
}

// document checks a tree that could be read, and renders it.
func (c *compiler) document(root *node) []byte {
	c.checkTree(root, nil)
	if len(c.problems) > 0 {
		return nil
	}
	m := newMail(c, root)
	m.readHead()
	m.defaultAttributes(root)
	if len(c.problems) > 0 {
		return nil
	}
	return m.render()
}

// compiler is one run of Compile.
type compiler struct {
	opt      Options
	problems []Problem
	torn     bool     // a file could not be read to its end for sure
	size     int      // bytes of source so far
	files    []string // that are being included, to find circles
	css      []*node  // styles included by the file at hand; they come behind its other ones
}

// at tells a problem at an offset of a file.
func (c *compiler) at(s *source, offset int, hint, format string, args ...any) {
	if len(c.problems) >= maxProblems {
		return
	}
	line, column := s.position(offset)
	c.problems = append(c.problems, Problem{File: s.name, Line: line, Column: column, What: fmt.Sprintf(format, args...), Hint: hint})
}

// sorted is the problems in the order of the text, each once, the first file first.
func (c *compiler) sorted() []Problem {
	order := map[string]int{}
	for i, p := range c.problems {
		if _, ok := order[p.File]; !ok {
			order[p.File] = i
		}
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(order[a.File]-order[b.File], a.Line-b.Line, a.Column-b.Column)
	})
	return slices.Compact(c.problems)
}

// source is one file.
type source struct {
	name string
	text string
}

// position is the line and column of an offset, both from 1.
func (s *source) position(offset int) (line, column int) {
	offset = min(offset, len(s.text))
	before := s.text[:offset]
	line = strings.Count(before, "\n") + 1
	last := strings.LastIndexByte(before, '\n') + 1
	return line, len([]rune(before[last:])) + 1
}

func normalLines(src []byte) string {
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	return strings.ReplaceAll(string(src), "\r\n", "\n")
}
