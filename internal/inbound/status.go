package inbound

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	statusPattern = regexp.MustCompile(`(?:^|[^0-9.])#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))`)
	replyPattern  = regexp.MustCompile(`(?:^|[^0-9.\-@/:])([45][0-9]{2})(?:$|[ \-:;,.)\]](?:$|[^0-9]))`)
)

// statusIn is the first status of RFC 3463 in a text. One that says no more than
// its class counts if there is no other.
func statusIn(text string) string {
	first := ""
	for _, found := range statusPattern.FindAllStringSubmatch(head(text), 50) {
		if !vague(found[1]) && found[1][0] != '2' {
			return found[1]
		}
		if first == "" || first[0] == '2' {
			first = found[1]
		}
	}
	return first
}

// replyCode is the first reply of SMTP that refuses, in a text.
func replyCode(text string) string {
	if found := replyPattern.FindStringSubmatch(head(text)); found != nil {
		return found[1]
	}
	return ""
}

// statusOf makes a status where none is said, or one that says no more than its
// class: by the reply of SMTP, or by the reason.
func statusOf(status, said string, r Reason) string {
	known := map[Reason]string{
		UnknownUser: "1.1", UnknownHost: "1.2", Moved: "1.6", Disabled: "2.1", MailboxFull: "2.2", TooBig: "3.4",
		Spam: "7.1", Blocked: "7.1", Unauthentic: "7.26", SenderRefused: "7.1", PolicyRefused: "7.1", Virus: "7.1", Relaying: "7.1",
	}
	class := "5"
	code := replyCode(said)
	if status != "" {
		class = status[:1]
	} else if code != "" {
		class = code[:1]
	} else if r == Expired || r == Network || r == Throttled || r == System || r == MailboxFull {
		class = "4"
	}
	if detail, ok := known[r]; ok {
		return class + "." + detail
	}
	return class + ".0.0"
}

const (
	maxHead = 16 << 10 // of a text that is searched
	maxSaid = 500      // of a server's words that are kept
)

func head(s string) string {
	if len(s) > maxHead {
		return s[:maxHead]
	}
	return s
}

// squeeze makes one space of all white space.
func squeeze(s string) string { return strings.Join(strings.Fields(head(s)), " ") }

// clip makes a server's words fit to keep.
func clip(s string) string {
	s = squeeze(strings.ToValidUTF8(s, "?"))
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) <= maxSaid {
		return s
	}
	cut := maxSaid
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
