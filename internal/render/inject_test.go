package render

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tidings/internal/campaign"
)

// nasty are values that try to leave their place.
var nasty = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `--><script>x</script><!--`,
	`</title><script>x</script>`, `]]><svg onload=x>`, "a\r\nBcc: victim@example.com", "{{ customer.email }}{% for %}", "&lt;b&gt;", "\x00\x08<b>",
	"=?utf-8?q?x?=", "a\u202eb", "x\xff\xfe", holeOpen + "0" + holeClose, "javascript:alert(1)",
}

// What a customer writes into a name shows as that text and makes no element,
// attribute or header of its own.
func TestInjection(t *testing.T) {
	src := `<html><head><title>{{ customer.n }}</title></head><body><p title="{{ customer.n }}" class='{{ customer.n }}'>{{ customer.n }}</p>
<!-- {{ customer.n }} --><!--[if mso]><p title="{{ customer.n }}">{{ customer.n }}</p><![endif]-->
<a href="https://a.example/{{ customer.n }}?q={{ customer.n }}&amp;r={{ customer.n | url_encode }}#f">x</a></body></html>`
	cat := bare(t, src)
	tpl := cat.Templates["receipt"][""]
	tpl.Subject, tpl.Preheader = campaign.Plain("To {{ customer.n }}"), campaign.Plain("{{ customer.n }}")
	r := compile(t, cat)
	_, harmless := mustRender(t, r, receiptMessage(`{}`, map[string]any{"n": "Ana", "first_name": "Ana"}))
	want := shapeOf(t, harmless.html)
	for _, n := range nasty {
		o := receiptMessage(`{}`, map[string]any{"n": n, "first_name": n})
		e, p := mustRender(t, r, o)
		if got := shapeOf(t, p.html); !slices.Equal(got, want) {
			t.Errorf("%q changes the elements:\n got %v\nwant %v", n, got, want)
		}
		if bcc := p.header.Get("Bcc"); bcc != "" {
			t.Errorf("%q makes a header", n)
		}
		var names []string
		for f := p.header.Fields(); f.Next(); {
			names = append(names, f.Key())
		}
		for _, name := range names {
			if n := len(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s != name })); n != 1 {
				t.Errorf("header %s stands %d times", name, n)
			}
		}
		to, err := p.header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != "ana@shop.example" {
			t.Errorf("%q makes To %v, %v", n, to, err)
		}
		if i := strings.Index(string(e.Body), "\n\n"); i >= 0 {
			t.Errorf("%q makes bare line ends", n)
		}
		if len(e.Links) != 1 || !strings.HasPrefix(e.Links[0].URL, "https://a.example/") || !strings.HasSuffix(e.Links[0].URL, "#f") {
			t.Errorf("%q makes links %v", n, e.Links)
		}
	}
}

