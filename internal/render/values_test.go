package render

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

// A value that is missing or null and has no default stops the message, with
// its place, wherever it stands.
func TestMissing(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"plain":          {"a\nb{{ customer.nick }}", "templates/receipt.html:2: customer.nick is missing"},
		"null":           {"{{ trigger.nothing }}", ":1: trigger.nothing is missing"},
		"filtered":       {"{{ customer.nick | upcase }}", ":1: customer.nick is missing"},
		"argument":       {"{{ 'Dear ' | append: customer.nick }}", ":1: customer.nick is missing"},
		"nested":         {"{{ trigger.a.b.c }}", "trigger.a.b.c is missing"},
		"past the end":   {"{{ trigger.items[5].name }}", "trigger.items[5].name is missing"},
		"in a for":       {"{% for p in trigger.items %}\n{{ p.colour }}{% endfor %}", "templates/receipt.html:2: p.colour is missing"},
		"in an if":       {"{% if customer.first_name %}\n\n{{ customer.nick }}{% endif %}", "templates/receipt.html:3: customer.nick is missing"},
		"in an else":     {"{% if customer.nick %}{% else %}{{ customer.nick }}{% endif %}", "customer.nick is missing"},
		"in a case":      {"{% case locale %}{% when 'en' %}{{ customer.nick }}{% endcase %}", "customer.nick is missing"},
		"in a capture":   {"{% capture x %}{{ customer.nick }}{% endcapture %}", "customer.nick is missing"},
		"assigned":       {"{% assign n = customer.nick %}{{ n }}", "n is missing"},
		"assigned part":  {"{% assign n = 'Dear ' | append: customer.nick %}{{ n }}", "n is missing"},
		"assigned upper": {"{% assign n = customer.nick | upcase %}{{ n }}", "n is missing"},
		"in a partial":   {"\n" + `{% render "button", url: "https://a.example/", label: customer.nick %}`, "templates/partials/button.html:1: label is missing"},
		"in an address":  {`<a href="https://a.example/{{ customer.nick }}">x</a>`, "customer.nick is missing"},
		"in a style":     {`<p style="color: {{ customer.nick }}">x</p>`, "customer.nick is missing"},
		"no default":     {"{{ customer.nick | default: customer.nack }}", "customer.nick is missing"},
		"empty list":     {"{{ trigger.none | first }}", "trigger.none is missing"},
		"money":          {"{{ customer.nick | money }}", "customer.nick is missing"},
		"a group":        {"{{ trigger.group }}", "trigger.group is a group of values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := renderBare(t, c.src, `{"nothing":null,"items":[{"name":"x"}],"none":[],"group":{"a":1}}`, map[string]any{"first_name": "Ana"})
			var own *Error
			if !errors.As(err, &own) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// The subject and the preheader have no holes either.
func TestMissingInHeaders(t *testing.T) {
	for _, preheader := range []bool{false, true} {
		cat := bare(t, "x")
		tpl := cat.Templates["receipt"][""]
		if preheader {
			tpl.Preheader = campaign.Plain("Dear {{ customer.nick }}")
		} else {
			tpl.Subject = campaign.Plain("Dear {{ customer.nick }}")
		}
		if _, err := compile(t, cat).Render(receiptMessage(`{}`, nil), settings(t)); err == nil || !strings.Contains(err.Error(), "templates/receipt.html:1: customer.nick is missing") {
			t.Errorf("error %v", err)
		}
	}
}

func TestValues(t *testing.T) {
	trigger := `{"n":3,"big":12345678,"f":0.1,"whole":12.0,"items":[{"name":"a","price":2},{"name":"b","price":3.5}],
		"m":{"z":1,"y":2},"yes":true,"no":false,"when":"2026-11-02T20:15:00Z","day":"2026-12-25","nothing":null,"empty":"","text":"a\nb"}`
	for _, c := range []struct{ src, want string }{
		{"{{ customer.first_name }}", "Ana"},
		{"{{ customer.nick | default: 'friend' }}", "friend"},
		{"{{ customer.spaces | default: 'friend' }}{{ customer.nothing | default: '!' }}{% if customer.spaces or customer.nothing %}a hole{% endif %}", "friend!"},
		{"{% if customer.first_name != blank and customer.nick == blank and trigger.items[0].name != empty %}yes{% endif %}", "yes"},
		{"{% unless trigger.empty == empty and trigger.m != empty %}no{% else %}{% if trigger.nothing == empty or trigger.n == blank or trigger.yes == blank %}no{% elsif trigger.no == blank %}yes{% endif %}{% endunless %}", "yes"},
		{`{% for p in trigger.items %}{% if p["name"] == blank %}no{% elsif p.note == blank %}{{ p.name }}{% endif %}{% endfor %}`, "ab"},
		{"{% if trigger.text contains 'blank' or customer.first_name == 'blank' %}no{% else %}yes{% endif %}", "yes"},
		{"{{ customer.nick | default: customer.first_name | upcase }}", "ANA"},
		{"{{ customer.nick | upcase | default: 'friend' }}", "friend"},
		{"{{ trigger.empty | default: 'none' }}", "none"},
		{"{{ trigger.no | default: true, allow_false: true }}", "false"},
		{"{{ customer.nick | default: '' }}|", "|"},
		{"{% if customer.nick %}a{% else %}b{% endif %}", "b"},
		{"{% if customer.nick.nack == 'x' %}a{% else %}b{% endif %}", "b"},
		{"{% unless customer.nick %}a{% endunless %}", "a"},
		{"{% for p in cart.products %}x{% else %}none{% endfor %}", "none"},
		{"{% for p in trigger.items %}{{ forloop.index }}{{ p.name }}{% unless forloop.last %}, {% endunless %}{% endfor %}", "1a, 2b"},
		{"{% for p in trigger.items reversed %}{{ p.name }}{% endfor %}{% for p in trigger.items limit: 1 offset: 1 %}{{ p.name }}{% endfor %}", "bab"},
		{"{% for p in trigger.items %}{% if p.name == 'b' %}{% break %}{% endif %}{{ p.name }}{% endfor %}", "a"},
		{"{% for p in trigger.items %}{% if p.name == 'a' %}{% continue %}{% endif %}{{ p.name }}{% endfor %}", "b"},
		{"{% for p in trigger.items %}{% capture c %}{{ p.name }}{% if p.name == 'a' %}{% continue %}{% endif %}{% endcapture %}{{ c }}{% endfor %}", "b"},
		{"{% for p in trigger.m %}{{ p[0] }}{{ p[1] }}{% endfor %}", "y2z1"},
		{"{% for i in (1..trigger.n) %}{{ i }}{% endfor %}", "123"},
		{"{% for i in (1..4) %}{% cycle 'a', 'b' %}{% endfor %}", "abab"},
		{"{{ trigger.big }} {{ trigger.big | append: '' }} {{ trigger.whole }}", "12345678 12345678 12"},
		{"{{ trigger.f | times: 3 }}", "0.3"},
		{"{{ trigger.n | divided_by: 2 }} {{ trigger.n | divided_by: 2.0 }}", "1 1.5"},
		{"{{ trigger.items | map: 'name' | join: '+' }}", "a+b"},
		{"{{ trigger.items | size }} {{ trigger.items.first.name }} {{ trigger.items[1].name }}", "2 a b"},
		{"{{ trigger.text | newline_to_br }}", "a<br>\nb"},
		{"{{ customer.mark | escape }}", "&lt;b&gt;"},
		{"{% capture c %}<i>{{ customer.mark }}</i>{% endcapture %}{{ c }}", "<i>&lt;b&gt;</i>"},
		{"{% capture c %}x{% endcapture %}{% assign c = customer.mark %}{{ c }}", "&lt;b&gt;"},
		{"{{ trigger.when | date: '%A, %-d %B %Y, %H:%M' }}", "Tuesday, 3 November 2026, 04:15"},
		{"{{ trigger.day | date: '%a %d %b' }}", "Fri 25 Dec"},
		{"{{ 'now' | date: '%F %R' }} {{ now | date: '%H' }}", "2026-11-02 17:30 17"},
		{"{{ trigger.day | date }}", "25 December 2026"},
		{"{{ trigger.n | money }} {{ 1234567.891 | money: 'EUR' }} {{ 1234.5 | money: 'JPY' }} {{ -2 | money: 'USD' }}", "₱3.00 €1,234,567.89 ¥1,235 -$2.00"},
		{"{{ 'x y&z' | url_encode }}", "x+y%26z"},
		{"{{ campaign.name }} {{ campaign.label }} {{ step }} {{ workspace.currency }} {{ locale }} {{ dir }} {{ subject }}", "receipt receipt receipt PHP en ltr Order"},
		{"{{ order.n }} {{ customer.id }} {{ customer.email }} {{ customer.timezone }}", "3 c7 ana@shop.example Asia/Manila"},
		{"{% raw %}{{ x }}{% endraw %}{% comment %}y{% endcomment %}", "{{ x }}"},
		{"a {%- if true -%} b {{- ' c ' -}} d {%- endif -%} e", "ab c de"},
		{`{% assign label = "outer" %}{% render "button", url: "https://a.example/", label: "x" %}{{ label }}`, "outer"},
		{"{{ \"}}\" }}{{ '{%' }}", "}}{%"},
		{"{{ trigger.items | where: 'name', 'b' | map: 'price' | first }}", "3.5"},
		{"{{ 'abcdef' | slice: 1, 3 }}{{ 'abc' | slice: -2, -5 }}", "bcd"},
		{"{{ trigger.yes }} {{ trigger.items.size }}", "true 2"},
	} {
		got, err := renderBare(t, c.src, trigger, map[string]any{"first_name": "Ana", "spaces": " \t ", "nothing": "", "mark": "<b>"})
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
		} else if !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.src, got, c.want)
		}
	}
}

