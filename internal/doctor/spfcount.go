package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// RFC 7208, 4.6.4: more of either, and receivers give up with a permerror. So they
	// do on a name with more exchangers.
	spfLookups, spfVoids, spfExchangers = 10, 2, 10
	// Counting ends here; a record that comes so far is hopeless anyway.
	spfMost = 100
)

// spfCount counts what the whole of a record asks of DNS: what a receiver asks for
// mail from an address that only the last term knows.
type spfCount struct {
	lookups, voids int
	parts          []spfPart // what the domain's own terms cost, in their order
	open           []string  // the records being read, for loops
}

// spfPart is what a term costs, with all that it leads to.
type spfPart struct {
	term    string
	lookups int
}

// spfError is what is wrong with a record further down.
type spfError struct{ text string }

func (e *spfError) Error() string { return e.text }

// record reads the one SPF record of a domain; "" without an error: there is none.
func (r *Resolver) record(ctx context.Context, domain string) (string, error) {
	all, err := r.textsOf(ctx, domain, "v=spf1")
	if err != nil || len(all) == 0 {
		return "", err
	}
	if len(all) > 1 {
		return "", &spfError{fmt.Sprintf("%s has %d SPF records, where one may stand", domain, len(all))}
	}
	return all[0], nil
}

// count adds what a domain's record costs.
func (c *spfCount) count(ctx context.Context, r *Resolver, domain string, record spfRecord) error {
	c.open = append(c.open, strings.ToLower(domain))
	defer func() { c.open = c.open[:len(c.open)-1] }()
	_, ends := record.find("all")
	for _, t := range record {
		if !t.looksUp() || ends && t.name == "redirect" {
			if t.name == "all" && !t.modifier {
				return nil // nothing behind it is looked at, nor a redirect
			}
			continue
		}
		before := c.lookups
		if c.lookups++; c.lookups > spfMost {
			c.lookups = spfMost
			return nil
		}
		if err := c.term(ctx, r, domain, t); err != nil {
			return err
		}
		if len(c.open) == 1 {
			c.parts = append(c.parts, spfPart{t.text, c.lookups - before})
		}
	}
	return nil
}

func (c *spfCount) term(ctx context.Context, r *Resolver, domain string, t spfTerm) error {
	if t.macros() || t.name == "ptr" {
		return nil // depends on the mail
	}
	target := domain
	if t.domain != "" {
		target = strings.TrimSuffix(t.domain, ".")
	}
	switch t.name {
	case "include", "redirect":
		return c.include(ctx, r, t, target)
	case "mx":
		return c.exchangers(ctx, r, t, target)
	}
	found, _, err := r.addresses(ctx, target)
	if err == nil && len(found) == 0 {
		c.voids++
	}
	return err
}

func (c *spfCount) include(ctx context.Context, r *Resolver, t spfTerm, target string) error {
	for _, open := range c.open {
		if open == strings.ToLower(target) {
			return &spfError{fmt.Sprintf("%s leads back to itself: %s → %s", open, strings.Join(c.open, " → "), target)}
		}
	}
	text, err := r.record(ctx, target)
	if err != nil {
		return err
	}
	if text == "" {
		return &spfError{fmt.Sprintf("%s names %s, which has no SPF record", t.text, target)}
	}
	record, err := parseSPF(text)
	if err != nil {
		return &spfError{fmt.Sprintf("the record of %s: %v", target, err)}
	}
	return c.count(ctx, r, target, record)
}

func (c *spfCount) exchangers(ctx context.Context, r *Resolver, t spfTerm, target string) error {
	all, err := r.exchangers(ctx, target)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		c.voids++
	}
	if len(all) > spfExchangers {
		return &spfError{fmt.Sprintf("%s: %s has %d MX records, and a receiver gives up at more than %d", t.text, target, len(all), spfExchangers)}
	}
	return nil
}

// many is the number of look-ups, as far as they were counted.
func (c *spfCount) many() string {
	if c.lookups >= spfMost {
		return fmt.Sprintf("%d or more", spfMost)
	}
	return strconv.Itoa(c.lookups)
}

// errOf is what is wrong with a record, as against DNS not answering.
func errOf(err error) (*spfError, bool) {
	var wrong *spfError
	return wrong, errors.As(err, &wrong)
}
