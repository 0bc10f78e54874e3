package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/inbox"
)

// demoIn runs the demo with a temporary folder of its own and checks that
// nothing is left in it.
func demoIn(t *testing.T, ctx context.Context, stdout, stderr io.Writer, env map[string]string, args ...string) int {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	code := Run(ctx, append([]string{"demo"}, args...), stdout, stderr, func(k string) string { return env[k] }, os.DirFS("../.."))
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind (%v)", left, err)
	}
	return code
}

// The first weeks hold mails of every campaign but the win-back, which begins
// after ninety days.
func TestDemoOnce(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := demoIn(t, t.Context(), &stdout, &stderr, nil, "--once", "--json", "--days", "16"); code != exitDone {
		t.Fatalf("exit %d\n%s", code, stderr.String())
	}
	var r struct {
		Campaigns map[string]campaign.CampaignReport
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("standard output is not one JSON document: %v\n%s", err, stdout.String())
	}
	if !strings.Contains(stderr.String(), "/inbox/") || !strings.Contains(stderr.String(), "100 %") {
		t.Errorf("standard error lacks the pages or the progress:\n%s", stderr.String())
	}
	by := r.Campaigns
	for _, name := range []string{"abandoned-cart", "after-an-order", "monthly-letter", "welcome"} {
		c := by[name]
		if c.Entered == 0 || c.Sent == 0 || c.Opened == 0 || c.Converted == 0 {
			t.Errorf("%s: %+v", name, c)
		}
		// The thank-yous hold nothing to click.
		if name != "after-an-order" && c.Clicked == 0 {
			t.Errorf("%s: nobody clicked", name)
		}
		// The show ends at midnight: what has come up in the evening waits for the morning.
		if c.Failed > 0 || c.Uncertain > 0 || c.Waiting > c.Sent/4 {
			t.Errorf("%s: %d failed, %d uncertain, %d waiting of %d sent", name, c.Failed, c.Uncertain, c.Waiting, c.Sent)
		}
	}
	if by["abandoned-cart"].HeldOut == 0 || by["welcome"].HeldOut != 0 {
		t.Errorf("held out: %d of abandoned-cart, %d of welcome", by["abandoned-cart"].HeldOut, by["welcome"].HeldOut)
	}
	if c, ok := by["win-back"]; !ok || c.Entered != 0 {
		t.Errorf("win-back: %d entered before ninety days (in the report: %v)", c.Entered, ok)
	}
}

// What the report says was sent, opened and clicked is what the inbox got and
// the readers did.
func TestDemoCountsWhatHappened(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	var out bytes.Buffer
	rt := &runtime{ctx: t.Context(), stdout: &out, stderr: &out, example: os.DirFS("../..")}
	rt.cfg.Port = "0"
	cat, renderer, err := rt.demoCatalog()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &demoCmd{Once: true, Days: 8}
	th, err := cmd.open(rt, cat, renderer)
	if err != nil {
		t.Fatal(err)
	}
	defer th.close()
	var mu sync.Mutex
	arrived := map[string]int{}
	th.box.OnMail(func(m inbox.Mail) {
		mu.Lock()
		defer mu.Unlock()
		arrived[m.Campaign]++
		if !strings.HasSuffix(m.To, "@example.com") {
			t.Errorf("a mail goes to %s", m.To)
		}
	})
	if err := th.show.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := th.report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tally, sent, opened, clicked := th.show.Tally(), 0, 0, 0
	for _, c := range r.Campaigns {
		if c.Sent != arrived[c.Campaign] {
			t.Errorf("%s: %d sent, %d in the inbox", c.Campaign, c.Sent, arrived[c.Campaign])
		}
		sent, opened, clicked = sent+c.Sent, opened+c.Opened, clicked+c.Clicked
	}
	if sent == 0 || sent != tally.Mails || sent != len(th.box.Messages()) {
		t.Errorf("%d sent, %d delivered, %d in the inbox", sent, tally.Mails, len(th.box.Messages()))
	}
	if opened == 0 || opened != tally.Opens || clicked != tally.Clicks {
		t.Errorf("%d opened of %d, %d clicked of %d", opened, tally.Opens, clicked, tally.Clicks)
	}
	if tally.Orders != len(th.history.Orders) {
		t.Errorf("%d orders told of %d", tally.Orders, len(th.history.Orders))
	}
}

// urls passes on what is written and tells the first line with a page's URL.
type urls struct {
	mu   sync.Mutex
	text strings.Builder
	page chan string
}

func (u *urls) Write(b []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.text.Write(b)
	if _, rest, ok := strings.Cut(string(b), "Inbox    "); ok {
		url, _, _ := strings.Cut(rest, " ")
		select {
		case u.page <- strings.TrimSpace(url):
		default:
		}
	}
	return len(b), nil
}

// Ctrl-C in mid-show is no failure. The port that is asked for is taken, so the
// pages are elsewhere.
func TestDemoStopsInMidShow(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, taken, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &urls{page: make(chan string, 1)}
	ended := make(chan time.Time, 1)
	go func() {
		url := <-out.page
		for _, page := range []string{url, strings.TrimSuffix(url, "/inbox/") + "/report"} {
			res, err := http.Get(page)
			if err != nil {
				t.Error(err)
				continue
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "<html") {
				t.Errorf("%s: %s, %v", page, res.Status, err)
			}
		}
		if strings.Contains(url, ":"+taken+"/") {
			t.Errorf("the pages are at %s, which was taken", url)
		}
		ended <- time.Now()
		cancel()
	}()
	if code := demoIn(t, ctx, out, io.Discard, map[string]string{"PORT": taken}); code != exitDone {
		t.Errorf("exit %d\n%s", code, out.text.String())
	}
	if took := time.Since(<-ended); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

// What the environment names for a real shop is not touched.
func TestDemoLeavesARealShopAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.db")
	env := map[string]string{"DATABASE_URL": "sqlite:" + file, "SMTP_URL": "smtp://mail.invalid:25", "REDIS_URL": "redis://cache.invalid:6379"}
	if code := demoIn(t, t.Context(), io.Discard, io.Discard, env, "--once", "--days", "1"); code != exitDone {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the demo used the shop's database (%v)", err)
	}
}
