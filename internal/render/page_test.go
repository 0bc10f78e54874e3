package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// A mail keeps its page when it may show a link to it, however that is written, and
// only then. The page is the mail, with a dot of its own for the image that counts.
func TestPageOfMail(t *testing.T) {
	t.Parallel()
	const view = "https://t.kape.example/v/"
	for src, kept := range map[string]bool{
		`<p><a href="{{ links.view }}">In the browser</a></p>`:                        true,
		`<p><a href="{{ links["view"] }}">In the browser</a></p>`:                     true,
		`{% assign l = links.view %}<p><a href="{{ l }}">In the browser</a></p>`:      true,
		`{% capture l %}{{ links.view }}{% endcapture %}<p>{{ l }}</p>`:               true,
		`<p><a href="{{ links.unsubscribe }}">Unsubscribe</a> a view, links view</p>`: false,
		`<p>Hello</p>`: false,
	} {
		cat := bare(t, src)
		for name, change := range map[string]func(*Settings){"tracked": func(*Settings) {}, "to ourselves": func(s *Settings) { s.Untracked = true }} {
			s := settings(t)
			change(&s)
			e, err := compile(t, cat).Render(receiptMessage(`{}`, nil), s)
			if err != nil {
				t.Fatalf("%s: %v", src, err)
			}
			if want := kept && !s.Untracked; (e.Page != nil) != want {
				t.Errorf("%s, %s: page kept %v", src, name, e.Page != nil)
			}
			if e.Page == nil {
				continue
			}
			got, err := e.Page.HTML()
			if err != nil {
				t.Fatal(err)
			}
			p := readBack(t, e.Body)
			page, pixel := string(got), s.PublicURL+"/o/"+s.Signer.Sign(token.Open, 42, 0)+".gif"
			if !strings.Contains(p.html, pixel) || strings.Contains(page, "/o/") {
				t.Errorf("%s: the page counts an opening, or the mail does not:\n%s", src, page)
			}
			if !strings.Contains(page, view+s.Signer.Sign(token.View, 42, 0)) {
				t.Errorf("%s: no link to itself:\n%s", src, page)
			}
			if want := strings.ReplaceAll(p.html, pixel, emptyImage); strings.TrimSpace(page) != strings.TrimSpace(want) {
				t.Errorf("%s: the page\n%s\nis not the mail\n%s", src, page, want)
			}
		}
	}
}

// What keeping pages adds to a mail of the usual size.
func BenchmarkPackPage(b *testing.B) {
	_, p := mustRender(b, compile(b, shop(b)), cartMessage())
	html := []byte(p.html)
	b.ReportAllocs()
	b.SetBytes(int64(len(html)))
	n := 0
	for b.Loop() {
		n = len(campaign.PackPage(html))
	}
	b.ReportMetric(float64(n), "packed-bytes")
}
