package preview

import (
	"fmt"
	"strconv"

	"tidings/internal/campaign"
)

// Step is a mail of a campaign.
type Step struct {
	N        int    // from 1, in the order of the file
	ID       string // of the step
	Template string
	Way      string // the arms of branches that lead to it: "offer › gold"; empty: everybody's
}

// Steps lists the mails of a campaign.
func Steps(c *campaign.Campaign) []Step {
	var out []Step
	walk(c.Steps, "", &out)
	return out
}

func walk(steps []campaign.Step, way string, out *[]Step) {
	for _, s := range steps {
		if s.Send != nil {
			*out = append(*out, Step{N: len(*out) + 1, ID: s.ID, Template: s.Send.Template, Way: way})
		}
		for _, arm := range s.Branch {
			next := arm.Name
			if way != "" {
				next = way + " › " + next
			}
			walk(arm.Steps, next, out)
		}
	}
}

// stepOf is the mail that a person names by its number or its id; the first without.
func stepOf(c *campaign.Campaign, name string) (Step, error) {
	steps := Steps(c)
	if len(steps) == 0 {
		return Step{}, fmt.Errorf("campaign %s sends no mail", c.Name)
	}
	if name == "" {
		return steps[0], nil
	}
	var ids []string
	for _, s := range steps {
		if s.ID == name || strconv.Itoa(s.N) == name {
			return s, nil
		}
		ids = append(ids, strconv.Itoa(s.N)+" "+s.ID)
	}
	return Step{}, chosen("mail "+name+" in campaign "+c.Name, name, ids)
}
