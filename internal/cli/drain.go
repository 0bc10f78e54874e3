package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"tidings/internal/mail"
	"tidings/internal/queue"
	"tidings/scheduler"
)

// sender works the queue off in this process, over connections of a pool.
type sender struct {
	*machine
	server  *queue.Server
	pool    *mail.Pool
	idle    chan struct{} // a slice is done
	working atomic.Int64  // slices
	lost    lost
	looks   int // how many in a row may find nobody at work
}

// startSender sets a worker to work. Stop it.
func (m *machine) startSender(ctx context.Context, pool *mail.Pool) (*sender, error) {
	s := &sender{machine: m, pool: pool, idle: make(chan struct{}, 1), lost: lost{}, looks: looksEnough}
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
	if err := s.stopSending(ctx, s.server, s.pool); err != nil {
		s.rt.log.Error("worker not stopped in time", "error", err)
	}
}

// cutGrace is the time to store what became of hand-overs whose lines were cut.
const cutGrace = 2 * time.Second

// stopSending ends a worker and its lines, whether or not ctx has ended: it takes
// nothing more, lets go of what it has claimed, and waits for the replies to what
// it has handed over, for STOP_GRACE at most. Then the lines are cut, and what
// lay on them is uncertain.
func (m *machine) stopSending(ctx context.Context, server *queue.Server, pool *mail.Pool) error {
	ctx = context.WithoutCancel(ctx)
	wait, cancel := context.WithTimeout(ctx, m.rt.cfg.StopGrace)
	defer cancel()
	if server.Stop(wait) == nil {
		closePool(pool)
		return nil
	}
	_ = pool.Close(wait) // its time is up: lines in use are cut
	last, cancel := context.WithTimeout(ctx, cutGrace)
	defer cancel()
	return server.Stop(last)
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
// slice of its own tells it so; looksEnough is how many looks in a row may find slices
// that nobody works on before these are left to a later tick.
const (
	queueLook   = 50 * time.Millisecond
	looksEnough = 100
)

// lost are slices that nobody has taken up for as long as a drain waits: their task
// went with the process, or the queue, that had it. A later tick takes them up, when
// its clock has gone on; in this one they are waited for once, not in each round.
type lost map[int64]bool

func (l lost) add(ids []int64) {
	for _, id := range ids {
		l[id] = true
	}
}

// without leaves of slices those that may still be taken up.
func (l lost) without(ids []int64) []int64 {
	return slices.DeleteFunc(ids, func(id int64) bool { return l[id] })
}

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
			if untaken = s.lost.without(untaken); len(untaken) == 0 {
				return quiet, nil
			}
			if still++; still > s.looks {
				s.lost.add(untaken)
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
