package render

import (
	"bytes"
	"testing"
)

// What is rendered without the library is what the library would have made of it,
// errors and their places too.
func TestStraight(t *testing.T) {
	straight := 0
	for _, src := range []string{
		"plain",
		"{{ customer.first_name }} and {{ customer.first_name | upcase | append: '!' }}",
		"{% assign x = customer.first_name | downcase %}{{ x }}{% assign x = 'b' %}{{ x }}",
		"{% capture box %}<b>{{ customer.first_name }}</b>{% endcapture %}[{{ box }}][{{ box }}]",
		"{% capture none %}{% endcapture %}[{{ none }}]",
		"{% cycle 'a', 'b' %}{% cycle 'a', 'b' %}",
		"<a href=\"https://kape.example/{{ customer.first_name }}?x={{ customer.n | url_encode }}\">x</a><a href='https://kape.example/'>y</a>",
		"{% render 'button', url: 'https://kape.example/', label: customer.first_name %}{% render 'button', url: 'https://kape.example/', label: 'b' %}",
		"{{ customer.gone | default: 'nothing' }}",
		"{{ 'now' | date: '%Y' }} {{ trigger.total | money: 'EUR' }} {{ order.total }}",
		"one\n\n{{ customer.gone }}",
		"one\n{{ trigger.list | first | upcase }}",
		"one\n<p>\n{{ 3 | divided_by: customer.zero }}",
		"<a href=\"https://{{ customer.n }}\">no host</a>",
		"{{ subject }} {{ locale }}",
		"{% if customer.n %}{{ customer.n }}{% endif %}",
		"{% for x in trigger.list %}{{ x }}{% endfor %}",
	} {
		r, problems := Compile(bare(t, "<html><body>"+src+"</body></html>"))
		if r == nil {
			t.Errorf("%s: %v", src, problems)
			continue
		}
		o := receiptMessage(`{"total":12.5,"list":["a",2]}`, map[string]any{"first_name": "Añá <3", "n": "a b", "zero": 0})
		got, gotErr := r.Render(o, settings(t))
		for _, u := range r.bodies {
			if u.steps != nil {
				straight++
			}
			u.steps = nil
		}
		for _, u := range r.headers {
			u.steps = nil
		}
		want, wantErr := r.Render(o, settings(t))
		if !bytes.Equal(got.Body, want.Body) || len(got.Links) != len(want.Links) || (gotErr == nil) != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error() {
			t.Errorf("%s\n got %v %s\nwant %v %s", src, gotErr, got.Body, wantErr, want.Body)
		}
	}
	if straight != 15 {
		t.Errorf("%d went without the library, want 15", straight)
	}
}
