package token

import (
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// Bounce is the purpose of the address that reports about a mail come back to.
const Bounce Purpose = "bounce"

// lower is base32 in lower case: mail servers keep the letters of a local part, and
// some of them not their case.
var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// signs tell in an address what its token is for.
var signs = map[Purpose]string{Bounce: "b", Unsubscribe: "u"}

// MaxReturnLocal is the longest local part, in bytes, that an address for
// ReturnAddress may have: with a token it stays below the 64 of RFC 5321 4.5.3.1.1.
const MaxReturnLocal = 18

// ReturnAddress is base with the token of a message in it, as
// bounces+bTOKEN@mail.example.com: what comes back to it is about that message,
// whatever it says itself.
func (s *Signer) ReturnAddress(base string, p Purpose, message int64) string {
	local, domain, _ := strings.Cut(base, "@")
	raw, err := base64.RawURLEncoding.DecodeString(s.Sign(p, message, 0))
	if err != nil {
		return base
	}
	return local + "+" + signs[p] + lower.EncodeToString(raw) + "@" + domain
}

// ReadReturn reads an address of ReturnAddress back.
func (s *Signer) ReadReturn(address string) (p Purpose, message int64, err error) {
	local, _, ok := strings.Cut(address, "@")
	at := strings.LastIndexByte(local, '+')
	if !ok || at < 0 || len(local) > 128 {
		return "", 0, ErrInvalid
	}
	tag := strings.ToLower(local[at+1:])
	for p, sign := range signs {
		text, mine := strings.CutPrefix(tag, sign)
		if !mine {
			continue
		}
		raw, err := lower.DecodeString(text)
		if err != nil {
			return "", 0, ErrInvalid
		}
		message, _, err := s.Verify(p, base64.RawURLEncoding.EncodeToString(raw))
		return p, message, err
	}
	return "", 0, ErrInvalid
}
