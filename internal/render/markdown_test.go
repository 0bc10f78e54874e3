package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

// fromMD renders a Markdown mail and gives what stands in its body.
func fromMD(t *testing.T, src, trigger string) (string, error) {
	t.Helper()
	cat := bare(t, src)
	cat.Templates["receipt"][""].Format = campaign.Markdown
	e, err := compile(t, cat).Render(receiptMessage(trigger, map[string]any{"first_name": "<Ana> & *Bo*"}), settings(t))
	if err != nil {
		return "", err
	}
	html := readBack(t, e.Body).html
	_, html, _ = strings.Cut(html, "<body>")
	html, _, _ = strings.Cut(html, `<img src="https://t.kape.example/o/`)
	return strings.TrimSpace(html), nil
}

func TestMarkdown(t *testing.T) {
	trigger := `{"items":[{"n":"A","p":2},{"n":"B","p":3}],"none":[],"n":2}`
	for name, c := range map[string]struct{ src, want string }{
		"text":           {"# Hi {{ customer.first_name }}\n\n**{{ trigger.n }}** of *them*", "<h1>Hi &lt;Ana&gt; &amp; *Bo*</h1>\n<p><strong>2</strong> of <em>them</em></p>"},
		"list of a loop": {"Yours:\n\n{% for i in trigger.items %}\n- {{ i.n }}, {{ i.p | money }}\n{% endfor %}\n\nBye", "<p>Yours:</p>\n<ul>\n<li>A, ₱2.00</li>\n<li>B, ₱3.00</li>\n</ul>\n<p>Bye</p>"},
		"numbered":       {"{% for i in trigger.items %}\n1. {{ i.n }}\n{% endfor %}", "<ol>\n<li>A</li>\n<li>B</li>\n</ol>"},
		"condition in a list": {
			"- a\n{% if trigger.none.size > 0 %}\n- b\n{% else %}\n- c\n{% endif %}\n- d", "<ul>\n<li>a</li>\n<li>c</li>\n<li>d</li>\n</ul>"},
		"table of a loop": {
			"| What | Price |\n|---|--:|\n{% for i in trigger.items %}\n| {{ i.n }} | {{ i.p | money }} |\n{% endfor %}\n| Sum | x |",
			"<td>A</td>"},
		"between blocks": {"Hello\n{% if trigger.n %}\nmore\n{% endif %}\nend", "<p>Hello</p>\n\n<p>more</p>\n\n<p>end</p>"},
		"partial":        {"Go:\n\n{% render \"button\", url: brand.site, label: \"Shop\" %}", "Shop</a>"},
		"raw":            {"{% raw %}{{ x }}{% endraw %} *a*", "<p>{{ x }} <em>a</em></p>"},
		"html":           {"<div class=\"x\">{{ trigger.n }}</div>", `<div class="x">2</div>`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := fromMD(t, c.src, trigger)
			if err != nil || !strings.Contains(got, c.want) || strings.Contains(got, "tidingshole") {
				t.Errorf("%v\n got %q\nwant %q", err, got, c.want)
			}
		})
	}
	got, err := fromMD(t, "| What |\n|---|\n{% for i in trigger.items %}\n| {{ i.n }} |\n{% endfor %}", trigger)
	if err != nil || strings.Count(got, "<tr>") != 3 || strings.Count(got, "<table>") != 1 {
		t.Errorf("a row for each: %v\n%s", err, got)
	}
}

// An address keeps the rules of every address: encoded for its place, tracked,
// refused when it is none.
func TestMarkdownLinks(t *testing.T) {
	cat := bare(t, "[a]({{ brand.site }}/p?q={{ customer.v | url_encode }}&r=1) [b](https://b.example/x)\n\n[c][d]\n\n[d]: {{ brand.site }}/d")
	cat.Templates["receipt"][""].Format = campaign.Markdown
	e, err := compile(t, cat).Render(receiptMessage(`{}`, map[string]any{"v": "a&b\"><x>"}), settings(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range e.Links {
		got = append(got, l.URL)
	}
	if want := "https://kape.example/p?q=a%26b%22%3E%3Cx%3E&r=1 https://b.example/x https://kape.example/d"; strings.Join(got, " ") != want {
		t.Errorf("links %v", got)
	}
}

func TestMarkdownProblems(t *testing.T) {
	for src, want := range map[string]string{
		"Hello\n\n*{{ custmer.x }}*":         `templates/receipt.md:3:2: unknown variable "custmer"`,
		"a\n\nsee [x](/basket) there":        "templates/receipt.md:3:9: href holds an address without https://",
		"a [x](javascript:alert(1))":         "templates/receipt.md:1:7: href holds an address that is not",
		"x\n\n[a]: {{ brand.site }}":         "templates/receipt.md:3:6: Liquid cannot stand here",
		"{% for i in trigger.x %}\n- {{ i }": "templates/receipt.md:2:3: unclosed {{",
	} {
		cat := bare(t, src)
		tpl := cat.Templates["receipt"][""]
		tpl.Format, tpl.File = campaign.Markdown, "templates/receipt.md"
		_, problems := Compile(cat)
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.String(), want)
		}
		if !found {
			t.Errorf("%q: no %q in %v", src, want, problems)
		}
	}
}
