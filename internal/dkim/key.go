package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Generate makes a key. algorithm is rsa (2048 bits) or ed25519.
func Generate(domain, selector, algorithm string) (*Key, error) {
	var private crypto.Signer
	var err error
	switch algorithm {
	case "rsa":
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case "ed25519":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, fmt.Errorf("no algorithm %q; choose rsa or ed25519", algorithm)
	}
	if err != nil {
		return nil, err
	}
	return newKey(domain, selector, private)
}

var (
	domainName   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	selectorName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
)

func newKey(domain, selector string, private crypto.Signer) (*Key, error) {
	domain, selector = strings.ToLower(domain), strings.ToLower(selector)
	if len(domain) > 253 || !domainName.MatchString(domain) {
		return nil, fmt.Errorf("%q is no domain; write one as mail.example.com, in the letters of DNS", domain)
	}
	if len(selector) > 63 || !selectorName.MatchString(selector) {
		return nil, fmt.Errorf("%q is no selector; write letters, digits and dashes, as s2026a", selector)
	}
	if r, ok := private.(*rsa.PrivateKey); ok && r.N.BitLen() < rsaLeast {
		return nil, fmt.Errorf("an RSA key of %d bits is taken by nobody; make one of %d: tidings dkim keygen", r.N.BitLen(), rsaBits)
	}
	if _, _, err := publicOf(private); err != nil {
		return nil, err
	}
	return &Key{Domain: domain, Selector: selector, private: private}, nil
}

func marshalRSA(p *rsa.PublicKey) ([]byte, error) { return x509.MarshalPKIXPublicKey(p) }

// RecordName is where the key is published in DNS, as a TXT record.
func (k *Key) RecordName() string { return k.Selector + "._domainkey." + k.Domain }

// Record is the text of the DNS record.
func (k *Key) Record() string {
	kind, der, err := publicOf(k.private)
	if err != nil {
		return "" // newKey has looked
	}
	return "v=DKIM1; k=" + kind + "; p=" + base64.StdEncoding.EncodeToString(der)
}

// ZoneLine is the record as a zone file has it: strings of at most 255 bytes.
func (k *Key) ZoneLine() string {
	var b strings.Builder
	b.WriteString(k.RecordName() + `. IN TXT (`)
	for text := k.Record(); text != ""; {
		n := min(len(text), 255)
		b.WriteString(` "` + text[:n] + `"`)
		text = text[n:]
	}
	return b.String() + " )"
}

// PEM is the private key, as PKCS #8.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Write writes the private key into a new file that its owner alone may read.
func (k *Key) Write(path string) error {
	text, err := k.PEM()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// ParseKey reads a private key in PEM: PKCS #8, or PKCS #1 as older tools write it.
func ParseKey(domain, selector string, text []byte) (*Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no private key in PEM; it begins with -----BEGIN PRIVATE KEY-----")
	}
	var private any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block of type %s; a private key is wanted", block.Type)
	}
	if err != nil {
		return nil, errors.New("the private key cannot be read; it may be cut off, or have a password")
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T; DKIM knows RSA and Ed25519", private)
	}
	return newKey(domain, selector, signer)
}

// Parse reads the setting DKIM_KEYS: selector@domain=FILE, separated by commas,
// or selector@domain=base64:TEXT where there are no files. read reads a file.
func Parse(setting string, read func(path string) ([]byte, error)) (*Signer, error) {
	var keys []*Key
	var problems []error
	for entry := range strings.SplitSeq(setting, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		who, where, ok := strings.Cut(entry, "=")
		selector, domain, named := strings.Cut(who, "@")
		if !ok || !named {
			// The entry itself may be a key, and is not repeated.
			problems = append(problems, errors.New("an entry that is not selector@domain=FILE, as s2026a@mail.example.com=/etc/dkim/s2026a.pem"))
			continue
		}
		k, err := parseEntry(domain, selector, where, read)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", who, err))
			continue
		}
		keys = append(keys, k)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return NewSigner(keys), nil
}

func parseEntry(domain, selector, where string, read func(string) ([]byte, error)) (*Key, error) {
	text, inline := strings.CutPrefix(where, "base64:")
	if inline {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("what follows base64: is not base64 of a PEM file")
		}
		return ParseKey(domain, selector, raw)
	}
	raw, err := read(where)
	if err != nil {
		return nil, err
	}
	return ParseKey(domain, selector, raw)
}
