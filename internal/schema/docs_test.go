package schema

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tidings/internal/campaign"
	"tidings/internal/content"
)

// The examples of the docs are blocks of YAML, of these kinds by how they begin:
//
//	# campaigns/NAME.yaml      a whole file, there for the page's other examples too
//	# part of tidings.yaml     keys of tidings.yaml
//	trigger: { … }             each line the trigger of a campaign of its own
//	- send: … (or another verb)  steps of a campaign
//	- { event: … }             conditions, each of a campaign's entry
//
// Conditions within a line, as in `{ attribute: … }`, count as examples as well.
var pages = []string{"campaigns.md", "segments.md", "sending.md", "triggers.md"}

var (
	block     = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	rates     = regexp.MustCompile("(?ms)^```csv\n(date,currency,rate\n.*?)^```$")
	inline    = regexp.MustCompile("`(\\{ (?:attribute|event|segment|campaign|sample): [^`]*\\})`")
	wholeFile = regexp.MustCompile(`^# ((?:campaigns|segments)/[a-z0-9-]+\.yaml)\n`)
	topKey    = regexp.MustCompile(`(?m)^([a-z_]+):`)
	sent      = regexp.MustCompile(`\bsend: ([a-z0-9-]+)`)
	verb      = regexp.MustCompile(`^- (\{ )?(send|wait|branch|exit):`)
)

// base is the tidings.yaml that examples stand in, key by key.
var base = []struct{ key, text string }{
	{"name", "name: Kape & Co\n"},
	{"zone", "zone: Asia/Manila\n"},
	{"currency", "currency: EUR\n"},
	{"brand", "brand: { address: \"12 Calle Real, Iloilo\" }\n"},
	{"senders", "senders: { hello: { from: hello@mail.kape.example } }\n"},
	{"allow_ignore_cap", "allow_ignore_cap: [back-in-stock]\n"},
	{"topics", "topics: { offers: {}, news: {}, care: {} }\n"},
	{"defaults", "defaults: { from: hello, goal: { event: Order Completed, within: 5d, value: total } }\n"},
}

// stubs are what examples name and no page shows.
var stubs = map[string]string{
	"segments/regulars.yaml":        "match: { attribute: orders.count, at_least: 3 }\n",
	"segments/friends.yaml":         "match: { attribute: tags, has: friend }\n",
	"segments/vip.yaml":             "match: { attribute: orders.total, at_least: 500 }\n",
	"campaigns/win-back.yaml":       around("trigger: { inactivity: { after: 90d } }"),
	"campaigns/welcome.yaml":        around("trigger: { event: { name: Subscribed } }"),
	"campaigns/abandoned-cart.yaml": around("trigger: { abandoned_cart: { after: 1h } }"),
	"campaigns/letter.yaml":         around("trigger: { past_purchase: {} }"),
	"campaigns/back-in-stock.yaml":  around("when_capped: ignore\ntrigger: { back_in_stock: { asked: 180d } }"),
}

// around makes a campaign of one of its keys.
func around(key string) string {
	return "topic: offers\nexpect: { entries: { at_most: 2000 } }\nsteps: [ { send: mail } ]\n" + key + "\n"
}

// example is a workspace's files in which an example of a page stands.
func example(files map[string]string, page string) map[string]string {
	out := map[string]string{"tidings.yaml": tidings("")}
	for _, more := range []map[string]string{stubs, files} {
		for path, text := range more {
			// The attributes of a tidings.yaml of its own are all there are.
			if files["tidings.yaml"] != "" && files[path] == "" && kindOf(path) == "segment" {
				continue
			}
			out[path] = text
		}
	}
	if m := rates.FindStringSubmatch(page); m != nil {
		out["rates.csv"] = m[1]
	}
	for _, text := range out {
		for _, m := range sent.FindAllStringSubmatch(text, -1) {
			out["templates/"+m[1]+".html"] = "---\nsubject: Hello\nlayout: none\n---\n<p>Hello</p>\n"
		}
	}
	return out
}

// tidings is base with part's keys over it.
func tidings(part string) string {
	var mine []string
	for _, m := range topKey.FindAllStringSubmatch(part, -1) {
		mine = append(mine, m[1])
	}
	for _, b := range base {
		if !slices.Contains(mine, b.key) {
			part += b.text
		}
	}
	return part
}

// examples are a page's, each as the files that make it a workspace.
func examples(page string) (out map[string]map[string]string) {
	out = map[string]map[string]string{}
	whole := map[string]string{}
	add := func(name string, path, text string) { out[name] = map[string]string{path: text} }
	var conditions []string
	for i, m := range block.FindAllStringSubmatch(page, -1) {
		text, name := m[1], fmt.Sprintf("block %d", i+1)
		switch {
		case wholeFile.MatchString(text):
			whole[wholeFile.FindStringSubmatch(text)[1]] = text
		case strings.HasPrefix(text, "# part of tidings.yaml\n"):
			add(name, "tidings.yaml", tidings(text))
		case strings.HasPrefix(text, "trigger:"):
			for j, line := range strings.Split(strings.TrimSpace(text), "\n") {
				add(fmt.Sprintf("%s, line %d", name, j+1), "campaigns/x.yaml", around(line))
			}
		case verb.MatchString(text):
			add(name, "campaigns/x.yaml", "topic: offers\ntrigger: { past_purchase: {} }\nsteps:\n"+text)
		default:
			for _, item := range strings.Split("\n"+text, "\n- ")[1:] {
				conditions = append(conditions, "    "+strings.TrimSpace(item))
			}
		}
	}
	for _, m := range inline.FindAllStringSubmatch(page, -1) {
		conditions = append(conditions, "    "+m[1])
	}
	for i, c := range conditions {
		add(fmt.Sprintf("condition %d", i+1), "campaigns/x.yaml",
			"topic: offers\ntrigger: { past_purchase: {} }\nsteps: [ { send: mail } ]\nenter_when:\n"+strings.ReplaceAll(c, "\n", "\n  "))
	}
	for _, files := range out {
		for path, text := range whole {
			if files["tidings.yaml"] == "" && files[path] == "" {
				files[path] = text
			}
		}
	}
	out["whole files"] = whole
	return out
}

