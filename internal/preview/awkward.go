package preview

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tidings/internal/campaign"
)

// Awkward picks up to n customers, those first whom templates forget: without a name,
// with the longest one, with letters of the other direction, emoji or signs of markup,
// without a language or a zone, one of each language; then others.
func Awkward(from []campaign.Customer, n int) []campaign.Customer {
	var out []campaign.Customer
	taken := map[int64]bool{}
	take := func(c campaign.Customer) {
		if !taken[c.ID] && len(out) < n {
			taken[c.ID] = true
			out = append(out, c)
		}
	}
	first := func(is func(campaign.Customer) bool) {
		if i := slices.IndexFunc(from, func(c campaign.Customer) bool { return !taken[c.ID] && is(c) }); i >= 0 {
			take(from[i])
		}
	}
	first(func(c campaign.Customer) bool { return nameOf(c) == "" })
	if len(from) > 0 {
		take(slices.MaxFunc(from, func(a, b campaign.Customer) int {
			return utf8.RuneCountInString(nameOf(a)) - utf8.RuneCountInString(nameOf(b))
		}))
	}
	for _, in := range []func(rune) bool{isRTL, isEmoji, isMarkup, isBeyondLatin} {
		first(func(c campaign.Customer) bool { return strings.ContainsFunc(nameOf(c), in) })
	}
	first(func(c campaign.Customer) bool { return len(c.Attributes) == 0 })
	first(func(c campaign.Customer) bool { return c.Locale == "" })
	locales := map[string]bool{}
	for _, c := range from {
		if !locales[c.Locale] {
			locales[c.Locale] = true
			take(c)
		}
	}
	for _, c := range from {
		take(c)
	}
	return out
}

// nameOf is how templates would call a customer.
func nameOf(c campaign.Customer) string {
	name := ""
	for _, key := range []string{"first_name", "last_name", "name", "full_name"} {
		if s, ok := c.Attributes[key].(string); ok {
			name += s
		}
	}
	return strings.TrimSpace(name)
}

func isRTL(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Thaana, unicode.Syriac)
}

func isEmoji(r rune) bool { return r >= 0x1f000 || r >= 0x2600 && r <= 0x27bf }

func isMarkup(r rune) bool { return strings.ContainsRune(`<>&"'{}%`, r) }

func isBeyondLatin(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }
