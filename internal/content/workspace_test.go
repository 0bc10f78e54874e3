package content

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

// TestTenMistakes has ten mistakes in three files, all found in one run.
func TestTenMistakes(t *testing.T) {
	t.Parallel()
	base := workspace(t, nil)
	broken := strings.NewReplacer("EUR", "euro", "opt_in: double", "opt_in: both").Replace(string(base["tidings.yaml"].Data))
	catalog, problems := Load(workspace(t, map[string]string{
		"tidings.yaml":      broken + "global_holdout: 5%\n",
		"segments/new.yaml": "name: New\nmatch: { all: [ { segment: vpi }, { attribute: orders.count, at_least: one } ] }\n",
		"campaigns/x.yaml": `status: on
topic: offer
trigger: { abandoned_cart: { after: 1 hour } }
steps:
  - { send: cart-reminder, subject: Your cart: still here }
  - { wait: 2d, untill: 09:00 }
`,
	}))
	if catalog != nil {
		t.Error("there is a catalog")
	}
	got := listing(problems)
	for _, want := range []string{
		"tidings.yaml:4:11:", "tidings.yaml:10:55:", "tidings.yaml:13:1:",
		"segments/new.yaml:2:28:", "segments/new.yaml:2:72:",
		"campaigns/x.yaml:1:9:", "campaigns/x.yaml:2:8:", "campaigns/x.yaml:3:37:", "campaigns/x.yaml:5:37:", "campaigns/x.yaml:6:17:",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("not once: %s", want)
		}
	}
	if len(problems) != 10 {
		t.Errorf("%d problems", len(problems))
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestWorkspace(t *testing.T) {
	t.Parallel()
	w := mustLoad(t, workspace(t, nil)).Workspace
	manila, err := time.LoadLocation("Asia/Manila")
	if err != nil {
		t.Fatal(err)
	}
	if w.Zone.String() != manila.String() || w.Name != "Kape & Co" || w.Currency != "EUR" {
		t.Errorf("workspace is %+v", w)
	}
	want := map[string]campaign.Topic{
		"offers": {Key: "offers", Name: campaign.Localized{"en": "Offers", "he": "מבצעים"}, DoubleOptIn: true},
		"news":   {Key: "news", Name: campaign.Plain("news")},
	}
	if diff := cmp.Diff(want, w.Topics); diff != "" {
		t.Error(diff)
	}
	if s := w.Senders["hello"]; s.From != "Kape & Co <hello@mail.kape.example>" || s.ReplyTo != "care@kape.example" {
		t.Errorf("sender is %+v", s)
	}
}

func TestWorkspaceDefaults(t *testing.T) {
	t.Parallel()
	w := mustLoad(t, fstest.MapFS{"tidings.yaml": {Data: []byte("name: Kape\n")}}).Workspace
	if w.Zone != time.UTC || !cmp.Equal(w.Locales, []string{"en"}) {
		t.Errorf("zone %v, locales %v", w.Zone, w.Locales)
	}
}

// replaced is text with old, which it has once, replaced.
func replaced(t *testing.T, text, old, with string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q stands %d times in\n%s", old, strings.Count(text, old), text)
	}
	return strings.Replace(text, old, with, 1)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	fsys := workspace(t, map[string]string{
		"campaigns/welcome.test.yaml":      "not: [read",
		"campaigns/README.md":              "not read",
		"campaigns/.hidden.yaml":           "not: [read",
		"campaigns/old.yml":                "name: Old\n",
		"campaigns/My Mail.yaml":           "name: Mine\n",
		"segments/eu/regulars.yaml":        "match: { segment: vip }\n",
		"templates/letter.mjml":            "<mjml></mjml>",
		"templates/letter.md":              "Hello",
		"templates/layouts/plain.md":       "{{ content }}",
		"templates/partials/head.mjml":     "<mj-text>x</mj-text>",
		"templates/letter.txt":             "hello",
		"templates/.DS_Store":              "x",
		"templates/letters/2026-11.html":   "---\nsubject: November\n---\n",
		"templates/letters/2026-12.html":   "<p>x</p>",
		"templates/welcome.hee.html":       "<p>x</p>",
		"templates/partials/Button.html":   "<a>x</a>",
		"templates/layouts/wide.html":      "---\nsubject: x\n---\n{{ content }}",
		"templates/layouts/narrow.he.html": "{{ content }}",
	})
	_, problems := Load(fsys)
	want := `campaigns/My Mail.yaml: "My Mail" is not a name; the file's name is what it is called by; use small letters, digits and -, as in win-back
campaigns/old.yml: a file that ends in .yml is not read; rename it to old.yaml
segments/eu: segments has no folders within it; move its files up
templates/layouts/narrow.he.html: layout "narrow" has no source in en, the fallback; add it: customers of other locales read it
templates/layouts/plain.md: a layout cannot be a .md file; write it in HTML or MJML
templates/layouts/wide.html:1:1: layouts and partials have no front matter; take it out
warning: templates/letter.md: no campaign sends template "letter"; send it, or delete it
templates/letter.mjml: templates/letter.md is the same template; keep one of the two
templates/letter.txt: a template cannot be a .txt file; templates are .html, .md or .mjml files; move others out of templates/
warning: templates/letters/2026-11.html: no campaign sends template "letters/2026-11"; send it, or delete it
warning: templates/letters/2026-12.html: no campaign sends template "letters/2026-12"; send it, or delete it
templates/partials/Button.html: "Button" is not a name for a template; use small letters, digits and -, as in win-back
templates/welcome.hee.html: locale "hee" is not one of tidings.yaml; did you mean "he"?
`
	if diff := cmp.Diff(want, listing(problems)); diff != "" {
		t.Error(diff)
	}
}

