package mail

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  string
		want Server
	}{
		{"smtp://u:p@mail.example.com", Server{Host: "mail.example.com", Port: 587, User: "u", password: "p", Security: Mandatory}},
		{"smtps://u:p%40%2F@mail.example.com", Server{Host: "mail.example.com", Port: 465, User: "u", password: "p@/", Security: Implicit}},
		{"smtp://mail.example.com:25/", Server{Host: "mail.example.com", Port: 25, Security: Mandatory}},
		{"smtp://mail.example.com?tls=opportunistic&helo=shop.example", Server{Host: "mail.example.com", Port: 587, Security: Opportunistic, Helo: "shop.example"}},
		{"smtp://localhost:1025", Server{Host: "localhost", Port: 1025, Security: Off}},
		{"smtp://[::1]:1025?tls=mandatory", Server{Host: "::1", Port: 1025, Security: Mandatory}},
		{"smtp://u:p@127.0.0.1:1025", Server{Host: "127.0.0.1", Port: 1025, User: "u", password: "p", Security: Mandatory}},
		{"smtp://u:p@127.0.0.1:1025?tls=off", Server{Host: "127.0.0.1", Port: 1025, User: "u", password: "p", Security: Off}},
	} {
		got, err := ParseURL(tt.raw)
		if err != nil || got != tt.want {
			t.Errorf("%s: got %+v (%s), %v", tt.raw, got, got.Security, err)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	t.Parallel()
	for raw, hint := range map[string]string{
		"":                                    "smtp://",
		"mail.example.com:587":                "smtp://",
		"http://mail.example.com":             "smtps://",
		"smtp://":                             "no host",
		"smtp://u@mail.example.com":           "user and a password",
		"smtp://:s3cret@mail.example":         "user and a password",
		"smtp://u:s3cret#x@mail.example":      "percent-encode",
		"smtp://u:s3cret/x@mail.example":      "percent-encode",
		"smtp://u:s3cret@h:70000":             "65535",
		"smtp://h?tls=off":                    "loopback",
		"smtp://u:s3cret@h?tls=opportunistic": "password",
		"smtp://h?tls=maybe":                  "opportunistic",
		"smtps://h?tls=off":                   "smtps",
		"smtp://h?verify=no":                  "tls and helo",
		"smtp://h?helo=a%20b":                 "host name",
		"smtp://h?helo=a&helo=b":              "twice",
	} {
		_, err := ParseURL(raw)
		if err == nil || !strings.Contains(err.Error(), hint) || !strings.HasPrefix(err.Error(), "read SMTP_URL: ") {
			t.Errorf("%s: %v, want a hint at %q", raw, err, hint)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error holds the password: %v", raw, err)
		}
	}
}

func TestServerHidesPassword(t *testing.T) {
	t.Parallel()
	s, err := ParseURL("smtps://u:s3cret@mail.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, s); got != "smtps://u@mail.example.com:465" {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"mail.example.com": false, "localhost.example.com": false, "10.0.0.1": false, "0.0.0.0": false, "": false,
	} {
		if got := (Server{Host: host}).Loopback(); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("smtp://u:p@mail.example.com:587?tls=opportunistic&helo=x")
	f.Add("smtps://[::1]:465")
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := ParseURL(raw)
		if err != nil {
			return
		}
		if s.Host == "" || s.Port < 1 || s.Port > 65535 || s.Security == "" {
			t.Errorf("%q: incomplete: %#v", raw, s)
		}
		if s.Security == Off && !s.Loopback() {
			t.Errorf("%q: no encryption to %q", raw, s.Host)
		}
	})
}
