package render

import (
	"slices"
	"strings"
)

// patch replaces s[from:to] of a source.
type patch struct {
	from, to int
	text     string
}

// applyPatches makes all changes to s. Patches must not overlap; those at the
// same place keep their order.
func applyPatches(s string, ps []patch) string {
	if len(ps) == 0 {
		return s
	}
	slices.SortStableFunc(ps, func(a, b patch) int { return a.from - b.from })
	var b strings.Builder
	b.Grow(len(s) + 64*len(ps))
	at := 0
	for _, p := range ps {
		b.WriteString(s[at:p.from])
		b.WriteString(p.text)
		at = p.to
	}
	b.WriteString(s[at:])
	return b.String()
}
