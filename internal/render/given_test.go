package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

func TestWith(t *testing.T) {
	cat := bare(t, "<h1>{{ with.headline }}</h1>{% for p in with.list %}{{ p }};{% endfor %}{{ with.n | plus: 1 }}{{ with.none | default: '-' }}{% if with.maybe %}{{ with.maybe }}{% endif %}")
	send := cat.Campaigns[0].Steps[0].Send
	send.With = map[string]campaign.With{
		"headline": {Text: campaign.Localized{"en": "A <b>", "he": "שלום"}}, "list": {Value: []any{"x", 2.0}}, "n": {Value: 3.0},
	}
	r := compile(t, cat)
	o := receiptMessage(`{}`, nil)
	_, p := mustRender(t, r, o)
	if want := "<h1>A &lt;b&gt;</h1>x;2;4-"; !strings.Contains(p.html, want) {
		t.Errorf("want %q in %s", want, p.html)
	}
	o.Customer.Locale = "he"
	if _, p = mustRender(t, r, o); !strings.Contains(p.html, "<h1>שלום</h1>") {
		t.Errorf("got %s", p.html)
	}
	send.With = map[string]campaign.With{"headlin": {Text: campaign.Plain("x")}}
	_, problems := Compile(cat)
	var all string
	for _, p := range problems {
		all += p.String() + "\n"
	}
	for _, want := range []string{
		"templates/receipt.html:1:5: with.headline is not given by step receipt of campaign receipt; write with: { headline: … } beside the send",
		"with.n is not given", "campaigns/receipt.yaml:1: with.headlin is read nowhere in templates/receipt.html",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if strings.Contains(all, "maybe") || strings.Contains(all, "none") {
		t.Error(all)
	}
}

// Links to the shop carry what the campaign says, others stay.
func TestUTM(t *testing.T) {
	cat := bare(t, `<a href="https://kape.example/a?x=1&amp;utm_medium=own#f">a</a><a href="https://www.kape.example">b</a><a href="https://other.example/kape.example">c</a>
<a href="{{ brand.site }}/p/{{ customer.id }}">d</a><a href="{{ trigger.u }}">e</a><a href="mailto:a@kape.example">f</a><img alt="" src="https://kape.example/i.png"><a href="{{ links.unsubscribe }}">g</a>`)
	cat.Campaigns[0].UTM = &campaign.UTM{Source: "tidings", Medium: "email", Campaign: "spring & co"}
	e, p := mustRender(t, compile(t, cat), receiptMessage(`{"u":"https://notkape.example/"}`, nil))
	var got []string
	for _, l := range e.Links {
		got = append(got, l.URL)
	}
	own := "utm_source=tidings&utm_medium=email&utm_campaign=spring%20%26%20co"
	want := []string{
		"https://kape.example/a?x=1&utm_medium=own&utm_source=tidings&utm_campaign=spring%20%26%20co#f", "https://www.kape.example?" + own,
		"https://other.example/kape.example", "https://kape.example/p/c7?" + own, "https://notkape.example/",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(p.html, `src="https://kape.example/i.png"`) {
		t.Error("a picture's address changes")
	}
	delete(cat.Workspace.Brand, "site")
	cat.Templates["receipt"][""].Source = "x"
	if _, problems := Compile(cat); len(problems) != 1 || !strings.Contains(problems[0].String(), "utm does nothing") {
		t.Errorf("problems %v", problems)
	}
}
