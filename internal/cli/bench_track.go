package cli

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"tidings/internal/bench"
	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/token"
	"tidings/internal/web"
)

type benchTrackCmd struct {
	Messages    int           `help:"Mails whose pixels and links are asked for in turn." default:"100000"`
	Connections int           `help:"Connections of mail programs." default:"64"`
	Time        time.Duration `help:"How long to measure each part." default:"5s"`
}

// Run measures in a schema, or a file, of its own beside DATABASE_URL's.
func (c *benchTrackCmd) Run(rt *runtime) error {
	if c.Messages < 1 || c.Messages > 10_000_000 || c.Connections < 1 || c.Connections > 10_000 {
		return usage("there is nothing to measure; take 1 to 10000000 messages and 1 to 10000 connections")
	}
	if c.Time < 10*time.Millisecond || c.Time > time.Hour {
		return usage("--time %s: write 10ms to 1h", c.Time)
	}
	signer, err := token.New([]string{"the key of the benchmark of tracking"})
	if err != nil {
		return err
	}
	f, err := bench.Track(rt.ctx, bench.TrackOptions{
		DatabaseURL: rt.cfg.DatabaseURL, Messages: c.Messages, Connections: c.Connections, Time: c.Time,
		Handler: func(s *store.Store) (http.Handler, error) { return benchWeb(s, signer) },
		Open:    func(m int64) string { return "/o/" + signer.Sign(token.Open, m, 0) + ".gif" },
		Click:   func(m, link int64) string { return "/c/" + signer.Sign(token.Click, m, link) },
		Tell:    func(text string) { fmt.Fprintln(rt.stderr, text) },
	})
	if err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(f)
	}
	rt.printf("%s, %d connections, %s mails\n", f.Engine, f.Connections, thousands(f.Messages))
	line := func(name string, h bench.HTTPFigures) {
		rt.printf("  %-16s %9s a second · half within %.1f ms, 99 %% within %.1f ms · processor %.0f µs, database %.0f\n",
			name, thousands(int(h.PerSecond)), h.P50, h.P99, h.CPU, h.Database)
	}
	line("opens", f.Opens)
	line("clicks", f.Clicks)
	line("bare handler", f.Baseline.Bare)
	line("an insert a hit", f.Baseline.Insert)
	rt.printf("  opens are %s times those of an insert a hit; %s hits a second are settled afterwards\n",
		strconv.FormatFloat(f.Baseline.OpensToInsert, 'f', 2, 64), thousands(int(f.Settled)))
	return nil
}

// benchWeb is the web process, whole, over a store.
func benchWeb(s *store.Store, signer *token.Signer) (http.Handler, error) {
	srv, err := web.NewServer(web.Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Workspace: campaign.Workspace{Name: "Bench"}})
	if err != nil {
		return nil, err
	}
	rest := poking{s, func() {}}
	return srv, srv.Open(web.Backend{
		Tokens: signer, Intake: s, Tracker: s, Subscriptions: s, Preferences: rest, Confirmations: rest, Links: signer, Reporter: s, Health: s,
	})
}