// shapeOf lists a document's elements with the names of their attributes.
func shapeOf(t *testing.T, src string) (shape []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode:
			shape = append(shape, "comment")
		case html.ElementNode:
			s := n.Data
			for _, a := range n.Attr {
				s += " " + a.Key
			}
			shape = append(shape, s)
		}
	}
	return shape
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ attr, value, want string }{
		{"href", "https://shop.example/a?b=c&d=e#f", ""},
		{"href", "HTTP://shop.example", ""},
		{"href", "mailto:a@b.example", ""},
		{"href", "tel:+639171234567", ""},
		{"href", " https://shop.example/a b ", ""},
		{"href", "javascript:alert(1)", "not http, https, mailto or tel"},
		{"href", "JavaScript:alert(1)", "not http, https, mailto or tel"},
		{"href", "  javascript:alert(1)", "not http, https, mailto or tel"},
		{"href", "java\nscript:alert(1)", "not a web address"},
		{"href", "java\x00script:alert(1)", "not http, https, mailto or tel"},
		{"href", "javascript&colon;alert(1)", "without https://"},
		{"href", "data:text/html,x", "not http, https, mailto or tel"},
		{"href", "vbscript:x", "not http, https, mailto or tel"},
		{"href", "file:///etc/passwd", "not http, https, mailto or tel"},
		{"href", "//evil.example/x", "without https://"},
		{"href", "/path", "without https://"},
		{"href", "", "customer.u is missing"},
		{"href", "https://", "without a host"},
		{"href", "http:evil", "without a host"},
		{"src", "https://shop.example/i.png", ""},
		{"src", "cid:logo@shop.example", ""},
		{"src", "javascript:alert(1)", "not http, https, mailto or tel"},
		{"src", "mailto:a@b.example", "cannot hold a mailto address"},
		{"background", "data:image/png;base64,x", "not http, https, mailto or tel"},
	} {
		tag := `<a href="{{ customer.u }}">x</a>`
		if c.attr != "href" {
			tag = `<img ` + c.attr + `="{{ customer.u }}">`
		}
		got, err := renderBare(t, tag, `{}`, map[string]any{"u": c.value})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %q: %v", c.attr, c.value, err)
		case c.want != "":
			var own *Error
			if !errors.As(err, &own) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %q: error %v, want %q (%s)", c.attr, c.value, err, c.want, got)
			} else if c.value != "" && strings.Contains(err.Error(), c.value) {
				t.Errorf("the error tells the customer's value: %v", err)
			}
		}
	}
}

// Values in an address are encoded for their part of it, once.
func TestEncodedInAddress(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"https://a.example/{{ customer.v }}/x", "https://a.example/a%20b/c%26%3Fd%25%3D/x"},
		{"https://a.example/?q={{ customer.v }}", "https://a.example/?q=a%20b%2Fc%26%3Fd%25%3D"},
		{"https://a.example/?q={{ customer.v | url_encode }}", "https://a.example/?q=a+b%2Fc%26%3Fd%25%3D"},
		{"{{ brand.site }}/p/{{ customer.id }}", "https://kape.example/p/c7"},
		{"{{ brand.site }}?a=1&amp;b=2&c={{ customer.v | url_encode }}", "https://kape.example?a=1&b=2&c=a+b%2Fc%26%3Fd%25%3D"},
		{"{% if customer.none %}https://no.example{% else %}{{ brand.site }}{% endif %}", "https://kape.example"},
		{"{% assign u = brand.site | append: '/x?y=1' %}{{ u }}", "https://kape.example/x?y=1"},
		{"{{ customer.none | default: 'https://d.example/' }}", "https://d.example/"},
		// Bytes that are no characters: a database takes them in no link.
		{"{{ 'https%3A%2F%2Fa.example%2F%FF%C3%A9' | url_decode }}", "https://a.example/%FFé"},
	} {
		e, err := compile(t, bare(t, `<a href="`+c.src+`">x</a>`)).Render(receiptMessage(`{}`, map[string]any{"v": "a b/c&?d%="}), settings(t))
		want := strings.Replace(c.want, "c%26%3Fd%25%3D/x", "c%26%3Fd%25=/x", 1)
		if err != nil || len(e.Links) != 1 || e.Links[0].URL != want {
			t.Errorf("%s: links %v, error %v, want %s", c.src, e.Links, err, want)
		}
	}
}

func TestStyleValues(t *testing.T) {
	src := `<p style="color: {{ customer.c }}">x</p>`
	if got, err := renderBare(t, src, `{}`, map[string]any{"c": "#5b3a29"}); err != nil || !strings.Contains(got, `style="color: #5b3a29"`) {
		t.Errorf("got %s, %v", got, err)
	}
	for _, v := range []string{"red; background: url(x)", "red}", "expression(1)", "a/**/b", `\72`, "url(https://evil.example/x)", "rgb(1,2,3", ")"} {
		if _, err := renderBare(t, src, `{}`, map[string]any{"c": v}); err == nil || !strings.Contains(err.Error(), "a style attribute cannot take") {
			t.Errorf("%q: error %v", v, err)
		}
	}
}
