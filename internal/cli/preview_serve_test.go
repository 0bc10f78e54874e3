package cli_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tidings/internal/cli"
	"tidings/internal/mail/smtptest"
)

// The served page sends a test over SMTP_URL, to the address alone, and the database
// knows nothing of it; only this machine is let in; it ends when it is told to.
func TestPreviewServe(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	s := previewShop(t, sqliteURL(t))
	s.env["SMTP_URL"] = server.URL()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, []string{"preview", "--serve", "--port", "0", "--at", "2025-03-01T11:30:00Z"}, in, io.Discard, func(k string) string { return s.env[k] }, fstest.MapFS{})
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`http://[^/]+/`).FindString(line)
	if !strings.HasPrefix(address, "http://127.0.0.1:") || !strings.Contains(line, filepath.Base(s.dir)) {
		t.Fatalf("it says %q", line)
	}
	read := func(r *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	page := read(http.Get(address + "?campaign=basket&customer=noa"))
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil || !strings.Contains(page, "1 דברים מחכים") || !strings.Contains(page, `<option value="ana">`) {
		t.Fatalf("the page is\n%s", page)
	}
	page = read(http.PostForm(address+"test", url.Values{
		"campaign": {"basket"}, "customer": {"noa"}, "address": {"me@team.example"}, "token": {token[1]},
	}))
	if !strings.Contains(page, "The test is with the mail server") {
		t.Errorf("after the test:\n%s", page)
	}
	sent := server.Messages()
	if len(sent) != 1 || sent[0].To != "me@team.example" || !strings.Contains(string(sent[0].Body), "Subject: =?utf-8?q?[Test]_1_") || sent[0].ID != "0" {
		t.Errorf("sent: %+v", sent)
	}
	if n := s.count(t, `SELECT count(*) FROM messages`); n != 0 {
		t.Errorf("%d messages in the ledger", n)
	}
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example" // a page that has pointed its own name here
	if page := read(http.DefaultClient.Do(r)); !strings.Contains(page, "another host than localhost") {
		t.Errorf("another name is let in:\n%s", page)
	}
	// A stream under way does not keep it from ending.
	stream, err := http.Get(address + "changes?seen=1")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	cancel()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}
