package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"mime/multipart"
	"mime/quotedprintable"

	"tidings/internal/store/storetest"
)

// TestProcesses is the whole way on separate processes: a cart event over HTTP
// becomes a mail in a real mail server, its click comes back, the report counts
// it as the program's that it is, and SIGTERM ends every process cleanly.
func TestProcesses(t *testing.T) {
	redis, smtp, maildir := os.Getenv("TEST_REDIS_URL"), os.Getenv("TEST_SMTP_URL"), os.Getenv("TEST_MAILDIR")
	if redis == "" || smtp == "" || maildir == "" {
		t.Skip("TEST_REDIS_URL, TEST_SMTP_URL and TEST_MAILDIR are not set")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	h := &house{t: t, ctx: ctx, binary: build(t, ctx), base: "http://127.0.0.1:" + freePort(t)}
	h.env = append(os.Environ(),
		"DATABASE_URL="+storetest.PostgresURL(t), "REDIS_URL="+redis, "SMTP_URL="+smtp, "PUBLIC_URL="+h.base,
		"SECRET_KEY=0123456789abcdef0123456789abcdef", "WRITE_KEY=letmein", "WORKSPACE="+workspace(t))
	h.run("migrate")
	h.start("web", "PORT="+h.base[strings.LastIndex(h.base, ":")+1:])
	h.start("scheduler")
	h.start("worker")
	h.eventually("web is ready", func() bool { return h.status("/readyz") == http.StatusOK })

	who := fmt.Sprintf("ana-%d", time.Now().UnixNano())
	h.call("/v1/identify", map[string]any{"userId": who, "traits": map[string]any{"email": who + "@example.com", "first_name": "Ana"}})
	h.call("/v1/track", map[string]any{"userId": who, "event": "Subscribed", "properties": map[string]any{"topic": "offers"}})
	h.call("/v1/track", map[string]any{"userId": who, "event": "Product Added",
		"properties": map[string]any{"product_id": "P1", "name": "Moka pot", "price": 30, "quantity": 1}})

	m := h.mailTo(maildir, who+"@example.com")
	if got := m.Header.Get("Feedback-ID"); !strings.HasPrefix(got, "cart:") {
		t.Errorf("Feedback-ID is %q", got)
	}
	html := htmlPart(t, m)
	if !strings.Contains(html, "Moka pot") {
		t.Errorf("the cart is not in the mail: %s", html)
	}
	link := regexp.MustCompile(regexp.QuoteMeta(h.base) + `/c/[A-Za-z0-9_-]+`).FindString(html)
	if link == "" {
		t.Fatalf("no tracked link in %s", html)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != "https://shop.example/basket" {
		t.Errorf("the click leads to %d %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	var out struct {
		Campaigns map[string]struct {
			Entered, Sent, Clicked int
			Machine                int `json:"machine_clicked"`
		}
	}
	if err := json.Unmarshal(h.run("report", "--json"), &out); err != nil {
		t.Fatal(err)
	}
	if c := out.Campaigns["cart"]; c.Entered != 1 || c.Sent != 1 || c.Machine != 1 || c.Clicked != 0 {
		t.Errorf("the report counts %+v", c)
	}
	h.run("doctor", "--ledger")
	h.stop()
}

// house is a set of processes of one deployment.
type house struct {
	t      *testing.T
	ctx    context.Context
	binary string
	base   string
	env    []string
	procs  []*process
}

type process struct {
	name string
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

func build(t *testing.T, ctx context.Context) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tidings")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "tidings")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

func workspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tidings.yaml": "name: Test\nzone: UTC\nlocales: [en]\ncurrency: EUR\nbrand: { address: 1 Test Street }\n" +
			"senders: { hello: { from: \"Test <hello@mail.shop.example>\" } }\ntopics: { offers: {} }\ndefaults: { from: hello }\n",
		"campaigns/cart.yaml": "name: Cart\nstatus: active\ntopic: offers\ntrigger: { abandoned_cart: { after: 1s } }\n" +
			"steps: [ { send: cart, subject: Your basket } ]\n",
		"templates/cart.html": "<html><body><ul>{% for p in cart.products %}<li>{{ p.name }}</li>{% endfor %}</ul>" +
			"<a href=\"https://shop.example/basket\">To the basket</a>" +
			"<p>{{ brand.address }} <a href=\"{{ links.unsubscribe }}\">Unsubscribe</a> <a href=\"{{ links.preferences }}\">Choose</a></p></body></html>\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a command to its end and returns its standard output.
func (h *house) run(args ...string) []byte {
	h.t.Helper()
	cmd := exec.CommandContext(h.ctx, h.binary, args...)
	cmd.Env = h.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("%v: %v\n%s", args, err, stderr.String())
	}
	return out
}

func (h *house) start(name string, env ...string) {
	h.t.Helper()
	p := &process{name: name, cmd: exec.CommandContext(h.ctx, h.binary, name), log: &bytes.Buffer{}}
	p.cmd.Env = append(h.env, env...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.procs = append(h.procs, p)
	h.t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		if h.t.Failed() {
			h.t.Logf("%s said:\n%s", p.name, p.log.String())
		}
	})
}

// stop sends SIGTERM to every process and wants each to end well.
func (h *house) stop() {
	h.t.Helper()
	for _, p := range h.procs {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			h.t.Errorf("%s had ended before: %v", p.name, err)
		}
	}
	for _, p := range h.procs {
		if err := p.cmd.Wait(); err != nil {
			h.t.Errorf("%s after SIGTERM: %v", p.name, err)
		}
	}
}

func (h *house) status(path string) int {
	resp, err := http.Get(h.base + path)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (h *house) call(path string, body any) {
	h.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(h.ctx, http.MethodPost, h.base+path, bytes.NewReader(b))
	if err != nil {
		h.t.Fatal(err)
	}
	req.SetBasicAuth("letmein", "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		h.t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
	}
}

// eventually looks again and again until ok, or the test's time is over.
func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-h.ctx.Done():
			h.t.Fatalf("in vain: %s", what)
		case <-look.C:
		}
	}
}

// mailTo waits for the mail to an address in a Maildir.
func (h *house) mailTo(maildir, address string) *mail.Message {
	h.t.Helper()
	var found *mail.Message
	h.eventually("a mail arrives", func() bool {
		files, _ := filepath.Glob(filepath.Join(maildir, "new", "*"))
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil || !bytes.Contains(raw, []byte(address)) {
				continue
			}
			if found, err = mail.ReadMessage(bytes.NewReader(raw)); err != nil {
				h.t.Fatalf("the server's copy cannot be read: %v", err)
			}
			return true
		}
		return false
	})
	return found
}

// htmlPart is the last part of a multipart/alternative.
func htmlPart(t *testing.T, m *mail.Message) string {
	t.Helper()
	_, boundary, ok := strings.Cut(m.Header.Get("Content-Type"), "boundary=")
	if !ok {
		t.Fatalf("Content-Type is %q", m.Header.Get("Content-Type"))
	}
	parts := multipart.NewReader(m.Body, strings.Trim(strings.TrimSpace(boundary), `"`))
	var html string
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return html
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		html = string(b)
	}
}
