package store

import (
	"context"
	"database/sql"
	"fmt"

	"tidings/internal/campaign"
)

// SuppressionFilter chooses suppressions; what is empty chooses all.
type SuppressionFilter struct{ Hash, Scope, Reason string }

func (f SuppressionFilter) where() (string, []any) {
	return `($1 = '' OR s.email_hash = $1) AND ($2 = '' OR s.topic = $2) AND ($3 = '' OR s.reason = $3)`, []any{f.Hash, f.Scope, f.Reason}
}

// Suppressions gives those that are chosen, by address and scope; those later than
// after come next. emails asks for the addresses of customers who have them now.
func (s *Store) Suppressions(ctx context.Context, f SuppressionFilter, after campaign.Suppression, limit int, emails bool) ([]campaign.Suppression, error) {
	where, args := f.where()
	// One customer of the address is named where several share it.
	rows, err := s.db.QueryContext(ctx, `SELECT s.email_hash, s.topic, s.reason, s.at, coalesce(c.id, 0), c.external_id, coalesce(c.email, '')
		FROM suppressions s LEFT JOIN customers c ON c.id = (SELECT min(o.id) FROM customers o WHERE o.email_hash = s.email_hash)
		WHERE `+where+` AND (s.email_hash, s.topic) > ($4, $5) ORDER BY s.email_hash, s.topic LIMIT $6`, append(args, after.Hash, after.Scope, limit)...)
	list, err := collect(rows, err, func(rows *sql.Rows) (l campaign.Suppression, err error) {
		var at, customer int64
		var external sql.NullString
		err = rows.Scan(&l.Hash, &l.Scope, &l.Reason, &at, &customer, &external, &l.Email)
		if l.At = campaign.FromMicros(at); customer != 0 {
			l.Customer = externalOr(external, customer)
		}
		if !emails {
			l.Email = ""
		}
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("read suppressions: %w", err)
	}
	return list, nil
}

// SuppressionsOf are those of one address, each with what its customers have
// subscribed to since.
func (s *Store) SuppressionsOf(ctx context.Context, hash string) ([]campaign.Suppression, error) {
	list, err := s.Suppressions(ctx, SuppressionFilter{Hash: hash}, campaign.Suppression{}, 1000, false)
	if err != nil {
		return nil, err
	}
	for i, l := range list {
		if l.Reason != unsubscribed {
			continue
		}
		rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT k.topic FROM consents k JOIN customers c ON c.id = k.customer_id
			WHERE c.email_hash = $1 AND k.given AND NOT k.follows AND k.at > $2 AND ($3 IN ('`+allMail+`', '`+allMarketing+`', k.topic) OR k.topic = '`+everyTopic+`') ORDER BY k.topic`, hash, campaign.Micros(l.At), l.Scope)
		list[i].Back, err = collect(rows, err, scanText)
		if err != nil {
			return nil, fmt.Errorf("read consents: %w", err)
		}
	}
	return list, nil
}

// SuppressionCount is how many addresses are suppressed alike.
type SuppressionCount struct {
	Scope  string `json:"scope"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// CountSuppressions counts those that are chosen, by scope and reason.
func (s *Store) CountSuppressions(ctx context.Context, f SuppressionFilter) ([]SuppressionCount, error) {
	where, args := f.where()
	rows, err := s.db.QueryContext(ctx, `SELECT s.topic, s.reason, count(*) FROM suppressions s WHERE `+where+` GROUP BY s.topic, s.reason ORDER BY count(*) DESC, s.topic, s.reason`, args...)
	counts, err := collect(rows, err, func(rows *sql.Rows) (c SuppressionCount, err error) {
		err = rows.Scan(&c.Scope, &c.Reason, &c.Count)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("count suppressions: %w", err)
	}
	return counts, nil
}

// AddressHashOf is the hash of a customer's address by the shop's id; empty: there is
// no such customer, or no address.
func (s *Store) AddressHashOf(ctx context.Context, external string) (hash string, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT coalesce(c.email_hash, '') FROM customers c WHERE c.external_id = $1`, external)
	list, err := collect(rows, err, scanText)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

func scanText(rows *sql.Rows) (text string, err error) {
	err = rows.Scan(&text)
	return text, err
}
