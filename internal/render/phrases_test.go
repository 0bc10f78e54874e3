package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

// worded is a receipt in which texts of locales/ are used; lines are key: text.
func worded(t *testing.T, src string, texts map[string]string) *campaign.Catalog {
	t.Helper()
	cat := bare(t, src)
	cat.Texts = map[string]map[string]campaign.Phrase{}
	for locale, lines := range texts {
		cat.Texts[locale] = map[string]campaign.Phrase{}
		for i, line := range strings.Split(lines, "\n") {
			key, text, _ := strings.Cut(line, ": ")
			cat.Texts[locale][key] = campaign.Phrase{Source: text, File: "locales/" + locale + ".yaml", Line: i + 1, Column: 5}
		}
	}
	return cat
}

func TestPhrases(t *testing.T) {
	texts := map[string]string{
		"en": "hi: Hello {name}!\nn: {count, plural, =0 {Nothing} one {# piece} other {# pieces}}\nonly: In English\ng: {tier, select, gold {Dear gold} other {Dear {tier}}}\nq: It''s '{'braces'}', don't\nbig: {n, number}",
		"he": "hi: שלום {name}!\nn: {count, plural, one {פריט אחד} two {שני פריטים} other {# פריטים}}\ng: x\nq: y\nbig: {n, number}",
		"de": "hi: Hallo {name}!\nbig: {n, number}\nn: {count, plural, one {# Stück} other {# Stück}}",
	}
	for _, c := range []struct{ locale, src, want string }{
		{"en", "{{ 'hi' | t: name: customer.first_name }}", "Hello &lt;Ana&gt;!"},
		{"he-IL", `{{ "hi" | t: name: customer.first_name }}`, "שלום &lt;Ana&gt;!"},
		{"en", "{{ 'hi' | t: name: 'you' | upcase }}", "HELLO YOU!"},
		{"en", "{{ 'hi' | t: name: customer.nick | default: 'Hello!' }}", "Hello!"},
		{"en", "{{ 'n' | t: count: 0 }}, {{ 'n' | t: count: 1 }}, {{ 'n' | t: count: 1234 }}", "Nothing, 1 piece, 1,234 pieces"},
		{"he", "{{ 'n' | t: count: 1 }}, {{ 'n' | t: count: 2 }}, {{ 'n' | t: count: trigger.n }}", "פריט אחד, שני פריטים, 20 פריטים"},
		{"he", "{{ 'only' | t }}", "In English"},
		{"en", "{{ 'g' | t: tier: 'gold' }}, {{ 'g' | t: tier: 'tin' }}", "Dear gold, Dear tin"},
		{"en", "{{ 'q' | t }}", "It&#39;s {braces}, don&#39;t"},
		{"de", "{{ 'big' | t: n: 1234.5 }}", "1.234,5"},
		{"en", "{% assign x = 'hi' | t: name: 'Bo' %}{{ x }}{% assign k = 'only' %}{{ k | t }}", "Hello Bo!In English"},
		{"en", `<a title="{{ 'hi' | t: name: '"' }}" href="https://a.example/?q={{ 'only' | t | url_encode }}">x</a>`, `title="Hello &#34;!"`},
		{"en", "{% for i in (1..2) %}{{ 'n' | t: count: i }};{% endfor %}", "1 piece;2 pieces;"},
	} {
		o := receiptMessage(`{"n":20}`, map[string]any{"first_name": "<Ana>"})
		o.Customer.Locale = c.locale
		_, p := mustRender(t, compile(t, worded(t, c.src, texts)), o)
		if !strings.Contains(p.html, c.want) {
			t.Errorf("%s %s: want %q in\n%s", c.locale, c.src, c.want, p.html)
		}
	}
	cat := worded(t, "x", texts)
	cat.Templates["receipt"][""].Subject = campaign.Plain("{{ 'n' | t: count: 3 }}")
	if _, p := mustRender(t, compile(t, cat), receiptMessage(`{}`, nil)); p.header.Get("Subject") != "3 pieces" {
		t.Errorf("subject %q", p.header.Get("Subject"))
	}
}

