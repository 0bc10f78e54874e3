package inbound

import (
	"regexp"
	"strings"
)

var address = regexp.MustCompile(`(?:"[^"\s]{1,64}"|[^\s<>()\[\]\\,;:"'@|=]+(?:=[^\s<>()\[\]\\,;:"'@|]+)*)@(?:[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]*[\p{L}\p{N}]`)

// addressesIn are all addresses in a text, in order, each once, their domains in
// lower case. Long texts are cut.
func addressesIn(s string) (out []string) {
	if len(s) > 64<<10 {
		s = s[:64<<10]
	}
	seen := map[string]bool{}
	for _, a := range address.FindAllString(s, 200) {
		a = tidyAddress(a)
		if key := strings.ToLower(a); a != "" && !seen[key] {
			seen[key] = true
			out = append(out, a)
		}
	}
	return out
}

func firstAddress(s string) string {
	if found := addressesIn(header(s)); len(found) > 0 {
		return found[0]
	}
	return ""
}

// tidyAddress takes off what texts put around an address.
func tidyAddress(a string) string {
	a = strings.TrimLeft(a, ".*-`~/!")
	at := strings.LastIndexByte(a, '@')
	if at < 1 || at == len(a)-1 || len(a) > 320 {
		return ""
	}
	return a[:at] + strings.ToLower(a[at:])
}

// typed reads the value of a recipient field of RFC 3464: rfc822; address. Some
// mail programs leave the type out, some put <> around it.
func typed(value string) string {
	if kind, rest, ok := strings.Cut(value, ";"); ok && !strings.Contains(kind, "@") {
		value = rest
	}
	value = header(strings.TrimSpace(value))
	if strings.HasPrefix(value, "|") || strings.HasPrefix(value, "/") { // a program, a file
		return ""
	}
	if found := addressesIn(value); len(found) > 0 {
		return found[0]
	}
	return ""
}

// same compares addresses as their owners would.
func same(a, b string) bool { return strings.EqualFold(a, b) }

func contains(list []string, a string) bool {
	for _, b := range list {
		if same(a, b) {
			return true
		}
	}
	return false
}
