package content

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

// FuzzLoad: whatever a campaign's file holds, Load returns, and each problem of
// it stands at a place that the file has.
func FuzzLoad(f *testing.F) {
	for _, text := range constructs() {
		f.Add("topic: offers\n" + text + "\nsteps: [ { send: cart-reminder, subject: Hello } ]\n")
	}
	patterns := []string{
		"testdata/broken/campaign/*.yaml", "testdata/*.yaml", "testdata/programmes/campaigns/*.yaml", "skeleton/campaigns/*.yaml",
	}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds: %v", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		catalog, problems := Load(workspace(t, map[string]string{"campaigns/x.yaml": text}))
		lines := strings.Split(text, "\n")
		fatal := false
		for _, p := range problems {
			fatal = fatal || !p.Warning
			if p.Message == "" || strings.Contains(p.Message, "%!") || p.Line < 1 || p.Column < 1 || p.Line > len(lines)+1 {
				t.Errorf("%q has no place: %+v", text, p)
			}
			if p.File != "campaigns/x.yaml" {
				t.Errorf("%q is no fault of %s: %s", text, p.File, p)
			}
			// One or two behind the end is where something is missing.
			if p.Line <= len(lines) && p.Column > utf8.RuneCountInString(lines[p.Line-1])+2 {
				t.Errorf("%q has no such column: %+v", text, p)
			}
		}
		if fatal == (catalog != nil) {
			t.Errorf("catalog %v with %d problems", catalog != nil, len(problems))
		}
		if catalog == nil {
			return
		}
		if c, ok := catalog.Campaign("x"); !ok || c.Trigger == nil || c.Program == nil || len(c.Steps) == 0 {
			t.Errorf("%q made half a campaign: %+v", text, c)
		}
	})
}

// triggersWritten has an example of every trigger.
func triggersWritten() []string {
	return []string{
		"past_purchase: { after: 2h, where: { total: { at_least: 5 } } }",
		"past_purchase: { which: first }",
		"past_purchase: { which: { nth: 3 } }",
		"abandoned_cart: { after: 1h, where: { value: { at_least: 15 } } }",
		"abandoned_checkout: { after: 1h, where: { value: { at_least: 15 EUR } } }",
		"abandoned_browse: { after: 4h, views: { at_least: 2 }, same: category, where: { category: coffee } }",
		"inactivity: { after: 90d, of: [Order Completed, Product Viewed], where: { total: 5 } }",
		"event: { name: Order Delivered, after: 14d, where: { rating: { at_least: 5 } } }",
		"replenishment: { of: { category: coffee }, gap: customer, fallback: 30d, before: 4d, where: { total: { above: 5 } } }",
		"replenishment: { gap: 30d, fallback: 30d }",
		"back_in_stock: { asked: 180d, viewed: 14d, per_unit: 3, after: 1h, where: { stock: { at_least: 1 } } }",
		"price_drop: { by: 15%, asked: 0, viewed: 14d }",
		"date: { attribute: birthday, yearly: true, before: 3d, at: 09:30 }",
		"date: { attribute: first_order, after: 7d }",
		"segment: { entered: vip, after: 1h }",
		"segment: { left: vip }",
		"schedule: { at: 2026-12-01 09:00 }",
		"schedule: { every: day, at: 09:00 }",
		"schedule: { every: week, day: tue, at: 09:00 }",
		"schedule: { every: month, day: last, at: 09:00, after: 1h }",
		"schedule: { cron: 0 9 1 * * }",
	}
}

