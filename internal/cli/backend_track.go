package cli

import (
	"context"
	"sync/atomic"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/grade"
	"tidings/internal/store"
)

// tracking is the store as pixels and links fill it: once what came can be settled,
// the scheduler looks, in this process or in another.
type tracking struct {
	*store.Store
	wake  func()
	armed *atomic.Bool // it is to look, ten seconds after a hit
	more  *atomic.Bool // others have come since
}

func newTracking(s *store.Store, wake func()) tracking {
	return tracking{s, wake, &atomic.Bool{}, &atomic.Bool{}}
}

func (t tracking) Opened(ctx context.Context, message int64, hit campaign.Hit) error {
	return t.told(t.Store.Opened(ctx, message, hit))
}

func (t tracking) Clicked(ctx context.Context, message, link int64, hit campaign.Hit) error {
	return t.told(t.Store.Clicked(ctx, message, link, hit))
}

// pokeTime bounds a poke; the cron tick does without.
const pokeTime = 5 * time.Second

// told has the scheduler look once the hit can be settled, and all that have come
// with it.
func (t tracking) told(err error) error {
	switch {
	case err != nil:
	case t.armed.CompareAndSwap(false, true):
		time.AfterFunc(pokeAfter, t.poke)
	default:
		t.more.Store(true)
	}
	return err
}

// pokeAfter lets the batch that a hit was in be committed.
const pokeAfter = grade.Burst + time.Second

func (t tracking) poke() {
	if t.more.Swap(false) {
		time.AfterFunc(pokeAfter, t.poke)
	} else {
		t.armed.Store(false)
	}
	t.wake()
	ctx, cancel := context.WithTimeout(context.Background(), pokeTime)
	defer cancel()
	_ = t.Store.Poke(ctx) // what it would tell is found by the cron tick too
}
