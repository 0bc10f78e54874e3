package web

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// What stands in a redirect comes from the store alone, and leads to the web.
func TestRedirectsLeadToTheWeb(t *testing.T) {
	b := setup(t)
	for i, to := range []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,<script>", "vbscript:x",
		"//evil.example/", `\\evil.example`, "/\\evil.example", "/relative", "https:/evil.example", "https:evil.example", "http://", "https://?x",
		"file:///etc/passwd", "ftp://evil.example/", "mailto:a@b.example", "", "https://%zz", "https://a b/", "https://kape.example/\r\nSet-Cookie: a=b",
	} {
		id := int64(1000 + i)
		b.links[id] = to
		w := b.do("GET", "/c/"+b.signs.Sign(token.Click, 42, id), "")
		if w.Code != 404 || w.Header().Get("Location") != "" || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%q: %d to %q", to, w.Code, w.Header().Get("Location"))
		}
	}
	b.wantCalls(t)
	// Nor does anything in the request.
	good := b.signs.Sign(token.Click, 42, 3)
	for _, path := range []string{"/c/" + good + "?url=https://evil.example", "/c/" + good + "?next=//evil.example#x"} {
		w := b.do("GET", path, "", header("X-Forwarded-Host", "evil.example"), header("Referer", "https://evil.example"), func(r *http.Request) { r.Host = "evil.example" })
		if w.Code != 302 || w.Header().Get("Location") != target {
			t.Errorf("%s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{"/c//evil.example", "/c/..%2f..%2fevil", "/c/%0d%0aLocation:%20https://evil.example", "/c/" + good + "%00", "/c/" + good + "/"} {
		// A path may be sent on to its clean form, which is ours too.
		w := b.do("GET", path, "")
		if to := w.Header().Get("Location"); w.Code == 302 || to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
			t.Errorf("%s: %d to %q", path, w.Code, to)
		}
	}
}

// What a request says of itself is kept as text, bounded, and never in the log.
func TestHeadersStayData(t *testing.T) {
	b := setup(t)
	path := "/o/" + b.signs.Sign(token.Open, 42, 0) + ".gif"
	const forged = "x\r\nlevel=ERROR msg=\"forged\"\x00\x1b[31m"
	b.do("GET", path, "", from("203.0.113.9:4"), header("User-Agent", forged+strings.Repeat("a", 4000)+"\xff"), header("Sec-Purpose", strings.Repeat("prefetch", 500)),
		header("X-Forwarded-For", forged))
	hit := b.hits[0]
	if len(hit.UserAgent) > maxUserAgent || len(hit.Purpose) > maxPurpose || hit.Addr.String() != "203.0.113.9" || hit.Method != "GET" {
		t.Errorf("kept %d bytes of user agent, %d of purpose, from %s, %s", len(hit.UserAgent), len(hit.Purpose), hit.Addr, hit.Method)
	}
	b.err = errDown // which is logged
	b.do("GET", path, "", header("User-Agent", forged))
	if log := b.log.String(); strings.Contains(log, "forged") || strings.Contains(log, "203.0.113") {
		t.Errorf("log: %s", log)
	}
}

// GET and HEAD of everything that a mail links to, twice, from many addresses.
func TestScannerChangesNothing(t *testing.T) {
	b := setup(t)
	b.prefs, b.fake.link, b.open, b.question = samplePreferences(), campaign.LinkGood, true, campaign.Confirmation{State: campaign.LinkGood, Address: "ana@example.com"}
	paths := []string{
		"/o/" + b.signs.Sign(token.Open, 42, 0) + ".gif", "/c/" + b.signs.Sign(token.Click, 42, 3), "/u/" + b.signs.Sign(token.Unsubscribe, 42, 0),
		"/confirm/" + b.signs.Sign(token.Confirm, 42, 0),
		b.at(token.Preferences), b.at(token.Manage), b.at(token.Managing),
	}
	for n := range 4 {
		for i, path := range paths {
			for _, method := range []string{"GET", "HEAD"} {
				w := b.do(method, path, "", from(fmt.Sprintf("203.0.%d.%d:9", n, i+1)))
				if w.Code != 200 && w.Code != 302 {
					t.Errorf("%s %s: %d", method, path, w.Code)
				}
			}
		}
	}
	// Of each is kept that it happened, and nothing else: nobody has left.
	for _, call := range b.calls {
		if call != "opened" && call != "clicked" {
			t.Errorf("a scanner has %s", call)
		}
	}
	if len(b.calls) != 16 {
		t.Errorf("%d hits of pixel and link are kept, want 16", len(b.calls))
	}
}

// Headers without end are refused, and a client that says nothing holds no more than
// its connection.
func TestOversizedRequests(t *testing.T) {
	b := setup(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.srv.Run(ctx, ln) }()
	ask := func(raw string) int {
		t.Helper()
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go conn.Write([]byte(raw)) // the server may answer before it has read all
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return 0 // it has hung up
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	silent, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := silent.Write([]byte("GET /o/x.gif HTTP/1.1\r\nHost: a\r\nX: ")); err != nil {
		t.Fatal(err)
	}
	if got := ask("GET /o/x.gif HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 1<<20) + "\r\n\r\n"); got != http.StatusRequestHeaderFieldsTooLarge && got != 0 {
		t.Errorf("a megabyte of header: %d", got)
	}
	if got := ask("GET /c/" + strings.Repeat("A", 20_000) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); got != http.StatusNotFound {
		t.Errorf("a token of 20,000 characters: %d", got)
	}
	if got := ask("GET /o/x.gif HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); got != http.StatusOK {
		t.Errorf("a request beside them: %d", got)
	}
	silent.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
