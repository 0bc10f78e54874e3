package doctor

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// site answers every request alike.
type site struct {
	status     int
	kind, body string
	err        error
	asked      []string
}

func (s *site) Do(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.URL.String())
	if _, bounded := r.Context().Deadline(); !bounded {
		return nil, errors.New("the request has no bound")
	}
	if s.err != nil {
		return nil, s.err
	}
	return &http.Response{StatusCode: s.status, Header: http.Header{"Content-Type": {s.kind}}, Body: io.NopCloser(strings.NewReader(s.body))}, nil
}

// The policy that a record promises is read, and judged by the domain's own servers.
func TestPolicy(t *testing.T) {
	t.Parallel()
	const good = "version: STSv1\r\nmode: enforce\r\nmx: mx.shop.example\r\nmax_age: 604800\r\n"
	const at = "https://mta-sts.shop.example/.well-known/mta-sts.txt"
	for name, c := range map[string]struct {
		site site
		want string
	}{
		"enforce":          {site{status: 200, kind: "text/plain; charset=utf-8", body: good}, "ok: " + at + ": mode enforce, for 604800 s\n"},
		"a label open":     {site{status: 200, kind: "text/plain", body: strings.Replace(good, "mx.shop", "*.shop", 1)}, "ok: " + at},
		"another's label":  {site{status: 200, kind: "text/plain", body: strings.Replace(good, "mx.shop.example", "*.example", 1)}, "warn: " + at + " does not name mx.shop.example, an MX of shop.example: others bring no mail there → add the line \"mx: mx.shop.example\""},
		"testing, another": {site{status: 200, kind: "text/plain", body: strings.NewReplacer("mx.shop", "mail.shop", "enforce", "testing").Replace(good)}, "an MX of shop.example: others bring no mail there once the mode is enforce → add"},
		"testing":          {site{status: 200, kind: "text/plain", body: strings.Replace(good, "enforce", "testing", 1)}, "hint: " + at + " has mode testing"},
		"none":             {site{status: 200, kind: "text/plain", body: "version: STSv1\nmode: none\nmax_age: 1"}, "hint: " + at + " has mode none"},
		"no version":       {site{status: 200, kind: "text/plain", body: "mode: enforce"}, "warn: " + at + `: it lacks the line "version: STSv1"; the policy is not heeded`},
		"no mode":          {site{status: 200, kind: "text/plain", body: strings.Replace(good, "enforce", "strict", 1)}, `its mode is "strict"`},
		"too old":          {site{status: 200, kind: "text/plain", body: strings.Replace(good, "604800", "99999999", 1)}, "its max_age is no number of seconds up to 31557600"},
		"no mx":            {site{status: 200, kind: "text/plain", body: strings.Replace(good, "mx:", "mxx:", 1)}, "it names no mx"},
		"a redirect":       {site{status: 301, kind: "text/plain", body: good}, "warn: " + at + " cannot be read: it answers 301, and redirects are not followed"},
		"a page":           {site{status: 200, kind: "text/html", body: good}, `it is "text/html" and not text/plain`},
		"without end":      {site{status: 200, kind: "text/plain", body: strings.Repeat(good, 2000)}, "it holds more than 64 KB"},
		"nobody is there":  {site{err: errors.New("connection refused")}, "cannot be read: connection refused; the record promises it"},
		"an odd character": {site{status: 200, kind: "text/plain", body: "version: STSv1\nmode: \x1b[2J\n"}, `its mode is "\x1b[2J"`},
	} {
		r := lookAt(t, Sender{Domain: "shop.example", Fetch: &c.site}, goodZone)
		if got := lines(r, checkTLS); !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s want %s", name, got, c.want)
		}
		if len(c.site.asked) != 1 || c.site.asked[0] != at {
			t.Errorf("%s: asked %q", name, c.site.asked)
		}
	}
	// Without the record nobody looks for a policy, and so don't we.
	s := &site{}
	lookAt(t, Sender{Domain: "shop.example", Fetch: s}, strings.Replace(goodZone, "v=STSv1; id=7", "v=STSv1", 1))
	lookAt(t, Sender{Domain: "shop.example", Fetch: s}, strings.Replace(goodZone, "_mta-sts", "_none", 1))
	if len(s.asked) > 0 {
		t.Errorf("asked %q", s.asked)
	}
}

