package campaign_test

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

func TestPatternMatches(t *testing.T) {
	cases := []struct {
		pattern, text string
		want          bool
	}{
		{"gold", "dark gold", true}, {"^gold", "dark gold", false}, {"gold$", "dark gold", true}, {"gold$", "gold\n", false},
		{"(?i)GOLD", "Gold", true}, {"(?i)k", "\u212a", true}, {"g.ld", "g\nld", false}, {"(?s)g.ld", "g\nld", true},
		{"a{2,3}b", "ab", false}, {"a{2,3}b", "aab", true}, {"^(ab|cd)*$", "abcd", true}, {"^(ab|cd)*$", "abc", false},
		{`\.`, "x", false}, {`\d+?`, "a1", true}, {"", "", true}, {"", "a\x00", false}, {".", "\xff", false}, {`[^a]`, "a", false}, {`\pL`, "é", true},
	}
	for _, c := range cases {
		p, err := campaign.ParsePattern(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		if got := p.Match(c.text); got != c.want {
			t.Errorf("%q in %q: %v", c.pattern, c.text, got)
		}
	}
}

func TestPatternIsRefused(t *testing.T) {
	for pattern, hint := range map[string]string{
		"(":                           `close every (`,
		"a)":                          `\)`,
		"[a":                          `close every [`,
		"*a":                          `put a character or group before it`,
		`(a)\1`:                       `back-references`,
		`(?=a)`:                       `look-ahead`,
		`a**`:                         `put ( ) around`,
		`\bgold\b`:                    `(^| )word( |$)`,
		"(?m)^a":                      `leave the flag out`,
		"(^a)*":                       `write them once`,
		"(?:a$)?":                     `write them once`,
		"a{101}":                      `at most 100`,
		"a{2000}":                     `at most 100`,
		"(a{100}){20}":                `within another`,
		"(\\pL{100}[a-f0-9]{100}){5}": `use smaller numbers`,
		`[^\x00-\x{10ffff}]`:          `leave it out`,
		`\x00`:                        `leave it out`,
		"\xff":                        `plain UTF-8`,
		"a\x00":                       `plain UTF-8`,
		strings.Repeat("a", 501):      `at most 500`,
		`a\`:                          `\\`,
		"[z-a]":                       `lower to the higher`,
		strings.Repeat(`\pL`, 100):    `name a class`,
	} {
		err := campaign.CheckPattern(pattern)
		if err == nil || !strings.Contains(err.Error(), hint) || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%q: %v does not say %q", pattern, err, hint)
		}
	}
}
