package render

import (
	"bytes"
	"encoding/base64"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
)

// maxLine is the longest line of a message, without its end (RFC 5322 2.1.1).
const maxLine = 998

// wide is the length at which headers are folded.
const wide = 76

// appendHeader appends a header field whose value is ASCII already, folded at its
// spaces.
func appendHeader(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	column := len(name) + 2
	for first := true; ; first = false {
		word, rest, more := strings.Cut(value, " ")
		if !first {
			// A fold before nothing would leave a line of white space.
			if column+1+len(word) > wide && strings.TrimLeft(word, " ") != "" {
				b, column = append(b, "\r\n"...), 0
			}
			b, column = append(b, ' '), column+1
		}
		b, column = append(b, word...), column+len(word)
		if !more {
			return append(b, "\r\n"...)
		}
		value = rest
	}
}

// appendText appends a header field that holds any text, in encoded words where
// it must (RFC 2047).
func appendText(b []byte, name, text string) []byte {
	if plainText(text) {
		return appendHeader(b, name, text)
	}
	encoded := mime.QEncoding.Encode("utf-8", text)
	if encoded == text { // ASCII, but it looks like an encoded word
		var words []string
		for part := range slices.Chunk([]byte(text), 45) {
			words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString(part)+"?=")
		}
		encoded = strings.Join(words, " ")
	}
	return appendHeader(b, name, encoded)
}

// plainText tells whether a header can hold s as it is.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '=' && i+1 < len(s) && s[i+1] == '?' {
			return false
		}
	}
	return true
}

// addressText is an address as a header holds it.
func addressText(a *mail.Address) string {
	for i := range len(a.Name) {
		if c := a.Name[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return a.String()
		}
	}
	if a.Name == "" {
		return "<" + a.Address + ">"
	}
	return `"` + a.Name + `" <` + a.Address + ">"
}

// transfer is a Content-Transfer-Encoding.
type transfer string

const (
	sevenBit  transfer = "7bit"
	eightBit  transfer = "8bit"
	printable transfer = "quoted-printable"
)

// transferOf is the encoding that changes nothing in a part, where there is one:
// lines that are too long, and bytes that are no text, go quoted-printable.
func transferOf(s string) transfer {
	t := sevenBit
	if !isASCII(s) {
		t = eightBit
	}
	for s != "" {
		line, rest := s, ""
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			line, rest = s[:i], s[i+1:]
		}
		if len(line) > maxLine {
			return printable
		}
		s = rest
	}
	return t
}

// foldLong breaks the lines of HTML that are too long for a mail, where it means
// nothing: at the space behind the name of a tag. It changes s itself.
func foldLong(s []byte) {
	for from := 0; from < len(s); {
		end := len(s)
		if i := bytes.IndexByte(s[from:], '\n'); i >= 0 {
			end = from + i
		}
		for end-from > maxLine {
			at := lastTagSpace(s[from : from+maxLine+1])
			if at < 0 {
				break // quoted-printable, then
			}
			s[from+at] = '\n'
			from += at + 1
		}
		from = end + 1
	}
}

// lastTagSpace is where the last space behind the name of a tag is, or -1.
func lastTagSpace(s []byte) int {
	for end := len(s); ; {
		open := bytes.LastIndexByte(s[:end], '<')
		if open < 0 {
			return -1
		}
		i := open + 1
		for i < len(s) && (isLetter(s[i]) || i > open+1 && s[i] >= '0' && s[i] <= '9') {
			i++
		}
		if i > open+1 && i < len(s) && s[i] == ' ' {
			return i
		}
		end = open
	}
}

// appendPart appends the body of a part.
func appendPart(b []byte, s string, t transfer) []byte {
	if t == printable {
		w := sliceWriter{b}
		q := quotedprintable.NewWriter(&w)
		_, _ = q.Write([]byte(s)) // a sliceWriter never fails
		_ = q.Close()
		return w.b
	}
	return appendLines(b, s)
}

// bareCR finds what would end a line on the way, after the mail was signed.
var bareCR = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// withoutBareCR makes every end of a line the same, as the hand-over would do
// (RFC 5321 2.3.8): what is signed must be what leaves.
func withoutBareCR(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return bareCR.Replace(s)
}

// appendLines appends text with the line ends of the wire.
func appendLines(b []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, '\n')
		if i < 0 {
			return append(b, s...)
		}
		b = append(b, s[:i]...)
		if i == 0 || s[i-1] != '\r' {
			b = append(b, '\r')
		}
		b = append(b, '\n')
		s = s[i+1:]
	}
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

func isASCII(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		// The compiler makes one load of these.
		eight := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if eight&0x8080808080808080 != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