func TestMissingWorkspaceFile(t *testing.T) {
	t.Parallel()
	fsys := workspace(t, nil)
	delete(fsys, "tidings.yaml")
	catalog, problems := Load(fsys)
	if catalog != nil || listing(problems) != "tidings.yaml: the workspace has no tidings.yaml; tidings init writes one to start from\n" {
		t.Errorf("problems:\n%s", listing(problems))
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	catalog := mustLoad(t, workspace(t, map[string]string{
		"templates/welcome.html":        "---\r\nsubject: { en: Hi, he: שלום }\r\nlayout: none\r\n---\r\n<p>one</p>\r\n",
		"templates/welcome.he.html":     "---\nsubject: שלום\n# a comment\npreheader: \"Hi\"\n---\n\n<p>two</p>\n",
		"templates/layouts/wide.html":   "{{ content }}",
		"templates/partials/a/row.html": "<hr>",
		"templates/cart-help.html":      "<p>no front matter --- here</p>\n---\n",
		"templates/cart-offer.html":     "---\nlayout: wide\n---\n",
	}))
	welcome := catalog.Templates["welcome"]
	want := map[string]*campaign.Template{
		"": {
			Name: "welcome", File: "templates/welcome.html", Line: 5, Source: "<p>one</p>\r\n",
			Subject: campaign.Localized{"en": "Hi", "he": "שלום"}, Layout: "none",
		},
		"he": {
			Name: "welcome", Locale: "he", File: "templates/welcome.he.html", Line: 6, Source: "\n<p>two</p>\n",
			Subject: campaign.Plain("שלום"), Preheader: campaign.Plain("Hi"), Layout: "base",
		},
	}
	if diff := cmp.Diff(want, welcome); diff != "" {
		t.Error(diff)
	}
	if got := catalog.Templates["cart-help"][""]; got.Line != 1 || !strings.HasSuffix(got.Source, "---\n") {
		t.Errorf("cart-help is %+v", got)
	}
	if got := catalog.Templates["cart-offer"][""].Layout; got != "wide" {
		t.Errorf("layout is %q", got)
	}
	if catalog.Partials["a/row"] == nil || catalog.Layouts["wide"][""] == nil {
		t.Errorf("partials %v, layouts %v", catalog.Partials, catalog.Layouts)
	}
}

func TestSegmentCycle(t *testing.T) {
	t.Parallel()
	_, problems := Load(workspace(t, map[string]string{
		"segments/a.yaml": "match: { any: [ { segment: vip }, { not: { segment: b } } ] }\n",
		"segments/b.yaml": "match: { segment: c }\n",
		"segments/c.yaml": "match: { all: [ { segment: a }, { segment: vip } ] }\n",
	}))
	want := "segments/c.yaml:1:28: segments are made of each other: a → b → c → a; take one of them out\n"
	if diff := cmp.Diff(want, listing(problems)); diff != "" {
		t.Error(diff)
	}
}

func TestRenamedCampaign(t *testing.T) {
	t.Parallel()
	body := "topic: news\ntrigger: { event: { name: Subscribed } }\nsteps: [ { send: welcome } ]\n"
	_, problems := Load(workspace(t, map[string]string{
		"campaigns/a.yaml": "was: hello\naudience: { not: { campaign: hello, is: entered } }\n" + body,
		"campaigns/b.yaml": "was: [hello, b]\n" + body,
	}))
	want := `campaigns/a.yaml:2:30: campaign "hello" is now called "a"; write a
campaigns/b.yaml:1:6: was: campaign "a" says too that it was "hello"; keep it in one of the two
warning: campaigns/b.yaml:1:6: was names the campaign itself; take it out
`
	if diff := cmp.Diff(want, listing(problems)); diff != "" {
		t.Error(diff)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	body := "topic: news\ntrigger: { event: { name: Subscribed } }\nsteps: [ { send: welcome } ]\n"
	catalog := mustLoad(t, workspace(t, map[string]string{
		"campaigns/cart.yaml": body, "campaigns/cart-2.yaml": body, "campaigns/cart2.yaml": body,
	}))
	for _, name := range []string{"cart", "cart-2", "cart2", "welcome"} {
		if c, ok := catalog.Campaign(name); !ok || c.Name != name {
			t.Errorf("campaign %q is not found", name)
		}
	}
}