// What a customer lacks stops the message with the reason; a number that is none
// does too.
func TestPhraseErrors(t *testing.T) {
	texts := map[string]string{"en": "hi: Hello {name}\nn: {count, plural, other {#}}"}
	for src, want := range map[string]string{
		"\n{{ 'hi' | t: name: customer.nick }}":                 "templates/receipt.html:2: customer.nick is missing",
		"{{ 'n' | t: count: customer.first_name }}":             "text n: count needs a number",
		"{% assign k = 'no' %}{{ k | append: 'x' }}{{ k | t }}": `no text "no"`,
	} {
		_, err := compileLoose(t, worded(t, src, texts)).Render(receiptMessage(`{}`, map[string]any{"first_name": "Ana"}), settings(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// compileLoose skips the rehearsal, which finds some of these already.
func compileLoose(t *testing.T, cat *campaign.Catalog) *Renderer {
	t.Helper()
	full := cat.Campaigns
	cat.Campaigns = nil
	r, problems := Compile(cat)
	cat.Campaigns = full
	if r == nil {
		t.Fatal(problems)
	}
	c := &compiler{catalog: cat, engine: newEngine(), r: r, checker: &checker{engine: newEngine(), globals: globals(&cat.Workspace), phrases: &phrases{}}}
	for _, camp := range full {
		c.letters(camp)
	}
	return r
}

func TestPhraseProblems(t *testing.T) {
	texts := map[string]string{
		"en": "cart.title: Your cart\nhi: Hello {name}\nbad: {count, plural, one {#}}\nworse: {n, date}\nodd: a } b",
		"he": "hi: שלום {name} {nick}\nextra: x",
	}
	_, problems := Compile(worded(t, "{{ 'cart.titel' | t }}\n{{ 'hi' | t }}\n{{ 'cart.title' | t: x: 1 }}{{ 'extra' | t }}{% if 'hi' | t %}{% endif %}{{ 'hi' | upcase | t }}", texts))
	var all strings.Builder
	for _, p := range problems {
		all.WriteString(p.String() + "\n")
	}
	for _, want := range []string{
		`templates/receipt.html:1:1: no text "cart.titel"; did you mean cart.title?`,
		`templates/receipt.html:2:1: text "hi" needs name in de; write t: name: value`,
		`text "hi" needs nick in he`,
		`templates/receipt.html:3:1: text "cart.title" says nothing of x`,
		`text "extra" is missing in en, the fallback`,
		`t stands only in an output or an assign, first of its filters`,
		`locales/en.yaml:3:5: text bad, at character 25: count has no form other`,
		`locales/en.yaml:4:5: text worse, at character 9: "date" is not a kind of argument`,
		`locales/en.yaml:5:5: text odd, at character 3: a } stands here`,
		"locales/he.yaml:1:1: lacks text cart.title; customers read en",
		"locales/de.yaml: lacks 3 texts that mails use: cart.title, extra, hi; customers read en",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no %q in\n%s", want, all.String())
		}
	}
}

// A text that only the mails of some languages use is not asked of the others.
func TestPhrasesOfOneLanguage(t *testing.T) {
	cat := worded(t, "{{ 'a' | t }}", map[string]string{"en": "a: x", "he": "b: y"})
	he := *cat.Templates["receipt"][""]
	he.Locale, he.File, he.Source = "he", "templates/receipt.he.html", "שלום"
	cat.Templates["receipt"]["he"] = &he
	_, problems := Compile(cat)
	for _, p := range problems {
		if strings.HasPrefix(p.File, "locales/he") {
			t.Errorf("problem: %s", p)
		}
	}
}

func FuzzPhrase(f *testing.F) {
	for _, s := range []string{"Hello {name}", "{n, plural, =0 {a} one {# {x}} other {''}}", "'{'{a, select, b {c} other {}}", "{n,number}", "{{{", "'"} {
		f.Add(s, 2.0)
	}
	f.Fuzz(func(t *testing.T, src string, n float64) {
		p, err := parsePhrase(src, "he")
		if err != nil {
			return
		}
		values := map[string]any{}
		for _, a := range p.args {
			values[a] = n
		}
		var b strings.Builder
		if err := p.write(&b, p.parts, values, nil, "he"); err == nil && b.Len() > maxText+len(src)+100 {
			t.Fatalf("%d bytes", b.Len())
		}
	})
}
