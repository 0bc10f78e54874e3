package web

import (
	"bytes"
	"image/gif"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"tidings/internal/token"
)

func TestOpen(t *testing.T) {
	b := setup(t)
	good := b.signs.Sign(token.Open, 42, 0)
	for name, c := range map[string]struct {
		method, path string
		stored       []string
	}{
		"OK":           {"GET", "/o/" + good + ".gif", []string{"opened"}},
		"Head":         {"HEAD", "/o/" + good + ".gif", []string{"opened"}},
		"NoSuffix":     {"GET", "/o/" + good, nil},
		"Forged":       {"GET", "/o/" + forge(good) + ".gif", nil},
		"OtherPurpose": {"GET", "/o/" + b.signs.Sign(token.Click, 42, 3) + ".gif", nil},
		"Empty":        {"GET", "/o/.gif", nil},
	} {
		t.Run(name, func(t *testing.T) {
			b.calls = nil
			w := b.do(c.method, c.path, "")
			wantStatus(t, w, 200)
			b.wantCalls(t, c.stored...)
			if got := w.Header().Get("Cache-Control"); got != "no-store, no-cache, must-revalidate, private" {
				t.Errorf("Cache-Control %q", got)
			}
			if w.Header().Get("Pragma") != "no-cache" || w.Header().Get("Expires") != "0" {
				t.Errorf("headers %v", w.Header())
			}
			img, err := gif.Decode(bytes.NewReader(w.Body.Bytes()))
			if err != nil || img.Bounds().Dx() != 1 || img.Bounds().Dy() != 1 {
				t.Errorf("not a GIF of one dot: %v", err)
			}
		})
	}
}

func TestOpenStoreDownStillAnswersAndLogsNoToken(t *testing.T) {
	b := setup(t)
	b.err = errDown
	tok := b.signs.Sign(token.Open, 42, 0)
	wantStatus(t, b.do("GET", "/o/"+tok+".gif", "", from("203.0.113.9:4"), header("User-Agent", "Thunderbird")), 200)
	log := b.log.String()
	if !strings.Contains(log, "message=42") || !strings.Contains(log, "route=\"GET /o/{file}\"") {
		t.Errorf("log lacks the message or the route:\n%s", log)
	}
	for _, secret := range []string{tok, "203.0.113.9", "Thunderbird"} {
		if strings.Contains(log, secret) {
			t.Errorf("log holds %q:\n%s", secret, log)
		}
	}
}

func TestClick(t *testing.T) {
	b := setup(t)
	sign := func(link int64) string { return b.signs.Sign(token.Click, 42, link) }
	for name, c := range map[string]struct {
		method, token string
		status        int
		location      string
		stored        []string
	}{
		"OK":         {"GET", sign(3), 302, target, []string{"clicked"}},
		"Head":       {"HEAD", sign(3), 302, target, []string{"clicked"}},
		"Forged":     {"GET", forge(sign(3)), 404, "", nil},
		"NoSuchLink": {"GET", sign(99), 404, "", nil},
		"Script":     {"GET", sign(4), 404, "", nil},
		"Mailto":     {"GET", sign(5), 404, "", nil},
		"NoHost":     {"GET", sign(6), 404, "", nil},
		"OtherToken": {"GET", b.signs.Sign(token.Open, 42, 3), 404, "", nil},
		"Post":       {"POST", sign(3), 405, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			b.calls = nil
			w := b.do(c.method, "/c/"+c.token, "")
			wantStatus(t, w, c.status)
			b.wantCalls(t, c.stored...)
			if got := w.Header().Get("Location"); got != c.location {
				t.Errorf("Location %q, want %q", got, c.location)
			}
			if c.status == 302 && (w.Header().Get("Referrer-Policy") != "no-referrer" || !strings.Contains(w.Header().Get("Cache-Control"), "no-store")) {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestClickStoreDown(t *testing.T) {
	b := setup(t)
	b.err = errDown
	tok := b.signs.Sign(token.Click, 42, 3)
	w := b.do("GET", "/c/"+tok, "")
	wantStatus(t, w, 302)
	if !strings.Contains(b.log.String(), "click not recorded") {
		t.Errorf("the lost record is not logged:\n%s", b.log)
	}
	b.readErr = errDown
	wantStatus(t, b.do("GET", "/c/"+tok, ""), 503)
}

func TestHit(t *testing.T) {
	b := setup(t)
	path := "/o/" + b.signs.Sign(token.Open, 42, 0) + ".gif"
	b.do("GET", path, "", from("10.1.2.3:99"), header("X-Forwarded-For", "198.51.100.1, 203.0.113.9, 10.9.9.9"), header("User-Agent", strings.Repeat("é", 400)))
	hit := b.hits[0]
	if !hit.At.Equal(start) || hit.Addr.String() != "203.0.113.9" || len(hit.UserAgent) > 512 {
		t.Errorf("hit %+v", hit)
	}
}

func TestClientAddr(t *testing.T) {
	b := setup(t)
	for name, c := range map[string]struct{ peer, forwarded, want string }{
		"direct":           {"203.0.113.9:1", "", "203.0.113.9"},
		"untrusted peer":   {"203.0.113.9:1", "1.2.3.4", "203.0.113.9"},
		"trusted":          {"10.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		"client lies":      {"10.0.0.1:1", "1.2.3.4, 203.0.113.9", "203.0.113.9"},
		"chain":            {"10.0.0.1:1", "203.0.113.9, 10.3.3.3", "203.0.113.9"},
		"nonsense":         {"10.0.0.1:1", "203.0.113.9, unknown", "10.0.0.1"},
		"only proxies":     {"10.0.0.1:1", "10.0.0.2", "10.0.0.2"},
		"with port":        {"10.0.0.1:1", "203.0.113.9:7070", "203.0.113.9"},
		"IPv6":             {"10.0.0.1:1", "[2001:db8::7]:80", "2001:db8::7"},
		"IPv4 in IPv6":     {"[::ffff:10.0.0.1]:1", "203.0.113.9", "203.0.113.9"},
		"no address known": {"@", "203.0.113.9", "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := http.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			if got := clientAddr(r, b.srv.Proxies).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func FuzzClientAddr(f *testing.F) {
	f.Add("1.2.3.4, [::1]:9, x")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("::1/128")}
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := &http.Request{RemoteAddr: "10.0.0.1:9", Header: http.Header{"X-Forwarded-For": {forwarded}}}
		if !clientAddr(r, proxies).IsValid() {
			t.Error("a known peer became no address")
		}
	})
}

// forge changes a character in the middle of a token.
func forge(s string) string {
	b := []byte(s)
	i := len(b) / 2
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}
