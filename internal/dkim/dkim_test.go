package dkim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)

func makeKey(t testing.TB, domain, selector, algorithm string) *Key {
	t.Helper()
	k, err := Generate(domain, selector, algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// check has an implementation of others' verify the signatures of a message, with
// the records of keys for DNS. It returns what failed.
func check(t testing.TB, message []byte, keys ...*Key) (valid []*msgauth.Verification, failed error) {
	t.Helper()
	records := map[string]string{}
	for _, k := range keys {
		records[k.RecordName()] = k.Record()
	}
	all, err := msgauth.VerifyWithOptions(bytes.NewReader(message), &msgauth.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if r, ok := records[name]; ok {
			return []string{r}, nil
		}
		return nil, fmt.Errorf("no record of %s", name)
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Err != nil {
			failed = errors.Join(failed, v.Err)
		} else {
			valid = append(valid, v)
		}
	}
	return valid, failed
}

const mail = "Date: Mon, 02 Nov 2026 09:30:00 +0000\r\nMessage-ID: <t42.s1@mail.kape.example>\r\nFrom: \"Kape\" <hello@mail.kape.example>\r\nReply-To: <care@kape.example>\r\n" +
	"MIME-Version: 1.0\r\nFeedback-ID: a:b:c:d\r\nList-Id: <a.b.c>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nTo: ana@shop.example\r\n" +
	"Subject: =?utf-8?q?Ana,_your_basket_=F0=9F=9B=92?=\r\n =?utf-8?q?_is_waiting?=\r\nList-Unsubscribe: <https://t.kape.example/u/abc>,\r\n\t<mailto:b+u@mail.kape.example>\r\n" +
	"Content-Type: multipart/alternative;\r\n boundary=\"=_x\"\r\n\r\n--=_x\r\nContent-Type: text/plain\r\n\r\nHello  Ana \t\r\n\r\n--=_x--\r\n\r\n\r\n"

func sign(t testing.TB, s *Signer, message string) []byte {
	t.Helper()
	out, err := s.Sign([]byte(message), now)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(out[:len(out)-len(message)]), "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d: %s", len(line), line)
		}
	}
	return out
}

func TestSign(t *testing.T) {
	t.Parallel()
	rsa, ed := makeKey(t, "mail.kape.example", "s2026a", "rsa"), makeKey(t, "mail.kape.example", "e2026a", "ed25519")
	signed := string(sign(t, NewSigner([]*Key{rsa, ed}), mail))
	valid, failed := check(t, []byte(signed), rsa, ed)
	if len(valid) != 2 || failed != nil {
		t.Fatalf("%d valid, %v", len(valid), failed)
	}
	for _, v := range valid {
		if v.Domain != "mail.kape.example" || !v.Time.Equal(now) {
			t.Errorf("%+v", v)
		}
		covered := strings.ToLower(strings.Join(v.HeaderKeys, " ")) + " "
		for _, name := range []string{"from from ", "subject subject ", "list-unsubscribe list-unsubscribe ", "list-unsubscribe-post list-unsubscribe-post ", "list-id ", "to to ", "feedback-id "} {
			if !strings.Contains(covered, name) {
				t.Errorf("%sis not covered by %s", name, covered)
			}
		}
	}
	for name, changed := range map[string]string{
		"the text":               strings.Replace(signed, "Hello", "Hallo", 1),
		"a line more":            strings.Replace(signed, "--=_x--", "--=_x--\r\nmore", 1),
		"the subject":            strings.Replace(signed, "basket", "casket", 1),
		"a second From":          "From: evil@evil.example\r\n" + signed,
		"a second Subject":       strings.Replace(signed, "\r\nMIME-Version: ", "\r\nSubject: Hello\r\nMIME-Version: ", 1),
		"where to unsubscribe":   strings.Replace(signed, "/u/abc", "/u/abd", 1),
		"another unsubscribing":  strings.Replace(signed, "\r\nMIME-Version: ", "\r\nList-Unsubscribe: <https://evil.example>\r\nMIME-Version: ", 1),
		"how to unsubscribe":     strings.Replace(signed, "List-Unsubscribe=One-Click", "List-Unsubscribe=Two-Click", 1),
		"another type of it all": strings.Replace(signed, "multipart/alternative", "multipart/mixed", 1),
	} {
		if valid, _ := check(t, []byte(changed), rsa, ed); changed == signed || len(valid) > 0 {
			t.Errorf("%s changed, and still valid", name)
		}
	}
	// What servers on the way may do.
	passed := strings.Replace(signed, "Subject: =?utf-8?q?Ana,_your_basket_=F0=9F=9B=92?=\r\n =?utf-8?q?", "subject:   =?utf-8?q?Ana,_your_basket_=F0=9F=9B=92?= =?utf-8?q?", 1)
	passed = "Received: from a by b; now\r\n" + strings.Replace(passed, "Hello  Ana \t", "Hello Ana", 1)
	if valid, failed := check(t, []byte(passed), rsa, ed); len(valid) != 2 {
		t.Errorf("passed on: %d valid, %v", len(valid), failed)
	}
}

