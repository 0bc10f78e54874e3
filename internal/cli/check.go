package cli

import (
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
)

type checkCmd struct {
	NoData      bool          `help:"Look at the files alone, not at what the database holds." name:"no-data"`
	DataTimeout time.Duration `help:"How long to look at what the database holds." name:"data-timeout" default:"10s" placeholder:"TIME"`
}

// Run validates the workspace whole: every file, every template, all problems at
// once. A sound workspace is then compared with what the database holds, where
// there is one.
func (c *checkCmd) Run(rt *runtime) error {
	files, dir, err := rt.workspace()
	if err != nil {
		return err
	}
	cat, _, problems := load(files)
	if cat != nil {
		_, more := content.Suites(files, cat)
		problems = append(problems, more...)
		var seen seenData
		if !c.NoData {
			more, seen = rt.checkData(files, cat, c.DataTimeout, problems)
			problems = append(problems, more...)
		}
		problems = append(problems, near(files, cat, seen)...)
		campaign.SortProblems(problems)
	}
	errors, warnings := []campaign.Problem{}, []campaign.Problem{}
	for _, p := range problems {
		if p.Warning {
			warnings = append(warnings, p)
		} else {
			errors = append(errors, p)
		}
	}
	if rt.json {
		if err := rt.printJSON(map[string]any{"ok": len(errors) == 0, "errors": errors, "warnings": warnings}); err != nil {
			return err
		}
	} else {
		for _, p := range errors {
			rt.printf("%s\n", p)
		}
		for _, p := range warnings {
			rt.printf("%s (warning)\n", p)
		}
	}
	if len(errors) > 0 {
		rt.say("FAILED: %s in %s, %s\n", count(len(errors), "error"), dir, count(len(warnings), "warning"))
		return &exitError{code: exitNo}
	}
	rt.say("OK: %s\n", found(cat, len(warnings)))
	return nil
}

// found says what a workspace holds.
func found(cat *campaign.Catalog, warnings int) string {
	active := 0
	for _, c := range cat.Campaigns {
		if c.Status == campaign.Active {
			active++
		}
	}
	return fmt.Sprintf("%s (%d active), %s, %s, %s, %s",
		count(len(cat.Campaigns), "campaign"), active, count(len(cat.Segments), "segment"), count(len(cat.Templates), "template"),
		count(len(cat.Workspace.Locales), "locale"), count(warnings, "warning"))
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s", thousands(n), what))
}
