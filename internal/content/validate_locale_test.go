package content

import (
	"strings"
	"testing"
)

// A mail of which some languages are written is not written in the others, whatever
// its file without a language says: customers of those read another's language.
func TestTemplatesLackLanguages(t *testing.T) {
	t.Parallel()
	file := func(files ...string) map[string]string {
		out := map[string]string{"tidings.yaml": "name: Kape\nlocales: [en, he, he-IL, el]\nzone: Asia/Manila\ncurrency: EUR\nbrand: { address: 12 Calle Real }\nsenders: { hello: { from: a@b.example } }\ntopics: { offers: , news: }\ndefaults: { from: hello }\n"}
		for _, f := range files {
			out[f] = "---\nsubject: x\n---\n{{ content }}"
			if strings.Contains(f, "/layouts/") {
				out[f] = "{{ content }}"
			}
		}
		return out
	}
	const lacks = "has no source in "
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"one for all":          {[]string{"templates/letter.html"}, ""},
		"beside the fallback":  {[]string{"templates/letter.html", "templates/letter.he.html"}, `warning: templates/letter.html: template "letter" has no source in el; they read en`},
		"the fallback's alone": {[]string{"templates/letter.html", "templates/letter.el.html"}, `template "letter" has no source in he, he-IL; they read en`},
		"whole":                {[]string{"templates/letter.html", "templates/letter.he.html", "templates/letter.el.html"}, ""},
		"one region":           {[]string{"templates/letter.html", "templates/letter.he-IL.html", "templates/letter.el.html"}, "has no source in he; they read en"},
		"layout of one":        {[]string{"templates/layouts/wide.html", "templates/layouts/wide.he.html"}, ""},
	} {
		_, problems := Load(workspace(t, file(c.files...)))
		got := listing(problems)
		if c.want == "" && strings.Contains(got, lacks) || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q of\n%s", name, c.want, got)
		}
	}
}
