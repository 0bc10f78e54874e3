package content

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	cat := mustLoad(t, workspace(t, map[string]string{
		"locales/en.yaml": "cart:\n  title: Your cart\n  lines: \"{n, plural, one {# line} other {# lines}}\"\nbye: Bye\n",
		"locales/he.yaml": "cart: { title: הסל שלך }\n",
	}))
	want := map[string]map[string]campaign.Phrase{
		"en": {
			"cart.title": {Source: "Your cart", File: "locales/en.yaml", Line: 2, Column: 10},
			"cart.lines": {Source: "{n, plural, one {# line} other {# lines}}", File: "locales/en.yaml", Line: 3, Column: 10},
			"bye":        {Source: "Bye", File: "locales/en.yaml", Line: 4, Column: 6},
		},
		"he": {"cart.title": {Source: "הסל שלך", File: "locales/he.yaml", Line: 1, Column: 16}},
	}
	if diff := cmp.Diff(want, cat.Texts); diff != "" {
		t.Error(diff)
	}
}

func TestTextProblems(t *testing.T) {
	t.Parallel()
	_, problems := Load(workspace(t, map[string]string{
		"locales/xx.yaml":  "a: b\n",
		"locales/en.yml":   "a: b\n",
		"locales/en.yaml":  "Title: x\nlist: [a]\nsale: Sale #1 today\nempty:\n",
		"locales/he.yaml":  "{n} pieces\n",
		"locales/.keep":    "",
		"locales/old/a.md": "x",
	}))
	want := `locales/en.yaml:1:1: "Title" is not a key of a text; use small letters, digits, - and _, as in back_to_basket
locales/en.yaml:2:7: list is one value, not a list; write one word, number or text
locales/en.yaml:3:12: sale ends before the #: what follows it is a comment; put the text in quotes, or the comment on a line of its own
locales/en.yaml:4:7: empty has no value; write one, or take the key out
locales/en.yml: en.yml does not belong here; the texts of a language stand in locales/LOCALE.yaml, as in locales/he.yaml
`
	if got := listing(problems); !strings.HasPrefix(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestBrand(t *testing.T) {
	t.Parallel()
	brand := "brand:\n  address: 12 Calle Real\n  colours: { button: \"#5b3a29\" }\n  fonts:\n    body: \"'Noto Sans', serif\"\n  social: { instagram: https://social.example/kape }\n"
	w := mustLoad(t, workspace(t, map[string]string{"tidings.yaml": "name: Kape\nlocales: [en, he]\nzone: Asia/Manila\ncurrency: EUR\nsenders: { hello: { from: a@b.example } }\ntopics: { offers: , news: }\ndefaults: { from: hello }\n" + brand})).Workspace
	want := map[string]string{"address": "12 Calle Real", "colours.button": "#5b3a29", "fonts.body": "'Noto Sans', serif", "social.instagram": "https://social.example/kape"}
	if diff := cmp.Diff(want, w.Brand); diff != "" {
		t.Error(diff)
	}
}