// TestDocs: what the docs show is right, by check and by the schemas.
func TestDocs(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for _, name := range pages {
		page, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for what, files := range examples(string(page)) {
			t.Run(name+"/"+what, func(t *testing.T) {
				all := example(files, string(page))
				fsys := fstest.MapFS{}
				for path, text := range all {
					fsys[path] = &fstest.MapFile{Data: []byte(text)}
				}
				_, problems := content.Load(fsys)
				for _, p := range problems {
					if !p.Warning {
						t.Errorf("%s\nin\n%s", p, all[p.File])
					}
				}
				for path, text := range files {
					kinds[kindOf(path)]++
					doc, err := read(text)
					if err != nil {
						t.Fatal(err)
					}
					if err := compiled(t, kindOf(path)).Validate(doc); err != nil {
						t.Errorf("the schema refuses %s: %v\nin\n%s", path, err, text)
					}
				}
			})
		}
	}
	for kind, least := range map[string]int{"campaign": 100, "segment": 3, "workspace": 4} {
		if kinds[kind] < least {
			t.Errorf("%d examples of a %s were looked at, want %d", kinds[kind], kind, least)
		}
	}
}

// TestDocsDefaults: the page's table of defaults is what triggers have.
func TestDocsDefaults(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs/triggers.md"))
	if err != nil {
		t.Fatal(err)
	}
	for row, trigger := range map[string]campaign.Trigger{
		"`past_purchase`": campaign.PastPurchase{}, "`abandoned_cart`": campaign.AbandonedCart{},
		"`abandoned_checkout`": campaign.AbandonedCheckout{}, "`abandoned_browse`": campaign.AbandonedBrowse{},
		"`inactivity`": campaign.Inactivity{}, "`event`": campaign.OnEvent{}, "`replenishment`": campaign.Replenishment{},
		"`back_in_stock`": campaign.OnProduct{}, "`price_drop`": campaign.OnProduct{Drop: .1},
		"`date`": campaign.OnDate{}, "`date`, yearly": campaign.OnDate{Yearly: true},
		"`segment`": campaign.SegmentChange{}, "`schedule`": campaign.Schedule{},
	} {
		d := trigger.Defaults()
		cells := regexp.MustCompile(`(?m)^\| ` + row + ` \| [^|]+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`).FindStringSubmatch(string(page))
		if cells == nil {
			t.Errorf("no row of defaults for %s", row)
			continue
		}
		got := campaign.TriggerDefaults{
			ReEntry: reEntry(cells[1]), Overlap: campaign.Overlap(cells[2]),
			MaxLateness: duration(cells[3]).Fixed, Expires: duration(cells[4]).Fixed,
		}
		if got != d {
			t.Errorf("%s has the defaults %+v in the docs, %+v in truth", row, got, d)
		}
	}
}

func reEntry(cell string) campaign.ReEntry {
	length, perProduct := strings.CutSuffix(cell, " per product")
	return campaign.ReEntry{Never: cell == "never", Always: cell == "always", Every: duration(length), PerProduct: perProduct}
}

// duration is none for what is no duration.
func duration(cell string) campaign.Duration {
	d, err := campaign.ParseDuration(cell)
	if err != nil {
		return campaign.Duration{}
	}
	return d
}

// TestDocsComputed: the page defines every computed attribute, and no other.
func TestDocsComputed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs/segments.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Computed attributes\n")
	section, _, found := strings.Cut(section, "\n```")
	if !found {
		t.Fatal("no table of computed attributes")
	}
	ws := &campaign.Workspace{Tiers: []campaign.Tier{{Name: "gold"}}}
	names := append(ws.ComputedNames(), "consent.TOPIC")
	for _, name := range names {
		cell := regexp.MustCompile("(?m)^\\|[^|]*(`|`\\S* `)" + regexp.QuoteMeta(name) + "`[^|]*\\|")
		if !cell.MatchString(section) {
			t.Errorf("no row defines %s", name)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for _, cell := range strings.Fields(m[1]) {
			if name := strings.Trim(cell, "`"); !slices.Contains(names, name) {
				t.Errorf("%s is no computed attribute", name)
			}
		}
	}
	for _, stage := range campaign.Stages {
		if !strings.Contains(string(page), "\n| `"+stage+"` |") {
			t.Errorf("no row defines the stage %s", stage)
		}
	}
}

// TestDocsOperators: the page has every operator of the schemas.
func TestDocsOperators(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs/segments.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range operatorNames() {
		if !regexp.MustCompile("(?m)^\\|[^|]*`" + name + "`[^|]*\\|").Match(page) {
			t.Errorf("no row defines %s", name)
		}
	}
}
