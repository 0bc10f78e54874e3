package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// How often the same service mail may be asked for, for an address. Of questions to
// confirm, which anybody can have mailed to anybody who fills in a form, one that was
// not answered rules out another for askWithin.
const (
	askAgain  = 2 * time.Minute
	askMost   = 5 // within askWithin
	askWithin = 24 * time.Hour
)

// ConfirmHourly is how many service mails one write key may have mailed within an hour,
// where nothing else is said.
const ConfirmHourly = 1000

// What keeps a service mail back.
const (
	unaskedAddress = "address"   // the address has had its own
	unaskedKey     = "write_key" // so many were asked for by one key
)

// asking is a service mail that was asked for.
type asking struct {
	mail string
	key  int // the write key by which it came, from 1 on; 0: by none
	at   time.Time
}

// request records that a service mail was asked for, by which the next tick sends it.
// The customer is locked, so that of many who ask at once those over the limit are told
// so.
func (s *Store) request(ctx context.Context, tx *sql.Tx, customer int64, a asking, properties map[string]any) (bool, error) {
	all := map[string]any{"mail": a.mail}
	for k, v := range properties {
		all[k] = v
	}
	elsewhere, _ := properties["email"].(string)
	may, err := s.mayAsk(ctx, tx, customer, a, elsewhere)
	if err != nil || !may {
		return false, err
	}
	return true, s.mailEvents(ctx, tx, campaign.MailRequested, [][]any{{randomUID("ask"), customer, all}}, a.at)
}

// mayAsk tells whether a service mail may go, and counts it either way. The limits are
// those of addresses, the customer's and the one that the mail goes to if that is
// another: under however many names a form has made it a customer, and whatever address
// they have by now.
func (s *Store) mayAsk(ctx context.Context, tx *sql.Tx, customer int64, a asking, elsewhere string) (bool, error) {
	var own sql.NullString
	if err := tx.QueryRowContext(ctx, `SELECT email_hash FROM customers WHERE id = $1`, customer).Scan(&own); err != nil {
		return false, fmt.Errorf("count what was asked for: %w", err)
	}
	var hashes []string
	if own.Valid && own.String != "" {
		hashes = append(hashes, own.String)
	}
	if mailbox, ok := intake.Mailbox(elsewhere); ok && a.mail == campaign.ServiceAddress {
		if hash := campaign.AddressHash(mailbox); hash != own.String {
			hashes = append(hashes, hash)
		}
	}
	if err := s.lockAddresses(ctx, tx, hashes); err != nil {
		return false, err
	}
	why, err := s.whyNotAsk(ctx, tx, hashes, a)
	if err != nil {
		return false, fmt.Errorf("count what was asked for: %w", err)
	}
	if why != "" {
		return false, s.unasked(ctx, tx, a, why)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO asked (email_hash, mail, at, write_key) SELECT x.hash, $2, $3, $4 FROM `+s.rows("$1", "hash text")+` x`,
		array(wrap(hashes)), a.mail, campaign.Micros(a.at), a.key)
	if err != nil {
		return false, fmt.Errorf("note what was asked for: %w", err)
	}
	return true, nil
}

// lockAddresses has those wait who ask for the same address, to whose count what others
// are storing would be missing. SQLite's transaction is the only writer already.
func (s *Store) lockAddresses(ctx context.Context, tx *sql.Tx, hashes []string) error {
	if s.engine == audience.SQLite {
		return nil
	}
	for _, hash := range slices.Sorted(slices.Values(hashes)) {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('asked:' || $1, 0))`, hash); err != nil {
			return fmt.Errorf("count what was asked for: %w", err)
		}
	}
	return nil
}

