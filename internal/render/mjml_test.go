package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

// inMJML is a workspace whose one mail is written in MJML.
func inMJML(t *testing.T, src string) *campaign.Catalog {
	t.Helper()
	cat := bare(t, src)
	tpl := cat.Templates["receipt"][""]
	tpl.Format, tpl.File = campaign.MJML, "templates/receipt.mjml"
	return cat
}

const mjmlMail = `<mjml>
  <mj-head><mj-title>{{ subject }}</mj-title><mj-include path="./partials/head.mjml" /></mj-head>
  <mj-body>
    <mj-section>
      {% for p in trigger.items %}
      <mj-column><mj-text css-class="line">{{ p.n }}: {{ p.p | money }}</mj-text></mj-column>
      {% endfor %}
    </mj-section>
    <mj-section><mj-column>
      <mj-button href="{{ brand.site }}/?q={{ customer.v | url_encode }}">Go, {{ customer.v }}</mj-button>
      <mj-text>{% render "button", url: brand.site, label: customer.v %}</mj-text>
      <mj-include path="partials/foot.mjml" />
    </mj-column></mj-section>
  </mj-body>
</mjml>`

func TestMJML(t *testing.T) {
	cat := inMJML(t, mjmlMail)
	cat.Includes = map[string]*campaign.Template{}
	for name, src := range map[string]string{
		"head": `<mj-attributes><mj-all font-family="Georgia" /></mj-attributes>`,
		"foot": `<mj-text>{% if customer.v %}For {{ customer.v }}{% endif %}</mj-text>`,
	} {
		file := "templates/partials/" + name + ".mjml"
		cat.Includes[file] = &campaign.Template{Name: name, File: file, Line: 1, Source: src, Format: campaign.MJML}
	}
	r := compile(t, cat)
	o := receiptMessage(`{"items":[{"n":"A<","p":2},{"n":"B","p":3}]}`, map[string]any{"v": `"><script>x</script>`})
	o.Customer.Locale = "he"
	e, p := mustRender(t, r, o)
	for _, want := range []string{`<html lang="he" dir="rtl"`, "A&lt;: 2.00", "B: 3.00", "For &#34;&gt;&lt;script&gt;", "<title>Order</title>"} {
		if !strings.Contains(p.html, want) {
			t.Errorf("no %q in\n%s", want, p.html)
		}
	}
	if strings.Contains(p.html, "<script") || strings.Contains(p.html, "tidingshole") || len(e.Links) != 2 {
		t.Errorf("links %v in\n%s", e.Links, p.html)
	}
	if n := strings.Count(p.html, `class="line"`) + strings.Count(p.html, ` line`); n < 2 {
		t.Errorf("%d columns of a loop", n)
	}
}

// A template of any language stands in a layout of MJML.
func TestMJMLLayout(t *testing.T) {
	cat := bare(t, "# Hello {{ customer.v }}\n\n[x](https://a.example/)")
	tpl := cat.Templates["receipt"][""]
	tpl.Format, tpl.Layout = campaign.Markdown, "wide"
	cat.Layouts = map[string]map[string]*campaign.Template{"wide": {"": {Name: "wide", File: "templates/layouts/wide.mjml", Line: 1, Format: campaign.MJML,
		Source: "<mjml lang=\"en\"><mj-body><mj-section><mj-column><mj-text>{{ content }}</mj-text></mj-column></mj-section></mj-body></mjml>"}}}
	e, p := mustRender(t, compile(t, cat), receiptMessage(`{}`, map[string]any{"v": "<Ana>"}))
	if !strings.Contains(p.html, "<h1>Hello &lt;Ana&gt;</h1>") || len(e.Links) != 1 {
		t.Errorf("got %s", p.html)
	}
	tpl.Format, tpl.Source = campaign.MJML, "<mj-text>x</mj-text>"
	cat.Layouts["wide"][""].Source = "<mjml><mj-body><mj-section><mj-column>{{ content }}</mj-column></mj-section></mj-body></mjml>"
	if _, p = mustRender(t, compile(t, cat), receiptMessage(`{}`, nil)); !strings.Contains(p.html, ">x</div>") {
		t.Errorf("got %s", p.html)
	}
	cat.Layouts["wide"][""].Format, cat.Layouts["wide"][""].Source = campaign.HTML, "<p>{{ content }}</p>"
	if _, problems := Compile(cat); !hasErrors(problems) || !strings.Contains(problems[0].String(), "MJML cannot stand in a layout of HTML") {
		t.Errorf("problems %v", problems)
	}
}

