package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/demo"
	"tidings/internal/intake"
	"tidings/internal/render"
	"tidings/internal/store"
)

type demoCmd struct {
	Once bool `help:"Play the show through on a free port as fast as it goes, print the report and end."`
	Port int  `help:"Port of the pages; 0: PORT, or 8080. Where it is taken, a free one." placeholder:"N"`
	Days int  `hidden:"" help:"Only the first days of the history."`
}

// showLength is how long the show takes on a machine that is fast enough.
const showLength = time.Minute

// Run plays the show and, unless it is played once, leaves its pages up until
// the context ends.
func (c *demoCmd) Run(rt *runtime) error {
	cat, renderer, err := rt.demoCatalog()
	if err != nil {
		return err
	}
	t, err := c.open(rt, cat, renderer)
	if err != nil {
		return c.ended(rt, err)
	}
	err = c.play(rt, t)
	return c.ended(rt, errors.Join(err, t.close()))
}

// ended makes a stop by hand what it is: no failure, unless a report was wanted.
func (c *demoCmd) ended(rt *runtime, err error) error {
	if err != nil && rt.ctx.Err() != nil && !c.Once && errors.Is(err, rt.ctx.Err()) {
		rt.say("\nstopped; the demo leaves nothing behind\n")
		return nil
	}
	return err
}

func (c *demoCmd) play(rt *runtime, t *theatre) error {
	rt.say("%s", programme(t))
	if err := t.show.Run(rt.ctx); err != nil {
		t.screen.done()
		return err
	}
	t.screen.done()
	report, err := t.report(rt.ctx)
	if err != nil {
		return err
	}
	if rt.json {
		if err := rt.printJSON(report); err != nil {
			return err
		}
	} else {
		printReport(rt, report)
	}
	if c.Once {
		return nil
	}
	rt.say("%s", curtain(t.url))
	<-rt.ctx.Done()
	return rt.ctx.Err()
}

// demoCatalog is the workspace to show: one that was named, or the example in
// the binary.
func (rt *runtime) demoCatalog() (*campaign.Catalog, *render.Renderer, error) {
	if rt.cfg.Workspace != "" {
		return rt.catalog()
	}
	cat, renderer, problems := load(rt.example)
	if cat == nil {
		for _, p := range problems {
			fmt.Fprintln(rt.stderr, p)
		}
		return nil, nil, &exitError{exitNo, "the example workspace has errors; `tidings check` in its folder lists them"}
	}
	return cat, renderer, nil
}

// listen takes the port that was asked for, or a free one. Only this machine
// reaches it.
func (c *demoCmd) listen(rt *runtime) (net.Listener, error) {
	port := rt.cfg.Port
	if c.Port > 0 {
		port = strconv.Itoa(c.Port)
	}
	if c.Once && c.Port == 0 {
		port = "0"
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		return ln, nil
	}
	if ln, ferr := net.Listen("tcp", "127.0.0.1:0"); ferr == nil {
		rt.say("Port %s is taken; here is another one.\n", port)
		return ln, nil
	}
	return nil, fmt.Errorf("listen on port %s: %w", port, err)
}

// own replaces what the environment says by what the demo brings along: nothing
// of a real shop is touched, and nothing leaves this machine.
func (rt *runtime) own(dir, url string) *runtime {
	mine := *rt
	mine.cfg.DatabaseURL = "sqlite:" + filepath.Join(dir, "demo.db")
	mine.cfg.PublicURL = url
	mine.cfg.RedisURL, mine.cfg.SMTPURL, mine.cfg.Platform = "", "", ""
	mine.cfg.SecretKeys, mine.cfg.WriteKeys, mine.cfg.TrustedProxies = nil, nil, nil
	mine.cfg.Connections = demoConnections
	return &mine
}

// demoConnections to the inbox. Their commits go together, so that many mails
// share one; demoSlice spreads a letter to all over them, and leaves the few mails
// of an ordinary tick in one slice.
const (
	demoConnections = 8
	demoSlice       = 25
)

// openStore makes a simulated store in dir.
func (rt *runtime) openStore(ctx context.Context) (*store.Store, error) {
	s, err := store.Open(ctx, rt.cfg.DatabaseURL, store.Options{})
	if err != nil {
		return nil, err
	}
	err = s.Migrate(ctx)
	if err == nil {
		err = s.Fix(ctx, store.Simulated)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// importList takes in the customers who are known before the show begins.
func importList(ctx context.Context, s *store.Store, people []*demo.Person, now time.Time) error {
	rows, err := intake.Customers(demo.List(people), "customers.csv", intake.Options{})
	if err != nil {
		return fmt.Errorf("read customers: %w", err)
	}
	var bad error
	_, err = s.ImportCustomers(ctx, rows.All(), store.ImportOptions{Now: now, Reject: func(r *intake.Rejected) { bad = errors.Join(bad, r) }})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("import customers: %w", err)
	}
	return nil
}

// tempDir is a folder that goes with the demo.
func tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "tidings-demo-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the demo: %w", err)
	}
	return dir, nil
}
