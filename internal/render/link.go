package render

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf8"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// linkPlace is a URL attribute of an element.
type linkPlace struct {
	attr    string
	tracked bool // the href of an <a>
	at      *piece
}

// isURLAttr tells whether an attribute holds an address.
func isURLAttr(name string) bool {
	switch name {
	case "href", "src", "background", "poster", "action", "formaction", "cite", "longdesc", "data", "xlink:href", "lowsrc", "dynsrc":
		return true
	}
	return false
}

// check says whether an address may stand in the attribute; the error completes
// a sentence that begins with the attribute's name.
func (l *linkPlace) check(raw string) error {
	if strings.HasPrefix(raw, "#") && l.attr == "href" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("holds something that is not a web address")
	}
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "http", "https":
		if u.Host == "" {
			return errors.New("holds a web address without a host")
		}
		return nil
	case "mailto", "tel":
		if l.attr == "href" {
			return nil
		}
		return errors.New("cannot hold a " + scheme + " address")
	case "cid":
		if l.attr != "href" {
			return nil
		}
		return errors.New("cannot hold a cid address")
	case "":
		return errors.New("holds an address without https://; a mail has no site of its own, so write the whole address")
	}
	return errors.New("holds an address that is not http, https, mailto or tel")
}

// linkID names a link target: the first 63 bits of the SHA-256 of its URL.
func linkID(target string) int64 {
	sum := sha256.Sum256([]byte(target))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// isWeb tells whether an address is followed by HTTP.
func isWeb(target string) bool {
	return len(target) > 8 && (strings.EqualFold(target[:7], "http://") || strings.EqualFold(target[:8], "https://"))
}

// own tells whether a URL is one that Tidings itself serves to recipients.
func (s *Settings) own(target string) bool {
	rest, ok := strings.CutPrefix(target, s.PublicURL)
	if !ok || s.PublicURL == "" {
		return false
	}
	for _, place := range []string{"/c/", "/o/", "/u/", "/p/", "/v/", "/confirm/"} {
		if strings.HasPrefix(rest, place) {
			return true
		}
	}
	return false
}

// track is the address that counts a click and leads to target. The target
// becomes one of the message's links.
func (st *state) track(target string, id int64) string {
	if st.settings.Untracked {
		return target
	}
	known := false
	for _, l := range st.links {
		known = known || l.ID == id
	}
	if !known {
		st.links = append(st.links, campaign.Link{ID: id, URL: target})
	}
	return st.settings.PublicURL + "/c/" + st.sign(token.Click, id)
}

// opened and unsubscribe are the tokens of the pixel and of the way out.
func (st *state) opened() string {
	if st.tokens.open == "" {
		st.tokens.open = st.sign(token.Open, 0)
	}
	return st.tokens.open
}

func (st *state) unsubscribe() string {
	if st.tokens.unsubscribe == "" {
		st.tokens.unsubscribe = st.sign(token.Unsubscribe, 0)
	}
	return st.tokens.unsubscribe
}

// confirm is the address of a service mail's one link. What it opens asks before it
// does anything, since scanners follow links.
func (st *state) confirm(template string) string {
	if template == campaign.ServiceLink {
		return st.settings.PublicURL + "/p/" + st.sign(token.Manage, 0)
	}
	return st.settings.PublicURL + "/confirm/" + st.sign(token.Confirm, 0)
}

func (st *state) sign(p token.Purpose, link int64) string {
	return st.settings.Signer.Sign(p, st.message, link)
}

// encodeStray encodes the bytes of an address that are no characters, as a value that
// was decoded can have: in a mail they would be lost.
func encodeStray(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, "%%%02X", s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// finish checks the address that was written from offset from on, and puts the
// tracked one in its place.
func (l *linkPlace) finish(st *state, from int) error {
	raw := strings.TrimSpace(html.UnescapeString(string(st.out[from:])))
	st.out = st.out[:from]
	if st.sample && strings.HasPrefix(raw, sampleText) {
		raw = "https://" + raw
	}
	if strings.ContainsRune(raw, ' ') {
		raw = strings.ReplaceAll(raw, " ", "%20")
	}
	raw = encodeStray(raw)
	if err := l.check(raw); err != nil {
		return &Error{File: l.at.file, Line: l.at.line, Column: l.at.col, Message: l.attr + " " + err.Error()}
	}
	if l.tracked && isWeb(raw) && !st.settings.own(raw) {
		raw = st.utm.apply(raw)
		raw = st.track(raw, linkID(raw))
	}
	before := len(st.out)
	st.out = appendHTML(st.out, raw, false)
	return st.grow(len(st.out) - before)
}
