package campaign_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// cartCampaign has the defaults of an abandoned cart and no holdout.
func cartCampaign() *campaign.Campaign {
	d := campaign.AbandonedCart{}.Defaults()
	return &campaign.Campaign{Name: "cart", ReEntry: d.ReEntry, Overlap: campaign.OverlapBoth, MaxLateness: d.MaxLateness}
}

func admission(c *campaign.Campaign) *campaign.Admission {
	return &campaign.Admission{
		Campaign: c, Workspace: "shop", Seed: c.Name, Now: noon, Activated: noon.AddDate(-1, 0, 0),
		ExitedBefore: func(campaign.Candidate, campaign.Candidate) (bool, error) { return false, nil },
	}
}

// due is a candidate of customer 1 that is due at and was found in time.
func due(key string, at time.Time) campaign.Candidate {
	return campaign.Candidate{Customer: 1, Key: key, Anchor: at.Add(-time.Hour), Due: at, AsOf: at}
}

var reachable = campaign.Standing{Reachable: true, External: "ana"}

func offer(t testing.TB, a *campaign.Admission, c campaign.Candidate, s campaign.Standing) {
	t.Helper()
	if err := a.Offer(c, s); err != nil {
		t.Fatal(err)
	}
}

func keys(a *campaign.Admission) string {
	var out []string
	for _, e := range a.Entries {
		out = append(out, e.Key)
	}
	return strings.Join(out, " ")
}

