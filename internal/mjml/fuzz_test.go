package mjml

import (
	"os"
	"strings"
	"testing"
)

// Whatever the source, Compile ends with HTML or with problems, never both, and
// the same source gives the same.
func FuzzCompile(f *testing.F) {
	for _, file := range samples(f) {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Add("<mjml><mj-body>{{ a {% b %}<mj-section gutter='1%' /></mj-body></mjml>")
	f.Add(`<mjml><mj-head><mj-style inline="inline">a > b:nth-child(2n+1) [c="d"] { e: f !important }</mj-style></mj-head><mj-body><mj-raw><a><b c=d></mj-raw></mj-body></mjml>`)
	f.Fuzz(func(t *testing.T, src string) {
		included := func(string) ([]byte, error) { return []byte(src), nil }
		html, problems := Compile("a/mail.mjml", []byte(src), Options{Include: included})
		if (html == nil) == (len(problems) == 0) {
			t.Fatalf("%d bytes and problems %v", len(html), problems)
		}
		again, _ := Compile("a/mail.mjml", []byte(src), Options{Include: included})
		if string(again) != string(html) {
			t.Fatal("the same source gives another HTML")
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.What == "" {
				t.Fatalf("a problem without place: %+v", p)
			}
		}
	})
}

// What grows with the square of its size is bounded.
func TestHostileSources(t *testing.T) {
	body := func(s string) string { return "<mjml><mj-body>" + s + "</mj-body></mjml>" }
	for name, src := range map[string]string{
		"braces":    body("<mj-raw>" + strings.Repeat("{{", 200_000) + "</mj-raw>"),
		"angles":    strings.Repeat("<", 500_000),
		"deep":      strings.Repeat("<mj-section>", 20_000),
		"comments":  strings.Repeat("<!--", 100_000),
		"classes":   "<mjml><mj-head><mj-attributes>" + strings.Repeat(`<mj-class name="a" color="red" />`, 5_000) + "</mj-attributes></mj-head><mj-body /></mjml>",
		"selectors": `<mjml><mj-head><mj-style inline="inline">` + strings.Repeat("div div div > p ~ p { color: red }", 5_000) + "</mj-style></mj-head>" + body("<mj-raw>" + strings.Repeat("<div><p><p>", 20_000) + "</mj-raw>")[len("<mjml>"):],
		"a long class": "<mjml><mj-head><mj-attributes><mj-all css-class=\"" + strings.Repeat("x ", 100_000) + "\" /></mj-attributes></mj-head>" +
			body("<mj-section><mj-column>" + strings.Repeat("<mj-text>a</mj-text>", 20_000) + "</mj-column></mj-section>")[len("<mjml>"):],
		"a long style": `<mjml><mj-head><mj-style inline="inline">p { font-family: ` + strings.Repeat("x", 300_000) + " }</mj-style></mj-head>" +
			body("<mj-raw>" + strings.Repeat("<p></p>", 50_000) + "</mj-raw>")[len("<mjml>"):],
		"carousels": body("<mj-section><mj-column>" + strings.Repeat("<mj-carousel>"+strings.Repeat("<mj-carousel-image />", 40)+"</mj-carousel>", 1_000) + "</mj-column></mj-section>"),
		"large":     strings.Repeat(" ", maxSource+1),
	} {
		t.Run(name, func(t *testing.T) {
			html, problems := Compile("mail.mjml", []byte(src), Options{})
			if len(problems) == 0 && name != "braces" && name != "classes" {
				t.Errorf("%d bytes of HTML and no problem", len(html))
			}
			if len(problems) > maxProblems {
				t.Errorf("%d problems", len(problems))
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	src, err := os.ReadFile("testdata/section.mjml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := Compile("section.mjml", src, Options{}); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
