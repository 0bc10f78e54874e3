package content

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// FuzzLoad: whatever a campaign's file holds, Load returns, and each problem of
// it stands at a place that the file has.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/broken/campaign/*.yaml", "testdata/*.yaml", "skeleton/campaigns/*.yaml"} {
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
		"expires":      "expires: 15h",
		"expect":       "expect: { entries: { at_most: 45000 } }",
		"active_from":  "active_from: 2026-12-01 09:00",
		"active_until": "active_until: 2027-12-01",
		"on_uncertain": "on_uncertain: resend",
		"from":         "from: care",
		"reply_to":     "reply_to: care",
	}
}

// TestKeys: every documented key is taken, in any company and order.
func TestKeys(t *testing.T) {
	t.Parallel()
	lines := examples()
	triggers := []string{
		"past_purchase: { after: 2h, where: { total: { at_least: 5 } } }",
		"abandoned_cart: { after: 1h, where: { value: { at_least: 15 } } }",
		"inactivity: { after: 90d, of: [Order Completed, Product Viewed], where: { total: 5 } }",
		"event: { name: Order Delivered, after: 14d, where: { rating: { at_least: 5 } } }",
		"schedule: { at: 2026-12-01 09:00 }",
		"schedule: { every: day, at: 09:00 }",
		"schedule: { every: week, day: tue, at: 09:00 }",
		"schedule: { every: month, day: last, at: 09:00, after: 1h }",
		"schedule: { cron: 0 9 1 * * }",
	}
	steps := []string{
		"{ send: cart-reminder, id: one, subject: { en: Hi, he: שלום }, preheader: Hi, from: hello, reply_to: care, expires: 3h, when: { segment: vip } }",
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
		if rapid.Bool().Draw(r, "transactional") && !contains(keys, "holdout") {
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
		file = rapid.Permutation(file).Draw(r, "file")
		catalog, problems := Load(workspace(t, map[string]string{"campaigns/x.yaml": strings.Join(file, "\n") + "\n"}))
		if catalog == nil || len(problems) > 0 {
			r.Fatalf("%s\n%s", strings.Join(file, "\n"), listing(problems))
		}
	})
}

// FuzzWorkspace: whatever tidings.yaml holds, Load returns.
func FuzzWorkspace(f *testing.F) {
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
