package campaign

import "strings"

// Nearest is the known word that is a slip of the pen away from word, or "". At
// most a third of the letters may differ. Letter case and the difference between
// blank, - and _ count for nothing.
func Nearest(word string, known []string) string {
	best, least := "", (len([]rune(word))+2)/3+1
	for _, k := range known {
		if k == word {
			continue
		}
		if d := Distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

func folded(s string) []rune {
	return []rune(strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(s)))
}

// Distance is the number of letters put in, left out, changed or swapped with
// their neighbour between two words (Levenshtein's, with transpositions). Letter
// case and the difference between blank, - and _ count for nothing.
func Distance(word, other string) int {
	a, b := folded(word), folded(other)
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