func TestWhichKey(t *testing.T) {
	t.Parallel()
	fresh, old := makeKey(t, "kape.example", "new", "ed25519"), makeKey(t, "kape.example", "old", "ed25519")
	own, other := makeKey(t, "mail.kape.example", "own", "ed25519"), makeKey(t, "other.example", "x", "ed25519")
	s := NewSigner([]*Key{fresh, old, own, other})
	for from, want := range map[string]string{
		"hello@kape.example":                     "new",
		"Kape <hello@KAPE.example>":              "new",
		`"a@other.example" <hello@kape.example>`: "new",
		"hello@mail.kape.example":                "own",
		"hello@deep.mail.kape.example":           "own",
		"hello@news.kape.example":                "new",
		"hello@notkape.example":                  "",
		"hello@example":                          "",
	} {
		message := "From: " + from + "\r\nSubject: x\r\n\r\nbody\r\n"
		out := string(sign(t, s, message))
		if want == "" {
			if out != message {
				t.Errorf("%s: %s", from, out)
			}
			continue
		}
		if strings.Count(out, "DKIM-Signature:") != 1 || !strings.Contains(out, "s="+want+";") {
			t.Errorf("%s, want %s: %s", from, want, out)
		}
	}
	for _, message := range []string{"", "no header", "Subject: x\r\n\r\nno author"} {
		if _, err := s.Sign([]byte(message), now); err == nil {
			t.Errorf("%q was signed", message)
		}
	}
}