// conditionsWritten has an example of every condition that stands anywhere.
func conditionsWritten() []string {
	out := []string{
		"{ segment: vip }",
		"{ not: { any: [ { segment: vip }, { all: [ { sample: 10% } ] } ] } }",
		"{ sample: 12.5%, seed: spring }",
		"{ campaign: welcome, is: held_out, within: 12mo }",
		"{ attribute: orders.overdue_by, at_least: 7d }",
		"{ attribute: orders.total, between: [50, 99 EUR] }",
		"{ attribute: stage, in: [at_risk, lapsed] }",
		"{ attribute: consent.news, is: true }",
		"{ event: Order Completed, count: { between: [2, 5] }, between: [2026-01-01, 2026-06-30] }",
		"{ event: Order Completed, sum: { of: total, at_least: 200 EUR }, within: 365d }",
		"{ event: Order Completed, avg: { of: products.price, below: 5 }, since: 2026-01-01 }",
		"{ event: Order Completed, min: { of: total, is: 5 }, within: 5d }",
		"{ event: Order Completed, max: { of: total, is_not: 5 }, before: 90d }",
		"{ event: Product Viewed, distinct: { of: product_id, at_least: 2 }, within: 7d }",
		"{ event: Order Completed, first: { before: 365d } }",
		"{ event: Order Completed, last: { within: 90d, before: 30d } }",
		"{ event: Product Viewed, followed_by: { event: Order Completed, where: { coupon: X }, within: 2h }, within: 9d }",
		"{ event: Product Added, not_followed_by: { event: Order Completed }, within: 9d }",
		"{ event: Order Completed, where: { products.category: tea, products: { category: tea, price: { at_least: 20 } } }, within: 9d }",
	}
	for text := range operands() {
		out = append(out, "{ attribute: a"+strconv.Itoa(len(out))+", "+text+" }")
	}
	return out
}

// constructs has every trigger, and every condition as an audience.
func constructs() []string {
	var out []string
	for _, t := range triggersWritten() {
		out = append(out, "trigger: { "+t+" }\nexpect: { entries: { at_most: 5 } }")
	}
	conditions := append(conditionsWritten(),
		"{ trigger: products.category, has: coffee }", "{ attribute: favourite.product, same_as: trigger.products.product_id }",
		"{ event: Order Refunded, where: { order_id: { same_as: trigger.order_id } } }",
		"{ event: Order Completed, since: anchor }", "{ event: Order Completed, since: entry }")
	for _, c := range conditions {
		out = append(out, "trigger: { past_purchase: {} }\naudience: "+c)
	}
	return out
}

// TestConstructs: the examples are sound.
func TestConstructs(t *testing.T) {
	t.Parallel()
	for _, text := range constructs() {
		mustLoad(t, workspace(t, map[string]string{
			"campaigns/x.yaml": "topic: offers\n" + text + "\nsteps: [ { send: cart-reminder, subject: Hello } ]\n",
		}))
	}
}

// examples has a valid line for every key of a campaign but the required ones.
func examples() map[string]string {
	return map[string]string{
		"name":         "name: A label",
		"was":          "was: [older, oldest]",
		"status":       "status: active",
		"audience":     "audience: vip",
		"enter_when":   "enter_when: { attribute: orders.count, is: 0 }",
		"exit_on":      "exit_on: { event: Order Completed }",
		"re_entry":     "re_entry: 7d",
		"overlap":      "overlap: newest",
		"goal":         "goal: { event: Order Completed, where: { total: { above: 5 } }, within: 5d, value: total }",
		"holdout":      "holdout: 12.5%",
		"zone":         "zone: workspace",
		"max_lateness": "max_lateness: 6h",
		"expires":      "expires: 7d",
		"expect":       "expect: { entries: { at_most: 45000 } }",
		"active_from":  "active_from: 2026-12-01 09:00",
		"active_until": "active_until: 2027-12-01",
		"priority":     "priority: 80",
		"when_capped":  "when_capped: drop",
		"send_window":  "send_window: { days: [mon, sun], from: 08:00, to: 21:00 }",
		"fresh":        "fresh: { event: Order Completed, gap: 6h }",
		"rate":         "rate: 5000 per 1h",
		"on_uncertain": "on_uncertain: resend",
		"utm":          "utm: { source: shop, content: letter }",
		"from":         "from: care",
		"reply_to":     "reply_to: care",
	}
}

