package worker

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
)

// groups is a ledger that notes how large the commits are.
type groups struct {
	Ledger
	mu    sync.Mutex
	sizes []int
}

func (g *groups) Commit(_ context.Context, b Batch, _ time.Time) (map[campaign.Claim]bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sizes = append(g.sizes, len(b.Handoffs))
	admitted := map[campaign.Claim]bool{}
	for _, h := range b.Handoffs {
		admitted[h.Claim] = true
	}
	return admitted, nil
}

// Of many connections at work three quarters are gathered for one commit; what is
// left when the others have gone does not wait for them; few never wait; and nobody
// waits for longer than the committer lingers.
func TestGather(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name             string
		lanes, ask, left int
		linger           time.Duration
		want             []int
	}{
		{"three quarters", 16, 12, 0, time.Hour, []int{12}},
		{"the others go", 16, 3, 12, time.Hour, []int{3}},
		{"some of them go", 16, 9, 4, time.Hour, []int{9}},
		{"too few for long", 16, 1, 0, 0, []int{1}},
		{"one alone", 1, 1, 0, time.Hour, []int{1}},
	} {
		g := &groups{}
		k := &Committer{
			ledger: g, log: slog.New(slog.DiscardHandler), linger: c.linger,
			clock: func(context.Context) (time.Time, error) { return time.Time{}, nil },
		}
		for range c.lanes {
			k.enter()
		}
		var asked []*request
		for i := range c.ask {
			asked = append(asked, k.ask(t.Context(), nil, &Handoff{Claim: campaign.Claim{ID: int64(i + 1), Token: 1}}))
		}
		for range c.left {
			k.leave()
		}
		for i, r := range asked {
			if admitted, err := r.wait(); !admitted || err != nil {
				t.Errorf("%s: hand-over %d was not admitted: %v", c.name, i+1, err)
			}
		}
		if !slices.Equal(g.sizes, c.want) {
			t.Errorf("%s: commits of %v, want %v", c.name, g.sizes, c.want)
		}
	}
}