func TestPartialKeepsItsNames(t *testing.T) {
	cat := bare(t, `<html><body>{% assign n = "out" %}{% render "p", a: n %}{% render "p", b: "B" %}{% for i in (1..2) %}{% render "p", a: i %}{% endfor %}{{ n }}</body></html>`)
	cat.Partials["p"] = &campaign.Template{Name: "p", File: "templates/partials/p.html", Line: 1,
		Source: `[{{ a | default: '-' }}{{ b | default: '-' }}{{ locale }}{% assign n = "in" %}{{ n }}]`}
	_, p := mustRender(t, compile(t, cat), receiptMessage(`{}`, nil))
	if want := "[out-enin][-Benin][1-enin][2-enin]out"; !strings.Contains(p.html, want) {
		t.Errorf("want %q in\n%s", want, p.html)
	}
}

func TestMoney(t *testing.T) {
	for _, c := range []struct {
		amount             float64
		code, locale, want string
	}{
		{1234.5, "EUR", "en", "€1,234.50"},
		{1234.5, "PHP", "fil-PH", "₱1,234.50"},
		{1234.5, "ILS", "he", "1,234.50" + nbsp + "₪"},
		{1234.5, "AMD", "hy", "1" + nbsp + "234,50" + nbsp + "֏"},
		{1234.5, "EUR", "el_GR", "1.234,50" + nbsp + "€"},
		{1234.5, "MYR", "ms", "RM" + nbsp + "1,234.50"},
		{1234.5, "EUR", "de", "1.234,50" + nbsp + "€"},
		{1234567.5, "EUR", "fr", "1" + nnbsp + "234" + nnbsp + "567,50" + nbsp + "€"},
		{1234.5, "EUR", "es", "1234,50" + nbsp + "€"},
		{12345.5, "EUR", "es-ES", "12.345,50" + nbsp + "€"},
		{1234.5, "EUR", "en-IE", "€1,234.50"},
		{1234567.5, "INR", "en-IN", "₹12,34,567.50"},
		{12345678, "INR", "hi", "₹1,23,45,678.00"},
		{1234.5, "BRL", "pt-BR", "R$" + nbsp + "1.234,50"},
		{12345.5, "EUR", "pt-PT", "12" + nbsp + "345,50" + nbsp + "€"},
		{1234.5, "PLN", "pl", "1234,50" + nbsp + "zł"},
		{1234.5, "SEK", "sv", "1" + nbsp + "234,50" + nbsp + "kr"},
		{1234.5, "EUR", "nl", "€" + nbsp + "1.234,50"},
		{1234.5, "TRY", "tr", "₺1.234,50"},
		{1234.5, "CHF", "de-CH", "CHF" + nbsp + "1'234.50"},
		{-1234.5, "EUR", "it", "-1234,50" + nbsp + "€"},
		{1234.5, "EUR", "zh-Hant-HK", "€1,234.50"},
		{1234.5, "EUR", "de-AT", "€" + nbsp + "1.234,50"},
		{1234.5, "CHF", "fr-CH", "1" + nnbsp + "234.50" + nbsp + "CHF"},
		{1234.5, "PEN", "es-PE", "S/" + nbsp + "1,234.50"},
		{12, "AUD", "fr-CA", "12,00" + nbsp + "$" + nbsp + "AU"},
		{12, "CAD", "fr-CA", "12,00" + nbsp + "$"},
		{12, "USD", "en-CA", "US$12.00"},
		{12, "USD", "en-AU", "USD" + nbsp + "12.00"},
		{12, "USD", "es-MX", "USD" + nbsp + "12.00"},
		{12, "JPY", "zh", "JP¥12"},
		{1234.5, "CHF", "xx", "CHF" + nbsp + "1,234.50"},
		{999.5, "JPY", "de", "1.000" + nbsp + "¥"},
		{1.2345, "KWD", "en", "KWD" + nbsp + "1.235"},
		{1.005, "EUR", "en", "€1.01"},
		{-0.001, "EUR", "en", "€0.00"},
		{-5, "EUR", "de", "-5,00" + nbsp + "€"},
	} {
		if got := formatMoney(c.amount, c.code, c.locale); got != c.want {
			t.Errorf("%v %s in %s: got %q, want %q", c.amount, c.code, c.locale, got, c.want)
		}
	}
}

