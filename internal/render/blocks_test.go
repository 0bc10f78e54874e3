package render

import (
	"slices"
	"strings"
	"testing"

	"tidings/internal/campaign"
)

var blockLocales = []string{"en", "fil", "he", "hy", "el", "ms"}

// blockShop has a marketing mail made of blocks alone.
func blockShop(t *testing.T) *campaign.Catalog {
	t.Helper()
	cat := shop(t)
	cat.Workspace.Locales = blockLocales
	cat.Workspace.Brand = map[string]string{
		"address": "12 Calle Real, Iloilo", "site": "https://kape.example", "colour": "#5b3a29", "logo": "https://kape.example/logo.png",
		"fonts.body": "'Noto Sans', Arial, sans-serif", "social.instagram": "https://social.example/kape", "social.face_book": "https://face.example/kape",
	}
	cat.Partials, cat.Layouts = nil, nil
	tpl := cat.Templates["cart-reminder"][""]
	tpl.Subject, tpl.Preheader, tpl.Layout = campaign.Plain("Blocks"), nil, "none"
	tpl.Source = `<html><body>
{% render "logo" %}
{% render "cart-lines", products: cart.products, total: cart.value %}
{% render "product-grid", products: cart.products %}
{% render "button", url: brand.site, label: "Go" %}
{% render "footer" %}
</body></html>`
	cat.Templates["receipt"][""].Source = `{% render "order-summary" %}{% render "product-grid", products: order.products, currency: order.currency %}{% render "social" %}`
	cat.Templates["receipt"][""].Layout = "none"
	return cat
}

// Every block in every language, as it is; the grid also with a product too few, and
// without pictures and addresses.
func TestBlocks(t *testing.T) {
	r := compile(t, blockShop(t))
	for _, locale := range blockLocales {
		o := cartMessage()
		o.Customer.Locale = locale
		_, p := mustRender(t, r, o)
		golden(t, "blocks."+locale+".html", p.html)
		golden(t, "blocks."+locale+".txt", p.text)
		o = receiptMessage(`{"order_id":"A-1","subtotal":794,"shipping":50,"discount":44,"tax":10,"total":810,"currency":"EUR","products":[{"name":"Barako","quantity":2,"price":397},{"name":"Cup","price":0},{"product_id":"P3","price":1}]}`, nil)
		o.Customer.Locale = locale
		_, p = mustRender(t, r, o)
		golden(t, "order."+locale+".html", p.html)
		golden(t, "order."+locale+".txt", p.text)
	}
}

// A workspace's own partial of the same name stands for the block; its text of the
// same key for the block's word.
func TestBlocksGiveWay(t *testing.T) {
	cat := blockShop(t)
	cat.Partials = map[string]*campaign.Template{"button": {Name: "button", File: "templates/partials/button.html", Line: 1, Source: `<b>{{ label }}</b><i>{{ url }}</i>`}}
	cat.Texts = map[string]map[string]campaign.Phrase{"en": {"blocks.total": {Source: "Sum", File: "locales/en.yaml", Line: 1}}}
	_, p := mustRender(t, compile(t, cat), cartMessage())
	if !strings.Contains(p.html, "<b>Go</b>") || !strings.Contains(p.html, ">Sum</td>") {
		t.Errorf("blocks stay:\n%s", p.html)
	}
}

// Without a postal address no marketing mail with the footer passes.
func TestFooterNeedsAddress(t *testing.T) {
	cat := blockShop(t)
	delete(cat.Workspace.Brand, "address")
	r, problems := Compile(cat)
	if r != nil || !slices.ContainsFunc(problems, func(p campaign.Problem) bool {
		return !p.Warning && strings.Contains(p.String(), `unknown variable "brand.address"; add it to brand in tidings.yaml`)
	}) {
		t.Errorf("problems: %v", problems)
	}
}

// The texts of the blocks are there in every one of their languages.
func TestBlockTexts(t *testing.T) {
	for locale, texts := range blockPhrases() {
		if !slices.Contains(blockLocales, locale) {
			t.Errorf("texts in %s", locale)
		}
		for key := range blockPhrases()["en"] {
			if texts[key] == nil {
				t.Errorf("%s lacks %s", locale, key)
			}
		}
	}
}

func TestRaw(t *testing.T) {
	cat := bare(t, "{{ brand.legal | raw }}<p style=\"font-family: {{ brand.fonts.body }}\">x</p>")
	cat.Workspace.Brand["legal"], cat.Workspace.Brand["fonts.body"] = "<b>Kape</b> &amp; Co", "'Noto Sans', serif"
	_, p := mustRender(t, compile(t, cat), receiptMessage(`{}`, nil))
	if !strings.Contains(p.html, "<b>Kape</b> &amp; Co<p") || !strings.Contains(p.html, `font-family: &#39;Noto Sans&#39;, serif`) {
		t.Errorf("got %s", p.html)
	}
	for _, src := range []string{"{{ customer.x | raw }}", "{{ brand.legal | append: customer.x | raw }}", "{{ brand.legal | default: customer.x | raw }}", "{{ brand.legal | raw | upcase }}", "{% if brand.legal | raw %}{% endif %}"} {
		cat := bare(t, src)
		cat.Workspace.Brand["legal"] = "x"
		if _, problems := Compile(cat); !hasErrors(problems) || !strings.Contains(problems[0].Message, "raw ") {
			t.Errorf("%s: %v", src, problems)
		}
	}
}

func TestShopFilters(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"{{ 1234.5 | number }} {{ 1234.5 | number: 2 }} {{ -0.0001 | number }}", "1,234.5 1,234.50 0"},
		{"{{ 0.155 | percent }} {{ 0.155 | percent: 1 }}", "16% 15.5%"},
		{"{{ 3 | pluralize: 'piece', 'pieces' }} {{ 1 | pluralize: 'piece', 'pieces' }}", "pieces piece"},
		{"{{ 12 | money_with_currency }} {{ 1234 | money_without_currency: 'EUR' }} {{ 12 | money_without_trailing_zeros }} {{ 12.5 | money_without_trailing_zeros }}", "₱12.00\u00a0PHP 1,234.00 ₱12 ₱12.50"},
		{`{% assign u = "https://a.example/p?a=1&b=2#f" | url_param: "b", "x y&z" %}{{ u }}`, "https://a.example/p?a=1&amp;b=x%20y%26z#f"},
		{"{{ 'red_wine glass' | titleize }} {{ 'red_wine glass' | camelize }}", "Red Wine Glass RedWineGlass"},
		{"{% assign p = trigger.items | find: 'n', 'B' %}{{ p.p }} {{ trigger.items | reject: 'n', 'B' | size }}", "3 1"},
		{"{{ 'a' | base64_encode }} {{ 'YQ==' | base64_decode }} {{ 'a' | md5 }}", "YQ== a 0cc175b9c0f1b6a831c399e269772661"},
		{"{{ '2026-12-01' | date: 'short' }} {{ '2026-12-01' | date: 'medium' }} {{ '2026-12-01' | date: 'long' }} {{ '2026-12-01 15:04' | date: 'time' }}", "12/1/26 Dec 1, 2026 December 1, 2026 3:04 PM"},
		{"{{ 5 | at_least: 7 }} {{ 5 | at_most: 3 }} {{ ' a ' | strip }}|", "7 3 a|"},
	} {
		got, err := renderBare(t, c.src, `{"items":[{"n":"A","p":2},{"n":"B","p":3}]}`, nil)
		if err != nil || !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %v\n got %q\nwant %q", c.src, err, got, c.want)
		}
	}
}
