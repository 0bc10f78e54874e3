package store

import (
	"context"
	"encoding/json"

	"tidings/internal/campaign"
)

// elsewhere sends the one mail that does not go to the address on file to where it
// belongs: the question whether an address is the customer's new one.
func (l *look) elsewhere(ctx context.Context, rows []*candidateRow) error {
	for _, r := range rows {
		if r.out.Campaign != campaign.ServiceCampaign || r.out.Step != campaign.ServiceAddress {
			continue
		}
		var asked struct {
			Email string `json:"email"`
		}
		if err := json.Unmarshal(r.out.Trigger, &asked); err != nil {
			return err
		}
		r.out.Customer.Email = asked.Email
		if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET email_hash = $2 WHERE id = $1`, r.out.ID, campaign.AddressHash(asked.Email)); err != nil {
			return err
		}
	}
	return nil
}
