package render

import (
	"errors"
	"strings"
	"testing"

	"tidings/internal/campaign"
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
	f.Add("- {{ customer.x }}\n{% for i in trigger.items %}\n- [{{ i.a }}]({{ trigger.u }}) **x**\n{% endfor %}\n\n| a |\n|---|\n{% if a %}\n| b |\n{% endif %}")
	f.Add(`<mjml><mj-body><mj-section>{% if trigger.n %}<mj-column><mj-button href="{{ trigger.u }}">{{ customer.first_name }}</mj-button></mj-column>{% endif %}</mj-section></mj-body></mjml>`)
	f.Fuzz(func(t *testing.T, src string) {
		tpl := cat.Templates["receipt"][""]
		tpl.Source, tpl.Format = src, campaign.HTML
		switch {
		case strings.Contains(src, "<mjml"):
			tpl.Format = campaign.MJML
		case len(src)%2 == 0:
			tpl.Format = campaign.Markdown
		}
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

// Whatever HTML it is given, the search for what is active tells places within it, and
// finds it again in what it tells of.
func FuzzActive(f *testing.F) {
	for _, src := range []string{
		`<p onclick="a()">x</p>`, "<!--[if mso]><script>x</script><![endif]--><iframe src=a>", `<input type="radio"><input>`,
		"<style>a{b:expression (1)}</style", `<p style="behavior:url(#default#VML)">`, "<!--[if]><!--[if]><base>", "<svg/onload=a", `<META HTTP-EQUIV=' Refresh '>`,
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		eachActive(src, 0, len(src), func(a active) {
			if a.start < 0 || a.end < a.start || a.end > len(src) || a.what == "" || a.hint == "" {
				t.Fatalf("%+v of %d bytes", a, len(src))
			}
			if strings.HasPrefix(a.what, "<") && src[a.start] != '<' {
				t.Fatalf("%+v begins with %q", a, src[a.start])
			}
		})
	})
}
