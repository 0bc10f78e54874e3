package cli

import (
	"fmt"
	"time"

	"tidings/internal/bench"
	"tidings/internal/campaign"
	"tidings/internal/render"
	"tidings/internal/token"
)

type benchRenderCmd struct {
	Time time.Duration `help:"How long to measure each way." default:"2s"`
}

// Run measures what making a mail costs, with everything: its HTML and text, its
// links' tokens, its headers and its encoding.
func (c *benchRenderCmd) Run(rt *runtime) error {
	if c.Time < 10*time.Millisecond || c.Time > time.Hour {
		return usage("--time %s: write 10ms to 1h", c.Time)
	}
	mail, err := benchRenderer()
	if err != nil {
		return err
	}
	f, err := bench.Render(rt.ctx, bench.RenderOptions{
		Render: mail, Time: c.Time, Tell: func(text string) { fmt.Fprintln(rt.stderr, text) },
	})
	if err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(f)
	}
	for _, k := range f.Kinds {
		rt.printf("%s, %s bytes\n", k.Kind, thousands(k.Bytes))
		line := func(name string, r bench.RenderFigure) {
			rt.printf("  %-14s %8.1f µs a mail (processor %.1f), %.0f allocations of %.1f kB\n", name, r.Nanos/1000, r.CPU/1000, r.Allocs, r.AllocSize/1024)
		}
		line("tidings", k.RenderFigure)
		line("html/template", k.Baseline)
		rt.printf("  ratio %.2f, the baseline making the HTML alone\n", k.Ratio)
		p := k.Parallel
		rt.printf("  on %d goroutines %.1f µs of processor a mail, %.2f × that on one; %.2f µs waiting for locks; %.2f × as many mails\n",
			p.Goroutines, p.CPU/1000, p.Slowdown, p.Waited/1000, p.Speedup)
	}
	return nil
}

// benchRenderer renders the benchmark's workspace as a worker does.
func benchRenderer() (func(campaign.Outgoing) (campaign.Email, error), error) {
	files, err := bench.Rendering()
	if err != nil {
		return nil, err
	}
	cat, renderer, problems := load(files)
	if cat == nil {
		return nil, fmt.Errorf("the benchmark's own workspace: %v", problems)
	}
	signer, err := token.New([]string{"the key of the benchmark of rendering"})
	if err != nil {
		return nil, err
	}
	s := render.Settings{PublicURL: "https://mail.kape.example", Signer: signer, StoreID: "bench"}
	return func(o campaign.Outgoing) (campaign.Email, error) { return renderer.Render(o, s) }, nil
}
