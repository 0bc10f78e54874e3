package bench

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/render"
	"tidings/internal/token"
)

// rendered makes mails of the benchmark's workspace as a worker does.
func rendered(t testing.TB) func(campaign.Outgoing) (campaign.Email, error) {
	t.Helper()
	files, err := Rendering()
	if err != nil {
		t.Fatal(err)
	}
	cat, problems := content.Load(files)
	r, more := render.Compile(cat)
	for _, p := range append(problems, more...) {
		if p.Stops() {
			t.Fatal(p)
		}
	}
	signer, err := token.New([]string{"a key of the tests, long enough"})
	if err != nil {
		t.Fatal(err)
	}
	s := render.Settings{PublicURL: "https://mail.kape.example", Signer: signer, StoreID: "bench"}
	return func(o campaign.Outgoing) (campaign.Email, error) { return r.Render(o, s) }
}

// htmlOf is the HTML part of a message.
func htmlOf(t *testing.T, body []byte) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal("no HTML:", err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			b, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
	}
}

// showing is what HTML shows: its words and its elements, without the preheader and the
// picture that counts openings, which the baseline lacks.
func showing(t *testing.T, source string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		for _, a := range n.Attr {
			if a.Key == "style" && strings.HasPrefix(a.Val, "display:none") || a.Key == "width" && a.Val == "1" {
				return
			}
		}
		switch n.Type {
		case html.TextNode:
			if words := strings.Fields(n.Data); len(words) > 0 {
				b.WriteString(strings.Join(words, " ") + "\n")
			}
		case html.ElementNode:
			b.WriteString("<" + n.Data + ">\n")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	return b.String()
}

// The baseline shows what the mail shows, element by element and word by word.
func TestBaselineIsTheSame(t *testing.T) {
	t.Parallel()
	r := rendered(t)
	for name, o := range map[string]campaign.Outgoing{"letter": letterTo(0), "basket": basketOf(0)} {
		e, err := r(o)
		if err != nil {
			t.Fatal(err)
		}
		tpl, err := parseBaseline(name)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := tpl.Execute(&b, plainOf(o)); err != nil {
			t.Fatal(err)
		}
		got, want := showing(t, htmlOf(t, e.Body)), showing(t, b.String())
		if got != want || !strings.Contains(got, "Maria") {
			t.Errorf("%s: the mail shows\n%s\nand the baseline\n%s", name, got, want)
		}
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	f, err := Render(t.Context(), RenderOptions{Render: rendered(t), Time: time.Millisecond, Tell: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Kinds) != 2 || f.RenderFigure != f.Kinds[0].RenderFigure || f.Baseline != f.Kinds[0].Baseline {
		t.Errorf("%+v", f)
	}
	for _, k := range f.Kinds {
		if k.Nanos <= 0 || k.Allocs < 1 || k.Bytes < 4000 || k.Baseline.Nanos <= 0 || k.Baseline.Bytes < 2000 || k.Parallel.Speedup <= 0 {
			t.Errorf("%+v", k)
		}
	}
	o := RenderOptions{Render: func(campaign.Outgoing) (campaign.Email, error) { return campaign.Email{}, io.ErrUnexpectedEOF }, Tell: func(string) {}}
	if _, err := Render(t.Context(), o); err != io.ErrUnexpectedEOF {
		t.Errorf("a mail that cannot be made: %v", err)
	}
}

// BenchmarkRender is for -cpu 1,2: goroutines that share no lock make as many times
// more mails.
func BenchmarkRender(b *testing.B) {
	r := rendered(b)
	for name, o := range map[string]campaign.Outgoing{"broadcast": letterTo(0), "products": basketOf(0)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			cpu := processorTime()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := r(o); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64((processorTime()-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
