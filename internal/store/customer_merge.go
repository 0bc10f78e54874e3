package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// link makes a device's anonymous id one of a customer's names. What was done
// under it while it was nobody's becomes the customer's; if it was another known
// customer's, as on a shared device, only what comes from now on does.
func (s *Store) link(ctx context.Context, tx *sql.Tx, ref campaign.Ref, now time.Time) error {
	user, device := identity{userID, ref.ID}, identity{anonymousID, ref.AnonymousID}
	both := map[identity]bool{user: true, device: true}
	ids, err := s.find(ctx, tx, both)
	if err != nil {
		return err
	}
	if _, ok := ids[user]; !ok {
		if err := s.create(ctx, tx, []identity{user}, campaign.Micros(now), map[int64]bool{}); err != nil {
			return err
		}
	}
	if _, ok := ids[device]; !ok {
		res, err := tx.ExecContext(ctx, `INSERT INTO identities (kind, value, customer_id)
			SELECT $1, $2, customer_id FROM identities WHERE kind = $3 AND value = $4
			ON CONFLICT (kind, value) DO NOTHING`, device.kind, device.value, user.kind, user.value)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
	}
	who, err := s.people(ctx, tx, []campaign.Ref{{ID: ref.ID}, {AnonymousID: ref.AnonymousID}}, campaign.Micros(now))
	if err != nil {
		return err
	}
	from, to := who.ids[device], who.ids[user]
	if from == to {
		return nil
	}
	var external sql.NullString
	if err := tx.QueryRowContext(ctx, `SELECT external_id FROM customers WHERE id = $1`, from).Scan(&external); err != nil {
		return err
	}
	if external.Valid {
		_, err := tx.ExecContext(ctx, `UPDATE identities SET customer_id = $3 WHERE kind = $1 AND value = $2`, device.kind, device.value, to)
		return err
	}
	if err := s.merge(ctx, tx, from, to, now); err != nil {
		return fmt.Errorf("merge customer %d into %d: %w", from, to, err)
	}
	return nil
}

// merge makes everything of the anonymous customer from the known customer
// to's, and removes from. Both are locked.
func (s *Store) merge(ctx context.Context, tx *sql.Tx, from, to int64, now time.Time) error {
	if err := s.lockAway(ctx, tx, from); err != nil {
		return fmt.Errorf("lock what is theirs: %w", err)
	}
	if err := s.unrankMerged(ctx, tx, from); err != nil {
		return err
	}
	if err := s.moveEvents(ctx, tx, from, to); err != nil {
		return fmt.Errorf("move events: %w", err)
	}
	if err := s.moveFacts(ctx, tx, from, to); err != nil {
		return fmt.Errorf("move attributes: %w", err)
	}
	if err := s.movePasses(ctx, tx, from, to, now); err != nil {
		return fmt.Errorf("move passes: %w", err)
	}
	// What a worker holds was rendered for half a person: it is looked at again.
	if err := s.takeBack(ctx, tx, []int64{from, to}); err != nil {
		return err
	}
	for _, statement := range []string{
		`UPDATE consents SET customer_id = $2 WHERE customer_id = $1`,
		`UPDATE identities SET customer_id = $2 WHERE customer_id = $1`,
		`UPDATE enrollments SET customer_id = $2 WHERE customer_id = $1`,
		`UPDATE messages SET customer_id = $2 WHERE customer_id = $1`,
		`UPDATE links SET customer_id = $2 WHERE customer_id = $1`,
		// What either has chosen to get less of holds.
		`UPDATE customers SET less_often = EXISTS (SELECT 1 FROM customers c WHERE c.id IN ($1, $2) AND c.less_often),
			paused_till = (SELECT max(c.paused_till) FROM customers c WHERE c.id IN ($1, $2)) WHERE id = $2`,
		`UPDATE customers SET created_at = (SELECT min(created_at) FROM customers WHERE id IN ($1, $2)) WHERE id = $2`,
	} {
		if _, err := tx.ExecContext(ctx, statement, from, to); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM customers WHERE id = $1`, from); err != nil {
		return err
	}
	if _, err := s.refresh(ctx, tx, []int64{to}); err != nil {
		return err
	}
	// The yes of one of the two may have been said of another address than they have now.
	return s.readdress(ctx, tx, []int64{to}, said{at: now})
}

// lockAway locks a customer who is to be removed, and is locked already as by everyone
// who changes what is theirs. Whoever is about to store something of theirs is through
// then, or finds them gone and looks again: what came later would go with the customer.
// First it waits for workers that record what became of a mail: they have its row, and
// then write of its customer.
func (s *Store) lockAway(ctx context.Context, tx *sql.Tx, customer int64) error {
	lock := s.forUpdate("")
	if lock == "" {
		return nil
	}
	for _, q := range []string{
		`SELECT id FROM messages WHERE customer_id = $1 AND stage IN ('moving', 'uncertain') ORDER BY id`,
		`SELECT id FROM customers WHERE id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, q+lock, customer); err != nil {
			return err
		}
	}
	return nil
}