func TestDateNames(t *testing.T) {
	at := time.Date(2026, 8, 5, 15, 4, 5, 0, time.UTC)
	for locale, want := range map[string]string{
		"en": "Wednesday 5 August Aug PM", "fil": "Miyerkules 5 Agosto Ago PM", "he-IL": "יום רביעי 5 אוגוסט אוג׳ אחה״צ",
		"hy": "չորեքշաբթի 5 օգոստոսի օգս PM", "el": "Τετάρτη 5 Αυγούστου Αυγ Μ.Μ.", "ms": "Rabu 5 Ogos Ogo PTG",
		"de": "Mittwoch 5 August Aug. PM", "fr": "mercredi 5 août août PM", "xx": "Wednesday 5 August Aug PM",
	} {
		if got := strftime("%A %-d %B %b %p", at, formOf(locale).names); got != want {
			t.Errorf("%s: got %q, want %q", locale, got, want)
		}
	}
	locales := slices.Collect(maps.Keys(cldrForms()))
	if len(locales) < 60 {
		t.Errorf("only %d languages", len(locales))
	}
	for _, locale := range append(locales, "en", "fil", "he", "hy", "el", "ms") {
		n := formOf(locale).names
		for i := range 12 {
			for _, month := range []string{n.months[i], n.monthsShort[i]} {
				if strings.Trim(month, "0123456789") == "" {
					t.Errorf("%s calls a month %q", locale, month)
				}
			}
			if i < 7 && (n.days[i] == "" || n.daysShort[i] == "") {
				t.Errorf("%s lacks a name at %d", locale, i)
			}
		}
	}
	if got, want := strftime("%d.%m.%y %e %I %l %M %j %u %V %T %D %% %q %", at, formOf("en").names), "05.08.26 5 03 3 04 217 3 32 15:04:05 08/05/26 % %q %"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A template cannot hang or bloat a worker.
func TestBounds(t *testing.T) {
	items := `{"n":100000000,"items":[` + strings.Repeat("1,", 999) + "1]}"
	for name, c := range map[string]struct{ src, want string }{
		"empty loop":     {"{% for i in (1..trigger.n) %}{% endfor %}", "does more than 50000 steps"},
		"nested loops":   {"{% for a in trigger.items %}{% for b in trigger.items %}{% for c in trigger.items %}{% endfor %}{% endfor %}{% endfor %}", "does more than 50000 steps"},
		"output":         {"{% for i in trigger.items %}" + strings.Repeat("x", 2000) + "{% endfor %}", "beyond 1 MB"},
		"capture":        {"{% capture c %}{% for i in trigger.items %}" + strings.Repeat("x", 2000) + "{% endfor %}{% endcapture %}", "beyond 1 MB"},
		"doubling":       {"{% assign s = 'xxxxxxxx' %}{% for i in trigger.items %}{% assign s = s | append: s %}{% endfor %}", "the text grows beyond 128 kB"},
		"replacing":      {"{% assign s = 'xxxxxxxx' %}{% for i in trigger.items %}{% assign s = s | replace: 'x', 'xxxxxxxx' %}{% endfor %}", "the text grows beyond 128 kB"},
		"costly filters": {"{% for i in trigger.items %}{% assign s = trigger.items | sort | uniq | join: ',' %}{% endfor %}", "does more than 50000 steps"},
		"growing lists":  {"{% assign l = trigger.items %}{% for i in trigger.items %}{% assign l = l | concat: l %}{% endfor %}", "steps"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := renderBare(t, c.src, items, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			var own *Error
			if !errors.As(err, &own) || own.File != "templates/receipt.html" || own.Line != 1 {
				t.Errorf("error %v has no place", err)
			}
		})
	}
}
