package cli

import (
	"fmt"

	"tidings/internal/store"
)

type regradeCmd struct {
	All    bool `help:"Also the hits that the present rules have graded."`
	DryRun bool `help:"Tell what would change, and change nothing." name:"dry-run"`
}

// Run grades stored opens and clicks by the present rules.
func (c *regradeCmd) Run(rt *runtime) error {
	s, err := rt.openMigrated()
	if err != nil {
		return err
	}
	defer s.Close()
	now, err := rt.reportNow(s)
	if err != nil {
		return err
	}
	o := store.RegradeOptions{All: c.All, DryRun: c.DryRun}
	if rt.terminal {
		o.Tell = func(hits int) { fmt.Fprintf(rt.stderr, "\r%s hits", thousands(hits)) }
	}
	r, err := s.Regrade(rt.ctx, now, o)
	if rt.terminal && r.Hits > 0 {
		fmt.Fprintln(rt.stderr)
	}
	if err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(r)
	}
	printRegraded(rt, r)
	return nil
}

func printRegraded(rt *runtime, r store.Regraded) {
	verb, made, removed := "changed", "made", "removed"
	if r.DryRun {
		verb, made, removed = "would change", "to make", "to remove"
	}
	rt.printf("rules %d: %s of %s graded; %s %s\n", r.Rules, count(r.Hits, "hit"), count(r.Mails, "mail"), thousands(r.Changed), verb)
	for _, c := range r.Changes {
		rt.printf("  %-6s %-8s → %-8s %s\n", c.Kind, c.From, c.To, thousands(c.Hits))
	}
	if r.Events.Made+r.Events.Removed > 0 {
		rt.printf("  events %s: %s · %s: %s\n", made, thousands(r.Events.Made), removed, thousands(r.Events.Removed))
	}
}
