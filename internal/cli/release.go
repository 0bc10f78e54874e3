package cli

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tidings/internal/store"
)

type releaseCmd struct {
	Campaign string `arg:"" help:"The campaign."`
	Yes      bool   `help:"Do not ask." short:"y"`
}

// releaseOutput is what `release --json` prints.
type releaseOutput struct {
	Campaign string    `json:"campaign"`
	Entries  int       `json:"entries"` // passes that the next tick begins
	Allowed  int       `json:"allowed"` // as many begin by themselves
	Usual    float64   `json:"usual"`
	Since    time.Time `json:"since"`   // the first tick that was held
	Through  time.Time `json:"through"` // the tick whose decision it is
}

// Run lets in what the fuse holds: with the next tick, and no more than is held now.
func (c *releaseCmd) Run(rt *runtime) error {
	s, err := rt.openMigrated()
	if err != nil {
		return err
	}
	defer s.Close()
	held, err := c.held(rt, s)
	if err != nil {
		return err
	}
	if !c.Yes && (rt.json || !isTerminal(rt.stderr)) {
		return usage("a release sends mail to many at once; look at `tidings plan` and add --yes")
	}
	said := heldByFuse(c.Campaign, held.Entries, held.Allowed, held.Usual)
	if !c.Yes && !agreed(rt, said+"\nLet them in with the next tick? [y/N] ") {
		return &exitError{exitNo, "nothing was released"}
	}
	now, err := rt.reportNow(s)
	if err != nil {
		return err
	}
	released, err := s.Release(rt.ctx, held, now)
	if err != nil {
		return err
	}
	if !released {
		return &exitError{exitNo, fmt.Sprintf("%s has been evaluated again meanwhile and what is held is not the same; run the command again", c.Campaign)}
	}
	if rt.json {
		return rt.printJSON(releaseOutput{c.Campaign, held.Entries, held.Allowed, held.Usual, held.Since, held.Through})
	}
	rt.printf("%s: the next tick lets %s in, as decided at %s, and no more than these\n", c.Campaign, thousands(held.Entries), held.Through.Format(time.RFC3339))
	return nil
}

// held is what the fuse holds of the campaign.
func (c *releaseCmd) held(rt *runtime, s *store.Store) (store.Held, error) {
	all, err := s.HeldByFuse(rt.ctx)
	if err != nil {
		return store.Held{}, err
	}
	var others []string
	for _, h := range all {
		if h.Campaign == c.Campaign {
			return h, nil
		}
		others = append(others, h.Campaign)
	}
	names, err := s.Loaded(rt.ctx)
	if err != nil {
		return store.Held{}, err
	}
	if !slices.Contains(names, c.Campaign) {
		return store.Held{}, noCampaign(c.Campaign, names)
	}
	text := fmt.Sprintf("the fuse holds nothing of %s", c.Campaign)
	if len(others) > 0 {
		text += "; it holds " + strings.Join(others, ", ")
	}
	return store.Held{}, &exitError{exitNo, text}
}

// agreed asks a person.
func agreed(rt *runtime, question string) bool {
	fmt.Fprint(rt.stderr, question)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}

// heldByFuse says what is held, why, and how to let go of it.
func heldByFuse(name string, entries, allowed int, usual float64) string {
	why := ""
	if usual > 0 {
		why = fmt.Sprintf(" (usual %.0f)", usual)
	}
	return fmt.Sprintf("held by the fuse: %s would enter; more than %s%s; tidings release %s --yes", thousands(entries), thousands(allowed), why, name)
}
