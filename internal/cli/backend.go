package cli

import (
	"context"

	"tidings/internal/intake"
	"tidings/internal/store"
)

// poking is the store as the HTTP API fills it: what comes in wakes the
// scheduler.
type poking struct {
	*store.Store
	wake func()
}

func (p poking) Accept(ctx context.Context, items []intake.Item) error {
	err := p.Store.Accept(ctx, items)
	if err == nil {
		p.wake()
	}
	return err
}
