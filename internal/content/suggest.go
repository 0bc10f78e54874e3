package content

import (
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// suggest is the hint for a name that is not among known: the nearest one, or
// the list when it is short.
func suggest(name string, known []string) string {
	if best := campaign.Nearest(name, known); best != "" {
		return "did you mean " + quote(best) + "?"
	}
	const enough = 32
	switch {
	case len(known) == 0:
		return "there is none yet"
	case len(known) <= enough:
		return "there is " + strings.Join(known, ", ")
	}
	return ""
}

func quote(s string) string { return `"` + s + `"` }

// sorted lists a map's keys in order.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
