package store

import (
	"context"
	"fmt"

	"tidings/internal/audience"
)

// EmailDomains tells how many customers have addresses at each domain, in small
// letters.
func (s *Store) EmailDomains(ctx context.Context, tell func(domain string, customers int)) error {
	_, domain := s.addressParts()
	rows, err := s.db.QueryContext(ctx, `SELECT `+domain+` AS domain, count(*) FROM customers c WHERE c.email <> '' GROUP BY 1`)
	if err != nil {
		return fmt.Errorf("count addresses by domain: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return fmt.Errorf("count addresses by domain: %w", err)
		}
		tell(name, n)
	}
	return rows.Err()
}

// CountLocals counts the customers whose addresses begin, up to the @ or a +, with one
// of some words.
func (s *Store) CountLocals(ctx context.Context, words []string) (n int, err error) {
	local, _ := s.addressParts()
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM customers c WHERE c.email <> '' AND `+local+` IN (SELECT x.word FROM `+s.rows("$1", "word text")+` x)`, array(wrap(words))).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count addresses by their names: %w", err)
	}
	return n, nil
}

// addressParts are SQL expressions: what stands before the @ of customer c, without a
// +tag, and what stands behind it.
func (s *Store) addressParts() (local, domain string) {
	if s.engine == audience.SQLite {
		before := `substr(c.email, 1, instr(c.email, '@') - 1)`
		return `lower(substr(` + before + `, 1, instr(` + before + ` || '+', '+') - 1))`, `lower(substr(c.email, instr(c.email, '@') + 1))`
	}
	return `lower(split_part(split_part(c.email, '@', 1), '+', 1))`, `lower(split_part(c.email, '@', 2))`
}
