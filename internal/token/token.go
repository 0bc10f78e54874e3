// Package token makes and checks the signed parts of links in mails: which
// message a link stands in, and which link it is. A token names nobody; it
// holds two numbers and proof that we wrote them.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// Purpose is what a token is for. A token of one purpose is worth nothing for
// another.
type Purpose string

// The purposes.
const (
	Open        Purpose = "open"        // the pixel
	Click       Purpose = "click"       // a tracked link
	Unsubscribe Purpose = "unsubscribe" // one-click and the page behind it
	View        Purpose = "view"        // the mail as a page in the browser
	Preferences Purpose = "preferences" // the page of topics, which only ever makes mail less
	Manage      Purpose = "manage"      // the one-time link to all else that is there
	Managing    Purpose = "managing"    // what a one-time link gives way to; its link is when it ends
	Confirm     Purpose = "confirm"     // a subscription, or another address
)

// ErrInvalid says that a token was not written by us for this purpose, or was
// altered since.
var ErrInvalid = errors.New("token is not valid")

const (
	minKey  = 16
	macSize = 16 // bytes of the HMAC-SHA256 kept, 128 bits
	// maxLen is the longest token: key id, two varints, MAC, in base64.
	maxLen = (1+2*binary.MaxVarintLen64+macSize)*4/3 + 1
)

// Signer signs with its first key and accepts any of its keys. It is safe for
// use by many goroutines.
type Signer struct{ keys []key }

type key struct {
	id   byte // of the key's hash: tells which key to try, and no more
	macs map[Purpose]*sync.Pool
}

// New makes a Signer. The first key signs; the others, older ones, still
// verify. A key has at least 16 bytes.
func New(keys []string) (*Signer, error) {
	if len(keys) == 0 {
		return nil, errors.New("no key to sign links with; set SECRET_KEY")
	}
	s := &Signer{}
	for i, k := range keys {
		if len(k) < minKey {
			return nil, fmt.Errorf("key %d has %d bytes; a key needs at least %d", i+1, len(k), minKey)
		}
		sum := sha256.Sum256([]byte("key id\x00" + k))
		made := key{id: sum[0], macs: map[Purpose]*sync.Pool{}}
		for _, p := range []Purpose{Open, Click, Unsubscribe, View, Bounce, Preferences, Manage, Managing, Confirm} {
			derived := hmac.New(sha256.New, []byte(k))
			derived.Write([]byte(p))
			own := derived.Sum(nil)
			made.macs[p] = &sync.Pool{New: func() any { return hmac.New(sha256.New, own) }}
		}
		s.keys = append(s.keys, made)
	}
	return s, nil
}

// Sign writes the token of a message and a link (0 where there is none) in
// base64url without padding, 26 to 50 characters.
func (s *Signer) Sign(p Purpose, message, link int64) string {
	return s.keys[0].sign(p, message, link)
}

// Verify reads a token back. Only the very text that Sign writes is accepted.
func (s *Signer) Verify(p Purpose, t string) (message, link int64, err error) {
	if len(t) > maxLen {
		return 0, 0, ErrInvalid
	}
	raw, err := base64.RawURLEncoding.DecodeString(t)
	if err != nil || len(raw) < 1+2+macSize {
		return 0, 0, ErrInvalid
	}
	body := raw[1 : len(raw)-macSize]
	m, n := binary.Uvarint(body)
	if n <= 0 {
		return 0, 0, ErrInvalid
	}
	l, n2 := binary.Uvarint(body[n:])
	if n2 <= 0 || n+n2 != len(body) {
		return 0, 0, ErrInvalid
	}
	for i := range s.keys {
		if s.keys[i].id != raw[0] {
			continue
		}
		// Written again and compared as text: whatever decodes to the same numbers
		// but is spelled otherwise (long varints, spare bits, line ends) differs.
		want := s.keys[i].sign(p, int64(m), int64(l))
		if want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(t)) == 1 {
			return int64(m), int64(l), nil
		}
	}
	return 0, 0, ErrInvalid
}

// sign is empty for a purpose that does not exist.
func (k *key) sign(p Purpose, message, link int64) string {
	pool := k.macs[p]
	if pool == nil {
		return ""
	}
	var buf [1 + 2*binary.MaxVarintLen64 + sha256.Size]byte
	raw := append(buf[:0], k.id)
	raw = binary.AppendUvarint(raw, uint64(message))
	raw = binary.AppendUvarint(raw, uint64(link))
	mac := pool.Get().(hash.Hash)
	mac.Reset()
	mac.Write(raw)
	n := len(raw)
	raw = mac.Sum(raw)[:n+macSize]
	pool.Put(mac)
	return base64.RawURLEncoding.EncodeToString(raw)
}
