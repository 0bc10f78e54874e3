package intake

import (
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// address checks an email address that mail could go to: a bare mailbox at a
// domain with a dot. It gives it back without the space around it.
func address(path, s string) (string, error) {
	s = strings.TrimSpace(s)
	bad := &fieldError{path, fmt.Sprintf("%q is not an email address", short(s))}
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 {
		return "", bad
	}
	parsed, err := mail.ParseAddress(s)
	// A quoted local part and a display name come back in another form.
	if err != nil || parsed.Address != s || parsed.Name != "" {
		return "", bad
	}
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil || len(domain) > 253 || !dotted(domain) {
		return "", bad
	}
	return s, nil
}

// Mailbox is an email address that mail could go to, without the space around it; ok
// is false for what is none.
func Mailbox(s string) (clean string, ok bool) {
	clean, err := address("email", s)
	return clean, err == nil
}

// dotted tells whether a domain has at least two labels, all of them of a
// length that DNS has, the last one not a number.
func dotted(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return false
		}
	}
	return len(labels) > 1 && !digits(labels[len(labels)-1])
}
