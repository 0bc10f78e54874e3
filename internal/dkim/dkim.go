// Package dkim signs mails (RFC 6376) with RSA and Ed25519 (RFC 8463), so that
// mailbox providers know whose they are and that nobody has changed them, and makes
// the keys and the DNS records that go with them. It signs only; what checks it in
// tests is another's.
package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Key signs for a domain.
type Key struct {
	Domain   string // d=, in lower case
	Selector string // s=
	private  crypto.Signer
}

// Algorithm is as in a signature's a= tag: rsa-sha256 or ed25519-sha256.
func (k *Key) Algorithm() string {
	if _, ok := k.private.(ed25519.PrivateKey); ok {
		return "ed25519-sha256"
	}
	return "rsa-sha256"
}

// Signer signs mails by the domain of their author.
type Signer struct{ keys []*Key }

// NewSigner signs with the keys given. Of the keys of one domain and algorithm the
// first signs; those behind it are there to be published, before they sign or until
// no mail signed by them is under way. With one key of each algorithm a mail is
// signed twice, as long as there are receivers that know RSA alone.
func NewSigner(keys []*Key) *Signer { return &Signer{keys} }

// Keys are all keys, in their order.
func (s *Signer) Keys() []*Key { return s.keys }

// fields are signed where a mail has them. Those that are marked are signed once
// more than they are there, so that a second one cannot be added unnoticed: a reader
// sees one of the two, and it should be ours. RFC 8058 demands both List-Unsubscribe
// fields.
var fields = []struct {
	name string
	over bool
}{
	{"From", true}, {"To", true}, {"Subject", true}, {"Date", true}, {"Message-ID", true}, {"Reply-To", true},
	{"MIME-Version", false}, {"Content-Type", true}, {"Content-Transfer-Encoding", false}, {"Cc", false},
	{"List-Unsubscribe", true}, {"List-Unsubscribe-Post", true}, {"List-Id", false},
	{"Feedback-ID", false}, {"Auto-Submitted", false}, {"In-Reply-To", false}, {"References", false},
}

var errNoHeader = errors.New("sign: no header ends with an empty line, or it has no From")

// Sign returns a message, which has CRLF line ends, with signatures before it, one
// for each algorithm for which its author's domain has a key. Without a key for the
// domain the message stays as it is.
func (s *Signer) Sign(message []byte, now time.Time) ([]byte, error) {
	header, body, ok := bytes.Cut(message, []byte("\r\n\r\n"))
	if !ok {
		return nil, errNoHeader
	}
	all := parse(header)
	domain := authorDomain(all)
	if domain == "" {
		return nil, errNoHeader
	}
	keys := s.keysOf(domain)
	if len(keys) == 0 {
		return message, nil
	}
	names, text := signed(all)
	bodyHash := sha256.Sum256(relaxedBody(body))
	out := make([]byte, 0, len(message)+len(keys)*1024)
	for _, k := range keys {
		var err error
		if out, err = k.appendSignature(out, names, text, bodyHash, now); err != nil {
			return nil, fmt.Errorf("sign for %s with %s: %w", k.Domain, k.Selector, err)
		}
	}
	return append(out, message...), nil
}

// keysOf are the keys that sign for a domain: its own, or else those of the nearest
// domain above it, which DMARC takes for aligned.
func (s *Signer) keysOf(domain string) (out []*Key) {
	for domain != "" && len(out) == 0 {
		used := map[string]bool{}
		for _, k := range s.keys {
			if k.Domain == domain && !used[k.Algorithm()] {
				used[k.Algorithm()] = true
				out = append(out, k)
			}
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return out
}

// field is one of a header's, as it stands there.
type field struct {
	name string // in lower case
	raw  []byte // with its folds, without its end
}

func parse(header []byte) (out []field) {
	for len(header) > 0 {
		end := 0
		for {
			at := bytes.Index(header[end:], []byte("\r\n"))
			if at < 0 {
				end = len(header)
				break
			}
			end += at
			if end+2 >= len(header) || header[end+2] != ' ' && header[end+2] != '\t' {
				break
			}
			end += 2
		}
		raw := header[:end]
		header = bytes.TrimPrefix(header[end:], []byte("\r\n"))
		if name, _, ok := bytes.Cut(raw, []byte(":")); ok {
			out = append(out, field{strings.ToLower(string(bytes.TrimRight(name, " \t"))), raw})
		}
	}
	return out
}

// authorDomain is the domain of From, in lower case.
func authorDomain(all []field) string {
	for _, f := range all {
		if f.name != "from" {
			continue
		}
		domain := string(f.raw[bytes.LastIndexByte(f.raw, '@')+1:])
		if end := strings.IndexAny(domain, "> \t\r\n,;"); end >= 0 {
			domain = domain[:end]
		}
		return strings.ToLower(domain)
	}
	return ""
}

// signed are the names of the fields that are signed, in order, and their text.
// Of several of a name the last is taken first (RFC 6376 5.4.2).
func signed(all []field) (names []string, text []byte) {
	for _, f := range fields {
		lower := strings.ToLower(f.name)
		there := false
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].name == lower {
				names, text, there = append(names, f.name), append(appendRelaxed(text, all[i].raw), "\r\n"...), true
			}
		}
		if f.over && (there || f.name == "From") {
			names = append(names, f.name)
		}
	}
	return names, text
}

