package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/grade"
)

const (
	// A transaction stores at most so many hits.
	hitBatch = 512
	// So many wait for one at most. More come only while the database stands still.
	maxWaitingHits = 20_000
	// A second transaction begins while one is under way once so many wait.
	hitsForAnother = 16
	// What one batch may take. Those who wait give up sooner.
	hitTime = 10 * time.Second
)

// errBusy says that hits come faster than they can be stored.
var errBusy = errors.New("too many hits wait to be stored")

// newHit is a hit that waits to be stored.
type newHit struct {
	campaign.Hit
	message, link int64
	kind          grade.Kind
	often         bool // there may be a flood of it
	stored        chan error
	done          bool // stored has been told
}

// hitQueue puts hits that come at the same time into one transaction: the first
// starts it, and those that come while it runs share the next. PostgreSQL runs two, for
// one waits for its commit while the other works, when that leaves each enough to do.
type hitQueue struct {
	mu      sync.Mutex
	waiting []*newHit
	workers int
	most    int // workers at once
}

// Opened records that a message's pixel was asked for; it returns once that is
// durable. A message that is gone is no error: there is nothing to record.
func (s *Store) Opened(ctx context.Context, message int64, hit campaign.Hit) error {
	return s.addHit(ctx, &newHit{Hit: hit, message: message, kind: grade.Open})
}

// Clicked records that a link of a message was asked for, as Opened does.
func (s *Store) Clicked(ctx context.Context, message, link int64, hit campaign.Hit) error {
	return s.addHit(ctx, &newHit{Hit: hit, message: message, link: link, kind: grade.Click})
}

func (s *Store) addHit(ctx context.Context, h *newHit) error {
	h.often = s.often.add(hitKey{h.message, h.link, campaign.Micros(h.At) / hourMicros})
	if s.bound != nil {
		return s.recordHits(ctx, []*newHit{h})
	}
	h.stored = make(chan error, 1)
	begin, err := s.hits.add(h)
	if err != nil {
		return err
	}
	if begin {
		go s.workHits()
	}
	select {
	case err := <-h.stored:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add tells whether another worker shall begin.
func (q *hitQueue) add(h *newHit) (begin bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxWaitingHits {
		return false, errBusy
	}
	q.waiting = append(q.waiting, h)
	if begin = q.workers == 0 || q.workers < q.most && len(q.waiting) >= hitsForAnother; begin {
		q.workers++
	}
	return begin, nil
}

// next takes the hits of the next transaction; none: the worker is done.
func (q *hitQueue) next() []*newHit {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), hitBatch)
	if n == 0 || q.workers > 1 && n < hitsForAnother {
		q.workers--
		return nil
	}
	out := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	return out
}

// workHits works until nothing waits. The requests that wait may be gone by then:
// what came is recorded all the same.
func (s *Store) workHits() {
	for {
		batch := s.hits.next()
		if len(batch) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), hitTime)
		var err error
		if s.engine == audience.Postgres {
			batch, err = s.recordFast(ctx, batch)
		}
		if err == nil && len(batch) > 0 {
			err = s.recordHits(ctx, batch)
		}
		cancel()
		for _, h := range batch {
			h.stored <- err
		}
	}
}

// Poke tells the store's schedulers that there is something to look at, those of other
// processes too.
func (s *Store) Poke(ctx context.Context) error {
	if s.engine == audience.SQLite {
		return nil
	}
	_, err := s.db.ExecContext(ctx, `SELECT pg_notify($1, $2)`, channel, s.id)
	return err
}
