package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tidings/internal/campaign"
)

// counts tells whether what is let out is counted at all.
func (s *Store) counts() bool {
	if s.slowed.Load() {
		return true
	}
	if s.catalog == nil {
		return false
	}
	p := s.provider()
	return !p.Rate.IsZero() || p.Daily > 0 || len(p.Domains) > 0 ||
		slices.ContainsFunc(s.catalog.Campaigns, func(c *campaign.Campaign) bool { return !c.Rate.IsZero() })
}

// giveBack counts what was let out, but not sent, as not let out.
func (s *Store) giveBack(ctx context.Context, tx *sql.Tx, back []trip) error {
	if len(back) == 0 || !s.counts() {
		return nil
	}
	type place struct {
		key string
		at  int64
	}
	n := map[place]int{}
	for _, t := range back {
		at := campaign.Micros(t.letOut)
		n[place{providerKey, at}]++
		n[place{domainKey(t.domain), at}]++
		n[place{campaignKey(t.campaign), at}]++
		if key := s.senderOf(t); key != providerKey {
			n[place{key, at}]++
		}
		if s.provider().Daily > 0 {
			begin, _ := dayAround(t.letOut, s.catalog.Workspace.Zone)
			n[place{dailyKey, campaign.Micros(begin)}]++
		}
	}
	in := make([][]any, 0, len(n))
	for p, n := range n {
		in = append(in, []any{p.key, p.at, n})
	}
	slices.SortFunc(in, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[0].(string), b[0].(string)), cmp.Compare(a[1].(int64), b[1].(int64)))
	})
	if err := s.lockSpent(ctx, tx, in); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE spent SET n = spent.n - x.n FROM `+s.rows("$1", "key text", "at bigint", "n int")+` x
		WHERE spent.key = x.key AND spent.at = x.at AND spent.n >= x.n`, array(in))
	if err != nil {
		return fmt.Errorf("give back what was not sent: %w", err)
	}
	return nil
}

// lockSpent locks what was let out of places, by key and moment: everyone who locks
// several does so in this order.
func (s *Store) lockSpent(ctx context.Context, tx *sql.Tx, places [][]any) error {
	lock := s.forUpdate("OF p")
	if lock == "" {
		return nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT p.n FROM `+s.rows("$1", "key text", "at bigint")+` x
		JOIN spent p ON p.key = x.key AND p.at = x.at ORDER BY p.key, p.at`+lock, array(places))
	if _, err = collect(rows, err, scanID); err != nil {
		return fmt.Errorf("lock what was let out: %w", err)
	}
	return nil
}

// read fills in what was let out before, and so the room that is left.
func (l *limits) read(ctx context.Context, s *Store, tx querier) error {
	by := map[string]*allowance{}
	var in [][]any
	for _, a := range l.all() {
		by[a.key] = a
		in = append(in, []any{a.key, a.since(), a.part()})
	}
	if len(in) > 0 {
		rows, err := tx.QueryContext(ctx, `SELECT p.key, max(p.at), sum(p.n) FROM `+s.rows("$1", "key text", "after bigint", "part bigint")+` x
			JOIN spent p ON p.key = x.key AND p.at > x.after GROUP BY p.key, p.at / x.part ORDER BY p.key, 2`, array(in))
		_, err = collect(rows, err, func(rows *sql.Rows) (p spent, err error) {
			var key string
			err = rows.Scan(&key, &p.at, &p.n)
			if err == nil {
				by[key].spent = append(by[key].spent, p)
			}
			return p, err
		})
		if err != nil {
			return err
		}
	}
	for _, a := range by {
		a.room = a.left(l.now)
	}
	return nil
}

// count writes down what was let out, and drops what is counted no more.
func (l *limits) count(ctx context.Context, s *Store, tx *sql.Tx, out []duePick) error {
	n := map[*allowance]int{}
	for _, p := range out {
		for _, a := range []*allowance{l.provider, l.daily, l.domains[p.domain], l.rate(campaign.Lane(p.lane), p.campaign), l.sender(p.campaign, p.step)} {
			if a != nil {
				n[a]++
			}
		}
	}
	var in, old [][]any
	for a, n := range n {
		a.spend(n)
		in = append(in, []any{a.key, a.spendAt, n})
		old = append(old, []any{a.key, a.since()})
	}
	if len(in) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO spent (key, at, n) SELECT x.key, x.at, x.n FROM `+s.rows("$1", "key text", "at bigint", "n int")+` x
		WHERE TRUE ORDER BY x.key ON CONFLICT (key, at) DO UPDATE SET n = spent.n + excluded.n`, array(in)); err != nil {
		return err
	}
	// What somebody is just giving back is dropped by the next round: the relay waits
	// for nobody's row once it has its own.
	_, err := tx.ExecContext(ctx, `DELETE FROM spent WHERE (key, at) IN (SELECT p.key, p.at FROM `+s.rows("$1", "key text", "after bigint")+` x
		JOIN spent p ON p.key = x.key AND p.at <= x.after`+s.forUpdate("OF p SKIP LOCKED")+`)`, array(old))
	return err
}
