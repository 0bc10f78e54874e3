package mail

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"tidings/internal/campaign"
)

// maxReplyText cuts what a server says to what a ledger row should hold.
const maxReplyText = 500

// maxReply bounds what a server may say in one reply.
const maxReply = 64 << 10

var errReply = errors.New("the server's reply is not one of SMTP")

// readReply reads a reply of one or more lines. Of one that refuses nothing and is
// not wanted, the text is left out.
func readReply(in *bufio.Reader, wanted bool) (campaign.Reply, error) {
	r := campaign.Reply{}
	var words []byte
	for size := 0; ; {
		line, err := in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !long {
			return r, err
		}
		code, last, ok := replyLine(line)
		if !ok || r.Code != 0 && r.Code != code {
			return r, errReply
		}
		r.Code = code
		if wanted || code >= 400 {
			rest := bytes.TrimRight(line[3:], "\r\n")
			if len(rest) > 0 {
				rest = rest[1:]
			}
			if len(words) > 0 {
				words = append(words, '\n')
			}
			words = append(words, rest[:min(len(rest), 2*maxReplyText)]...)
		}
		size += len(line)
		for long && size <= maxReply { // what follows is too long to be of use
			line, err = in.ReadSlice('\n')
			size += len(line)
			if long = errors.Is(err, bufio.ErrBufferFull); err != nil && !long {
				return r, err
			}
		}
		if size > maxReply {
			return r, errReply
		}
		if last {
			break
		}
	}
	if len(words) == 0 {
		return r, nil
	}
	return newReply(r.Code, string(words)), nil
}

// replyLine reads the code of a reply's line, and whether it is the last.
func replyLine(line []byte) (code int, last, ok bool) {
	if len(line) < 4 {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = code*10 + int(c-'0')
	}
	switch line[3] {
	case '-':
		return code, false, code >= 100
	case ' ', '\r', '\n':
		return code, true, code >= 100
	}
	return 0, false, false
}

// withoutAddresses is campaign.WithoutAddresses, at no cost to the replies of every
// day, in which there is none.
func withoutAddresses(text string) string {
	if !strings.ContainsAny(text, "@%<") {
		return text
	}
	return campaign.WithoutAddresses(text)
}

// newReply makes a Reply of a code and its text, whose lines are parted by \n.
// Addresses are left out here, so that no ledger, log or page can have them.
// An enhanced code counts if its class is that of the code; servers repeat it on
// each line, and some put a # before it.
func newReply(code int, text string) campaign.Reply {
	r := campaign.Reply{Code: code}
	var words []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if enhanced, rest, ok := cutEnhanced(line, code); ok {
			if r.Enhanced == "" {
				r.Enhanced = enhanced
			}
			line = rest
		}
		if line != "" {
			words = append(words, line)
		}
	}
	r.Text = clean(withoutAddresses(strings.Join(words, " ")))
	return r
}

// cutEnhanced cuts an enhanced code of the class of code (RFC 3463) from the front
// of a line.
func cutEnhanced(line string, code int) (enhanced, rest string, ok bool) {
	line = strings.TrimPrefix(line, "#")
	enhanced, rest, _ = strings.Cut(line, " ")
	class, more, _ := strings.Cut(enhanced, ".")
	subject, detail, _ := strings.Cut(more, ".")
	if len(class) != 1 || int(class[0]-'0') != code/100 || class[0] != '2' && class[0] != '4' && class[0] != '5' || !digits(subject) || !digits(detail) {
		return "", "", false
	}
	return enhanced, strings.TrimSpace(rest), true
}

// digits tells whether s is one to three digits.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 3
}

// clean makes a server's words fit to store: UTF-8 without control characters,
// at most maxReplyText bytes.
func clean(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(s, "?"))
	}
	if len(s) <= maxReplyText {
		return s
	}
	cut := maxReplyText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
