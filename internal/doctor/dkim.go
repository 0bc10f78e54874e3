package doctor

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

const checkDKIM = "dkim"

// Key is one that signs, and what DNS must have of it.
type Key struct {
	Domain, Selector string
	Value            string // of the TXT record; empty: the mail service's, which only it knows
}

func (k Key) name() string { return k.Selector + "._domainkey." + k.Domain }

// lookDKIM looks whether the keys that sign can be looked up.
func (l *look) lookDKIM(ctx context.Context) error {
	if len(l.Keys) == 0 {
		l.add(checkDKIM, Warn, "whether mails are signed cannot be seen from here: DKIM_KEYS is not set", "if your mail service signs, look at its key with --selector NAME; else make a key: tidings dkim keygen --domain "+l.Domain+" --selector NAME", nil)
		return nil
	}
	for _, k := range l.Keys {
		all, err := l.dns.texts(ctx, k.name())
		if err != nil {
			return err
		}
		l.lookKey(k, keyRecords(all))
	}
	return nil
}

// keyRecords are the records that may hold a key: a version is not demanded.
func keyRecords(all []string) (out []string) {
	for _, text := range all {
		if _, ok := tags(text)["p"]; ok {
			out = append(out, text)
		}
	}
	return out
}

func (l *look) lookKey(k Key, all []string) {
	var want *Record
	if k.Value != "" {
		want = txt(k.name(), k.Value)
	}
	switch {
	case len(all) == 0:
		do := "write this"
		if want == nil {
			do = "write the record that your mail service gives for it, or look for another selector"
		}
		l.add(checkDKIM, Fail, "no key at "+k.name()+": signatures by it count as none", do, want)
		return
	case len(all) > 1:
		l.add(checkDKIM, Fail, fmt.Sprintf("%d keys at %s, where one may stand: receivers take any, or none", len(all), k.name()), "leave only the one that signs", want)
		return
	}
	found := tags(all[0])
	if found["p"] == "" {
		l.add(checkDKIM, Fail, "the key at "+k.name()+" is revoked (an empty p=)", "write this, or sign with a key of another selector", want)
		return
	}
	if k.Value != "" && found["p"] != tags(k.Value)["p"] {
		l.add(checkDKIM, Fail, "the key at "+k.name()+" is another than the one that signs: every signature fails", "write this in its place", want)
		return
	}
	if why := badKey(found); why != "" {
		l.add(checkDKIM, Fail, "the key at "+k.name()+" cannot be used: "+why, "write this in its place, or make another key: tidings dkim keygen", want)
		return
	}
	l.goodKey(k, found, want)
}

// goodKey looks at how strong a key is that works.
func (l *look) goodKey(k Key, found map[string]string, want *Record) {
	kind, bits := kindOf(found)
	if hasFlag(found["t"], "y") {
		l.add(checkDKIM, Warn, "the key at "+k.name()+" says that it is only tried out (t=y): receivers treat its mails as unsigned", "take t=y out", want)
		return
	}
	if kind == "rsa" && bits < 2048 {
		l.add(checkDKIM, Warn, fmt.Sprintf("the key at %s has %d bits; 2,048 are usual", k.name(), bits), "make another: tidings dkim keygen", nil)
		return
	}
	if kind == "rsa" {
		kind = fmt.Sprintf("rsa, %d bits", bits)
	}
	l.ok(checkDKIM, fmt.Sprintf("the key of %s is there (%s)", k.name(), kind))
}

// badKey says why a key cannot be used; empty: it can.
func badKey(t map[string]string) string {
	if v, ok := t["v"]; ok && v != "DKIM1" {
		return "it begins with v=" + v + " instead of v=DKIM1"
	}
	if !hasFlag(t["h"], "sha256") && t["h"] != "" {
		return "it allows h=" + t["h"] + " alone, and mails are signed with sha256"
	}
	if s := t["s"]; s != "" && !hasFlag(s, "email") && !hasFlag(s, "*") {
		return "it is not for mail: s=" + s
	}
	kind, bits := kindOf(t)
	switch {
	case kind == "":
		return "what p= holds is no key"
	case kind == "rsa" && bits < 1024:
		return fmt.Sprintf("%d bits are taken by nobody", bits)
	}
	return ""
}

// kindOf is rsa or ed25519, and how long the key is; empty: it is none.
func kindOf(t map[string]string) (kind string, bits int) {
	der, err := base64.StdEncoding.DecodeString(t["p"])
	if err != nil {
		return "", 0
	}
	switch t["k"] {
	case "ed25519":
		if len(der) == ed25519.PublicKeySize {
			return "ed25519", 8 * len(der)
		}
	case "", "rsa":
		key, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			if key, err = x509.ParsePKCS1PublicKey(der); err != nil {
				return "", 0
			}
		}
		if r, ok := key.(*rsa.PublicKey); ok {
			return "rsa", r.N.BitLen()
		}
	}
	return "", 0
}

// tags reads a list of tags as DKIM and DMARC have it: name=value; …. Spaces do not
// count within a key.
func tags(text string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if _, twice := out[name]; !ok || twice {
			continue
		}
		value = strings.TrimSpace(value)
		if name == "p" {
			value = strings.Join(strings.Fields(value), "")
		}
		out[name] = value
	}
	return out
}

// hasFlag tells whether a list with colons holds a word.
func hasFlag(list, word string) bool {
	for w := range strings.SplitSeq(list, ":") {
		if strings.EqualFold(strings.TrimSpace(w), word) {
			return true
		}
	}
	return false
}
