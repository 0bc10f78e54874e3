package content

import (
	"strings"
	"testing"
)

// Where texts are printed as they are, a placeholder would be read by customers.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, text, want string }{
		{"locales/en.yaml", "cart:\n  hello: Hello {{ customer.first_name }}\n", `locales/en.yaml:2:10: cart.hello is printed as it is, and customers would read "{{ customer.first_name }}"; write the words themselves`},
		{"locales/en.yaml", "cart:\n  hello: Hello {{ name | upcase }}\n", `would read "{{ name | upcase }}"`},
		{"locales/en.yaml", "cart:\n  hello: \"{% if vip %}x\"\n", `would read "{% if vip %}"`},
		{"locales/en.yaml", "cart:\n  hello: Hello *|FNAME|*\n", `would read "*|FNAME|*"`},
		{"locales/en.yaml", "cart:\n  hello: \"{n, plural, one {{n} piece for ${price}} other {{n} pieces}}\"\n", ""},
		{"campaigns/x.yaml", "topic: news\ntrigger: { past_purchase: {} }\nsteps:\n  - { send: cart-reminder, subject: Hello, with: { a: \"%%First Name%%\" } }\n", `campaigns/x.yaml:4:55: with.a is printed as it is, and customers would read "%%First Name%%"`},
		{"campaigns/x.yaml", "topic: news\ntrigger: { past_purchase: {} }\nsteps:\n  - { send: cart-reminder, subject: Hello, with: { a: { en: x, he: \"{{ brand.site }}\" } } }\n", `campaigns/x.yaml:4:68: with.a is printed as it is, and customers would read "{{ brand.site }}"`},
		{"campaigns/x.yaml", "topic: news\ntrigger: { past_purchase: {} }\nsteps:\n  - { send: cart-reminder, subject: \"Hello {{ customer.first_name }}\", with: { a: 100% x } }\n", ""},
	} {
		_, problems := Load(workspace(t, map[string]string{c.file: c.text}))
		if got := listing(problems); !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "printed as it is") {
			t.Errorf("%s: want %q of\n%s", c.text, c.want, got)
		}
	}
}
