package render

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tidings/internal/campaign"
)

// Mails that people wrote for other mailers load as templates, and every word and
// every picture of theirs stands in what is sent. Addresses that no mail can have,
// such as images/logo.png, and merge tags that mean nothing here are made sound
// first: check refuses them, which other tests show.
func TestRealTemplatesLoad(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "data", "templates")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no collection of templates beside this repository")
	}
	address := regexp.MustCompile(`(?i)\b(src|href|background|action)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)`)
	sound := func(src string) string {
		src = address.ReplaceAllStringFunc(src, func(s string) string {
			m := address.FindStringSubmatch(s)
			l := &linkPlace{attr: strings.ToLower(m[1])}
			if to := unescaped(strings.Trim(m[2], `"'`)); to == "" || l.check(to) == nil {
				return s
			}
			return m[1] + `="https://shop.example/made-sound"`
		})
		return campaign.MergeTags.ReplaceAllString(src, "word")
	}
	loaded, refused := 0, 0
	s := settings(t)
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(file) != ".html" {
			return err
		}
		src, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(src), "{{") || strings.Contains(string(src), "{%") {
			return err
		}
		src = []byte(sound(string(src)))
		r, problems := Compile(bare(t, string(src)))
		if r == nil {
			refused++
			for _, p := range problems {
				if !p.Warning {
					t.Errorf("%s: %s", file, p)
				}
			}
			return nil
		}
		loaded++
		m, err := r.Render(receiptMessage(`{}`, nil), s)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return nil
		}
		before, after := wordsAndPictures(t, string(src)), wordsAndPictures(t, readBack(t, m.Body).html)
		if len(before) == 0 || strings.Join(before, "\n") != strings.Join(after, "\n") {
			t.Errorf("%s: content differs: %s", file, firstDifference(strings.Join(after, "\n"), strings.Join(before, "\n")))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d load, %d are refused", loaded, refused)
	if loaded < 120 {
		t.Errorf("only %d load", loaded)
	}
}

// wordsAndPictures lists what a reader gets of a mail: its words and its pictures.
func wordsAndPictures(t *testing.T, src string) (out []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if p := n.Parent; n.Type == html.TextNode && p != nil && p.Data != "style" && p.Data != "script" && p.Data != "title" {
			if words := strings.Join(strings.Fields(n.Data), " "); words != "" {
				out = append(out, words)
			}
		}
		if n.Type == html.ElementNode && n.Data == "img" {
			for _, a := range n.Attr {
				if a.Key == "src" && !strings.HasPrefix(a.Val, "https://t.kape.example/o/") {
					out = append(out, "picture "+strings.TrimSpace(a.Val))
				}
			}
		}
	}
	return out
}
