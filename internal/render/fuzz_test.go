package render

import (
	"errors"
	"testing"
)

// Any template compiles or is refused with a place; what compiles renders within
// its bounds or fails with a place, and never panics.
func FuzzCompile(f *testing.F) {
	for _, src := range []string{
		"{{ customer.first_name | default: 'x' | upcase }}",
		`<a href="{{ trigger.u }}?a={{ customer.x | url_encode }}" class="{% if a %}b{% endif %}">{{ 'now' | date: "%Y" }}</a>`,
		"{% for p in trigger.items limit: 2 %}{{ p.a | money }}{% else %}{% endfor %}{% for i in (1..3) %}{% cycle 'a','b' %}{% endfor %}",
		"{% assign a = trigger.n | plus: 1 %}{% capture b %}{{ a }}{% endcapture %}{{ b }}{% case a %}{% when 1, 2 %}x{% endcase %}",
		`<style>p{a:b}</style><!--[if mso]><p title='{{ locale }}'>{% render "button", url: "https://a.example", label: 1 %}<![endif]-->`,
		"{%comment%}{%}",
		"{% end %}{% if %}{% endif",
		"{% raw %}{{{% endraw %}{%- comment -%}{% endcomment %}{{ (1..3) | join }}{{ a[b[0]].c }}",
	} {
		f.Add(src)
	}
	cat := bare(f, "")
	s := settings(f)
	o := receiptMessage(`{"u":"https://a.example/","items":[{"a":1},{"a":"x"}],"n":2}`, map[string]any{"first_name": "<Ana>"})
	f.Fuzz(func(t *testing.T, src string) {
		cat.Templates["receipt"][""].Source = src
		r, problems := Compile(cat)
		if r == nil {
			if !hasErrors(problems) {
				t.Fatal("refused without a problem")
			}
			for _, p := range problems {
				if p.File == "" || p.Message == "" {
					t.Fatalf("problem without a place: %+v", p)
				}
			}
			return
		}
		if _, err := r.Render(o, s); err != nil {
			var own *Error
			if !errors.As(err, &own) || own.File == "" {
				t.Fatalf("error without a place: %v", err)
			}
		}
	})
}
