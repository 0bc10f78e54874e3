package content

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// place is where something stands in a file: line and column from 1, the
// column in characters. The zero place is the file as a whole.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

func (p place) String() string { return fmt.Sprintf("line %d", p.line) }

// problems gathers what is wrong in all files of a workspace.
type problems struct {
	list []campaign.Problem
	// masked are texts that a syntax problem was already reported for, and which
	// were blanked out so that the rest of their file could be read.
	masked map[string]map[place]bool
	seen   map[string]bool
	// fallbacks are the workspace's locales', by which a text that is lacking is told.
	fallbacks map[string]string
}

func newProblems() *problems {
	return &problems{masked: map[string]map[place]bool{}, seen: map[string]bool{}}
}

func (ps *problems) add(p campaign.Problem) {
	if ps.masked[p.File][place{p.Line, p.Column}] {
		return
	}
	if key := p.String(); !ps.seen[key] {
		ps.seen[key] = true
		ps.list = append(ps.list, p)
	}
}

// mask marks a place whose value was blanked out: nothing more is said of it.
func (ps *problems) mask(file string, at place) {
	if ps.masked[file] == nil {
		ps.masked[file] = map[place]bool{}
	}
	ps.masked[file][at] = true
}

func (ps *problems) errorf(file string, at place, hint, format string, args ...any) {
	ps.add(campaign.Problem{File: file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (ps *problems) warnf(file string, at place, hint, format string, args ...any) {
	ps.add(campaign.Problem{File: file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...), Hint: hint, Warning: true})
}

// fatal tells whether any problem forbids the use of the workspace.
func (ps *problems) fatal() bool {
	return ps.errors() > 0
}

// errors counts the problems that are no warnings.
func (ps *problems) errors() (n int) {
	for _, p := range ps.list {
		if !p.Warning {
			n++
		}
	}
	return n
}

// splitHint parts an error of the domain's parsers, `what; what to do`.
func splitHint(err error) (message, hint string) {
	message, hint, _ = strings.Cut(err.Error(), "; ")
	return message, hint
}
