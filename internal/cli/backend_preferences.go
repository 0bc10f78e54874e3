package cli

import (
	"context"

	"tidings/internal/campaign"
)

// What a customer asks for on a page is mailed, or looked at anew, at once.

func (p poking) ChangePreferences(ctx context.Context, message int64, c campaign.PreferenceChange, hit campaign.Hit) error {
	err := p.Store.ChangePreferences(ctx, message, c, hit)
	return p.woken(err)
}

func (p poking) AskLink(ctx context.Context, message int64, hit campaign.Hit) (bool, error) {
	sent, err := p.Store.AskLink(ctx, message, hit)
	return sent, p.woken(err)
}

func (p poking) AskAddress(ctx context.Context, message int64, address string, hit campaign.Hit) (bool, error) {
	sent, err := p.Store.AskAddress(ctx, message, address, hit)
	return sent, p.woken(err)
}

func (p poking) Confirm(ctx context.Context, message int64, text string, hit campaign.Hit) (campaign.Confirmation, error) {
	c, err := p.Store.Confirm(ctx, message, text, hit)
	return c, p.woken(err)
}

// woken wakes the scheduler where nothing went wrong.
func (p poking) woken(err error) error {
	if err == nil {
		p.wake()
	}
	return err
}