// Problems of MJML are told at the author's place, whatever stands before them.
func TestMJMLProblems(t *testing.T) {
	for src, want := range map[string]string{
		"<mjml><mj-body>\n  <mj-section>{{ customer.first_name | default: 'x' }}<mj-colum></mj-colum></mj-section></mj-body></mjml>":   "templates/receipt.mjml:2:",
		"<mjml><mj-body>\n<mj-section padding=\"wide\"></mj-section></mj-body></mjml>":                                                 `templates/receipt.mjml:2:22: padding`,
		"<mjml><mj-body>\n{{ custmer.x }}</mj-body></mjml>":                                                                            `templates/receipt.mjml:2:1: unknown variable "custmer"`,
		"<mjml><mj-body><mj-section><mj-column>\n<mj-include path=\"./partials/no.mjml\" /></mj-column></mj-section></mj-body></mjml>": "templates/receipt.mjml:2:",
		"<p>x</p>": "templates/receipt.mjml:1:",
	} {
		_, problems := Compile(inMJML(t, src))
		found := false
		for _, p := range problems {
			found = found || strings.HasPrefix(p.String(), want)
		}
		if !found {
			t.Errorf("%s: no %q in %v", src, want, problems)
		}
	}
	_, problems := Compile(inMJML(t, "<mjml><mj-body>\n{% assign a = 1 %}<mj-section>{{ a }}<mj-column wide=\"1\"></mj-column></mj-section></mj-body></mjml>"))
	if len(problems) == 0 || problems[0].Line != 2 || problems[0].Column < 38 {
		t.Errorf("problems %v", problems)
	}
}

// What runs is refused in MJML too, wherever HTML stands in it, with its place.
func TestActiveMJML(t *testing.T) {
	const frame = "<mjml><mj-body><mj-section><mj-column>\n%\n</mj-column></mj-section></mj-body></mjml>"
	for src, want := range map[string]string{
		"<mj-raw><script>a()</script></mj-raw>":                               "templates/receipt.mjml:2:9: a mail cannot hold <script>",
		"<mj-text>a\n <iframe src=\"https://a.example/\"></iframe></mj-text>": "templates/receipt.mjml:3:2: a mail cannot hold <iframe>",
		`<mj-text>a <b onmouseover="a()">b</b></mj-text>`:                     "templates/receipt.mjml:2:15: a mail cannot hold onmouseover",
		`<mj-table><tr><td><form>a</form></td></tr></mj-table>`:               "templates/receipt.mjml:2:19: a mail cannot hold <form>",
		"<mj-raw><!--[if mso]><object></object><![endif]--></mj-raw>":         "templates/receipt.mjml:2:22: a mail cannot hold <object>",
		`<mj-text>{{ brand.legal | raw }}</mj-text>`:                          "templates/receipt.mjml:2:10: brand.legal holds <embed>, and a mail cannot",
	} {
		cat := inMJML(t, strings.Replace(frame, "%", src, 1))
		cat.Workspace.Brand["legal"] = "<embed>"
		r, problems := Compile(cat)
		if r != nil || len(problems) == 0 || !strings.HasPrefix(problems[0].String(), want) {
			t.Errorf("%s: %v, want %s", src, problems, want)
		}
	}
}

// What MJML itself puts out is nothing for the author to mend.
func TestMJMLCarouselIsSound(t *testing.T) {
	_, problems := Compile(inMJML(t, `<mjml><mj-body><mj-section><mj-column><mj-text>`+strings.Repeat("many words ", 20)+`</mj-text><mj-carousel>
<mj-carousel-image src="https://shop.example/1.jpg" alt="One" /><mj-carousel-image src="https://shop.example/2.jpg" alt="Two" /></mj-carousel></mj-column></mj-section></mj-body></mjml>`))
	for _, p := range problems {
		t.Errorf("problem: %s", p)
	}
}
