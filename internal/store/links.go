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
			c.known[l.ID] = true
		}
	}
}

// Target is the URL of a link of a message; ok is false when there is none.
func (s *Store) Target(ctx context.Context, message, link int64) (url string, ok bool, err error) {
	return target(ctx, s.db, message, link)
}

func target(ctx context.Context, q querier, message, link int64) (url string, ok bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT url FROM links WHERE id = $2
		AND EXISTS (SELECT 1 FROM messages WHERE id = $1)`, message, link).Scan(&url)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return url, err == nil, err
}
