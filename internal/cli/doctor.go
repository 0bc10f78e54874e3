package cli

import (
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/hygiene"
	"tidings/internal/store"
)

type doctorCmd struct {
	Domain   string   `arg:"" optional:"" help:"Look at this domain of your mails' From instead: SPF, DKIM, DMARC, MX, PTR, TLS."`
	Resolver string   `help:"Ask this DNS server, as 9.9.9.9 or 127.0.0.1:5353, instead of the system's." placeholder:"ADDR"`
	Address  []string `help:"An IP address that your own mail server sends from; may be repeated." placeholder:"IP"`
	Selector []string `help:"Look at this DKIM key of your mail service; may be repeated." placeholder:"NAME"`
	Ledger   bool     `help:"Only this: whether the ledger keeps its rules."`
	At       moment   `help:"As of this moment, instead of now (a simulation's last tick)." placeholder:"TIME"`
}

// doctorOutput is what `doctor --json` prints: a part for each thing looked at.
type doctorOutput struct {
	OK     bool          `json:"ok"`
	At     time.Time     `json:"at"`
	Ledger *ledgerDoctor `json:"ledger,omitempty"`
	// Database is what is odd about the database's settings; none of it is an error.
	Database *databaseDoctor `json:"database,omitempty"`
	// Addresses is what is odd about customers' addresses; none of it is an error.
	Addresses *hygiene.Counts `json:"addresses,omitempty"`
}

// databaseDoctor is what a person should change about the database.
type databaseDoctor struct {
	Warnings []string `json:"warnings"`
}

// ledgerDoctor is what is wrong with the ledger.
type ledgerDoctor struct {
	OK         bool              `json:"ok"`
	Rules      int               `json:"rules"` // that were looked at
	Violations []store.Violation `json:"violations"`
}

// Run looks whether all is well.
func (c *doctorCmd) Run(rt *runtime) error {
	if c.Domain != "" {
		return c.lookAtDomain(rt)
	}
	if c.Resolver != "" || len(c.Address) > 0 || len(c.Selector) > 0 {
		return usage("--resolver, --address and --selector go with a domain: tidings doctor mail.example.com")
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	out := doctorOutput{OK: true, At: campaign.Moment(c.At.Time)}
	if c.At.IsZero() {
		if out.At, err = rt.reportNow(s); err != nil {
			return err
		}
	}
	if out.Ledger, err = rt.doctorLedger(s, out.At); err != nil {
		return err
	}
	out.OK = out.Ledger.OK
	if !c.Ledger {
		counts, err := storedAddresses(rt.ctx, s)
		if err != nil {
			return err
		}
		out.Addresses = &counts
		if out.Database, err = rt.doctorDatabase(s); err != nil {
			return err
		}
	}
	if rt.json {
		if err := rt.printJSON(out); err != nil {
			return err
		}
	} else {
		printLedgerDoctor(rt, *out.Ledger)
		if out.Database != nil {
			for _, w := range out.Database.Warnings {
				rt.printf("database: %s\n", w)
			}
		}
		printAddresses(rt, out.Addresses)
	}
	if !out.OK {
		return &exitError{code: exitNo}
	}
	return nil
}

func (rt *runtime) doctorLedger(s *store.Store, at time.Time) (*ledgerDoctor, error) {
	broken, rules, err := s.Consistency(rt.ctx, at)
	if err != nil {
		return nil, err
	}
	if broken == nil {
		broken = []store.Violation{}
	}
	return &ledgerDoctor{len(broken) == 0, rules, broken}, nil
}

// doctorDatabase looks at settings that make everything slower by the day.
func (rt *runtime) doctorDatabase(s *store.Store) (*databaseDoctor, error) {
	off, err := s.NoVacuum(rt.ctx)
	if err != nil {
		return nil, err
	}
	out := &databaseDoctor{Warnings: []string{}}
	for _, setting := range off {
		out.Warnings = append(out.Warnings, fmt.Sprintf("PostgreSQL's %[1]s is off: nobody takes away what is dead in its tables, which grow, and all work in them slows down; "+
			"have its administrator run ALTER SYSTEM SET %[1]s = on; SELECT pg_reload_conf(); or switch it on in the provider's settings, and then VACUUM ANALYZE once", setting))
	}
	return out, nil
}

func printLedgerDoctor(rt *runtime, d ledgerDoctor) {
	if d.OK {
		rt.printf("ledger: OK, %s kept\n", count(d.Rules, "rule"))
		return
	}
	rt.printf("ledger: FAILED, %d of %s broken\n", len(d.Violations), count(d.Rules, "rule"))
	for _, v := range d.Violations {
		ids := strings.Trim(fmt.Sprint(v.IDs), "[]")
		if v.Count > len(v.IDs) {
			ids += " …"
		}
		rt.printf("  %s: %s; not so for %s of the %s: %s\n      %s\n", v.Rule, v.What, thousands(v.Count), v.Of, ids, v.Do)
	}
}