// appendRelaxed appends a field in the relaxed form (RFC 6376 3.4.2), without an end.
func appendRelaxed(b, raw []byte) []byte {
	name, value, _ := bytes.Cut(raw, []byte(":"))
	b = append(append(b, bytes.ToLower(bytes.TrimRight(name, " \t"))...), ':')
	for i, word := range bytes.Fields(value) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, word...)
	}
	return b
}

// relaxedBody is a body in the relaxed form (RFC 6376 3.4.4).
func relaxedBody(body []byte) []byte {
	out := make([]byte, 0, len(body)+2)
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, []byte("\r\n"))
		space := false
		for _, c := range line {
			if c == ' ' || c == '\t' {
				space = true
				continue
			}
			if space {
				out, space = append(out, ' '), false
			}
			out = append(out, c)
		}
		out = append(out, "\r\n"...)
		body = rest
	}
	for bytes.HasSuffix(out, []byte("\r\n\r\n")) || len(out) == 2 {
		out = out[:len(out)-2]
	}
	return out
}

// wide is the length at which the header is folded.
const wide = 72

// appendSignature appends a DKIM-Signature field.
func (k *Key) appendSignature(b []byte, names []string, text []byte, bodyHash [32]byte, now time.Time) ([]byte, error) {
	from := len(b)
	b = append(b, "DKIM-Signature: v=1; a="+k.Algorithm()+"; c=relaxed/relaxed;\r\n d="+k.Domain+"; s="+k.Selector+"; t="...)
	b = strconv.AppendInt(b, now.Unix(), 10)
	b = append(b, ";\r\n h="...)
	column := 3
	for i, name := range names {
		if i > 0 {
			b = append(b, ':')
		}
		if column+len(name) > wide {
			b, column = append(b, "\r\n "...), 1
		}
		b, column = append(b, name...), column+len(name)+1
	}
	b = append(b, ";\r\n bh="...)
	b = base64.StdEncoding.AppendEncode(b, bodyHash[:])
	b = append(b, ";\r\n b="...)
	// What is signed last is this field itself, as far as it is written by now.
	sum := sha256.Sum256(appendRelaxed(bytes.Clone(text), b[from:]))
	var opts crypto.SignerOpts = crypto.SHA256
	if k.Algorithm() == "ed25519-sha256" {
		opts = crypto.Hash(0) // of the hash, which is signed like any text (RFC 8463 3)
	}
	made, err := k.private.Sign(rand.Reader, sum[:], opts)
	if err != nil {
		return nil, err
	}
	signature := base64.StdEncoding.EncodeToString(made)
	for at := 0; at < len(signature); at += wide {
		if at > 0 {
			b = append(b, "\r\n "...)
		}
		b = append(b, signature[at:min(at+wide, len(signature))]...)
	}
	return append(b, "\r\n"...), nil
}

// rsaBits is the size of keys that are made, and rsaLeast of those that are taken
// (RFC 8301 3.2).
const rsaBits, rsaLeast = 2048, 1024

func publicOf(k crypto.Signer) (kind string, der []byte, err error) {
	switch p := k.Public().(type) {
	case ed25519.PublicKey:
		return "ed25519", p, nil
	case *rsa.PublicKey:
		der, err := marshalRSA(p)
		return "rsa", der, err
	}
	return "", nil, fmt.Errorf("a key of type %T; DKIM knows RSA and Ed25519", k)
}
