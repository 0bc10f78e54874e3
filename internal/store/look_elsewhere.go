package store

import (
	"context"
	"encoding/json"

	"tidings/internal/campaign"
)

// elsewhere is where the one mail goes that does not go to the address on file: the
// question whether an address is the customer's new one. ok is false for all others.
func (r *candidateRow) elsewhere() (address string, ok bool, err error) {
	if r.out.Campaign != campaign.ServiceCampaign || r.out.Step != campaign.ServiceAddress {
		return "", false, nil
	}
	var asked struct {
		Email string `json:"email"`
	}
	err = json.Unmarshal(r.out.Trigger, &asked)
	return asked.Email, err == nil, err
}

// barred turns away such a mail to an address that is to get none: the others'
// addresses were looked at as they were read.
func (l *look) barred(ctx context.Context) error {
	for _, r := range l.rows {
		address, ok, err := r.elsewhere()
		if err != nil {
			return err
		}
		if !ok || r.why != "" {
			continue
		}
		var barred bool
		if err := l.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM suppressions WHERE email_hash = $1 AND topic = '`+allMail+`' AND at <= $2)`,
			campaign.AddressHash(address), campaign.Micros(l.now)).Scan(&barred); err != nil {
			return err
		}
		if barred {
			r.why = campaign.HeldSuppressed
		}
	}
	return nil
}

// readdress sends it where it belongs.
func (l *look) readdress(ctx context.Context, rows []*candidateRow) error {
	for _, r := range rows {
		address, ok, err := r.elsewhere()
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		r.out.Customer.Email = address
		if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET email_hash = $2 WHERE id = $1`, r.out.ID, campaign.AddressHash(address)); err != nil {
			return err
		}
	}
	return nil
}
