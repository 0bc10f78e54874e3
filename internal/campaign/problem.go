package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong in a workspace: what, where, and what to do.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1; 0: the file as a whole
	Column  int    `json:"column"` // from 1, in characters; 0: unknown
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Warning bool   `json:"-"`
	// Mended: an error to check, but what is sent is put right, so that nothing
	// that runs stops for it.
	Mended bool `json:"-"`
}

// Stops tells whether a workspace with the problem is refused by what sends.
func (p Problem) Stops() bool { return !p.Warning && !p.Mended }

// String writes file:line:col: what; hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": " + p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// SortProblems orders problems by place.
func SortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
