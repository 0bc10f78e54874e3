package mail

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"tidings/internal/campaign"
)

// maxReplyText cuts what a server says to what a ledger row should hold.
const maxReplyText = 500

var enhancedCode = regexp.MustCompile(`^([245])\.(\d{1,3})\.(\d{1,3})(?:\s+|$)`)

// newReply makes a Reply of a code and its text, whose lines are parted by \n.
// An enhanced code counts if its class is that of the code; servers repeat it on
// each line.
func newReply(code int, text string) campaign.Reply {
	r := campaign.Reply{Code: code}
	var words []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if m := enhancedCode.FindString(line); m != "" && int(m[0]-'0') == code/100 {
			if r.Enhanced == "" {
				r.Enhanced = strings.TrimSpace(m)
			}
			line = line[len(m):]
		}
		if line != "" {
			words = append(words, line)
		}
	}
	r.Text = clean(strings.Join(words, " "))
	return r
}

// clean makes a server's words fit to store: UTF-8 without control characters,
// at most maxReplyText bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) <= maxReplyText {
		return s
	}
	cut := maxReplyText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
