package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tidings/internal/content"
	"tidings/internal/hygiene"
	"tidings/internal/intake"
	"tidings/internal/store"
)

type importCmd struct {
	Customers importCustomersCmd `cmd:"" help:"CSV with id and email (first_name, last_name, locale, timezone, country, created_at; any other column is an attribute), or NDJSON."`
	Products  importProductsCmd  `cmd:"" help:"The shop's catalogue: CSV, tab-separated, NDJSON, or a Google Merchant feed."`
	Events    importEventsCmd    `cmd:"" help:"CSV with customer_id, name, occurred_at (event_id, properties; any other column is a property), or NDJSON."`
}

type importCustomersCmd struct {
	File    string `arg:"" help:"CSV or NDJSON, .gz too; - is standard input."`
	Consent string `help:"Where and how these customers agreed to get mail; recorded for every row." placeholder:"TEXT"`
	Proof   string `help:"Where that can be shown; topics of double opt-in count with it alone." placeholder:"TEXT"`
	Words   string `help:"Which version of the words stood beside the box." placeholder:"VERSION"`
	At      moment `help:"The moment that is now, for a store that is a simulation." placeholder:"TIME"`
}

type importEventsCmd struct {
	File string `arg:"" help:"CSV or NDJSON, .gz too; - is standard input."`
}

// importOutput is what `import --json` prints.
type importOutput struct {
	store.Counts
	RejectsFile    string `json:"rejects_file,omitempty"`
	WithoutConsent *int   `json:"without_consent,omitempty"`
	// Addresses is what is odd about the addresses of an import of customers.
	Addresses *hygiene.Counts `json:"addresses,omitempty"`
	// News is what an import of products tells those who wait for them.
	News *importNews `json:"news,omitempty"`
}

// Run imports customers. Rows without consent are known but not mailed, and it
// says so.
func (c *importCustomersCmd) Run(rt *runtime) error {
	c.Consent = strings.TrimSpace(c.Consent)
	return rt.importFile(c.File, func(s *store.Store, f io.Reader, kept *rejects) (importOutput, error) {
		var out importOutput
		var tally hygiene.Tally
		rows, err := intake.Customers(f, c.File, intake.Options{})
		if err != nil {
			return out, usage("%v", err)
		}
		kept.header = rows.Header()
		now, err := rt.importNow(s, c.At.Time)
		if err != nil {
			return out, err
		}
		out.Counts, err = s.ImportCustomers(rt.ctx, looked(rows.All(), &tally), store.ImportOptions{
			Consent: c.Consent, Proof: strings.TrimSpace(c.Proof), Text: strings.TrimSpace(c.Words), Now: now, Reject: kept.add, Progress: rt.progress(c.File)})
		if err != nil {
			return out, err
		}
		without, err := s.WithoutConsent(rt.ctx)
		counts := tally.Counts()
		out.WithoutConsent, out.Addresses = &without, &counts
		if err == nil && c.Proof == "" {
			err = rt.toldDouble(s)
		}
		return out, err
	})
}

// lendTopics lets the store know the workspace's topics, where there is a workspace:
// which of them want a confirmation. Otherwise it goes by those of the last tick.
func (rt *runtime) lendTopics(s *store.Store) {
	files, _, err := rt.workspace()
	if err != nil {
		return
	}
	if cat, _, _ := content.LoadSound(files); cat != nil {
		s.Use(cat)
	}
}

// toldDouble says which topics an import without proof cannot vouch for.
func (rt *runtime) toldDouble(s *store.Store) error {
	topics, err := s.DoubleOptIn(rt.ctx)
	if err == nil && len(topics) > 0 {
		fmt.Fprintf(rt.stderr, "topics of double opt-in (%s) count only for rows with proof: --proof TEXT, or a column consent_proof\n", strings.Join(topics, ", "))
	}
	return err
}

// Run imports events.
func (c *importEventsCmd) Run(rt *runtime) error {
	return rt.importFile(c.File, func(s *store.Store, f io.Reader, kept *rejects) (importOutput, error) {
		var out importOutput
		rows, err := intake.Events(f, c.File, intake.Options{})
		if err != nil {
			return out, usage("%v", err)
		}
		kept.header = rows.Header()
		now, err := rt.importNow(s, time.Time{})
		if err != nil {
			return out, err
		}
		out.Counts, err = s.ImportEvents(rt.ctx, rows.All(), store.ImportOptions{Now: now, Reject: kept.add, Progress: rt.progress(c.File)})
		return out, err
	})
}

