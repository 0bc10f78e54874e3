package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// The kinds of identities.
const (
	userID      = "user"      // the shop's id
	anonymousID = "anonymous" // a device's
)

// identity is a name that the outside has for a customer.
type identity struct{ kind, value string }

// identityOf is what a reference goes by: the shop's id where there is one.
func identityOf(r campaign.Ref) identity {
	if r.ID != "" {
		return identity{userID, r.ID}
	}
	return identity{anonymousID, r.AnonymousID}
}

// people are the customers that identities stand for.
type people struct {
	ids map[identity]int64
	new map[int64]bool // made by this call
}

// people finds the customers of refs, makes those that there are not yet, with
// createdAt, and locks them all in the order of their ids, as everyone does who
// locks customers.
func (s *Store) people(ctx context.Context, tx *sql.Tx, refs []campaign.Ref, createdAt int64) (people, error) {
	wanted := map[identity]bool{}
	for _, r := range refs {
		wanted[identityOf(r)] = true
	}
	p := people{new: map[int64]bool{}}
	// A merge that was under way when we looked can have taken a customer away by
	// the time that we hold its lock; what is left is then looked up again.
	for range 5 {
		var err error
		if p.ids, err = s.find(ctx, tx, wanted); err != nil {
			return p, fmt.Errorf("find customers: %w", err)
		}
		var missing []identity
		for id := range wanted {
			if _, ok := p.ids[id]; !ok {
				missing = append(missing, id)
			}
		}
		if len(missing) > 0 {
			if err := s.create(ctx, tx, missing, createdAt, p.new); err != nil {
				return p, fmt.Errorf("create customers: %w", err)
			}
			if p.ids, err = s.find(ctx, tx, wanted); err != nil {
				return p, fmt.Errorf("find customers: %w", err)
			}
		}
		gone, err := s.lock(ctx, tx, slices.Collect(maps.Values(p.ids)))
		if err != nil {
			return p, fmt.Errorf("lock customers: %w", err)
		}
		if !gone && len(p.ids) == len(wanted) {
			return p, nil
		}
	}
	return p, errors.New("find customers: they are being merged over and over")
}

// find reads the customers of identities.
func (s *Store) find(ctx context.Context, tx *sql.Tx, wanted map[identity]bool) (map[identity]int64, error) {
	in := make([][]any, 0, len(wanted))
	for id := range wanted {
		in = append(in, []any{id.kind, id.value})
	}
	out := make(map[identity]int64, len(wanted))
	rows, err := tx.QueryContext(ctx, `SELECT i.kind, i.value, i.customer_id
		FROM `+s.rows("$1", "kind text", "value text")+` x
		JOIN identities i ON i.kind = x.kind AND i.value = x.value`, array(in))
	_, err = collect(rows, err, func(rows *sql.Rows) (id identity, err error) {
		var customer int64
		err = rows.Scan(&id.kind, &id.value, &customer)
		out[id] = customer
		return id, err
	})
	return out, err
}

// create makes a customer for each identity, in an order that two who create
// the same ones share; of the two the second finds those of the first.
func (s *Store) create(ctx context.Context, tx *sql.Tx, ids []identity, createdAt int64, made map[int64]bool) error {
	slices.SortFunc(ids, func(a, b identity) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.value, b.value))
	})
	var users, devices []string
	for _, id := range ids {
		if id.kind == userID {
			users = append(users, id.value)
		} else {
			devices = append(devices, id.value)
		}
	}
	if len(users) > 0 {
		if err := s.createUsers(ctx, tx, users, createdAt, made); err != nil {
			return err
		}
	}
	if len(devices) > 0 {
		return s.createAnonymous(ctx, tx, devices, createdAt, made)
	}
	return nil
}

func (s *Store) createUsers(ctx context.Context, tx *sql.Tx, users []string, createdAt int64, made map[int64]bool) error {
	in := make([][]any, len(users))
	for i, u := range users {
		in[i] = []any{u}
	}
	param := array(in)
	rows, err := tx.QueryContext(ctx, `INSERT INTO customers (external_id, created_at)
		SELECT x.value, $2 FROM `+s.rows("$1", "value text")+` x WHERE TRUE
		ON CONFLICT (external_id) DO NOTHING RETURNING id`, param, createdAt)
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		made[id] = true
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO identities (kind, value, customer_id)
		SELECT 'user', x.value, c.id FROM `+s.rows("$1", "value text")+` x
		JOIN customers c ON c.external_id = x.value WHERE TRUE
		ON CONFLICT (kind, value) DO NOTHING`, param)
	return err
}

// createAnonymous makes customers that have no id but a device's. Nothing of
// theirs is unique but the identity, so whoever comes second takes back the
// customers made for nothing.
func (s *Store) createAnonymous(ctx context.Context, tx *sql.Tx, devices []string, createdAt int64, made map[int64]bool) error {
	in := make([][]any, len(devices))
	for i, d := range devices {
		in[i] = []any{d}
	}
	rows, err := tx.QueryContext(ctx, `INSERT INTO customers (created_at)
		SELECT $2 FROM `+s.rows("$1", "value text")+` x WHERE TRUE RETURNING id`, array(in), createdAt)
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for i, id := range ids {
		in[i] = []any{devices[i], id}
		made[id] = true
	}
	rows, err = tx.QueryContext(ctx, `INSERT INTO identities (kind, value, customer_id)
		SELECT 'anonymous', x.value, x.customer_id FROM `+s.rows("$1", "value text", "customer_id bigint")+` x WHERE TRUE
		ON CONFLICT (kind, value) DO NOTHING RETURNING customer_id`, array(in))
	kept, err := collect(rows, err, scanID)
	if err != nil || len(kept) == len(ids) {
		return err
	}
	idle := slices.DeleteFunc(ids, func(id int64) bool { return slices.Contains(kept, id) })
	for _, id := range idle {
		delete(made, id)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM customers WHERE id IN `+s.ids("$1"), array(idle))
	return err
}

// lock takes the customers' row locks and tells whether one of them is gone.
// SQLite's transaction is the only writer already, so nobody can be.
func (s *Store) lock(ctx context.Context, tx *sql.Tx, ids []int64) (gone bool, err error) {
	if s.engine == audience.SQLite || len(ids) == 0 {
		return false, nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	rows, err := tx.QueryContext(ctx, `SELECT id FROM customers WHERE id IN `+s.ids("$1")+` ORDER BY id FOR NO KEY UPDATE`, array(ids))
	held, err := collect(rows, err, scanID)
	return len(held) < len(ids), err
}