func TestRecordsOfTLS(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		"v=TLSRPTv1; rua=mailto:tls@shop.example,https://r.example/tls": `ok: _smtp._tls.shop.example: "v=TLSRPTv1;`,
		"v=TLSRPTv1; rua=tls@shop.example":                              "warn: _smtp._tls.shop.example: \"v=TLSRPTv1; rua=tls@shop.example\" sends reports nowhere",
		"v=TLSRPTv1;":                                                   "sends reports nowhere",
		"v=TLSRPTv1; rua=http://r.example":                              "sends reports nowhere",
	} {
		r := lookAt(t, Sender{Domain: "shop.example"}, strings.Replace(goodZone, "v=TLSRPTv1; rua=mailto:tls@shop.example", record, 1))
		if got := lines(r, checkTLS); !strings.Contains(got, want) {
			t.Errorf("%s\n got %s want %s", record, got, want)
		}
	}
	r := lookAt(t, Sender{Domain: "shop.example"}, strings.Replace(goodZone, "id=7", "id=", 1))
	if got := lines(r, checkTLS); !strings.Contains(got, `warn: _mta-sts.shop.example: "v=STSv1; id=" has no id of letters and digits`) {
		t.Error(got)
	}
}

// Of very many MX records the first by preference are looked at, and it is said.
func TestManyExchangers(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 30 {
		fmt.Fprintf(&text, "many.example. IN MX %d mx%d.many.example.\n", 100-i, i)
		fmt.Fprintf(&text, "mx%d.many.example. IN A 192.0.2.%d\n", i, i+1)
	}
	got := lines(lookAt(t, Sender{Domain: "many.example"}, text.String()), checkMX)
	if !strings.Contains(got, "hint: many.example has 30 MX records; the first 10 by preference were looked at\n") || !strings.Contains(got, "goes to mx29.many.example, mx28.many.example") || strings.Contains(got, "mx19.") {
		t.Error(got)
	}
}

// A look ends in time, with what was found until then and what was not looked at.
func TestLookIsBounded(t *testing.T) {
	t.Parallel()
	silent := serve(t, dns.HandlerFunc(func(w dns.ResponseWriter, ask *dns.Msg) {
		if ask.Question[0].Qtype == dns.TypeMX {
			return // and never a word
		}
		m := new(dns.Msg)
		m.SetReply(ask)
		_ = w.WriteMsg(m)
	}))
	begun := time.Now()
	r, err := Look(t.Context(), Sender{Domain: "shop.example", Within: 300 * time.Millisecond}, silent)
	if err != nil || r.OK || time.Since(begun) > askTime {
		t.Fatalf("%v after %s", err, time.Since(begun))
	}
	if got := lines(r, checkTime); !strings.Contains(got, "warn: the look was broken off after 300ms; what follows was not looked at: look up MX of shop.example") || lines(r, checkSPF) == "" {
		t.Errorf("%s", got)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add("version: STSv1\r\nmode: enforce\r\nmx: *.shop.example\r\nmax_age: 604800\r\n")
	f.Add("version: STSv1\nmode: none\nmax_age: -1\n: \nmx:")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePolicy(text)
		if err != nil {
			return
		}
		if p.maxAge < 0 || p.maxAge > maxPolicyAge || !slices.Contains([]string{"enforce", "testing", "none"}, p.mode) || p.mode != "none" && len(p.mx) == 0 {
			t.Errorf("%q: %+v", text, p)
		}
		for _, pattern := range p.mx {
			matches(pattern, "mx.shop.example")
		}
	})
}