// Whatever a mail holds, another implementation agrees with our canonical form.
func TestAnyMail(t *testing.T) {
	t.Parallel()
	k := makeKey(t, "kape.example", "s", "ed25519")
	s := NewSigner([]*Key{k})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab \t:=;é")), 0, 20, -1)
		line := rapid.StringOfN(rapid.RuneFrom([]rune("ab \t.-ü")), 0, 12, -1)
		var b strings.Builder
		b.WriteString("From: a@kape.example\r\n")
		for range rapid.IntRange(0, 5).Draw(t, "fields") {
			name := rapid.SampledFrom([]string{"Subject", "To", "X-Other", "list-unsubscribe", "Date", "REPLY-TO"}).Draw(t, "name")
			value := text.Draw(t, "value")
			if rapid.Bool().Draw(t, "fold") {
				value += "\r\n " + "x" + text.Draw(t, "more")
			}
			b.WriteString(name + ":" + value + "\r\n")
		}
		b.WriteString("\r\n" + strings.Join(rapid.SliceOfN(line, 0, 6).Draw(t, "lines"), "\r\n"))
		out, err := s.Sign([]byte(b.String()), now)
		if err != nil {
			t.Fatal(err)
		}
		records := func(string) ([]string, error) { return []string{k.Record()}, nil }
		all, err := msgauth.VerifyWithOptions(bytes.NewReader(out), &msgauth.VerifyOptions{LookupTXT: records})
		if err != nil || len(all) != 1 || all[0].Err != nil {
			t.Fatalf("%v %+v\n%q", err, all, out)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, algorithm := range []string{"rsa", "ed25519"} {
		k := makeKey(t, "Mail.Kape.example", "S1", algorithm)
		path := filepath.Join(dir, algorithm+".pem")
		if err := k.Write(path); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if err := k.Write(path); !errors.Is(err, os.ErrExist) {
			t.Errorf("written over: %v", err)
		}
		text, err := k.PEM()
		if err != nil {
			t.Fatal(err)
		}
		for _, setting := range []string{
			"s1@mail.kape.example=" + path, " s1@mail.kape.example=base64:" + base64.StdEncoding.EncodeToString(text) + ", ",
		} {
			s, err := Parse(setting, os.ReadFile)
			if err != nil || len(s.Keys()) != 1 {
				t.Fatalf("%v, %v", s, err)
			}
			if valid, failed := check(t, sign(t, s, mail), k); len(valid) != 1 {
				t.Errorf("%s: %v", algorithm, failed)
			}
		}
		if k.RecordName() != "s1._domainkey.mail.kape.example" || !strings.HasPrefix(k.Record(), "v=DKIM1; k="+algorithm+"; p=") {
			t.Errorf("%s %s", k.RecordName(), k.Record())
		}
		for piece := range strings.SplitSeq(k.ZoneLine(), `" "`) {
			if len(piece) > 300 {
				t.Errorf("a string of %d bytes", len(piece))
			}
		}
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	files := func(path string) ([]byte, error) {
		switch path {
		case "weak":
			return []byte(weakKey), nil
		case "text":
			return []byte("hello"), nil
		}
		return nil, os.ErrNotExist
	}
	for setting, want := range map[string]string{
		"secret":                 "selector@domain=FILE",
		"s1=file":                "selector@domain=FILE",
		"s1@a.example=none":      "s1@a.example: file does not exist",
		"s1@a.example=text":      "no private key in PEM",
		"s1@a.example=weak":      "an RSA key of 512 bits",
		"s1@a.example=base64:??": "not base64",
		"s_1@a.example=text,x":   "s_1@a.example: no private key in PEM",
	} {
		_, err := Parse(setting, files)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", setting, err)
		}
	}
	for _, bad := range [][2]string{{"localhost", "s"}, {"a.example", "s 1"}, {"a.example", ""}, {"ä.example", "s"}, {"a.example", "-s"}} {
		if _, err := Generate(bad[0], bad[1], "ed25519"); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// weakKey is of 512 bits and serves nobody.
const weakKey = `-----BEGIN RSA PRIVATE KEY-----
MIIBOgIBAAJBAL1d2qFJsVucw2/vHcJJa7C5PfzdZzOFX6B0ZQhS4SFI4eLxPP7V
1295+Pl04fo3Z8p2wZ7oLyaDftPXxqe4f9sCAwEAAQJAAmO7zYs7hLdus+vliT0Z
8cn0oUs98SV+tmyhlcBN/PiD6FW8a0Mv6+3zV4pWjhHDyRSwrTmJySWy/GiQIfI7
WQIhAOkds/LXAoQtDL54ahTmnWp2gv1MPIphe7UTYmIFgxUtAiEAz/S2F2Ow6G1+
er0xxnMngAHGBzZvRxKT+WO7fnp5HicCIEDF8hRNzfMwGVRrXP6FvcOxPmBnaIMC
5z6/Lh0SbwPZAiEAlFr99N23/XjvvFxwwCSyz010mvyokkmcq1QNFIQHGA0CIAcm
oCEisn/G4xozkrLnfllivvIqLpj0unGQA36dwtgY
-----END RSA PRIVATE KEY-----
`

func BenchmarkSign(b *testing.B) {
	big := mail[:len(mail)-4] + strings.Repeat("Hello Ana, your basket of coffee is waiting for you at the shop.\r\n", 100)
	for name, algorithms := range map[string][]string{"rsa": {"rsa"}, "ed25519": {"ed25519"}, "both": {"rsa", "ed25519"}} {
		var keys []*Key
		for _, a := range algorithms {
			keys = append(keys, makeKey(b, "mail.kape.example", a, a))
		}
		s := NewSigner(keys)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign([]byte(big), now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
