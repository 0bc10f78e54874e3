package render

import "tidings/internal/campaign"

// Sample is a message of a step to a made-up customer, with all that templates can
// name in it.
func Sample(c *campaign.Campaign, step, locale string) campaign.Outgoing {
	return sampleMessage(c, step, locale)
}
