package inbound

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// decode is the text of a body: without its transfer encoding, as UTF-8.
func decode(body []byte, transfer, charset string) string {
	switch strings.ToLower(strings.TrimSpace(transfer)) {
	case "quoted-printable":
		body = unquoted(body)
	case "base64":
		body = unbase64(body)
	}
	return toUTF8(body, charset)
}

// unquoted reads quoted-printable; a line that is none is kept as it is.
func unquoted(body []byte) []byte {
	out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	if err != nil {
		return append(out, '\n')
	}
	return unixLines(out)
}

// unbase64 reads what there is of base64, with any line ends and cut anywhere.
func unbase64(body []byte) []byte {
	clean := make([]byte, 0, len(body))
	for _, c := range body {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		}
	}
	clean = clean[:len(clean)/4*4+rest(len(clean)%4)]
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(out, clean)
	if err != nil {
		return out[:n]
	}
	return unixLines(out[:n])
}

// rest is how many of n left-over signs still say a byte.
func rest(n int) int {
	if n == 1 {
		return 0
	}
	return n
}

// toUTF8 reads a charset by the names that browsers know. Where it is not said or
// not known, text is UTF-8 if it can be, and else Latin.
func toUTF8(body []byte, charset string) string {
	charset = strings.ToLower(strings.Trim(charset, ` '"`))
	if charset == "" && bytes.Contains(body, []byte("\x1b$")) {
		charset = "iso-2022-jp"
	}
	if charset != "" && charset != "utf-8" && charset != "us-ascii" {
		if e, err := htmlindex.Get(charset); err == nil {
			if out, err := e.NewDecoder().Bytes(body); err == nil {
				return strings.ToValidUTF8(string(out), "?")
			}
		}
	}
	if utf8.Valid(body) {
		return string(body)
	}
	if e, err := htmlindex.Get("windows-1252"); err == nil {
		if out, err := e.NewDecoder().Bytes(body); err == nil {
			return string(out)
		}
	}
	return strings.ToValidUTF8(string(body), "?")
}

var words = mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(in), nil
}}

// header is a field's value as a person reads it (RFC 2047).
func header(value string) string {
	if strings.Contains(value, "=?") {
		if out, err := words.DecodeHeader(value); err == nil {
			value = out
		}
	}
	return toUTF8([]byte(value), "")
}
