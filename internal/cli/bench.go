package cli

import (
	"fmt"

	"tidings/internal/bench"
)

type benchCmd struct {
	Evaluate benchEvaluateCmd `cmd:"" help:"Measure segments, ticks and a backtest over a history that is made up, beside hand-written SQL."`
	Send     benchSendCmd     `cmd:"" help:"Measure how fast mails that are made up are sent, each with its durable record, beside a bare loop."`
	Render   benchRenderCmd   `cmd:"" help:"Measure what making a mail costs, beside html/template on the same content."`
	Track    benchTrackCmd    `cmd:"" help:"Measure how fast opens and clicks are recorded, each durable before its answer, beside a bare handler."`
	// Parts of send, which are processes of their own.
	Sink   benchSinkCmd   `cmd:"" hidden:""`
	Bare   benchBareCmd   `cmd:"" hidden:""`
	Sender benchSenderCmd `cmd:"" hidden:""`
}

type benchEvaluateCmd struct {
	Customers int  `help:"Customers of the made-up shop." default:"1000000"`
	Events    int  `help:"Their events over two years." default:"10000000"`
	Runs      int  `help:"Runs of which the median counts." default:"5"`
	Explain   bool `help:"Print the plans of the statements too."`
}

// Run measures in a schema, or a file, of its own beside DATABASE_URL's, and
// removes it.
func (c *benchEvaluateCmd) Run(rt *runtime) error {
	if c.Customers < 100 || c.Events < c.Customers || c.Runs < 1 {
		return usage("there is nothing to measure; take 100 customers or more, at least as many events, and 1 run or more")
	}
	f, err := bench.Evaluate(rt.ctx, bench.Options{
		DatabaseURL: rt.cfg.DatabaseURL, Customers: c.Customers, Events: c.Events, Runs: c.Runs, Explain: c.Explain,
		Tell: func(text string) { fmt.Fprintln(rt.stderr, text) },
	})
	if err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(f)
	}
	rt.printf("%s, %s customers, %s events, loaded in %.0f s\n", f.Engine, thousands(f.Customers), thousands(f.Events), f.Load)
	rt.printf("  segment    %8.0f ms for %s members (count %.0f ms) · best by hand %.0f ms · ratio %.2f\n", f.Segment*1000, thousands(f.Members), f.Count*1000, f.Hand*1000, f.Ratio)
	rt.printf("  history    %8.0f ms for its sizes of 30 days\n", f.History*1000)
	for name, took := range f.Forms {
		rt.printf("    by hand  %8.0f ms  %s\n", took*1000, name)
	}
	for _, t := range f.Ticks {
		rt.printf("  tick       %8.0f ms after %s new events, %s entered\n", t.Seconds*1000, thousands(t.Events), thousands(t.Entered))
	}
	rt.printf("  backtest   %8.0f ms for %s entries\n", f.Backtest*1000, thousands(f.Entered))
	for _, line := range f.Plans {
		rt.printf("  %s\n", line)
	}
	return nil
}
