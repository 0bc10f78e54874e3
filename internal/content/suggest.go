package content

import (
	"slices"
	"strings"
)

// suggest is the hint for a name that is not among known: the nearest one, or
// the list when it is short.
func suggest(name string, known []string) string {
	if best := nearest(name, known); best != "" {
		return "did you mean " + quote(best) + "?"
	}
	const enough = 24
	switch {
	case len(known) == 0:
		return "there is none yet"
	case len(known) <= enough:
		return "there is " + strings.Join(known, ", ")
	}
	return ""
}

// nearest is the known name that is a slip of the pen away from name, or "".
// Letter case and the difference between blank, - and _ count for nothing.
func nearest(name string, known []string) string {
	best, least := "", (len([]rune(name))+2)/3+1
	for _, k := range known {
		if d := distance(folded(name), folded(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

func folded(s string) []rune {
	return []rune(strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(s)))
}

// distance is the number of letters put in, left out, changed or swapped with
// their neighbour between a and b (Levenshtein's, with transpositions).
func distance(a, b []rune) int {
	var before, last []int // the two rows above
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
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
