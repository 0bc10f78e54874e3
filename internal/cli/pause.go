package cli

import (
	"errors"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

type (
	pauseCmd struct {
		Campaign string `arg:"" help:"The campaign."`
		Reason   string `help:"Why, for others to read." placeholder:"TEXT"`
	}
	resumeCmd struct {
		Campaign string `arg:"" help:"The campaign."`
	}
)

// pauseOutput is what `pause --json` and `resume --json` print.
type pauseOutput struct {
	Campaign string     `json:"campaign"`
	Paused   bool       `json:"paused"` // by hand, now
	Since    *time.Time `json:"since,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Status   string     `json:"status"` // what the file says
}

// Run stops a campaign.
func (c *pauseCmd) Run(rt *runtime) error {
	s, now, err := (&chosenMails{}).open(rt)
	if err != nil {
		return err
	}
	defer s.Close()
	before, err := s.Pause(rt.ctx, c.Campaign, c.Reason, rt.who, now)
	if err != nil {
		return rt.unloaded(s, c.Campaign, err)
	}
	out := pauseOutput{Campaign: c.Campaign, Paused: true, Since: &now, Reason: c.Reason, Status: before.Status}
	if !before.Since.IsZero() {
		out.Since = &before.Since
		if c.Reason == "" {
			out.Reason = before.Why
		}
	}
	if rt.json {
		return rt.printJSON(out)
	}
	switch {
	case !before.Since.IsZero():
		rt.printf("%s was paused already, since %s%s\n", c.Campaign, out.Since.Format(time.RFC3339), because(out.Reason))
	default:
		rt.printf("%s is paused: it decides nothing and sends nothing until `tidings resume %s`, whatever its file says\n", c.Campaign, c.Campaign)
	}
	return nil
}

// Run lets a campaign go on.
func (c *resumeCmd) Run(rt *runtime) error {
	s, now, err := (&chosenMails{}).open(rt)
	if err != nil {
		return err
	}
	defer s.Close()
	before, err := s.Resume(rt.ctx, c.Campaign, rt.who, now)
	if err != nil {
		return rt.unloaded(s, c.Campaign, err)
	}
	if before.Since.IsZero() {
		text := c.Campaign + " is not paused by hand"
		if before.Status != string(campaign.Active) {
			text += "; its file says status: " + before.Status
		}
		return &exitError{exitNo, text}
	}
	if rt.json {
		return rt.printJSON(pauseOutput{Campaign: c.Campaign, Status: before.Status})
	}
	if before.Status != string(campaign.Active) {
		rt.printf("%s is no longer paused by hand; it still does nothing: its file says status: %s\n", c.Campaign, before.Status)
		return nil
	}
	rt.printf("%s goes on; what was due since %s enters unless it is later than max_lateness\n", c.Campaign, before.Since.Format(time.RFC3339))
	return nil
}

// unloaded says which campaigns there are to one who has named another.
func (rt *runtime) unloaded(s *store.Store, name string, err error) error {
	if !errors.Is(err, store.ErrNoCampaign) {
		return err
	}
	names, err := s.Loaded(rt.ctx)
	if err != nil {
		return err
	}
	return noCampaign(name, names)
}
