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
	// hitLanes are how many transactions there are at once: one commits while the
	// next is put together. SQLite has one writer.
	hitLanes = 2
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
	stored        chan error
}

// hitLane puts hits that come at the same time into one transaction: the first
// starts it, and those that come while it runs share the next.
type hitLane struct {
	mu      sync.Mutex
	waiting []*newHit
	busy    bool
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
	if s.bound != nil {
		return s.recordHits(ctx, []*newHit{h})
	}
	h.stored = make(chan error, 1)
	lane := &s.hits[0]
	if s.engine == audience.Postgres {
		// By message, so that no two transactions mark the same one.
		lane = &s.hits[uint64(h.message)%hitLanes]
	}
	begin, err := lane.add(h)
	if err != nil {
		return err
	}
	if begin {
		go s.workLane(lane)
	}
	select {
	case err := <-h.stored:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add tells whether nobody is at work on the lane.
func (l *hitLane) add(h *newHit) (begin bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= maxWaitingHits {
		return false, errBusy
	}
	l.waiting = append(l.waiting, h)
	begin, l.busy = !l.busy, true
	return begin, nil
}

// next takes the hits of the next transaction; none: the lane is at rest.
func (l *hitLane) next() []*newHit {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), hitBatch)
	out := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; n == 0 {
		l.waiting, l.busy = nil, false
	}
	return out
}

// workLane works until nothing waits. The requests that wait may be gone by then:
// what came is recorded all the same.
func (s *Store) workLane(l *hitLane) {
	for {
		batch := l.next()
		if len(batch) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), hitTime)
		err := s.recordHits(ctx, batch)
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
