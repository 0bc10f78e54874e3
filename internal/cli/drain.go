package cli

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"time"

	"tidings/internal/mail"
	"tidings/internal/queue"
	"tidings/scheduler"
)

// stopGrace is how long a stopping process waits for its hand-overs.
const stopGrace = 25 * time.Second

// sender works the queue off in this process, over connections of a pool.
type sender struct {
	*machine
	server  *queue.Server
	idle    chan struct{} // a slice is done
	working atomic.Int64  // slices
}

// startSender sets a worker to work. Stop it.
func (m *machine) startSender(ctx context.Context, pool *mail.Pool) (*sender, error) {
	s := &sender{machine: m, idle: make(chan struct{}, 1)}
	w := m.worker(pool, nil)
	var err error
	s.server, err = m.serve(ctx, func(ctx context.Context, slice int64) error {
		s.working.Add(1)
		defer func() {
			s.working.Add(-1)
			select {
			case s.idle <- struct{}{}:
			default:
			}
		}()
		return w.Slice(ctx, slice)
	})
	return s, err
}

func (s *sender) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	_ = s.server.Stop(ctx)
}

// drain ticks and works the queue off at now until nothing moves any more: what
// a sent mail lets go on at the same moment goes on too.
func (m *machine) drain(ctx context.Context, now time.Time) (map[string]scheduler.Decided, error) {
	pool, stop, err := m.drainPool(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	defer closePool(pool)
	send, err := m.startSender(ctx, pool)
	if err != nil {
		return nil, err
	}
	defer send.stop(ctx)
	sched := m.scheduler()
	total := map[string]scheduler.Decided{}
	var failed *scheduler.FailedError
	for {
		decided, err := sched.Tick(ctx, now)
		// What the other campaigns decided goes out.
		if err != nil && !errors.As(err, &failed) {
			return total, err
		}
		addDecided(total, decided)
		n, err := sched.RelayDue(ctx, now)
		if err != nil {
			return total, err
		}
		quiet, err := send.settle(ctx, now)
		if err != nil {
			return total, err
		}
		if n == 0 && quiet && !moved(decided) {
			if failed != nil {
				return total, failed
			}
			return total, nil
		}
	}
}

// queueLook is how often a drain asks the queue whether it is empty when no
// slice of its own tells it so; stalled is how many looks in a row may find
// nothing moving before what is left is left to a later tick.
const (
	queueLook = 50 * time.Millisecond
	stalled   = 100
)

// settle waits until every slice queued at now was taken up and none is worked
// on. It tells whether it had nothing to wait for, or nothing that moves.
func (s *sender) settle(ctx context.Context, now time.Time) (quiet bool, err error) {
	look := time.NewTicker(queueLook)
	defer look.Stop()
	still := 0
	for quiet = true; ; quiet = false {
		pending, err := s.queue.Pending(ctx)
		if err != nil {
			return false, err
		}
		if pending > 0 || s.working.Load() > 0 {
			still = 0
		} else {
			untaken, err := s.store.Untaken(ctx, now)
			if err != nil {
				return false, err
			}
			if untaken == 0 {
				return quiet, nil
			}
			if still++; still > stalled {
				return true, nil
			}
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-s.idle:
		case <-look.C:
		}
	}
}

// addDecided adds a round's entries. What is held is held once, however many
// rounds look at it.
func addDecided(total, round map[string]scheduler.Decided) {
	for name, d := range round {
		t := total[name]
		t.Entered += d.Entered
		if t.Held == nil {
			t.Held = map[string]int{}
		}
		if len(d.Held) > 0 && len(t.Held) == 0 {
			maps.Copy(t.Held, d.Held)
		}
		if d.Fuse != nil {
			fuse := *d.Fuse
			if t.Fuse != nil && fuse.Released == 0 {
				fuse.Released = t.Fuse.Released // the round that found it void was the first
			}
			t.Fuse = &fuse
		}
		if d.Error != "" {
			t.Error = d.Error
		}
		total[name] = t
	}
}

func moved(decided map[string]scheduler.Decided) bool {
	for _, d := range decided {
		if d.Entered > 0 {
			return true
		}
	}
	return false
}
