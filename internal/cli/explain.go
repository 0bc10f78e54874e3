package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
)

type explainCmd struct {
	Customer string `arg:"" help:"The shop's id, or an address."`
	Campaign string `arg:"" optional:"" help:"Only this one; without it, a line for each."`
	At       moment `help:"As of this moment, instead of now (a simulation's last tick)." placeholder:"TIME"`
}

// Run says why a customer gets a campaign, or does not.
func (c *explainCmd) Run(rt *runtime) error {
	cat, _, err := rt.catalog()
	if err != nil {
		return err
	}
	campaigns, err := wanted(cat, c.Campaign)
	if err != nil {
		return err
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	at := campaign.Moment(c.At.Time)
	if c.At.IsZero() {
		if at, err = rt.reportNow(s); err != nil {
			return err
		}
	}
	customer, err := rt.customer(s, c.Customer)
	if err != nil {
		return err
	}
	found, failed, err := rt.explain(s, cat, campaigns, customer, at)
	if err != nil {
		return err
	}
	switch {
	case rt.json && c.Campaign != "":
		err = rt.printJSON(found[0])
	case rt.json:
		err = rt.printJSON(map[string]any{"customer": customer.ExternalID, "at": at, "campaigns": found})
	case c.Campaign != "":
		printExplanation(rt, found[0])
	default:
		printExplanations(rt, found)
	}
	if err == nil && failed != nil { // the answer names it, and tells of the others
		return failed
	}
	return err
}

// wanted are the campaigns of the catalog, or the one named.
func wanted(cat *campaign.Catalog, name string) ([]*campaign.Campaign, error) {
	if name == "" {
		return cat.Campaigns, nil
	}
	c, ok := cat.Campaign(name)
	if !ok {
		names := make([]string, len(cat.Campaigns))
		for i, c := range cat.Campaigns {
			names[i] = c.Name
		}
		return nil, &exitError{exitNo, fmt.Sprintf("there is no campaign %s; %s", name, nearest(name, names))}
	}
	return []*campaign.Campaign{c}, nil
}

// nearest is the hint for a name that is not among known.
func nearest(name string, known []string) string {
	switch best := campaign.Nearest(name, known); {
	case best != "":
		return "did you mean " + best + "?"
	case len(known) == 0:
		return "there is none yet"
	}
	return "there is " + strings.Join(known, ", ")
}

// customer is the one whom ref names.
func (rt *runtime) customer(s *store.Store, ref string) (campaign.Customer, error) {
	found, err := s.FindCustomers(rt.ctx, ref)
	if err != nil {
		return campaign.Customer{}, err
	}
	switch len(found) {
	case 0:
		return campaign.Customer{}, &exitError{exitNo, "there is no such customer; name one by the shop's id or by the address"}
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, c := range found {
		ids[i] = c.ExternalID
	}
	return campaign.Customer{}, &exitError{exitNo, fmt.Sprintf("%d customers have this address; name one of them: %s", len(found), strings.Join(ids, ", "))}
}

// explain rehearses the next tick at a moment, if there can be one, and explains
// what it says. Of a moment before the last tick the stored facts alone tell. failed
// names those of the campaigns that the tick could not evaluate.
func (rt *runtime) explain(s *store.Store, cat *campaign.Catalog, campaigns []*campaign.Campaign, customer campaign.Customer, at time.Time) (out []campaign.Explanation, failed *scheduler.FailedError, err error) {
	last, err := s.LastTick(rt.ctx)
	if err != nil {
		return nil, nil, err
	}
	err = s.Rehearse(rt.ctx, cat, func(s *store.Store) error {
		out = nil
		tick := rehearsal{now: at, errors: map[string]string{}}
		stories := make([][]campaign.PassStory, len(campaigns))
		for i, c := range campaigns {
			if stories[i], err = s.PassStories(rt.ctx, c, customer.ID, at); err != nil {
				return err
			}
		}
		planned, ticked := map[string]scheduler.Planned{}, !at.Before(last)
		if ticked {
			if planned, err = tick.tick(rt, s, cat, scheduler.PlanOptions{Customer: customer.ID}); err != nil {
				return err
			}
		}
		failed = tick.failedOf(campaigns)
		for i, c := range campaigns {
			if why := tick.errors[c.Name]; why != "" {
				out = append(out, unjudged(c, customer, at, why, stories[i]))
				continue
			}
			x, err := s.Explain(rt.ctx, c, customer, at, occasions(planned[c.Name].Told), ticked)
			if err != nil {
				return err
			}
			if stories[i] != nil {
				x.Passes = stories[i]
			}
			out = append(out, x)
		}
		return nil
	})
	return out, failed, err
}

// failedOf is what a rehearsed tick says of campaigns that failed, if some of these
// did.
func (r *rehearsal) failedOf(campaigns []*campaign.Campaign) *scheduler.FailedError {
	if r.failed == nil {
		return nil
	}
	asked := scheduler.FailedError{Err: r.failed.Err}
	for _, c := range campaigns {
		if slices.Contains(r.failed.Campaigns, c.Name) {
			asked.Campaigns = append(asked.Campaigns, c.Name)
		}
	}
	if len(asked.Campaigns) == 0 {
		return nil
	}
	return &asked
}

// unjudged explains a campaign that cannot be evaluated: it lets nobody in.
func unjudged(c *campaign.Campaign, customer campaign.Customer, at time.Time, why string, passes []campaign.PassStory) campaign.Explanation {
	x := campaign.Explanation{
		Customer: customer.ExternalID, Campaign: c.Name, At: at, Decision: campaign.No, Blocker: "failed",
		Detail: "the campaign cannot be evaluated, so it lets nobody in: " + why,
		Checks: []campaign.Check{}, Passes: []campaign.PassStory{},
	}
	if passes != nil {
		x.Passes = passes
	}
	return x
}

func occasions(told []scheduler.Told) []store.Occasion {
	out := make([]store.Occasion, len(told))
	for i, t := range told {
		out[i] = store.Occasion{Candidate: t.Candidate, Reason: t.Reason}
	}
	return out
}
