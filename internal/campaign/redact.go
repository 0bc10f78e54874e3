package campaign

import (
	"regexp"
	"strings"
)

const (
	localPart = `(?:"(?:[^"\\]|\\.)*"|[^\s<>"(),:;@＠﹫]+)`
	atSign    = `[@＠﹫]`
	inDomain  = `[^\s<>"'(),:;@＠﹫`
)

// anAddress matches what in a server's words names a person: an address, plain,
// escaped as in a link or written into another one (bounce+ana=shop.example@…,
// SRS0=…=ana@…), and whatever stands alone in angle brackets, in which servers
// repeat a recipient, at times without the domain. A link there may stay. Spaces
// around the sign are of an address only where a domain with a dot and a name at its
// end follows: "5 @ once" stays.
var anAddress = regexp.MustCompile(localPart + `(?:` + atSign + `|%40)` + inDomain + `]*` + inDomain + `.]` +
	`|` + localPart + `\s*` + atSign + `\s*(?:` + inDomain + `.]+\.)+\pL` + inDomain + `.]+` +
	`|<[^<>\s/]*>`)

// WithoutAddresses is a server's text as it may stand in the ledger, in logs and on
// pages: its words, and nobody's address.
func WithoutAddresses(text string) string {
	return anAddress.ReplaceAllStringFunc(text, func(found string) string {
		if found[0] == '<' {
			return "<…>"
		}
		return "…"
	})
}

// MaskAddress shows enough of an address to know one's own, not enough to write to: a
// mail that was passed on carries its link with it.
func MaskAddress(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return "•••"
	}
	return string([]rune(local)[:1]) + "•••@" + domain
}