// importNow is from when on a changed attribute holds: at when it is given, else
// the last tick of a simulation, else now.
func (rt *runtime) importNow(s *store.Store, at time.Time) (time.Time, error) {
	if !at.IsZero() {
		return at, nil
	}
	mode, err := s.Mode(rt.ctx)
	if err != nil {
		return at, err
	}
	if mode == store.Simulated {
		return s.LastTick(rt.ctx)
	}
	return s.Now(rt.ctx)
}

func (rt *runtime) importFile(name string, do func(*store.Store, io.Reader, *rejects) (importOutput, error)) error {
	var f io.Reader = os.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return usage("%v", err)
		}
		defer file.Close()
		f = file
	}
	s, err := rt.openMigrated()
	if err != nil {
		return err
	}
	defer s.Close()
	rt.lendTopics(s)
	kept := &rejects{path: rejectsPath(name), stderr: rt.stderr}
	out, err := do(s, f, kept)
	if cerr := kept.close(); err == nil {
		err = cerr
	}
	if rt.terminal {
		fmt.Fprint(rt.stderr, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if out.Rejected > 0 {
		out.RejectsFile = kept.path
	}
	if rt.json {
		return rt.printJSON(out)
	}
	rt.printf("read %s · stored %s · already known %s · rejected %s\n", thousands(out.Read), thousands(out.Stored), thousands(out.Known), thousands(out.Rejected))
	if out.RejectsFile != "" {
		rt.printf("the rejected rows are in %s: mend them there and import that file\n", out.RejectsFile)
	}
	if n := out.News; n != nil && (n.BackInStock > 0 || n.PriceChanged > 0) {
		rt.printf("back in stock %s · another price %s: campaigns that wait for them are told\n", thousands(n.BackInStock), thousands(n.PriceChanged))
	}
	if out.Addresses != nil {
		for _, line := range addressText(*out.Addresses) {
			rt.printf("%s\n", line)
		}
	}
	if out.WithoutConsent != nil && *out.WithoutConsent > 0 {
		rt.printf("%s known but get no marketing mail: nobody has recorded their consent.\nIf they gave it, say where and how: tidings import customers %s --consent \"newsletter box at checkout\"\n",
			count(*out.WithoutConsent, "customer"), name)
	}
	return nil
}

func (rt *runtime) progress(name string) func(store.Counts) {
	if !rt.terminal {
		return nil
	}
	return func(n store.Counts) {
		fmt.Fprintf(rt.stderr, "\r%s: %s rows, %s stored\x1b[K", filepath.Base(name), thousands(n.Read), thousands(n.Stored))
	}
}

func rejectsPath(name string) string {
	if name == "-" {
		return "stdin.rejects"
	}
	return name + ".rejects"
}

// rejects keeps the rows that were not taken in a file of the same form, and
// tells the first of them.
type rejects struct {
	path   string
	header string
	stderr io.Writer
	file   *os.File
	w      *bufio.Writer
	told   int
	err    error
}

const rejectsTold = 20

func (r *rejects) add(bad *intake.Rejected) {
	if r.told++; r.told <= rejectsTold {
		fmt.Fprintf(r.stderr, "line %d: %s\n", bad.Line, bad.Reason)
	} else if r.told == rejectsTold+1 {
		fmt.Fprintln(r.stderr, "… and more; all are in the rejects file")
	}
	if r.err != nil {
		return
	}
	if r.file == nil {
		if r.file, r.err = os.Create(r.path); r.err != nil {
			return
		}
		r.w = bufio.NewWriter(r.file)
		if r.header != "" {
			fmt.Fprintln(r.w, r.header)
		}
	}
	_, r.err = fmt.Fprintln(r.w, bad.Raw)
}

func (r *rejects) close() error {
	if r.file == nil {
		return r.err
	}
	if err := errors.Join(r.err, r.w.Flush(), r.file.Close()); err != nil {
		return fmt.Errorf("keep rejected rows in %s: %w", r.path, err)
	}
	return nil
}
