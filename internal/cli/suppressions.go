package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

// suppressionsCmd is the list of addresses that get no mail.
type suppressionsCmd struct {
	List   suppressionsListCmd   `cmd:"" default:"withargs" help:"Say how many addresses get no mail, and why."`
	Check  suppressionsCheckCmd  `cmd:"" help:"Say whether addresses, or customers, are on the list; exits with 1 if one is."`
	Add    suppressionsAddCmd    `cmd:"" help:"Put addresses on the list."`
	Remove suppressionsRemoveCmd `cmd:"" help:"Take addresses off the list."`
	Import suppressionsImportCmd `cmd:"" help:"Put the addresses of a file on the list, as other tools export them."`
	Export suppressionsExportCmd `cmd:"" help:"Write the list as CSV, by the hashes of its addresses."`
}

type suppressionsListCmd struct {
	Scope  string `help:"Only of this scope: all, marketing or a topic." placeholder:"SCOPE"`
	Reason string `help:"Only for this reason." placeholder:"REASON"`
	Limit  int    `help:"Addresses to list; all are counted." default:"20" placeholder:"N"`
}

// suppressionsOutput is what `suppressions --json` prints.
type suppressionsOutput struct {
	Total        int                      `json:"total"`
	By           []store.SuppressionCount `json:"by"`
	Suppressions []campaign.Suppression   `json:"suppressions"`
	More         int                      `json:"more"`
}

// Run lists.
func (c *suppressionsListCmd) Run(rt *runtime) error {
	if c.Limit < 0 {
		return usage("--limit %d: write 0 or more", c.Limit)
	}
	scope, err := rt.scope(c.Scope)
	if err != nil {
		return err
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	f := store.SuppressionFilter{Scope: scope, Reason: c.Reason}
	out := suppressionsOutput{By: []store.SuppressionCount{}, Suppressions: []campaign.Suppression{}}
	counts, err := s.CountSuppressions(rt.ctx, f)
	if err != nil {
		return err
	}
	for _, n := range counts {
		out.Total += n.Count
		n.Scope = campaign.ScopeWord(n.Scope)
		out.By = append(out.By, n)
	}
	list, err := s.Suppressions(rt.ctx, f, campaign.Suppression{}, c.Limit, false)
	if err != nil {
		return err
	}
	out.Suppressions = append(out.Suppressions, worded(list)...)
	out.More = out.Total - len(list)
	if rt.json {
		return rt.printJSON(out)
	}
	if out.Total == 0 {
		rt.printf("no address is on the list\n")
		return nil
	}
	t := tabwriter.NewWriter(rt.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "no mail of\tbecause\taddresses\n")
	for _, n := range out.By {
		fmt.Fprintf(t, "%s\t%s\t%s\n", n.Scope, n.Reason, thousands(n.Count))
	}
	if len(list) > 0 {
		fmt.Fprint(t, "\naddress\tcustomer\tno mail of\tbecause\tsince\n")
	}
	for _, l := range list {
		fmt.Fprintf(t, "%s…\t%s\t%s\t%s\t%s\n", l.Hash[:12], l.Customer, l.Scope, l.Reason, sinceText(l.At))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if out.More > 0 && c.Limit > 0 {
		rt.printf("and %s more\n", thousands(out.More))
	}
	return nil
}

// worded writes scopes as people do.
func worded(list []campaign.Suppression) []campaign.Suppression {
	for i := range list {
		list[i].Scope = campaign.ScopeWord(list[i].Scope)
	}
	return list
}

func sinceText(at time.Time) string {
	if at.Unix() <= 0 {
		return "ever"
	}
	return at.UTC().Format(time.DateOnly)
}

// scope reads a scope; a topic must be one of the workspace's, where there is one.
func (rt *runtime) scope(word string) (string, error) {
	if word == "" {
		return "", nil
	}
	scope, ok := campaign.ParseScope(word)
	if !ok {
		return "", usage("--scope %q is none; write all, marketing or a topic's key", word)
	}
	if scope == campaign.ScopeAll || scope == campaign.ScopeMarketing {
		return scope, nil
	}
	cat, _, err := rt.catalog()
	if err != nil {
		return scope, nil // no workspace here to compare with
	}
	if _, known := cat.Workspace.Topics[scope]; !known {
		return "", usage("--scope %q: the workspace has no such topic; %s", word, didYouMeanOr(scope, append(sortedKeys(cat.Workspace.Topics), "all", "marketing")))
	}
	return scope, nil
}

// addresses are those whom a person has named, by address or by the shop's id, as
// hashes.
func (rt *runtime) addresses(s *store.Store, named []string) ([]namedAddress, error) {
	var out []namedAddress
	for _, name := range named {
		n := namedAddress{given: name, hash: campaign.AddressHash(name)}
		switch {
		case strings.Contains(name, "@"):
			if !plainAddress(campaign.NormalizeAddress(name)) {
				return nil, usage("%q is no address; write it as ana@example.com", name)
			}
		default:
			hash, err := s.AddressHashOf(rt.ctx, name)
			if err != nil {
				return nil, err
			}
			if hash == "" {
				return nil, &exitError{exitNo, fmt.Sprintf("there is no customer %q with an address; name an address, or a customer by the shop's id", name)}
			}
			n.hash = hash
		}
		if !slices.ContainsFunc(out, func(o namedAddress) bool { return o.hash == n.hash }) {
			out = append(out, n)
		}
	}
	return out, nil
}

type namedAddress struct{ given, hash string }

type suppressionsCheckCmd struct {
	Who []string `arg:"" name:"who" help:"Addresses, or customers by the shop's ids."`
}

// checkedAddress is an address as `suppressions check` tells of it.
type checkedAddress struct {
	Given        string                 `json:"given"`
	Hash         string                 `json:"email_hash"`
	Suppressed   bool                   `json:"suppressed"`
	Suppressions []campaign.Suppression `json:"suppressions"`
}

// Run looks addresses up.
func (c *suppressionsCheckCmd) Run(rt *runtime) error {
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	who, err := rt.addresses(s, c.Who)
	if err != nil {
		return err
	}
	var out []checkedAddress
	found := false
	for _, a := range who {
		list, err := s.SuppressionsOf(rt.ctx, a.hash)
		if err != nil {
			return err
		}
		found = found || len(list) > 0
		out = append(out, checkedAddress{a.given, a.hash, len(list) > 0, append([]campaign.Suppression{}, worded(list)...)})
	}
	if rt.json {
		if err := rt.printJSON(map[string]any{"addresses": out}); err != nil {
			return err
		}
	} else {
		for _, a := range out {
			rt.printf("%s", checkedText(a))
		}
	}
	if found {
		return &exitError{code: exitNo}
	}
	return nil
}

func checkedText(a checkedAddress) string {
	if !a.Suppressed {
		return a.Given + ": not on the list\n"
	}
	var b strings.Builder
	for _, l := range a.Suppressions {
		fmt.Fprintf(&b, "%s: no mail of scope %s: %s, since %s", a.Given, l.Scope, strings.ReplaceAll(l.Reason, "_", " "), sinceText(l.At))
		if len(l.Back) > 0 {
			fmt.Fprintf(&b, "; taken back since for %s", strings.Join(l.Back, ", "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
