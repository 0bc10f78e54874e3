package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// What is done to the list by hand, as the audit log names it.
const (
	auditSuppress   = "suppress"
	auditUnsuppress = "unsuppress"
)

// Suppress puts addresses on the list of those that get no mail, and ends the passes
// of their customers, by whose hand and why for the audit log. It tells how many are
// new there, or are there for a reason now that subscribing anew does not take back.
func (s *Store) Suppress(ctx context.Context, list []campaign.Suppression, who, why string, now time.Time) (added int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if added, err = s.putOnList(ctx, tx, list, now); err != nil || added == 0 {
			return err
		}
		if err := s.audit(ctx, tx, who, now, auditRow{action: auditSuppress, detail: why}); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return 0, fmt.Errorf("suppress: %w", err)
	}
	return added, nil
}

// ImportSuppressions puts the rows of a file on the list, some thousand per
// transaction; one that is run again changes nothing.
func (s *Store) ImportSuppressions(ctx context.Context, rows iter.Seq2[intake.SuppressionRow, error], who, why string, o ImportOptions) (Counts, error) {
	anything := func(intake.SuppressionRow) (bool, *intake.Rejected) { return false, nil }
	return importRows(rows, o, anything, func(batch []intake.SuppressionRow) (stored int, err error) {
		list := make([]campaign.Suppression, len(batch))
		for i, row := range batch {
			list[i] = row.Suppression
		}
		err = s.write(ctx, func(tx *sql.Tx) error {
			stored, err = s.putOnList(ctx, tx, list, o.Now)
			if err != nil || stored == 0 {
				return err
			}
			// With each of them: an import may end halfway.
			if err := s.audit(ctx, tx, who, o.Now, auditRow{action: auditSuppress, detail: fmt.Sprintf("%s: %d entries", why, stored)}); err != nil {
				return err
			}
			return s.notify(ctx, tx)
		})
		return stored, err
	})
}

// putOnList is Suppress without the log.
func (s *Store) putOnList(ctx context.Context, tx *sql.Tx, list []campaign.Suppression, now time.Time) (int, error) {
	rows := array(strongest(list))
	var added int64
	err := s.listing(ctx, tx, rows, func() error {
		res, err := tx.ExecContext(ctx, `INSERT INTO suppressions (email_hash, topic, reason, at)
			SELECT x.hash, x.topic, x.reason, x.at FROM `+s.rows("$1", "hash text", "topic text", "reason text", "at bigint")+` x WHERE TRUE ORDER BY x.hash, x.topic
			ON CONFLICT (email_hash, topic) DO UPDATE SET reason = excluded.reason, at = excluded.at
			WHERE suppressions.reason = '`+unsubscribed+`' AND (excluded.reason <> '`+unsubscribed+`' OR excluded.at > suppressions.at)`, rows)
		if err == nil {
			added, err = res.RowsAffected()
		}
		return err
	})
	if err != nil || added == 0 {
		return 0, err
	}
	return int(added), s.endListed(ctx, tx, rows, now)
}

// strongest leaves one row of each address and scope: what subscribing anew does not
// take back before what it does, then the latest.
func strongest(list []campaign.Suppression) [][]any {
	at := map[[2]string]int{}
	var out [][]any
	for _, l := range list {
		row := []any{l.Hash, l.Scope, l.Reason, campaign.Micros(l.At)}
		key := [2]string{l.Hash, l.Scope}
		i, known := at[key]
		switch {
		case !known:
			at[key] = len(out)
			out = append(out, row)
		case out[i][2] == unsubscribed && (l.Reason != unsubscribed || campaign.Micros(l.At) > out[i][3].(int64)):
			out[i] = row
		}
	}
	return out
}

// lockListed locks the customers with addresses on a list who have passes to end: before
// the list, as does whoever records what came back of a mail.
func (s *Store) lockListed(ctx context.Context, tx *sql.Tx, rows string) error {
	lock := s.forNoKeyUpdate()
	if lock == "" {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `SELECT c.id FROM customers c WHERE c.email_hash IN (SELECT x.hash FROM `+s.rows("$1", "hash text")+` x)
		AND EXISTS (SELECT 1 FROM enrollments e WHERE e.customer_id = c.id AND e.state = 'running') ORDER BY c.id`+lock, rows); err != nil {
		return fmt.Errorf("lock customers: %w", err)
	}
	return nil
}

// endListed ends the passes of customers whose addresses are on the list by now.
func (s *Store) endListed(ctx context.Context, tx *sql.Tx, rows string, now time.Time) error {
	listed := s.rows("$1", "hash text", "topic text")
	found, err := tx.QueryContext(ctx, `SELECT DISTINCT e.id FROM `+listed+` x JOIN suppressions s ON s.email_hash = x.hash AND s.topic = x.topic
		JOIN customers c ON c.email_hash = s.email_hash JOIN enrollments e ON e.customer_id = c.id AND e.state = 'running' JOIN campaigns k ON k.id = e.campaign_id
		WHERE (s.topic = '`+allMail+`' OR k.topic <> '' AND (s.topic = '`+allMarketing+`' OR s.topic = k.topic)) AND NOT `+resubscribed("c.id", "k.topic", "$2"), rows, campaign.Micros(now))
	passes, err := collect(found, err, scanID)
	if err != nil {
		return fmt.Errorf("find passes: %w", err)
	}
	return s.endPasses(ctx, tx, passes, campaign.HeldSuppressed, now)
}

// Unsuppress takes an address off the list, of one scope or, when it is empty, of all,
// and tells what stood there. What its customers have said of mails stands.
func (s *Store) Unsuppress(ctx context.Context, hash, scope, who, why string, now time.Time) (gone []campaign.Suppression, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT topic, reason, at FROM suppressions WHERE email_hash = $1 AND ($2 = '' OR topic = $2) ORDER BY topic`+s.forUpdate(""), hash, scope)
		gone, err = collect(rows, err, func(rows *sql.Rows) (l campaign.Suppression, err error) {
			var at int64
			err = rows.Scan(&l.Scope, &l.Reason, &at)
			l.Hash, l.At = hash, campaign.FromMicros(at)
			return l, err
		})
		if err != nil || len(gone) == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM suppressions WHERE email_hash = $1 AND ($2 = '' OR topic = $2)`, hash, scope); err != nil {
			return err
		}
		// Days of refusals would put it back at the next one.
		if scope == "" || scope == allMail {
			if _, err := tx.ExecContext(ctx, `DELETE FROM soft_bounces WHERE email_hash = $1`, hash); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, who, now, auditRow{action: auditUnsuppress, detail: why})
	})
	if err != nil {
		return nil, fmt.Errorf("take off the list: %w", err)
	}
	return gone, nil
}
