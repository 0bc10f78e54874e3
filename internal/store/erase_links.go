package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// eraseLinks removes the links that name one of the addresses and went to others too.
// Those of the customer's mails alone go with them, whatever they name.
func (s *Store) eraseLinks(ctx context.Context, tx *sql.Tx, addresses []string) error {
	for _, address := range addresses {
		for _, text := range spellings(address) {
			// Replaced, and not compared by LIKE, to which addresses may hold wildcards.
			rows, err := tx.QueryContext(ctx, `SELECT id, url FROM links WHERE replace(lower(url), $1, '') <> lower(url)`, text)
			gone := []int64{}
			_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
				var target string
				if err = rows.Scan(&id, &target); err == nil && names(strings.ToLower(target), text) {
					gone = append(gone, id)
				}
				return id, err
			})
			if err != nil {
				return fmt.Errorf("find links that name the customer: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE id IN `+s.ids("$1"), array(gone)); err != nil {
				return fmt.Errorf("erase links that name the customer: %w", err)
			}
		}
	}
	return nil
}

// spellings are the ways in which an address stands in a URL.
func spellings(address string) []string {
	address = strings.ToLower(address)
	out := []string{address}
	if escaped := strings.ToLower(url.QueryEscape(address)); escaped != address {
		out = append(out, escaped)
	}
	return out
}

// names tells whether an address stands in a URL, and not as a part of a longer one.
func names(target, address string) bool {
	for from := 0; ; {
		i := strings.Index(target[from:], address)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(address)
		if (i == 0 || !inAddress(target[i-1])) && (end == len(target) || !inAddress(target[end])) {
			return true
		}
		from = i + 1
	}
}

// anAddress is what mayName looks for: a name on a social network (tiktok.com/@shop) has
// nothing before the sign.
var anAddress = regexp.MustCompile(`[^/](@|%40)[^/]`)

// mayName tells of a link that it may hold an address.
func mayName(target string) bool {
	return (strings.Contains(target, "@") || strings.Contains(target, "%40")) && anAddress.MatchString(target)
}

// inAddress tells whether a letter, in small, may go on an address.
func inAddress(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || strings.IndexByte("._+-", b) >= 0
}
