package cli

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/render"
)

type testCmd struct {
	Campaigns []string `arg:"" optional:"" name:"campaign" help:"Campaigns to test; all without."`
	Only      string   `name:"only" help:"Only the tests whose name has this text." placeholder:"TEXT"`
}

// testOutput is what `test --json` prints.
type testOutput struct {
	OK    bool         `json:"ok"`
	Tests []testResult `json:"tests"`
}

// testResult is how one test went. Problems are empty when it passed.
type testResult struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	Millis   float64  `json:"milliseconds"`
	Problems []string `json:"problems"`
}

// Run plays the tests beside the campaigns, each in a store of its own and on a
// clock of its own: real evaluation, real ledger, real mails, no mail server.
func (c *testCmd) Run(rt *runtime) error {
	files, dir, err := rt.workspace()
	if err != nil {
		return err
	}
	cat, renderer, err := rt.catalog()
	if err != nil {
		return err
	}
	suites, err := c.suites(rt, files, dir, cat)
	if err != nil {
		return err
	}
	out := testOutput{OK: true, Tests: []testResult{}}
	began := time.Now()
	bench, err := newTrialBench(rt)
	if err != nil {
		return err
	}
	defer bench.close()
	for _, suite := range suites {
		if err := c.suite(rt, bench, cat, renderer, suite, &out); err != nil {
			return fmt.Errorf("%s: %w", suite.File, err)
		}
	}
	return c.finish(rt, out, time.Since(began))
}

// suites are the tests asked for.
func (c *testCmd) suites(rt *runtime, files fs.FS, dir string, cat *campaign.Catalog) ([]content.Suite, error) {
	suites, problems := content.Suites(files, cat)
	errors := 0
	for _, p := range problems {
		warning := " (warning)"
		if !p.Warning {
			warning = ""
			errors++
		}
		fmt.Fprintf(rt.stderr, "%s%s\n", p, warning)
	}
	if errors > 0 {
		return nil, &exitError{exitNo, fmt.Sprintf("the tests of %s have %s; none was run", dir, count(errors, "error"))}
	}
	for _, name := range c.Campaigns {
		if _, known := cat.Campaign(name); !known {
			return nil, usage("there is no campaign %q%s", name, didYouMean(name, campaignNames(cat)))
		}
		if !slices.ContainsFunc(suites, func(s content.Suite) bool { return s.Campaign == name }) {
			return nil, usage("campaign %q has no tests; write campaigns/%s.test.yaml", name, name)
		}
	}
	suites = slices.DeleteFunc(suites, func(s content.Suite) bool {
		return len(c.Campaigns) > 0 && !slices.Contains(c.Campaigns, s.Campaign)
	})
	return suites, nil
}

func (c *testCmd) suite(rt *runtime, bench *trialBench, cat *campaign.Catalog, renderer *render.Renderer, suite content.Suite, out *testOutput) error {
	tested, _ := cat.Campaign(suite.Campaign)
	zone := tested.ZoneFor(&cat.Workspace, "") // that the file's moments are in
	for _, one := range suite.Cases {
		if !strings.Contains(one.Name, c.Only) {
			continue
		}
		began := time.Now()
		seen, err := bench.play(rt.ctx, cat, renderer, suite, one)
		if err != nil {
			return fmt.Errorf("line %d: %w", one.Line, err)
		}
		r := testResult{File: suite.File, Line: one.Line, Name: one.Name, Problems: seen.judge(one, zone)}
		r.OK = len(r.Problems) == 0
		r.Millis = float64(time.Since(began).Microseconds()) / 1000
		out.OK = out.OK && r.OK
		out.Tests = append(out.Tests, r)
	}
	return nil
}

func (c *testCmd) finish(rt *runtime, out testOutput, took time.Duration) error {
	failed := 0
	for _, r := range out.Tests {
		if !r.OK {
			failed++
		}
	}
	if rt.json {
		if err := rt.printJSON(out); err != nil {
			return err
		}
	} else {
		printTests(rt, out, took, failed)
	}
	if len(out.Tests) == 0 && c.Only != "" {
		return &exitError{exitNo, fmt.Sprintf("no test has %q in its name", c.Only)}
	}
	if len(out.Tests) == 0 {
		return &exitError{exitNo, "there are no tests; write campaigns/NAME.test.yaml beside a campaign"}
	}
	if failed > 0 {
		return &exitError{code: exitNo}
	}
	return nil
}

func printTests(rt *runtime, out testOutput, took time.Duration, failed int) {
	file := ""
	for _, r := range out.Tests {
		if r.File != file {
			file = r.File
			rt.printf("%s\n", file)
		}
		mark := "✓"
		if !r.OK {
			mark = "✗"
		}
		rt.printf("  %s %s  %.0f ms\n", mark, r.Name, r.Millis)
		for _, p := range r.Problems {
			rt.printf("      %s\n", p)
		}
	}
	if len(out.Tests) == 0 {
		return
	}
	verdict := "OK"
	if failed > 0 {
		verdict = fmt.Sprintf("FAILED: %s of", thousands(failed))
	}
	rt.printf("%s %s in %s\n", verdict, count(len(out.Tests), "test"), took.Round(time.Millisecond))
}

func campaignNames(cat *campaign.Catalog) []string {
	names := make([]string, len(cat.Campaigns))
	for i, c := range cat.Campaigns {
		names[i] = c.Name
	}
	return names
}

// didYouMean is the end of an error about a name that is not known.
func didYouMean(name string, known []string) string {
	if best := campaign.Nearest(name, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return ""
}
