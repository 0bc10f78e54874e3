package mjml

import "strings"

// liquidEnd is the length of the Liquid tag or output that s begins with, 0 if
// it begins with none, or with one that is not closed before the next.
func liquidEnd(s string) int {
	if len(s) < 4 || s[0] != '{' {
		return 0
	}
	var closing string
	switch s[1] {
	case '{':
		closing = "}}"
	case '%':
		closing = "%}"
	default:
		return 0
	}
	window := s[2:min(len(s), 2+maxLiquid)]
	end := strings.Index(window, closing)
	if end < 0 || hasLiquid(window[:end]) {
		return 0 // what is cut off by the next tag was not closed
	}
	return 2 + end + 2
}

// maxLiquid is how long in bytes one Liquid tag may be. It bounds what a file
// full of opening braces costs.
const maxLiquid = 2000

func hasLiquid(s string) bool {
	return strings.Contains(s, "{{") || strings.Contains(s, "{%")
}

// onlyLiquid tells whether nothing but Liquid and space is in s.
func onlyLiquid(s string) bool {
	for s != "" {
		end := liquidEnd(s)
		if end == 0 {
			return false
		}
		s = strings.TrimSpace(s[end:])
	}
	return true
}
