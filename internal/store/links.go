package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"tidings/worker"
)

// linkCache remembers which links are stored, so that a campaign of a hundred
// thousand mails with the same three links inserts three rows, and asks once.
type linkCache struct {
	mu    sync.Mutex
	known map[int64]bool
}

// maxKnownLinks bounds the cache; links made for single customers would grow it
// for ever.
const maxKnownLinks = 50_000

func (c *linkCache) unknown(links map[int64]string) [][]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out [][]any
	for id, url := range links {
		if !c.known[id] {
			out = append(out, []any{id, storable(url)})
		}
	}
	return out
}

// learn notes links whose rows are committed.
func (c *linkCache) learn(handoffs []worker.Handoff) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) > maxKnownLinks {
		c.known = map[int64]bool{}
	}
	for _, h := range handoffs {
		for _, l := range h.Links {
			if !mayName(l.URL) { // such links are erased
				c.known[l.ID] = true
			}
		}
	}
}

// targetCache remembers where links lead. What a link's id stands for never changes.
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
	err = s.db.QueryRowContext(ctx, `SELECT url FROM links WHERE id = $1`, link).Scan(&url)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err == nil {
		s.targets.put(link, url)
	}
	return url, err == nil, err
}
