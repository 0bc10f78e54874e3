package hook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"tidings/internal/campaign"
)

// tally counts what was told, and stores it now and then: a provider that tells of
// every mail would write one row all the time.
type tally struct {
	store Store
	log   *slog.Logger

	one sync.Mutex // who stores: whoever closes waits for it

	mu     sync.Mutex
	counts map[[3]string]*campaign.WebhookCount
	timer  *time.Timer // runs while there is something to store
}

func newTally(s Store, log *slog.Logger) *tally {
	return &tally{store: s, log: log, counts: map[[3]string]*campaign.WebhookCount{}}
}

const (
	flushAfter = time.Second
	flushTime  = 10 * time.Second
)

// add counts a report.
func (t *tally) add(provider, event, as string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := [3]string{provider, event, as}
	c := t.counts[key]
	if c == nil {
		c = &campaign.WebhookCount{Provider: provider, Event: event, TakenAs: as}
		t.counts[key] = c
	}
	c.Count, c.At = c.Count+1, at
	if t.timer == nil {
		t.timer = time.AfterFunc(flushAfter, func() {
			ctx, cancel := context.WithTimeout(context.Background(), flushTime)
			defer cancel()
			t.flush(ctx)
		})
	}
}

// flush stores the counts. Those that cannot be are lost: they are for a person who
// wants to know whether calls arrive, and nothing follows from them.
func (t *tally) flush(ctx context.Context) {
	t.one.Lock()
	defer t.one.Unlock()
	t.mu.Lock()
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	var all []campaign.WebhookCount
	for _, c := range t.counts {
		all = append(all, *c)
	}
	clear(t.counts)
	t.mu.Unlock()
	if len(all) == 0 {
		return
	}
	if err := t.store.CountWebhooks(ctx, all); err != nil {
		t.log.Warn("reports of webhooks not counted", "error", err)
	}
}

// digest names what is too long, or too much of others, to be kept.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