func marketingOnly(key string) bool {
	return contains([]string{"holdout", "priority", "when_capped", "send_window", "fresh", "rate"}, key)
}

// TestKeys: every documented key is taken, in any company and order.
func TestKeys(t *testing.T) {
	t.Parallel()
	lines := examples()
	triggers, conditions := triggersWritten(), conditionsWritten()
	steps := []string{
		"{ send: cart-reminder, id: one, subject: { en: Hi, he: שלום }, preheader: Hi, from: hello, reply_to: care, expires: 8d, send_at: 09:00, with: { headline: { en: Hi, he: שלום }, n: 3, list: [a, 2] }, when: { segment: vip } }",
		"{ wait: 2d, when: { attribute: tier, is: gold } }",
		"{ wait: { until: tue 09:00 }, id: two }",
		"{ wait: { for: { event: Order Completed }, at_most: 3d } }",
		"{ branch: [ { name: a, when: { segment: vip }, steps: [ { exit: a } ] }, { name: b, share: 50%, steps: [] }, { name: c, steps: [ { wait: 1h } ] } ] }",
		"{ exit: done, when: { segment: vip } }",
	}
	required := []string{"topic", "transactional", "trigger", "steps"}
	for _, key := range campaignKeys {
		if lines[key] == "" && !contains(required, key) {
			t.Errorf("no example of %s", key)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.SampledFrom(sorted(lines)), rapid.ID).Draw(r, "keys")
		trigger := rapid.SampledFrom(triggers).Draw(r, "trigger")
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(steps), 1, -1, rapid.ID).Draw(r, "steps")
		file := []string{"trigger: { " + trigger + " }", "steps: [ " + strings.Join(chosen, ", ") + " ]"}
		if rapid.Bool().Draw(r, "transactional") && !slices.ContainsFunc(keys, marketingOnly) {
			file = append(file, "transactional: true")
		} else {
			file = append(file, "topic: offers")
		}
		if strings.HasPrefix(trigger, "schedule") && !contains(keys, "expect") {
			keys = append(keys, "expect")
		}
		for _, key := range keys {
			file = append(file, lines[key])
		}
		if contains(keys, "audience") {
			i := slices.Index(file, lines["audience"])
			file[i] = "audience: " + rapid.SampledFrom(conditions).Draw(r, "audience")
		}
		file = rapid.Permutation(file).Draw(r, "file")
		catalog, problems := Load(workspace(t, map[string]string{"campaigns/x.yaml": strings.Join(file, "\n") + "\n"}))
		if catalog == nil || len(problems) > 0 {
			r.Fatalf("%s\n%s", strings.Join(file, "\n"), listing(problems))
		}
	})
}

// FuzzSegment: whatever a segment's file holds, Load returns.
func FuzzSegment(f *testing.F) {
	for _, c := range conditionsWritten() {
		f.Add("match: " + c + "\nlimit: { first: 500, by: orders.total, order: lowest }\n")
	}
	files, err := filepath.Glob("testdata/broken/segment/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		catalog, problems := Load(workspace(t, map[string]string{
			"segments/x.yaml": text, "tidings.yaml": baseWith(t, "tiers: [ { name: gold, when: { not: { segment: x } } }, { name: none } ]\n"),
		}))
		for _, p := range problems {
			if p.File == "segments/x.yaml" && (p.Line < 1 || p.Column < 1) || p.Message == "" || strings.Contains(p.Message+p.Hint, "%!") {
				t.Errorf("%q has no place: %+v", text, p)
			}
		}
		if catalog == nil {
			return
		}
		campaign.Walk(catalog.Segments["x"].Match, func(c campaign.Condition) {
			if e, ok := c.(campaign.EventMatch); ok && e.Event == "" || c == nil {
				t.Errorf("%q made half a condition: %+v", text, c)
			}
		})
	})
}