func (s *Store) whyNotAsk(ctx context.Context, tx *sql.Tx, hashes []string, a asking) (why string, err error) {
	var day, just, open int
	err = tx.QueryRowContext(ctx, `SELECT coalesce(max(n), 0), coalesce(max(just), 0), coalesce(max(open), 0) FROM (
			SELECT count(*) AS n, count(CASE WHEN a.at > $4 THEN 1 END) AS just, count(CASE WHEN NOT a.answered THEN 1 END) AS open
			FROM asked a JOIN `+s.rows("$1", "hash text")+` x ON x.hash = a.email_hash WHERE a.mail = $2 AND a.at > $3 GROUP BY a.email_hash) h`,
		array(wrap(hashes)), a.mail, campaign.Micros(a.at.Add(-askWithin)), campaign.Micros(a.at.Add(-askAgain))).Scan(&day, &just, &open)
	switch confirms := a.mail == campaign.ServiceConfirm; {
	case err != nil:
		return "", err
	case day >= askMost, confirms && open > 0, !confirms && just > 0:
		return unaskedAddress, nil
	case !confirms && a.key == 0: // by a mail's own link, which not everybody has
		return "", nil
	}
	var hour int
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM asked WHERE mail = $1 AND write_key = $2 AND at > $3 LIMIT $4) h`,
		a.mail, a.key, campaign.Micros(a.at.Add(-time.Hour)), s.confirmHourly).Scan(&hour)
	if err == nil && hour >= s.confirmHourly {
		why = unaskedKey
	}
	return why, err
}

// unasked counts a mail that was kept back. The first of an hour that a write key's
// limit has kept back is told of where a person looks.
func (s *Store) unasked(ctx context.Context, tx *sql.Tx, a asking, why string) error {
	us := campaign.Micros(a.at)
	var lately bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM unasked WHERE write_key = $1 AND why = $2 AND at > $3)`,
		a.key, why, campaign.Micros(a.at.Add(-time.Hour))).Scan(&lately)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO unasked (day, mail, write_key, why, count, at) VALUES ($1, $2, $3, $4, 1, $5)
			ON CONFLICT (day, mail, write_key, why) DO UPDATE SET count = unasked.count + 1, at = excluded.at`, dayOf(a.at), a.mail, a.key, why, us)
	}
	if err != nil {
		return fmt.Errorf("count what is not mailed: %w", err)
	}
	if lately || why != unaskedKey {
		return nil
	}
	return s.audit(ctx, tx, breakerName, a.at, auditRow{action: auditAlarm, detail: fmt.Sprintf(
		"%s: more than %d were asked for within an hour by %s; the others are not mailed", a.mail, s.confirmHourly, keyName(a.key))})
}

// keyName names a write key by where it stands, and not by what it is.
func keyName(key int) string {
	if key == 0 {
		return "imports"
	}
	return fmt.Sprintf("key %d of WRITE_KEY", key)
}

var serviceMails = []string{campaign.ServiceLink, campaign.ServiceConfirm, campaign.ServiceAddress}

// heedAsked leaves out the events of others by which service mails would be sent that
// the limits do not allow.
func (s *Store) heedAsked(ctx context.Context, tx *sql.Tx, es []ownEvent, now time.Time) ([]ownEvent, error) {
	out := es[:0:0]
	for _, e := range es {
		mail, _ := e.Properties["mail"].(string)
		if e.Name != campaign.MailRequested || !slices.Contains(serviceMails, mail) {
			out = append(out, e)
			continue
		}
		var known bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM events WHERE uid = $1)`, e.UID).Scan(&known); err != nil {
			return nil, fmt.Errorf("look for what was asked for: %w", err)
		}
		if known {
			continue
		}
		elsewhere, _ := e.Properties["email"].(string)
		may, err := s.mayAsk(ctx, tx, e.customer, asking{mail, e.key, now}, elsewhere)
		if err != nil {
			return nil, err
		}
		if may {
			out = append(out, e)
		}
	}
	return out, nil
}

// answered ends what an unanswered question to an address rules out.
func answered(ctx context.Context, tx *sql.Tx, hash string) error {
	_, err := tx.ExecContext(ctx, `UPDATE asked SET answered = TRUE WHERE email_hash = $1 AND mail = $2 AND NOT answered`, hash, campaign.ServiceConfirm)
	if err != nil {
		return fmt.Errorf("note the answer: %w", err)
	}
	return nil
}

// AskedCount is how many service mails of a day were asked for and not mailed.
type AskedCount struct {
	Day      time.Time `json:"day"`
	Mail     string    `json:"mail"`
	WriteKey int       `json:"write_key"` // by its place, from 1 on; 0: by none
	Why      string    `json:"why"`       // address, write_key
	Count    int       `json:"count"`
	Last     time.Time `json:"last"`
}

// Unasked counts the service mails that limits have kept back since a moment.
func (s *Store) Unasked(ctx context.Context, since time.Time) ([]AskedCount, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT day, mail, write_key, why, count, at FROM unasked WHERE at > $1 ORDER BY day, mail, write_key, why`, campaign.Micros(since))
	out, err := collect(rows, err, func(rows *sql.Rows) (c AskedCount, err error) {
		var day, at int64
		err = rows.Scan(&day, &c.Mail, &c.WriteKey, &c.Why, &c.Count, &at)
		c.Day, c.Last = time.Unix(day*86400, 0).UTC(), campaign.FromMicros(at)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("count what was not mailed: %w", err)
	}
	return out, nil
}

// AskedMails is how many service mails of a kind were asked for within the last day,
// and how many of those questions were answered.
func (s *Store) AskedMails(ctx context.Context, mail string, now time.Time) (asked, answered int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT count(*), count(CASE WHEN answered THEN 1 END) FROM asked WHERE mail = $1 AND at > $2`,
		mail, campaign.Micros(now.Add(-askWithin))).Scan(&asked, &answered)
	if err != nil {
		return 0, 0, fmt.Errorf("count what was asked for: %w", err)
	}
	return asked, answered, nil
}
