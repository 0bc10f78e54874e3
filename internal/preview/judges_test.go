package preview_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tidings/internal/preview"
)

// judged is a mail that goes before a judge.
type judged struct {
	name string
	mail *preview.Mail
}

// toJudge are the mails of the example workspace and of the guide: to an ordinary
// customer in every language, to the awkward ones in the first and from right to left.
func toJudge(t *testing.T) (out []judged) {
	t.Helper()
	for name, s := range map[string]*preview.Studio{"example": studioOf(t, "../..", nil), "guide": guideStudio(t)} {
		for _, c := range s.Catalog.Campaigns {
			for _, step := range preview.Steps(c) {
				for _, locale := range s.Catalog.Workspace.Locales {
					for _, who := range preview.MadeUpNames() {
						if who != "ana" && locale != "en" && locale != "he" {
							continue
						}
						m, err := s.Mail(context.Background(), preview.Choice{Campaign: c.Name, Step: step.ID, Locale: locale, Customer: who})
						if err != nil {
							t.Fatal(err)
						}
						out = append(out, judged{strings.Join([]string{name, c.Name, step.ID, locale, who}, "."), m})
					}
				}
			}
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d mails to judge", len(out))
	}
	return out
}

// nearZero is the most that SpamAssassin may find in a mail; 5.0 are spam.
const nearZero = 0.1

var (
	separator = regexp.MustCompile(`(?m)^(>*From )`)
	points    = regexp.MustCompile(`score=(-?[\d.]+)`)
)

// SpamAssassin has nothing against the mails, as they are handed over.
func TestSpamAssassin(t *testing.T) {
	path := os.Getenv("TEST_SPAMASSASSIN")
	if path == "" {
		t.Skip("TEST_SPAMASSASSIN is not set")
	}
	mails := map[string][]byte{
		// Its own sample of spam, without which a judge that is asleep would pass all.
		"spam": []byte("From: a@shop.example\r\nTo: b@shop.example\r\nSubject: spam\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"),
	}
	for _, j := range toJudge(t) {
		mails[j.name] = j.mail.Email.Body
	}
	// What it learns and whom it knows would make the verdict one of earlier runs.
	dir := t.TempDir()
	prefs := filepath.Join(dir, "prefs")
	if err := os.WriteFile(prefs, []byte("use_bayes 0\nuse_auto_whitelist 0\nreport_safe 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--local", "--nocreate-prefs", "--prefspath="+prefs, "--mbox", mbox(t, dir, mails))
	cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &complaints)
	}
	verdicts := verdictsIn(t, out)
	if v := verdicts["spam"]; v.score < 100 {
		t.Fatalf("what is spam by its own word has %v points: %s", v.score, v.why)
	}
	delete(mails, "spam")
	for name := range mails {
		v, ok := verdicts[name]
		if !ok {
			t.Errorf("%s: no verdict", name)
		} else if v.score > nearZero {
			t.Errorf("%s: %v points: %s", name, v.score, v.why)
		}
	}
	t.Logf("%d mails", len(mails))
}

// mbox writes mails into one file, each with its name in the header.
func mbox(t *testing.T, dir string, mails map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	for name, body := range mails {
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
		fmt.Fprintf(&b, "From judged@shop.example Mon Nov  2 09:30:00 2026\nX-Judged: %s\n%s\n\n", name, separator.ReplaceAll(body, []byte(">$1")))
	}
	file := filepath.Join(dir, "mails")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

type verdict struct {
	score float64
	why   string
}

// verdictsIn reads what SpamAssassin has written into the mails' headers.
func verdictsIn(t *testing.T, out []byte) map[string]verdict {
	t.Helper()
	found := map[string]verdict{}
	for _, one := range bytes.Split(append([]byte("\n"), out...), []byte("\nFrom judged@"))[1:] {
		_, one, _ = bytes.Cut(one, []byte("\n"))
		m, err := mail.ReadMessage(bytes.NewReader(one))
		if err != nil {
			t.Fatal(err)
		}
		status := m.Header.Get("X-Spam-Status")
		score := points.FindStringSubmatch(status)
		if score == nil {
			t.Fatalf("no score in %q", status)
		}
		n, err := strconv.ParseFloat(score[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		found[m.Header.Get("X-Judged")] = verdict{n, status}
	}
	return found
}

// forOutlook is what mails say to Outlook on Windows against the rules of HTML, and
// docs/deliverability.md why.
var forOutlook = regexp.MustCompile(`^(Attribute “xmlns:o” not allowed here\.|CSS: “mso-(hide|padding-alt)”: Property “mso-(hide|padding-alt)” doesn't exist\.)$`)

// The Nu HTML Checker, which is the W3C's, finds no error in the mails but for those
// made on purpose.
func TestNuHTMLChecker(t *testing.T) {
	jar := os.Getenv("TEST_VNU")
	if jar == "" {
		t.Skip("TEST_VNU is not set")
	}
	dir := t.TempDir()
	wrong := filepath.Join(dir, "wrong.html")
	files := map[string]string{wrong: "<!doctype html><html lang=en><title>x</title><p><div></p><img src=x.png>"}
	args := []string{"-jar", jar, "--errors-only", "--exit-zero-always", "--format", "json", wrong}
	for _, j := range toJudge(t) {
		file := filepath.Join(dir, j.name+".html")
		files[file] = j.mail.HTML
		args = append(args, file)
	}
	for file, html := range files {
		if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("java", args...)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%.2000s", err, &out)
	}
	var said struct {
		Messages []struct {
			Type, URL, Message, Extract string
			LastLine                    int
		}
	}
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatalf("%v\n%.2000s", err, &out)
	}
	awake := false
	for _, m := range said.Messages {
		switch name := filepath.Base(m.URL); {
		case name == "wrong.html":
			awake = true
		case !forOutlook.MatchString(m.Message):
			t.Errorf("%s:%d: %s %s: %q", name, m.LastLine, m.Type, m.Message, m.Extract)
		}
	}
	if !awake {
		t.Error("it has not found what is wrong")
	}
	t.Logf("%d mails", len(files)-1)
}
