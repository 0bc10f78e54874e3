package render

import (
	"errors"
	"net/url"
	"strings"
)

// outputCtx is the kind of place in which an output stands.
type outputCtx byte

const (
	ctxText     outputCtx = iota // between tags
	ctxAttr                      // a quoted attribute
	ctxURLHead                   // a URL attribute, at its beginning
	ctxURLPath                   // a URL attribute, after text
	ctxURLQuery                  // a URL attribute, in its query
	ctxURLReady                  // a URL attribute, encoded by the author
	ctxStyle                     // a style attribute
	ctxStyleOwn                  // the same, of the brand's own words: names of fonts have quotes
	ctxPlain                     // a header
)

// isHTML tells whether an output in c is escaped for HTML.
func (c outputCtx) isHTML() bool { return c != ctxPlain }

// appendEscaped writes s for its place. The error completes a sentence that
// begins with the variable's name.
func appendEscaped(b []byte, s string, c outputCtx, br bool) ([]byte, error) {
	switch c {
	case ctxPlain:
		return append(b, oneLine(s)...), nil
	case ctxURLQuery:
		s = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	case ctxURLPath:
		s = encodePath(s)
	case ctxStyleOwn:
		if strings.ContainsAny(s, `;{}<>"\`) || strings.Contains(s, "/*") || strings.Count(s, "'")%2 != 0 {
			return b, errors.New(`holds characters that a style attribute cannot take: ; { } < > " \`)
		}
	case ctxStyle:
		// Brackets too: they would call url( … ), which loads what a customer names.
		if strings.ContainsAny(s, `;{}<>"'\()`) || strings.Contains(s, "/*") {
			return b, errors.New(`holds characters that a style attribute cannot take: ; { } ( ) < > " ' \`)
		}
	}
	return appendHTML(b, s, br), nil
}

// appendHTML writes s escaped for text and for attributes in either quotes.
// Control characters but tab and line ends are left out.
func appendHTML(b []byte, s string, br bool) []byte {
	from := 0
	for i := range len(s) {
		var esc string
		switch c := s[i]; c {
		case '&':
			esc = "&amp;"
		case '<':
			esc = "&lt;"
		case '>':
			esc = "&gt;"
		case '"':
			esc = "&#34;"
		case '\'':
			esc = "&#39;"
		case '\n':
			if !br {
				continue
			}
			esc = "<br>\n"
		case '\t', '\r':
			continue
		default:
			if c >= 0x20 && c != 0x7f {
				continue
			}
		}
		b = append(b, s[from:i]...)
		b = append(b, esc...)
		from = i + 1
	}
	return append(b, s[from:]...)
}

// encodePath percent-encodes what may not stand in a path. Slashes and what is
// encoded already stay.
func encodePath(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case isLetter(c) || c >= '0' && c <= '9' || strings.IndexByte("-._~/:@!$()*,;=+", c) >= 0,
			c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(c)
		default:
			const digits = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// oneLine turns line ends and control characters into spaces, so that a value
// cannot begin a header of its own.
func oneLine(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, s)
}

// isControl holds for controls, line and paragraph separators, and the marks
// that turn the direction of what follows, which can disguise an address.
func isControl(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
