package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/preview"
	"tidings/internal/store"
)

// previewStore is the store as previews of one version of the workspace read it.
type previewStore struct {
	*openStore
	cat *campaign.Catalog
	at  time.Time // zero: now, or a simulation's last tick
}

// openStore is the store for previews of any version, one at a time: it evaluates by
// the catalog that it was last told to use.
type openStore struct {
	rt *runtime
	mu sync.Mutex
	s  *store.Store
}

// previewStore opens the store, if there is one: a workspace that was just written has
// none yet, and its mails can be looked at all the same.
func (rt *runtime) previewStore() (people *openStore, done func(), err error) {
	none := func() {}
	if rt.cfg.SQLite() {
		path := strings.TrimPrefix(rt.cfg.DatabaseURL, "sqlite:")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, none, nil
		}
	}
	s, err := rt.openExisting()
	if err != nil {
		return nil, none, err
	}
	return &openStore{rt: rt, s: s}, func() { s.Close() }, nil
}

// Letter is what a mail to a customer is made of.
func (p *previewStore) Letter(ctx context.Context, c *campaign.Campaign, ref string) (campaign.Outgoing, preview.Occasion, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.s.Use(p.cat)
	found, err := p.s.FindCustomers(ctx, ref)
	switch {
	case err != nil:
		return campaign.Outgoing{}, "", err
	case len(found) == 0:
		return campaign.Outgoing{}, "", preview.ErrUnknown
	case len(found) > 1:
		ids := make([]string, len(found))
		for i, c := range found {
			ids[i] = c.ExternalID
		}
		return campaign.Outgoing{}, "", fmt.Errorf("%d customers have this address; name one of them: %s", len(found), strings.Join(ids, ", "))
	}
	at := p.at
	if at.IsZero() {
		if at, err = p.rt.reportNow(p.s); err != nil {
			return campaign.Outgoing{}, "", err
		}
	}
	if found[0].Email == "" {
		return campaign.Outgoing{}, "", errors.New("this customer has no address: no mail goes there")
	}
	o, source, err := p.s.LetterOf(ctx, c, found[0].ID, at)
	return o, map[store.LetterSource]preview.Occasion{
		store.FromPass: preview.Entered, store.FromOccasion: preview.Occurred, store.FromCustomer: preview.Nothing,
	}[source], err
}

// Sample are customers from all over the store.
func (p *previewStore) Sample(ctx context.Context, n int) ([]campaign.Customer, error) {
	found, err := p.s.SpreadCustomers(ctx, n)
	for i := range found {
		if found[i].ExternalID == "" { // known by a device alone
			found[i].ExternalID = fmt.Sprintf("#%d", found[i].ID)
		}
	}
	return found, err
}
