package main

import (
	"regexp"
	"strings"
)

// proper are the words of the catalogue that keep a capital, and how else they
// are written.
const proper = "Christmas Easter Valentine London Paris Jack Union English French Danish Scandinavian Swedish Swiss " +
	"Moroccan Indian Japanese Oriental Victorian Edwardian Georgian Regency England Britain British Brighton Milan Venice " +
	"Madras Mexican African Chinese America Indies Jubilee Diana Marilyn Monroe Dolly Dotcomgiftshop Spaceboy Bertie Gin " +
	"Marie Antoinette Santa Murano Buffalo Bill Baker Madeline Kashmir Provence Rudolph " +
	"LED CD FM UK BBQ TV DIY DVD A4 A5 A6 I XL"

var (
	spaces = regexp.MustCompile(`\s+`)
	comma  = regexp.MustCompile(`,(\S)`)
	setOf  = regexp.MustCompile(`(?i)\b(set|s|pack|box|p)\s*/\s*(\d+)`)
	words  = regexp.MustCompile(`[\pL\d']+`)
)

// readable turns a name in capitals into one for people: a capital at the start
// and for names, "set of 6" for "S/6".
func readable(s string) string {
	s = strings.Trim(spaces.ReplaceAllString(s, " "), " ,.*")
	s = strings.ReplaceAll(s, " ,", ",")
	s = comma.ReplaceAllString(s, ", $1")
	s = setOf.ReplaceAllStringFunc(s, func(m string) string {
		p := setOf.FindStringSubmatch(m)
		kind := strings.ToLower(p[1])
		if kind == "s" {
			kind = "set"
		} else if kind == "p" {
			kind = "pack"
		}
		return kind + " of " + p[2]
	})
	capitals := map[string]string{}
	for _, w := range strings.Fields(proper) {
		capitals[strings.ToLower(w)] = w
	}
	s = words.ReplaceAllStringFunc(strings.ToLower(s), func(w string) string {
		if c, ok := capitals[w]; ok {
			return c
		}
		return w
	})
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
