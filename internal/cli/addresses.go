package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"tidings/internal/hygiene"
	"tidings/internal/intake"
	"tidings/internal/store"
)

// looked hands rows on and counts what is odd about their addresses.
func looked(rows iter.Seq2[intake.CustomerRow, error], tally *hygiene.Tally) iter.Seq2[intake.CustomerRow, error] {
	return func(yield func(intake.CustomerRow, error) bool) {
		for row, err := range rows {
			if email, ok := row.Traits.Attributes["email"].(string); ok && err == nil {
				tally.Add(email)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// storedAddresses counts what is odd about the addresses of all customers.
func storedAddresses(ctx context.Context, s *store.Store) (hygiene.Counts, error) {
	var tally hygiene.Tally
	if err := s.EmailDomains(ctx, tally.AddDomain); err != nil {
		return hygiene.Counts{}, err
	}
	counts := tally.Counts()
	var err error
	counts.Roles, err = s.CountLocals(ctx, hygiene.Roles())
	return counts, err
}

// slipsShown is how many domains with slips are told.
const slipsShown = 10

// addressText says what is odd about addresses, a line each.
func addressText(c hygiene.Counts) (lines []string) {
	if c.Roles > 0 {
		lines = append(lines, fmt.Sprintf("%s to an office (info@, sales@ …): several people read its mail, and none has consented for the others", countOf(c.Roles, "address belongs", "addresses belong")))
	}
	if c.Disposable > 0 {
		lines = append(lines, countOf(c.Disposable, "address is", "addresses are")+" at a domain of throw-away mailboxes; mail there comes back before long")
	}
	var slips []string
	for i, s := range c.Slips {
		if i == slipsShown {
			slips = append(slips, fmt.Sprintf("and %d more domains", len(c.Slips)-i))
			break
		}
		slips = append(slips, fmt.Sprintf("%s (%s), probably %s", s.Domain, count(s.Count, "customer"), s.Meant))
	}
	if len(slips) > 0 {
		lines = append(lines, "domains that look misspelt: "+strings.Join(slips, "; ")+". Ask the customers, and mend them at the source")
	}
	return lines
}

// addresses notes what is odd about customers' addresses.
func (d *dataCheck) addresses() error {
	counts, err := storedAddresses(d.ctx, d.store)
	d.notes = append(d.notes, addressText(counts)...)
	return err
}

func printAddresses(rt *runtime, c *hygiene.Counts) {
	if c == nil {
		return
	}
	for _, line := range addressText(*c) {
		rt.printf("addresses: %s\n", line)
	}
}
