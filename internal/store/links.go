package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"

	"tidings/worker"
)

// linkCache remembers which links are stored as those of several customers, so that a
// campaign of a hundred thousand mails with the same three links inserts three rows,
// and asks twice.
type linkCache struct {
	mu    sync.Mutex
	whose map[int64]int64 // the only customer's whose mails had a link; 0: several had it
}

// maxKnownLinks bounds the cache; links made for single customers would grow it
// for ever.
const maxKnownLinks = 50_000

// sentLink is a link that is to be stored, and the only customer's whose mails had it
// as far as is known here; 0: several had it.
type sentLink struct {
	id, customer int64
	url          string
}

// unknown are the links of hand-overs that are to be stored, by their ids: as all do
// who store links, so that nobody waits in a ring.
func (c *linkCache) unknown(handoffs []worker.Handoff) []sentLink {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[int64]sentLink{}
	for _, h := range handoffs {
		for _, l := range h.Links {
			whose, known := c.whose[l.ID]
			if known && whose == 0 {
				continue
			}
			if is, again := found[l.ID]; again {
				known, whose = true, is.customer
			}
			if !known {
				whose = h.Customer
			}
			found[l.ID] = sentLink{l.ID, sharedBy(whose, h.Customer), storable(l.URL)}
		}
	}
	out := slices.Collect(maps.Values(found))
	slices.SortFunc(out, func(a, b sentLink) int { return cmp.Compare(a.id, b.id) })
	return out
}

// sharedBy is the one customer of two, or 0.
func sharedBy(a, b int64) int64 {
	if a == b {
		return a
	}
	return 0
}

// learn notes links that are committed as they were sent. That several had one is known
// only once it was stored so: whose else it was may have been erased meanwhile.
func (c *linkCache) learn(links []sentLink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.whose == nil || len(c.whose) > maxKnownLinks {
		c.whose = map[int64]int64{}
	}
	for _, l := range links {
		if mayName(l.url) { // such links are erased, whose ever they are
			continue
		}
		if _, known := c.whose[l.id]; !known || l.customer == 0 {
			c.whose[l.id] = l.customer
		}
	}
}

// keepLinks ends an INSERT of links: what another customer's mail has had is not this
// one's alone.
const keepLinks = ` ON CONFLICT (id) DO UPDATE SET customer_id = NULL
	WHERE links.customer_id IS NOT NULL AND (excluded.customer_id IS NULL OR links.customer_id <> excluded.customer_id)`

// linkOwner is whose a new link x is.
const linkOwner = `CASE WHEN x.customer_id <> 0 THEN x.customer_id END`

// linkStands tells whether a new link x is to be stored. That of a customer who was erased
// or merged meanwhile is nobody's, and their mail does not go; the lock waits for who is
// about to remove them, and sees that they are gone.
func linkStands(lock string) string {
	return `(x.customer_id = 0 OR EXISTS (SELECT 1 FROM customers c WHERE c.id = x.customer_id` + lock + `))`
}

// targetCache remembers where links lead that stay. What a link's id stands for never
// changes.
type targetCache struct {
	mu  sync.RWMutex
	url map[int64]string
}

func (c *targetCache) get(id int64) (string, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	url, ok := c.url[id]
	return url, ok
}

func (c *targetCache) put(id int64, url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.url == nil || len(c.url) >= maxKnownLinks {
		c.url = map[int64]string{}
	}
	c.url[id] = url
}

// Target is the URL of a link; ok is false when there is none. It leads there from a
// mail whose customer was erased too, unless it names them: who asks has the mail, and
// nothing of it is recorded.
func (s *Store) Target(ctx context.Context, _, link int64) (url string, ok bool, err error) {
	if url, ok := s.targets.get(link); ok {
		return url, true, nil
	}
	var shared bool
	err = s.db.QueryRowContext(ctx, `SELECT url, customer_id IS NULL FROM links WHERE id = $1`, link).Scan(&url, &shared)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err == nil && shared && !mayName(url) { // the others may be erased, by another process too
		s.targets.put(link, url)
	}
	return url, err == nil, err
}