// FuzzRates: whatever a file of rates holds, Load returns, and each rate is one.
func FuzzRates(f *testing.F) {
	f.Add("date,currency,rate\n2026-01-01,USD,0.9\n2026-02-01,USD,1\n")
	f.Add("\uFEFFdate,currency,rate\r\n\"2026-01-01\",\"USD\",0.9\r\n")
	f.Add("date,currency,rate\n\"\n\",,\n")
	f.Fuzz(func(t *testing.T, text string) {
		catalog, problems := Load(workspace(t, map[string]string{
			"rates.csv": text, "tidings.yaml": baseWith(t, "rates: rates.csv\n"),
		}))
		for _, p := range problems {
			if p.File != "rates.csv" || p.Line < 1 || p.Column < 1 || strings.Contains(p.Message+p.Hint, "%!") {
				t.Errorf("%q has no place: %+v", text, p)
			}
		}
		if catalog == nil {
			return
		}
		for currency, list := range catalog.Workspace.Rates {
			for i, r := range list {
				if !(r.Rate > 0) || math.IsInf(r.Rate, 0) || i > 0 && !r.From.After(list[i-1].From) {
					t.Errorf("%q: rates of %s are %v", text, currency, list)
				}
			}
		}
	})
}

// FuzzWorkspace: whatever tidings.yaml holds, Load returns.
func FuzzWorkspace(f *testing.F) {
	f.Add(baseWith(f, `rates: tidings.yaml
attributes: { size: { type: text, in: [S, M] }, born: { type: date, pii: true }, tags: { type: list } }
tiers: [ { name: gold, when: { event: Order Completed, sum: { of: total, at_least: 500 EUR }, within: 365d } }, { name: none } ]
rfm: { within: 365d, recency: [30d, 60d, 90d, 120d], frequency: [1, 2, 3, 4], monetary: [1, 2, 3, 4 EUR] }
`))
	for _, pattern := range []string{"testdata/broken/workspace/*.yaml", "testdata/base/*.yaml", "skeleton/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds: %v", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		catalog, problems := Load(workspace(t, map[string]string{"tidings.yaml": text}))
		for _, p := range problems {
			if p.File == "tidings.yaml" && (p.Line < 1 || p.Column < 1 || strings.Contains(p.Message, "%!")) {
				t.Errorf("%q has no place: %+v", text, p)
			}
		}
		if catalog != nil && (catalog.Workspace.Zone == nil || len(catalog.Workspace.Locales) == 0) {
			t.Errorf("%q made half a workspace: %+v", text, catalog.Workspace)
		}
	})
}

// FuzzTemplate: a template's source is the end of its file, from its line on.
func FuzzTemplate(f *testing.F) {
	f.Add("---\nsubject: Hello\n---\n<p>x</p>\n")
	f.Add("---\r\nsubject: { en: a, he: b }\r\nlayout: none\r\n---\r\n<p>x</p>")
	f.Add("---\n---\n")
	f.Add("<p>---</p>\n---\n")
	f.Add("---\nsubject: {{ a }}, b\n---")
	f.Fuzz(func(t *testing.T, text string) {
		ps := newProblems()
		tmpls := readTemplates(workspace(t, map[string]string{"templates/x.html": text}), ps, []string{"en", "he"})
		x := tmpls.mails["x"][""]
		lines := strings.SplitAfter(strings.TrimPrefix(text, "\uFEFF"), "\n")
		if x == nil || x.Line < 1 || x.Line > len(lines)+1 || strings.Join(lines[x.Line-1:], "") != x.Source {
			t.Errorf("%q became %+v", text, x)
		}
		for _, p := range ps.list {
			if p.Line < 1 || p.Column < 1 || p.Line > len(lines)+1 {
				t.Errorf("%q has no place: %+v", text, p)
			}
		}
	})
}
