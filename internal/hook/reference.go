package hook

import "strings"

// Providers that write a Message-ID of their own give something else of ours back: a
// piece of metadata, or any header that they don't know.
const (
	reference       = "tidings"
	referenceHeader = "X-Tidings-Reference"
)

// HeaderFor is the header in which mails that are sent by a host name themselves for
// its webhook; empty: their Message-ID does.
func HeaderFor(host string) string {
	host = strings.ToLower(host)
	for domain, header := range map[string]string{
		"postmarkapp.com": "X-PM-Metadata-" + reference,
		"brevo.com":       "X-Mailin-custom", "sendinblue.com": "X-Mailin-custom",
		"resend.com": referenceHeader,
	} {
		if strings.HasSuffix(host, "."+domain) {
			return header
		}
	}
	return ""
}
