package preview_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/preview"
)

// desk is a preview in a browser, with a mail server that keeps what it is given.
type desk struct {
	*testing.T
	url   string
	ticks chan time.Time
	sent  []campaign.Email
}

// disk is files that change while they are read.
type disk struct {
	mu    sync.Mutex
	files fstest.MapFS
}

func (d *disk) Open(name string) (fs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files.Open(name)
}

func (d *disk) write(name, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = &fstest.MapFile{Data: []byte(text), ModTime: now.Add(time.Duration(len(text)) * time.Second)}
}

// serve serves fsys; send false: there is no mail server.
func serve(t *testing.T, fsys fs.FS, store preview.Store, send bool) *desk {
	t.Helper()
	d := &desk{T: t, ticks: make(chan time.Time)}
	o := preview.ServerOptions{
		Files: fsys, Load: func() preview.Loaded { return loaded(fsys, store) }, Ticks: d.ticks, Now: func() time.Time { return now },
	}
	if send {
		o.Send = func(_ context.Context, e campaign.Email) error {
			if strings.HasPrefix(e.To, "full@") {
				return errors.New("the mail server says 452 mailbox full")
			}
			d.sent = append(d.sent, e)
			return nil
		}
	}
	s, err := preview.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// get is a page's status, header and text.
func (d *desk) get(path string) (int, http.Header, string) {
	d.Helper()
	r, err := http.Get(d.url + path)
	if err != nil {
		d.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		d.Fatal(err)
	}
	return r.StatusCode, r.Header, string(b)
}

// holds demands texts of a page.
func (d *desk) holds(path string, want ...string) string {
	d.Helper()
	status, _, page := d.get(path)
	if status != http.StatusOK {
		d.Errorf("%s: status %d", path, status)
	}
	for _, w := range want {
		if !strings.Contains(page, w) {
			d.Errorf("%s does not hold %q:\n%s", path, w, page)
		}
	}
	return page
}

func TestPage(t *testing.T) {
	t.Parallel()
	d := serve(t, files(), people(), false)
	d.holds("/", "<strong>Ana, your basket</strong>", "All 3 of it", `<option value="basket" selected>`, `<option value="letter">letter (draft)</option>`,
		`<option value="thanks">thanks (regulars)</option>`, `<option value="bea">bea</option>`, "Nothing wrong", "SMTP_URL is not set", "disabled")
	d.holds("/?campaign=basket&customer=bea&view=text", "Their own mug", `<option value="bea" selected>`)
	d.holds("/?campaign=basket&id=dan", "Dan, your basket", "has not entered the campaign")
	d.holds("/?campaign=basket&id=nobody", "no customer nobody is in the database", `<option value="nobody" selected>`)
	d.holds("/?campaign=letter&locale=he&view=headers", "תודה", "List-Unsubscribe")
	d.holds("/?campaign=letter&view=source", "Content-Type: text/html")
	d.holds("/?campaign=letter&customer=no-name", "This customer would get no mail", "templates/thanks.html:4", "customer.first_name is missing")
	// What another version of the workspace had falls back to what there is.
	d.holds("/?campaign=gone&step=gone&locale=fr&view=gone", "Ana, your basket")
	d.holds("/all", "4 wrong", "mails rendered", `/?campaign=basket&amp;customer=no-name&amp;locale=en`)
	if status, _, _ := d.get("/nothing"); status != http.StatusNotFound {
		t.Errorf("status %d of nothing", status)
	}
}

// No part of a page can reach further than it needs, whatever a mail holds.
func TestPolicies(t *testing.T) {
	t.Parallel()
	f := files()
	f["templates/thanks.html"].Data = append(f["templates/thanks.html"].Data, "<p>{{ customer.first_name }}</p>"...)
	d := serve(t, f, town{{customer(1, "eve", "en", map[string]any{"first_name": `</pre><script>alert(1)</script>`, "city": "x"}), preview.Nothing}}, false)
	for path, want := range map[string]string{
		"/": "script-src 'self'", "/all": "frame-ancestors 'none'", "/style.css": "default-src 'none'", "/preview.js": "default-src 'none'",
		"/mail.html?campaign=letter": "sandbox allow-popups", "/sample/picture-a.png": "default-src 'none'",
	} {
		status, h, _ := d.get(path)
		if policy := h.Get("Content-Security-Policy"); status != http.StatusOK || !strings.Contains(policy, want) || strings.Contains(policy, "script-src 'unsafe") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: status %d, %s", path, status, policy)
		}
	}
	for _, view := range []string{"mail", "text", "headers", "source"} {
		if page := d.holds("/?campaign=letter&customer=eve&view=" + view); strings.Contains(page, "<script>alert") {
			t.Errorf("%s holds a customer's script:\n%s", view, page)
		}
	}
}

