package cli

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
)

type suppressionsAddCmd struct {
	Who    []string `arg:"" name:"who" help:"Addresses, or customers by the shop's ids."`
	Scope  string   `help:"What they get no more: all, marketing or a topic." default:"marketing" placeholder:"SCOPE"`
	Reason string   `help:"Why, in a word, as bad_address or complained." default:"by_hand" placeholder:"REASON"`
}

// suppressedOutput is what `suppressions add` and `remove` print with --json.
type suppressedOutput struct {
	Done         int                    `json:"done"`
	Suppressions []campaign.Suppression `json:"suppressions"`
}

// Run puts addresses on the list.
func (c *suppressionsAddCmd) Run(rt *runtime) error {
	scope, err := rt.scope(c.Scope)
	if err != nil {
		return err
	}
	s, now, err := (&chosenMails{}).open(rt)
	if err != nil {
		return err
	}
	defer s.Close()
	who, err := rt.addresses(s, c.Who)
	if err != nil {
		return err
	}
	out := suppressedOutput{Suppressions: []campaign.Suppression{}}
	for _, a := range who {
		l := campaign.Suppression{Hash: a.hash, Scope: scope, Reason: campaign.SuppressionReason(c.Reason), At: now}
		added, err := s.Suppress(rt.ctx, []campaign.Suppression{l}, rt.who, entryText(l), now)
		if err != nil {
			return err
		}
		out.Done += added
		l.Scope = campaign.ScopeWord(scope)
		if added > 0 {
			out.Suppressions = append(out.Suppressions, l)
		}
	}
	return rt.printSuppressed(out, countOf(out.Done, "address gets", "addresses get")+" no more mail of scope "+campaign.ScopeWord(scope), "nothing is new: they are on the list already")
}

