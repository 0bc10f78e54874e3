package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

// chosenMails says which mails a person means.
type chosenMails struct {
	IDs      []int64 `arg:"" optional:"" name:"id" help:"Ids of mails, as the queue shows them."`
	Campaign string  `help:"All of this campaign's that it can be done to." placeholder:"NAME"`
	Yes      bool    `help:"Do not ask." short:"y"`
}

type queueReleaseCmd struct {
	chosenMails
	Domain   string `help:"Let mail to a domain go again that has asked for less." placeholder:"DOMAIN"`
	Provider bool   `help:"Let all mail go again: the mail server asked for less, or refused us, and that is set right."`
}

type queueRetryCmd struct {
	chosenMails
	Uncertain bool `help:"With --campaign: those that may have arrived."`
	Failed    bool `help:"With --campaign: those that failed."`
}

type (
	queueAcceptCmd struct{ chosenMails }
	queueCancelCmd struct{ chosenMails }
)

// actOutput is what `queue release`, `retry`, `accept` and `cancel` print with
// --json.
type actOutput struct {
	Action string      `json:"action"`
	Done   int         `json:"done"`
	Left   []leftAlone `json:"left_alone"`
}

type leftAlone struct {
	ID     int64  `json:"id"`
	State  string `json:"state,omitempty"`
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

// Run lets mails go.
func (c *queueReleaseCmd) Run(rt *runtime) error {
	if c.Domain == "" && !c.Provider {
		return c.act(rt, store.ActRelease, nil)
	}
	if len(c.IDs) > 0 || c.Campaign != "" || c.Domain != "" && c.Provider {
		return usage("name mails by id, a --campaign, a --domain or the --provider, one of them")
	}
	s, now, err := c.open(rt)
	if err != nil {
		return err
	}
	defer s.Close()
	lifted, err := s.Lift(rt.ctx, strings.ToLower(c.Domain), rt.who, now)
	if err != nil {
		return err
	}
	what := "the mail server"
	if c.Domain != "" {
		what = c.Domain
	}
	if !lifted {
		return &exitError{exitNo, what + " holds nothing back: it has not asked for less"}
	}
	if rt.json {
		return rt.printJSON(actOutput{string(store.ActRelease), 1, []leftAlone{}})
	}
	rt.printf("mail to %s goes again, at the full rate\n", what)
	return nil
}

// Run sends mails again.
func (c *queueRetryCmd) Run(rt *runtime) error {
	var states []campaign.State
	if c.Uncertain {
		states = append(states, campaign.Uncertain)
	}
	if c.Failed {
		states = append(states, campaign.Failed)
	}
	if c.Campaign != "" && len(c.IDs) > 0 {
		return c.act(rt, store.ActRetry, nil) // which says so
	}
	if c.Campaign != "" && len(states) == 0 {
		return usage("say which of %s are sent again: --failed, --uncertain (these may have arrived) or both", c.Campaign)
	}
	if c.Campaign == "" && len(states) > 0 {
		return usage("--failed and --uncertain go with --campaign")
	}
	return c.act(rt, store.ActRetry, states)
}

// Run settles mails as sent.
func (c *queueAcceptCmd) Run(rt *runtime) error { return c.act(rt, store.ActAccept, nil) }

// Run cancels mails.
func (c *queueCancelCmd) Run(rt *runtime) error { return c.act(rt, store.ActCancel, nil) }

func (c *chosenMails) open(rt *runtime) (*store.Store, time.Time, error) {
	s, err := rt.openExisting()
	if err != nil {
		return nil, time.Time{}, err
	}
	now, err := rt.reportNow(s)
	if err != nil {
		s.Close()
		return nil, time.Time{}, err
	}
	return s, now, nil
}

// most is beyond what a person means by one command.
const most = 10_000_000

// act does something to the mails and says to which.
func (c *chosenMails) act(rt *runtime, act store.Act, states []campaign.State) error {
	switch {
	case len(c.IDs) > 0 && c.Campaign != "":
		return usage("%s and --campaign %s: take one of them; ids name mails of any campaign", strings.Trim(fmt.Sprint(c.IDs), "[]"), c.Campaign)
	case len(c.IDs) == 0 && c.Campaign == "":
		return usage("name mails by their ids, as `tidings queue` shows them, or a campaign with --campaign")
	}
	slices.Sort(c.IDs)
	c.IDs = slices.Compact(c.IDs)
	s, now, err := c.open(rt)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := rt.loadedCampaign(s, c.Campaign); err != nil {
		return err
	}
	chosen := store.Chosen{IDs: c.IDs, Campaign: c.Campaign, States: states}
	n := len(c.IDs)
	if c.Campaign != "" {
		ids, err := s.Choose(rt.ctx, act, chosen, 0, most)
		if err != nil {
			return err
		}
		if n = len(ids); n == 0 {
			return &exitError{exitNo, fmt.Sprintf("%s has no mail that can be %s", c.Campaign, acted[act])}
		}
	}
	if n > 1 && !c.Yes {
		if rt.json || !isTerminal(rt.stderr) {
			return usage("this concerns %s; look at `tidings queue` and add --yes", count(n, "mail"))
		}
		if !agreed(rt, fmt.Sprintf("%s %s? [y/N] ", act, count(n, "mail"))) {
			return &exitError{exitNo, "nothing was done"}
		}
	}
	out, err := s.Act(rt.ctx, act, chosen, rt.who, now)
	if err != nil {
		return err
	}
	return rt.printActed(act, out)
}

// acted is what an act is called once it is done.
var acted = map[store.Act]string{
	store.ActRelease: "released", store.ActRetry: "sent again", store.ActAccept: "settled as sent", store.ActCancel: "cancelled",
}

// leftShown is how many mails that were left alone are told one by one.
const leftShown = 20

func (rt *runtime) printActed(act store.Act, out store.Acted) error {
	told := actOutput{string(act), len(out.Done), []leftAlone{}}
	for _, l := range out.Left {
		told.Left = append(told.Left, leftAlone{l.ID, string(l.State), l.Why, whyLeft(act, l)})
	}
	if rt.json {
		if err := rt.printJSON(told); err != nil {
			return err
		}
	} else {
		rt.printf("%s: %s\n", acted[act], count(told.Done, "mail"))
		for i, l := range told.Left {
			if i == leftShown {
				rt.printf("  and %s more left alone\n", thousands(len(told.Left)-i))
				break
			}
			rt.printf("  %d left alone: %s\n", l.ID, l.Why)
		}
	}
	if told.Done == 0 {
		return &exitError{code: exitNo}
	}
	return nil
}

// whyLeft says why an act was not done to a mail.
func whyLeft(act store.Act, l store.LeftAlone) string {
	switch l.Why {
	case store.NotThere:
		return "there is no such mail"
	case store.NotWaiting:
		return "nothing holds it: it is due"
	case store.NotGoneOn:
		return "its customer has had a later mail of the same pass"
	case store.NotTwice:
		return "its customer has entered the campaign anew"
	case campaign.ExitCampaignRemoved:
		return "its campaign's file is gone"
	case "by_hand":
		return "it was cancelled by hand"
	case store.NotInState:
	default:
		said := "its pass has ended or no mail may go to its customer"
		if l.State == campaign.Cancelled {
			said = "it was cancelled"
		}
		return said + ": " + l.Why
	}
	switch {
	case l.State == campaign.Handoff:
		return "it is being handed over, its last byte may be out"
	case l.State == campaign.Accepted:
		return "it was sent"
	case l.State == campaign.Failed:
		return "it has failed; `tidings queue retry` sends it again"
	case act == store.ActRelease && l.State == campaign.Uncertain:
		return "it may have arrived; say `retry`, `accept` or `cancel`"
	case act == store.ActRelease || act == store.ActRetry:
		return "it is on its way: " + string(l.State)
	}
	return "it is " + string(l.State)
}

type queueLogCmd struct {
	Limit int `help:"Entries to list." default:"50" placeholder:"N"`
}

// Run says what was done by hand.
func (c *queueLogCmd) Run(rt *runtime) error {
	if c.Limit < 0 {
		return usage("--limit %d: write 0 or more", c.Limit)
	}
	s, now, err := (&chosenMails{}).open(rt)
	if err != nil {
		return err
	}
	defer s.Close()
	done, more, err := s.Audit(rt.ctx, now, c.Limit)
	if err != nil {
		return err
	}
	if rt.json {
		if done == nil {
			done = []store.Done{}
		}
		return rt.printJSON(map[string]any{"at": now, "log": done, "more": more})
	}
	if len(done) > 0 {
		t := tabwriter.NewWriter(rt.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "when\twho\tdid\tto\twhy")
		for _, d := range done {
			why := d.Detail
			if d.Message != 0 {
				why = "it was " + why
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", d.At.Format(time.RFC3339), d.Who, d.Action, actedOn(d), why)
		}
		t.Flush()
	}
	if len(done) == 0 {
		rt.printf("nothing was done by hand yet\n")
	}
	if more > 0 {
		rt.printf("and %s before\n", thousands(more))
	}
	return nil
}

// actedOn says what somebody did something to.
func actedOn(d store.Done) string {
	switch {
	case d.Action == "suppress" || d.Action == "unsuppress":
		return "the list of suppressions"
	case d.Message == 0 && d.Campaign == "": // a throttle was lifted, whose key the detail is
		if domain, is := strings.CutPrefix(d.Detail, "domain:"); is {
			return "all mail to " + domain
		}
		if sender, is := strings.CutPrefix(d.Detail, "sender:"); is {
			return "all mail of sender " + sender
		}
		return "all mail"
	case d.Message == 0:
		return d.Campaign
	}
	out := fmt.Sprintf("mail %d", d.Message)
	if d.Step != "" {
		out += ": " + d.Campaign + ", " + d.Step
	}
	if d.Customer != "" {
		out += ", to " + d.Customer
	}
	return out
}
