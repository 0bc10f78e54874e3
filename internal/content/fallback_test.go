package content

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each locale reads its fallback before the first; check says what is read where a
// translation is missing.
func TestFallbacks(t *testing.T) {
	t.Parallel()
	const file = "name: Kape\nlocales: [en, es, ca: { fallback: es }, pt, pt-BR: { fallback: pt }, fil]\nzone: Asia/Manila\ncurrency: EUR\nbrand: { address: 12 Calle Real }\n" +
		"senders: { hello: { from: a@b.example } }\ndefaults: { from: hello }\ntopics:\n  news:\n  offers: { name: NAMES }\n"
	with := func(names string, more map[string]string) map[string]string {
		out := map[string]string{"tidings.yaml": strings.Replace(file, "NAMES", names, 1)}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	cat, _ := Load(workspace(t, with("Offers", nil)))
	if cat == nil {
		t.Fatal("no catalog")
	}
	w := cat.Workspace
	if diff := cmp.Diff([]string{"en", "es", "ca", "pt", "pt-BR", "fil"}, w.Locales); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"ca": "es", "pt-BR": "pt"}, w.Fallbacks); diff != "" {
		t.Error(diff)
	}
	mail := "---\nsubject: x\n---\nx"
	for _, c := range []struct {
		names string
		files map[string]string
		want  string
	}{
		{"{ en: Offers, es: Ofertas, ca: Ofertes, pt: Ofertas, fil: Mga alok }", nil, ""},
		{"{ en: Offers, es: Ofertas, pt: Ofertas, fil: Mga alok }", nil, "tidings.yaml:10:19: name has no text in ca; they read es"},
		{"{ en: Offers, es: Ofertas }", nil, "tidings.yaml:10:19: name has no text in ca, pt, pt-BR, fil; pt, pt-BR, fil read en; ca reads es"},
		{"{ en: Offers }", nil, "name has no text in es, ca, pt, pt-BR, fil; they read en"},
		{"Offers", map[string]string{"templates/a.html": mail, "templates/a.es.html": mail, "templates/a.pt.html": mail, "templates/a.fil.html": mail},
			`templates/a.html: template "a" has no source in ca; they read es`},
	} {
		_, problems := Load(workspace(t, with(c.names, c.files)))
		got := listing(problems)
		if !strings.Contains(got, c.want) || c.want == "" && (strings.Contains(got, "name has no text") || strings.Contains(got, "no source")) {
			t.Errorf("%s %v: want %q of\n%s", c.names, c.files, c.want, got)
		}
	}
}