func (rt *runtime) printSuppressed(out suppressedOutput, done, none string) error {
	if rt.json {
		if err := rt.printJSON(out); err != nil {
			return err
		}
	} else if out.Done > 0 {
		rt.printf("%s\n", done)
	} else {
		fmt.Fprintln(rt.stderr, none)
	}
	if out.Done == 0 {
		return &exitError{code: exitNo}
	}
	return nil
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// entryText is an entry of the list for the audit log, without the address.
func entryText(l campaign.Suppression) string {
	return fmt.Sprintf("%s, %s, address %s", campaign.ScopeWord(l.Scope), l.Reason, l.Hash[:12])
}

type suppressionsRemoveCmd struct {
	Who   []string `arg:"" name:"who" help:"Addresses, or customers by the shop's ids."`
	Scope string   `help:"Only of this scope: all, marketing or a topic." placeholder:"SCOPE"`
	Yes   bool     `help:"Do not ask." short:"y"`
}

// Run takes addresses off the list. Somebody has said no, or a server has: a person
// is asked whether they know better.
func (c *suppressionsRemoveCmd) Run(rt *runtime) error {
	scope, err := rt.scope(c.Scope)
	if err != nil {
		return err
	}
	s, now, err := (&chosenMails{}).open(rt)
	if err != nil {
		return err
	}
	defer s.Close()
	who, err := rt.addresses(s, c.Who)
	if err != nil {
		return err
	}
	said, err := rt.saidNo(s, who, scope)
	if err != nil {
		return err
	}
	if said != "" && !c.Yes {
		if rt.json || !isTerminal(rt.stderr) {
			return usage("%s; mail to them again only if they have asked for it, and say so with --yes", said)
		}
		if !agreed(rt, said+". Have they asked for mail again? [y/N] ") {
			return &exitError{exitNo, "nothing was done"}
		}
	}
	out := suppressedOutput{Suppressions: []campaign.Suppression{}}
	for _, a := range who {
		what := campaign.Suppression{Hash: a.hash, Scope: scope, Reason: "every reason"}
		if scope == "" {
			what.Scope = "every scope"
		}
		gone, err := s.Unsuppress(rt.ctx, a.hash, scope, rt.who, entryText(what), now)
		if err != nil {
			return err
		}
		out.Done += len(gone)
		out.Suppressions = append(out.Suppressions, worded(gone)...)
	}
	return rt.printSuppressed(out, countOf(out.Done, "entry is", "entries are")+" off the list; marketing goes there again only with consent: what customers have said stands", "they are not on the list")
}

// saidNo tells of those who have themselves refused mail; empty: nobody has.
func (rt *runtime) saidNo(s *store.Store, who []namedAddress, scope string) (string, error) {
	for _, a := range who {
		list, err := s.SuppressionsOf(rt.ctx, a.hash)
		if err != nil {
			return "", err
		}
		for _, l := range list {
			if (l.Reason == campaign.ReasonComplained || l.Reason == campaign.ReasonUnsubscribed) && (scope == "" || scope == l.Scope) {
				return fmt.Sprintf("%s has %s", a.given, l.Reason), nil
			}
		}
	}
	return "", nil
}

type suppressionsImportCmd struct {
	File   string `arg:"" help:"CSV or NDJSON with an email (or email_hash) and, where there are, reason, scope and date; or an address a line; .gz too; - is standard input."`
	Scope  string `help:"For rows that name none: all, marketing or a topic. Without it by the reason: a bad address gets no mail at all, others no marketing." placeholder:"SCOPE"`
	Reason string `help:"For rows that name none, in a word." default:"by_hand" placeholder:"REASON"`
}

// Run imports a list.
func (c *suppressionsImportCmd) Run(rt *runtime) error {
	scope, err := rt.scope(c.Scope)
	if err != nil {
		return err
	}
	return rt.importFile(c.File, func(s *store.Store, f io.Reader, kept *rejects) (importOutput, error) {
		var out importOutput
		now, err := rt.importNow(s, time.Time{})
		if err != nil {
			return out, err
		}
		header, rows, err := intake.Suppressions(f, c.File, campaign.SuppressionReason(c.Reason), scope, now)
		if err != nil {
			return out, usage("%v", err)
		}
		kept.header = header
		out.Counts, err = s.ImportSuppressions(rt.ctx, rows, rt.who, "import of "+filepath.Base(c.File), store.ImportOptions{Now: now, Reject: kept.add, Progress: rt.progress(c.File)})
		return out, err
	})
}

type suppressionsExportCmd struct {
	File      string `arg:"" optional:"" help:"Where to; without it standard output."`
	Addresses bool   `help:"Also the addresses, of customers who have them now."`
}

// exportPage is how many entries are read at once.
const exportPage = 5000

// Run writes the list.
func (c *suppressionsExportCmd) Run(rt *runtime) error {
	if rt.json {
		return usage("an export is CSV; for JSON use `tidings suppressions --json --limit N`")
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	if c.File == "" || c.File == "-" {
		_, err := c.write(rt, s, rt.stdout)
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return usage("%v", err)
	}
	n, err := c.write(rt, s, f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		rt.printf("wrote %s to %s\n", countOf(n, "entry", "entries"), c.File)
	}
	return err
}

func (c *suppressionsExportCmd) write(rt *runtime, s *store.Store, to io.Writer) (n int, err error) {
	buf := bufio.NewWriter(to)
	w := csv.NewWriter(buf)
	columns := []string{"email_hash", "scope", "reason", "at"}
	if c.Addresses {
		columns = append(columns, "email")
	}
	if err := w.Write(columns); err != nil {
		return 0, err
	}
	var last campaign.Suppression
	for {
		page, err := s.Suppressions(rt.ctx, store.SuppressionFilter{}, last, exportPage, c.Addresses)
		if err != nil {
			return n, err
		}
		for _, l := range page {
			row := []string{l.Hash, campaign.ScopeWord(l.Scope), l.Reason, l.At.UTC().Format(time.RFC3339Nano)}
			if c.Addresses {
				row = append(row, safeCell(l.Email))
			}
			if err := w.Write(row); err != nil {
				return n, err
			}
		}
		if n += len(page); len(page) < exportPage {
			w.Flush()
			return n, buf.Flush()
		}
		last = page[len(page)-1]
	}
}

// safeCell keeps a spreadsheet from taking an address for a formula.
func safeCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return ""
	}
	return s
}