// moveEvents gives the events to another customer. Occurrence keys hold their
// uids, so nothing that they have started starts again.
func (s *Store) moveEvents(ctx context.Context, tx *sql.Tx, from, to int64) error {
	return s.moveFresh(ctx, tx, "events", from, to)
}

// moveFacts gives what is known of the customer to another one.
func (s *Store) moveFacts(ctx context.Context, tx *sql.Tx, from, to int64) error {
	// Of two facts of one moment the known customer's stands.
	_, err := tx.ExecContext(ctx, `DELETE FROM attribute_facts WHERE customer_id = $1 AND EXISTS (SELECT 1 FROM attribute_facts k
		WHERE k.customer_id = $2 AND k.name = attribute_facts.name AND k.at = attribute_facts.at)`, from, to)
	if err != nil {
		return err
	}
	return s.moveFresh(ctx, tx, "attribute_facts", from, to)
}

// moveFresh gives a table's rows to another customer and makes them fresh, so that
// the next tick looks at them as the customer's.
func (s *Store) moveFresh(ctx context.Context, tx *sql.Tx, table string, from, to int64) error {
	if s.engine == audience.Postgres {
		_, err := tx.ExecContext(ctx, `UPDATE `+table+` SET customer_id = $2, xid = pg_current_xact_id() WHERE customer_id = $1`, from, to)
		return err
	}
	// SQLite's ticks know fresh rows by their rowid.
	_, err := tx.ExecContext(ctx, `UPDATE `+table+` SET customer_id = $2, id = n.fresh FROM (
			SELECT e.id AS old, (SELECT seq FROM sqlite_sequence WHERE name = $3) + row_number() OVER (ORDER BY e.id) AS fresh
			FROM `+table+` e WHERE e.customer_id = $1) n
		WHERE `+table+`.id = n.old`, from, to, table)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE sqlite_sequence SET seq = (SELECT max(id) FROM `+table+`)
		WHERE name = $1 AND seq < (SELECT max(id) FROM `+table+`)`, table)
	return err
}

// movePasses gives passes whose occurrence names the customer the key of the
// other one. Where that occurrence has a pass already the moved one is one too
// many: it ends, and what is open of it is cancelled.
func (s *Store) movePasses(ctx context.Context, tx *sql.Tx, from, to int64, now time.Time) error {
	var external sql.NullString
	if err := tx.QueryRowContext(ctx, `SELECT external_id FROM customers WHERE id = $1`, to).Scan(&external); err != nil {
		return err
	}
	type pass struct {
		id  int64
		key string
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, key FROM enrollments WHERE customer_id = $1 ORDER BY id`, from)
	passes, err := collect(rows, err, func(rows *sql.Rows) (p pass, err error) {
		return p, rows.Scan(&p.id, &p.key)
	})
	if err != nil {
		return err
	}
	was, is := audience.CustomerRef(from, ""), audience.CustomerRef(to, external.String)
	var double []int64
	for _, p := range passes {
		key := rekey(p.key, was, is)
		if key == p.key {
			continue
		}
		res, err := tx.ExecContext(ctx, `UPDATE enrollments SET key = $2 WHERE id = $1 AND NOT EXISTS (
			SELECT 1 FROM enrollments k WHERE k.campaign_id = enrollments.campaign_id AND k.key = $2)`, p.id, key)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			double = append(double, p.id)
		}
	}
	return s.endPasses(ctx, tx, double, campaign.CancelMerged, now)
}

// rekey replaces the customer in an occurrence key: the keys of inactivity
// begin with it, those of schedules end with it, others hold an event's uid. An
// anonymous customer's reference (#17) is in no uid.
func rekey(key, was, is string) string {
	if rest, ok := strings.CutPrefix(key, was+"@"); ok {
		return is + "@" + rest
	}
	if rest, ok := strings.CutSuffix(key, "@"+was); ok {
		return rest + "@" + is
	}
	return key
}
