package preview_test

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/intake"
	"tidings/internal/preview"
	"tidings/internal/render"
)

// sample is a block of docs/templates.md: a file, or a piece of one.
type sample struct {
	section    string // the heading above it
	kind, file string // file: empty where the page names none
	text       string
}

var (
	headings  = regexp.MustCompile(`(?m)^##+ (.*)$`)
	fenced    = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")
	named     = regexp.MustCompile("`([a-z]+(?:/[A-Za-z0-9.-]+)*\\.[a-z]+)`:$")
	yamlFile  = regexp.MustCompile(`^# ((?:campaigns|locales)/[a-z-]+\.yaml)\n`)
	topKeys   = regexp.MustCompile(`(?m)^([a-z_]+):`)
	inlined   = regexp.MustCompile("`([^`\n]*(?:\\{\\{|\\{%)[^`\n]*)`")
	partOfAll = regexp.MustCompile(`^(# part of tidings\.yaml\n|locales:|brand:|utm:)`)
)

// samplesOf are the page's, in their order.
func samplesOf(t testing.TB) (page string, out []sample) {
	t.Helper()
	b, err := os.ReadFile("../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	page = string(b)
	for _, at := range fenced.FindAllStringSubmatchIndex(page, -1) {
		s := sample{kind: page[at[2]:at[3]], text: page[at[4]:at[5]]}
		above := page[:at[0]]
		if all := headings.FindAllStringSubmatch(above, -1); all != nil {
			s.section = all[len(all)-1][1]
		}
		if m := named.FindStringSubmatch(strings.TrimSpace(above)); m != nil {
			s.file = m[1]
		} else if m := yamlFile.FindStringSubmatch(s.text); m != nil {
			s.file = m[1]
		} else if s.kind == "yaml" && partOfAll.MatchString(s.text) {
			s.file = "tidings.yaml"
		}
		out = append(out, s)
	}
	return page, out
}

// keysOf is the workspace in which the page's examples stand, key by key.
var keysOf = [][2]string{
	{"name", "name: Kape & Co\n"}, {"zone", "zone: Asia/Manila\n"}, {"currency", "currency: EUR\n"}, {"locales", "locales: [en]\n"},
	{"senders", "senders: { hello: { from: \"Kape & Co <hello@mail.kape.example>\" } }\n"},
	{"topics", "topics: { news: { name: The letter }, offers: { name: Offers } }\n"}, {"defaults", "defaults: { from: hello, holdout: 0% }\n"},
	{"brand", "brand: { colour: \"#5b3a29\", site: \"https://kape.example\", basket: \"https://kape.example/basket\", address: 12 Calle Real, legal: Kape, social: { instagram: \"https://social.example/kape\" } }\n"},
}

// tidingsOf is the whole tidings.yaml of parts, of which a later one's keys count.
func tidingsOf(parts ...string) string {
	keys := map[string]string{}
	for _, k := range keysOf {
		keys[k[0]] = k[1]
	}
	for _, part := range parts {
		ends := topKeys.FindAllStringSubmatchIndex(part, -1)
		for i, at := range ends {
			end := len(part)
			if i+1 < len(ends) {
				end = ends[i+1][0]
			}
			keys[part[at[2]:at[3]]] = part[at[0]:end]
		}
	}
	out := ""
	for _, k := range keysOf {
		out += keys[k[0]]
	}
	return out
}

// guideFiles is the workspace of the guide after a step; all steps when step is empty.
func guideFiles(t testing.TB, upTo string) (files fstest.MapFS, products string) {
	t.Helper()
	_, all := samplesOf(t)
	files = fstest.MapFS{}
	var parts []string
	reached := false
	for _, s := range all {
		if s.section != "" && (s.section[0] < '1' || s.section[0] > '9' || reached && !strings.HasPrefix(s.section, upTo)) {
			continue
		}
		reached = reached || upTo != "" && strings.HasPrefix(s.section, upTo)
		switch {
		case s.section == "" || s.file == "":
		case s.file == "tidings.yaml":
			parts = append(parts, s.text)
		case s.file == "products.csv":
			products = s.text
		default:
			files[s.file] = &fstest.MapFile{Data: []byte(s.text), ModTime: now}
		}
	}
	files["tidings.yaml"] = &fstest.MapFile{Data: []byte(tidingsOf(parts...)), ModTime: now}
	return files, products
}

// guideStudio renders the guide's mail as it is in the end.
func guideStudio(t testing.TB) *preview.Studio { return guideStudioAt(t, "") }

func guideStudioAt(t testing.TB, upTo string) *preview.Studio {
	t.Helper()
	files, csv := guideFiles(t, upTo)
	cat, problems := compiled(t, files)
	r, more := render.Compile(cat)
	for _, p := range append(problems, more...) {
		// What has no name yet, or no text in another language, is what the guide goes
		// on to tell of.
		t.Errorf("step %s: %s", cmp.Or(upTo, "5"), p)
	}
	if r == nil {
		t.FailNow()
	}
	_, rows, err := intake.Products(strings.NewReader(cmp.Or(csv, "id,title\n")), "products.csv", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var products []campaign.Product
	for p, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		products = append(products, p)
	}
	s, err := preview.New(preview.Options{
		Catalog: cat, Renderer: r, PublicURL: "https://t.kape.example", Products: render.NewCatalogue(products),
		Now: fixedNow,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compiled(t testing.TB, files fstest.MapFS) (*campaign.Catalog, []campaign.Problem) {
	t.Helper()
	cat, problems := content.Load(files)
	if cat == nil {
		for name, f := range files {
			t.Logf("%s:\n%s", name, f.Data)
		}
		t.Fatal(problems)
	}
	return cat, problems
}

// The guide's workspace is sound after each of its steps, without a warning, and its
// mail can be sent to everybody.
func TestGuide(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"1", "2", "3", "4"} {
		s := guideStudioAt(t, step)
		r, err := s.All(context.Background(), preview.AllOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := 6 * len(s.Catalog.Workspace.Locales); r.Mails != want || len(r.Errors)+len(r.Warnings) > 0 {
			t.Errorf("step %s: %d mails, want %d; %v %v", step, r.Mails, want, r.Errors, r.Warnings)
		}
		m, err := s.Mail(context.Background(), preview.Choice{Campaign: "new-arrivals"})
		if err != nil {
			t.Fatal(err)
		}
		if grid := strings.Contains(m.Text, "Moka pot for three"); grid != (step >= "3") {
			t.Errorf("step %s: a grid: %t\n%s", step, grid, m.Text)
		}
	}
	files, _ := guideFiles(t, "")
	if n := len(guideStudio(t).Catalog.Workspace.Locales); n != 6 || len(files) != 10 {
		t.Errorf("the guide ends with %d languages and %d files", n, len(files))
	}
}

// Each other example of the page is one that check has nothing against.
func TestTemplateDocs(t *testing.T) {
	t.Parallel()
	page, all := samplesOf(t)
	count := 0
	for _, s := range all {
		if slices.Contains([]string{"console", "csv"}, s.kind) || s.section != "" && s.section[0] <= '9' && s.file != "" {
			continue // csv and the guide's files: TestGuide
		}
		count++
		t.Run(s.section, func(t *testing.T) { sound(t, s, all) })
	}
	for _, m := range inlined.FindAllStringSubmatch(page, -1) {
		if shapeless(m[1]) {
			continue
		}
		count++
		t.Run(m[1], func(t *testing.T) { sound(t, sample{kind: "html", text: m[1]}, all) })
	}
	if count < 30 {
		t.Errorf("%d examples looked at", count)
	}
}

// shapeless are pieces of Liquid that are no mail by themselves.
func shapeless(liquid string) bool {
	return slices.Contains([]string{"{{ content }}", "{{ … }}", "{% render … %}", "{% capture %}"}, liquid) || strings.Contains(liquid, "value |")
}

// sound checks a block in the workspace that it is meant for: of the page's other
// files it has those that every mail shares.
func sound(t *testing.T, s sample, all []sample) {
	t.Helper()
	files := fstest.MapFS{}
	put := func(name, text string) { files[name] = &fstest.MapFile{Data: []byte(text), ModTime: now} }
	for _, other := range all {
		if strings.HasPrefix(other.file, "locales/") && !strings.Contains(s.text, "locales:") || strings.HasSuffix(other.file, ".mjml") && strings.Contains(other.file, "/partials/") {
			put(other.file, string(bytes.Join([][]byte{dataOf(files[other.file]), []byte(other.text)}, nil)))
		}
	}
	put("tidings.yaml", tidingsOf("locales: [en, fil, he, hy, el, ms]\n"))
	steps, body := "", ""
	switch {
	case s.file == "tidings.yaml":
		put(s.file, tidingsOf("locales: [en, fil, he, hy, el, ms]\n", s.text))
		body = "<p>x</p>"
	case s.kind == "yaml" && s.file == "":
		steps = s.text
	case strings.HasPrefix(s.file, "templates/layouts/"), strings.HasPrefix(s.file, "templates/partials/"):
		put(s.file, s.text)
		body = `{% render "button", url: brand.site, label: "To the shop" %}`
		if strings.HasSuffix(s.file, ".mjml") {
			put("templates/other.mjml", `<mjml><mj-head><mj-include path="./partials/`+path.Base(s.file)+`" /></mj-head><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>`)
			body, steps = "", "- send: other\n"
		}
	case s.file != "" && s.kind != "yaml":
		put(s.file, s.text)
		steps = "- send: " + strings.TrimSuffix(s.file[strings.LastIndex(s.file, "/")+1:], s.file[strings.LastIndex(s.file, "."):]) + "\n"
	default:
		body = s.text
	}
	if body != "" {
		put("templates/mail.html", body)
		steps = "- send: mail\n"
	}
	for _, m := range regexp.MustCompile(`send: ([a-z-]+)`).FindAllStringSubmatch(steps, -1) {
		if !slices.ContainsFunc([]string{".html", ".md", ".mjml"}, func(end string) bool { return files["templates/"+m[1]+end] != nil }) {
			put("templates/"+m[1]+".html", "{% for id in with.ids %}{{ id }}{% endfor %}<p>x</p>")
		}
	}
	if !strings.Contains(steps, "subject:") {
		steps = strings.TrimSuffix(steps, "\n") + "\n  subject: Hello\n" // its file may have its own
	}
	if strings.Contains(s.text, "with.") {
		steps += "  with: { ids: [a], headline: x }\n"
	}
	trigger := "past_purchase: {}"
	if strings.Contains(s.text, "cart.") {
		trigger = "abandoned_cart: { after: 1h }"
	}
	put("campaigns/x.yaml", "transactional: true\ntrigger: { "+trigger+" }\nsteps:\n"+regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimSuffix(steps, "\n"), "  ")+"\n")
	cat, problems := compiled(t, files)
	_, more := render.Compile(cat)
	for _, p := range append(problems, more...) {
		if !p.Warning {
			t.Errorf("%s\nin\n%s", p, dataOf(files[p.File]))
		}
	}
}

func dataOf(f *fstest.MapFile) []byte {
	if f == nil {
		return nil
	}
	return f.Data
}