// A mail in its frame has links that open tabs, the made-up pictures, and the scheme
// that was chosen, whatever the browser's is.
func TestFrame(t *testing.T) {
	t.Parallel()
	d := serve(t, files(), nil, false)
	light := d.holds("/mail.html?campaign=basket", `<base target="_blank">`, `src="/sample/picture-a.png"`, "@media (max-width: 0)")
	dark := d.holds("/mail.html?campaign=basket&scheme=dark", "@media (min-width: 0)")
	if strings.Contains(light+dark, "prefers-color-scheme") {
		t.Error("the browser's scheme still decides")
	}
	_, h, eml := d.get("/mail.eml?campaign=basket&step=again")
	if h.Get("Content-Disposition") != `attachment; filename="again.eml"` || !strings.HasPrefix(eml, "Date: Mon, 02 Nov 2026 09:30:00 +0000\r\n") {
		t.Errorf("%s\n%s", h, eml)
	}
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

func TestSendTest(t *testing.T) {
	t.Parallel()
	d := serve(t, files(), people(), true)
	token := formToken.FindStringSubmatch(d.holds("/"))[1]
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(d *desk, values url.Values, site string) (int, string, string) {
		r, err := http.NewRequest("POST", d.url+"/test", strings.NewReader(values.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", site)
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		b, _ := io.ReadAll(a.Body)
		return a.StatusCode, a.Header.Get("Location"), string(b)
	}
	form := func(address, token string) url.Values {
		return url.Values{"campaign": {"basket"}, "customer": {"bea"}, "address": {address}, "token": {token}}
	}
	status, to, _ := post(d, form("me@team.example", token), "same-origin")
	if status != http.StatusSeeOther || len(d.sent) != 1 || d.sent[0].To != "me@team.example" {
		t.Fatalf("status %d, sent %v", status, d.sent)
	}
	d.holds(to, "The test is with the mail server", "Bea, your basket")
	for _, c := range []struct {
		name, address, token, site string
		status                     int
		text                       string
	}{
		{"from another site", "me@team.example", token, "cross-site", http.StatusForbidden, ""},
		{"without the token", "me@team.example", "", "same-origin", http.StatusForbidden, "reload the page"},
		{"no address", "me", token, "same-origin", http.StatusUnprocessableEntity, "not an email address"},
		{"a name with it", "Me <me@team.example>", token, "same-origin", http.StatusUnprocessableEntity, "not an email address"},
		{"two", "a@team.example,b@team.example", token, "same-origin", http.StatusUnprocessableEntity, "not an email address"},
		{"refused", "full@team.example", token, "same-origin", http.StatusBadGateway, "452 mailbox full"},
	} {
		if status, _, page := post(d, form(c.address, c.token), c.site); status != c.status || !strings.Contains(page, c.text) {
			t.Errorf("%s: status %d, want %d and %q:\n%s", c.name, status, c.status, c.text, page)
		}
	}
	if len(d.sent) != 1 {
		t.Errorf("%d mails left", len(d.sent))
	}
	none := serve(t, files(), nil, false)
	token = formToken.FindStringSubmatch(none.holds("/"))[1]
	if status, _, page := post(none, form("me@team.example", token), "same-origin"); status != http.StatusConflict || !strings.Contains(page, "SMTP_URL is not set, so there is no mail server") {
		t.Errorf("without a mail server: status %d\n%s", status, page)
	}
	if status, _, _ := none.get("/test"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /test: status %d", status)
	}
}

// A page follows the files: the next request shows them as they are, a stream tells
// when that would be another version, and errors leave the last good one in sight.
func TestLive(t *testing.T) {
	t.Parallel()
	f := &disk{files: files()}
	d := serve(t, f, nil, false)
	d.holds("/", "Ana, your basket", `data-version="1"`)
	r, err := http.Get(d.url + "/changes?seen=1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if kind := r.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("a stream of %s", kind)
	}
	lines := bufio.NewScanner(r.Body)
	next := func() string {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				return lines.Text()
			}
		}
		t.Fatal("the stream ended")
		return ""
	}
	// The stream waits for a tick, and only then looks at the files again.
	good := string(f.files["templates/basket.html"].Data)
	d.ticks <- now
	d.ticks <- now
	f.write("templates/basket.html", strings.Replace(good, "your basket", "the very same basket", 1))
	d.ticks <- now
	if got := next(); got != "data: 2" {
		t.Errorf("the stream says %s", got)
	}
	d.holds("/", "the very same basket", `data-version="2"`)
	f.write("templates/basket.html", strings.Replace(good, "{{ p.name }}", "{{ nothing }}", 1))
	d.holds("/", "The files have errors", "templates/basket.html:6", "unknown variable", "Below is the last version", "the very same basket")
	d.holds("/all", "The files have errors")
	f.write("templates/basket.html", good)
	if page := d.holds("/", "Ana, your basket"); strings.Contains(page, "have errors") {
		t.Error("errors that are gone are still shown")
	}
}

// A workspace that was never right has errors to show and no mail.
func TestBroken(t *testing.T) {
	t.Parallel()
	f := files()
	f["tidings.yaml"].Data = []byte("name: Kape\nzoen: UTC\n")
	d := serve(t, f, nil, false)
	d.holds("/", "The files have errors", "zoen", "tidings.yaml:2:1")
	if status, _, _ := d.get("/mail.html"); status != http.StatusConflict {
		t.Errorf("a mail of a broken workspace: status %d", status)
	}
}