func TestAdmissionHolds(t *testing.T) {
	t.Parallel()
	standing := func(change func(*campaign.Standing)) campaign.Standing {
		s := reachable
		change(&s)
		return s
	}
	const us = time.Microsecond
	for _, c := range []struct {
		name     string
		change   func(*campaign.Campaign)
		due      time.Time
		standing campaign.Standing
		held     string // "" enters, "-" is nothing at all
	}{
		{"enters", nil, noon, reachable, ""},
		{"at the activation", nil, noon.AddDate(-1, 0, 0), reachable, "-"},
		{"known", nil, noon, standing(func(s *campaign.Standing) { s.Known = true }), "-"},
		{"just in time", nil, noon.Add(-24*time.Hour + us), reachable, ""},
		{"as late as may not be", nil, noon.Add(-24 * time.Hour), reachable, campaign.HeldTooLate},
		{"at active_until", func(c *campaign.Campaign) { c.ActiveUntil = noon }, noon, reachable, ""},
		{"after active_until", func(c *campaign.Campaign) { c.ActiveUntil = noon.Add(-us) }, noon, reachable, campaign.HeldUntil},
		{"no consent", nil, noon, campaign.Standing{Why: campaign.HeldNoConsent}, campaign.HeldNoConsent},
		{"suppressed", nil, noon, campaign.Standing{Why: campaign.HeldSuppressed}, campaign.HeldSuppressed},
		{"no address", nil, noon, campaign.Standing{Why: campaign.HeldNoAddress}, campaign.HeldNoAddress},
		{"late before unreachable", nil, noon.AddDate(0, 0, -2), campaign.Standing{Why: campaign.HeldNoConsent}, campaign.HeldTooLate},
		{"once, first time", func(c *campaign.Campaign) { c.ReEntry = campaign.ReEntry{Never: true} }, noon, reachable, ""},
		{"once, again", func(c *campaign.Campaign) { c.ReEntry = campaign.ReEntry{Never: true} }, noon,
			standing(func(s *campaign.Standing) { s.LastEntry = noon.AddDate(-5, 0, 0) }), campaign.HeldReEntry},
		{"always", nil, noon, standing(func(s *campaign.Standing) { s.LastEntry = noon }), ""},
		{"7d, to the microsecond", func(c *campaign.Campaign) { c.ReEntry = campaign.ReEntry{Every: campaign.Days(7)} }, noon,
			standing(func(s *campaign.Standing) { s.LastEntry = noon.AddDate(0, 0, -7) }), ""},
		{"7d, a microsecond short", func(c *campaign.Campaign) { c.ReEntry = campaign.ReEntry{Every: campaign.Days(7)} }, noon,
			standing(func(s *campaign.Standing) { s.LastEntry = noon.AddDate(0, 0, -7).Add(us) }), campaign.HeldReEntry},
		{"1mo, to the day", func(c *campaign.Campaign) { c.ReEntry = campaign.ReEntry{Every: campaign.Duration{Months: 1}} }, noon,
			standing(func(s *campaign.Standing) { s.LastEntry = noon.AddDate(0, -1, 0) }), ""},
		{"entered later than this one", func(c *campaign.Campaign) { c.ReEntry = campaign.ReEntry{Every: campaign.Of(us)} }, noon,
			standing(func(s *campaign.Standing) { s.LastEntry = noon.Add(time.Hour) }), campaign.HeldReEntry},
		{"first, one open", func(c *campaign.Campaign) { c.Overlap = campaign.OverlapFirst }, noon,
			standing(func(s *campaign.Standing) { s.Open = 4 }), campaign.HeldInProgress},
		{"first, one ended after", func(c *campaign.Campaign) { c.Overlap = campaign.OverlapFirst }, noon,
			standing(func(s *campaign.Standing) { s.EndedAt = noon.Add(us) }), campaign.HeldInProgress},
		{"first, one ended by then", func(c *campaign.Campaign) { c.Overlap = campaign.OverlapFirst }, noon,
			standing(func(s *campaign.Standing) { s.EndedAt = noon }), ""},
		{"newest, one open", func(c *campaign.Campaign) { c.Overlap = campaign.OverlapNewest }, noon,
			standing(func(s *campaign.Standing) { s.Open = 4 }), ""},
		{"both, one open", nil, noon, standing(func(s *campaign.Standing) { s.Open = 4 }), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			camp := cartCampaign()
			if c.change != nil {
				c.change(camp)
			}
			a := admission(camp)
			one := due("k", c.due)
			offer(t, a, one, c.standing)
			entries, held := 0, map[string]int{}
			switch c.held {
			case "":
				entries = 1
			case "-":
			default:
				held[c.held] = 1
			}
			if len(a.Entries) != entries {
				t.Errorf("%d entries, want %d", len(a.Entries), entries)
			}
			if diff := cmp.Diff(held, a.Held); diff != "" {
				t.Error(diff)
			}
			if entries == 1 {
				want := campaign.Entry{Candidate: one, Supersedes: camp.Overlap == campaign.OverlapNewest}
				if diff := cmp.Diff(want, a.Entries[0]); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestAdmissionCarriesOnWithinATick(t *testing.T) {
	t.Parallel()
	three := []campaign.Candidate{due("a", noon.Add(-3*time.Hour)), due("b", noon.Add(-2*time.Hour)), due("c", noon.Add(-time.Hour))}
	exits := func(after ...string) func(earlier, later campaign.Candidate) (bool, error) {
		return func(earlier, later campaign.Candidate) (bool, error) {
			for _, pair := range after {
				if pair == earlier.Key+later.Key {
					return true, nil
				}
			}
			return false, nil
		}
	}
	for _, c := range []struct {
		name   string
		change func(*campaign.Campaign, *campaign.Admission)
		want   string
		held   map[string]int
	}{
		{"both", func(*campaign.Campaign, *campaign.Admission) {}, "a b c", map[string]int{}},
		{"newest", func(c *campaign.Campaign, _ *campaign.Admission) { c.Overlap = campaign.OverlapNewest }, "a b c", map[string]int{}},
		{"never again", func(c *campaign.Campaign, _ *campaign.Admission) { c.ReEntry = campaign.ReEntry{Never: true} }, "a", map[string]int{campaign.HeldReEntry: 2}},
		{"2h apart", func(c *campaign.Campaign, _ *campaign.Admission) {
			c.ReEntry = campaign.ReEntry{Every: campaign.Of(2 * time.Hour)}
		}, "a c", map[string]int{campaign.HeldReEntry: 1}},
		{"first", func(c *campaign.Campaign, _ *campaign.Admission) { c.Overlap = campaign.OverlapFirst }, "a", map[string]int{campaign.HeldInProgress: 2}},
		{"first, ended before the third", func(c *campaign.Campaign, a *campaign.Admission) {
			c.Overlap, a.ExitedBefore = campaign.OverlapFirst, exits("ac")
		}, "a c", map[string]int{campaign.HeldInProgress: 1}},
		{"first, ended each time", func(c *campaign.Campaign, a *campaign.Admission) {
			c.Overlap, a.ExitedBefore = campaign.OverlapFirst, exits("ab", "bc")
		}, "a b c", map[string]int{}},
		{"first, held out", func(c *campaign.Campaign, _ *campaign.Admission) {
			c.Overlap, c.Holdout = campaign.OverlapFirst, 1
		}, "a b c", map[string]int{}},
	} {
		camp := cartCampaign()
		a := admission(camp)
		c.change(camp, a)
		for _, one := range three {
			offer(t, a, one, reachable)
		}
		other := due("z", noon)
		other.Customer = 2
		offer(t, a, other, reachable)
		if got := keys(a); got != c.want+" z" {
			t.Errorf("%s: %s entered, want %s z", c.name, got, c.want)
		}
		if diff := cmp.Diff(c.held, a.Held); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// A refused candidate leaves no trace: the next one is not held for its sake.
func TestAdmissionForgetsTheRefused(t *testing.T) {
	t.Parallel()
	camp := cartCampaign()
	camp.ReEntry, camp.Overlap = campaign.ReEntry{Never: true}, campaign.OverlapFirst
	a := admission(camp)
	offer(t, a, due("late", noon.AddDate(0, 0, -3)), reachable)
	offer(t, a, due("unreachable", noon.Add(-time.Hour)), campaign.Standing{Why: campaign.HeldNoConsent})
	offer(t, a, due("good", noon), reachable)
	if keys(a) != "good" {
		t.Errorf("%s entered: %v", keys(a), a.Held)
	}
}

func TestAdmissionPassesOnErrors(t *testing.T) {
	t.Parallel()
	camp := cartCampaign()
	camp.Overlap = campaign.OverlapFirst
	a := admission(camp)
	broken := errors.New("no database")
	a.ExitedBefore = func(campaign.Candidate, campaign.Candidate) (bool, error) { return false, broken }
	offer(t, a, due("a", noon.Add(-time.Hour)), reachable)
	if err := a.Offer(due("b", noon), reachable); !errors.Is(err, broken) || keys(a) != "a" {
		t.Errorf("%s entered, %v", keys(a), err)
	}
}

// Two ticks admit whom one would have: what the first decided is what the
// second finds stored.
func TestAdmissionAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		camp := cartCampaign()
		camp.Overlap = rapid.SampledFrom([]campaign.Overlap{campaign.OverlapFirst, campaign.OverlapNewest, campaign.OverlapBoth}).Draw(t, "overlap")
		camp.ReEntry = rapid.SampledFrom([]campaign.ReEntry{{Always: true}, {Never: true}, {Every: campaign.Of(5 * time.Hour)}}).Draw(t, "re_entry")
		camp.Holdout = campaign.Share(rapid.IntRange(0, 1).Draw(t, "holdout"))
		camp.MaxLateness = 48 * time.Hour
		var cs []campaign.Candidate
		for i := range rapid.IntRange(0, 12).Draw(t, "candidates") {
			c := due(fmt.Sprint("k", i), noon.Add(-time.Duration(rapid.IntRange(0, 24).Draw(t, "hours"))*time.Hour))
			c.Customer = int64(rapid.IntRange(1, 2).Draw(t, "customer"))
			cs = append(cs, c)
		}
		campaign.SortCandidates(cs)
		// Every pass ends two hours after its entry by its own cancel.
		ended := func(earlier, later campaign.Candidate) (bool, error) {
			return !later.AsOf.Before(earlier.AsOf.Add(2 * time.Hour)), nil
		}
		whole := admission(camp)
		whole.ExitedBefore = ended
		stored := map[int64]campaign.Standing{}
		var ticks []string
		for _, c := range cs {
			if err := whole.Offer(c, reachable); err != nil {
				t.Fatal(err)
			}
			s, before := stored[c.Customer]
			if !before {
				s = reachable
			}
			if !s.EndedAt.IsZero() && !s.EndedAt.After(c.AsOf) {
				s.Open = 0
			}
			tick := admission(camp)
			if err := tick.Offer(c, s); err != nil {
				t.Fatal(err)
			}
			if len(tick.Entries) == 0 {
				continue
			}
			ticks = append(ticks, c.Key)
			s.LastEntry, s.Open, s.EndedAt = c.AsOf, 1, c.AsOf.Add(2*time.Hour)
			if tick.Entries[0].HeldOut {
				s.Open, s.EndedAt = 0, c.AsOf
			}
			stored[c.Customer] = s
		}
		if got := keys(whole); got != strings.Join(ticks, " ") {
			t.Fatalf("one tick admits %s, one each %s", got, strings.Join(ticks, " "))
		}
	})
}

func TestAdmissionHoldsOut(t *testing.T) {
	t.Parallel()
	camp := cartCampaign()
	camp.Holdout = 0.1
	draw := func() (held map[string]bool) {
		held = map[string]bool{}
		a := admission(camp)
		for i := range 10_000 {
			c := due(fmt.Sprint("k", i), noon)
			c.Customer = int64(i)
			offer(t, a, c, campaign.Standing{Reachable: true, External: fmt.Sprint("customer-", i)})
		}
		for _, e := range a.Entries {
			if e.HeldOut {
				held[e.Key] = true
			}
		}
		return held
	}
	first := draw()
	// Three standard deviations of 10,000 draws of 0.1 are 90.
	if n := len(first); n < 910 || n > 1090 {
		t.Errorf("%d of 10,000 are held out, want about 1,000", n)
	}
	if diff := cmp.Diff(first, draw()); diff != "" {
		t.Error("others are held out the second time")
	}
	camp.Transactional = true
	if n := len(draw()); n != 0 {
		t.Errorf("%d are kept from a transactional mail", n)
	}
	camp.Transactional, camp.Holdout = false, 0
	if n := len(draw()); n != 0 {
		t.Errorf("%d are held out of nothing", n)
	}
	camp.Holdout = 1
	if n := len(draw()); n != 10_000 {
		t.Errorf("only %d are held out of all", n)
	}
}

func TestSortCandidates(t *testing.T) {
	t.Parallel()
	// What we learned late is decided late, though it was due first.
	late := due("a", noon.Add(-time.Hour))
	late.AsOf = noon.Add(time.Hour)
	cs := []campaign.Candidate{late, due("c", noon), due("b", noon)}
	campaign.SortCandidates(cs)
	if got := cs[0].Key + cs[1].Key + cs[2].Key; got != "bca" {
		t.Error(got)
	}
}

func TestBlows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expect, n int
		usual     float64
		want      bool
	}{
		{0, 500, 0, false},
		{0, 501, 0, true},
		{0, 500, 100, false},
		{0, 501, 100, true},
		{0, 1000, 200, false},
		{0, 1001, 200, true},
		{0, 0, 0, false},
		{45_000, 45_000, 1, false},
		{45_000, 45_001, 1e6, true},
		{10, 11, 1000, true}, // what is declared counts, not what is usual
	} {
		camp := campaign.Campaign{Expect: c.expect}
		if got := camp.Blows(c.n, c.usual); got != c.want {
			t.Errorf("%d entries, usually %v, expected %d: %t", c.n, c.usual, c.expect, got)
		}
	}
}
