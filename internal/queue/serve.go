package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"tidings/internal/campaign"
	"tidings/internal/fault"
)

// Handler works a slice. Its error means that the work could not be done now,
// for want of the database for example, and the slice comes again in 10 to 30
// seconds; whatever becomes of the messages themselves is no error. Its context
// ends when the server stops, or the task's time is up: it should then leave
// what is not begun, and return.
type Handler func(ctx context.Context, slice int64) error

// Handlers are the lanes to serve, and how many slices of each at a time. A
// lane without a handler is left alone.
type Handlers struct {
	Transactional, Bulk               Handler
	TransactionalWorkers, BulkWorkers int // below 1: 1
}

// Server takes tasks and gives them to handlers.
type Server struct {
	queue    *Queue
	servers  []*asynq.Server
	stop     chan struct{} // closed: no further tasks
	cancel   context.CancelFunc
	handling sync.WaitGroup
	hearing  sync.WaitGroup
	once     sync.Once
	stopped  chan struct{} // closed: all is done
}

// Serve starts taking tasks, each lane by a server of its own, so that bulk never
// holds up transactional mail. Handlers get the values and the end of ctx; end
// ctx and Stop besides. Signals are the caller's business.
func (q *Queue) Serve(ctx context.Context, h Handlers) (*Server, error) {
	base, cancel := context.WithCancel(ctx)
	q.serving.Add(1)
	s := &Server{queue: q, stop: make(chan struct{}), cancel: cancel, stopped: make(chan struct{})}
	for _, one := range []struct {
		lane    campaign.Lane
		handler Handler
		workers int
	}{{campaign.LaneTransactional, h.Transactional, h.TransactionalWorkers}, {campaign.LaneBulk, h.Bulk, h.BulkWorkers}} {
		if one.handler == nil {
			continue
		}
		server := asynq.NewServerFromRedisClient(q.poller(one.lane, s.stop), q.config(one.lane, max(one.workers, 1)))
		if err := server.Start(s.task(base, one.lane, one.handler)); err != nil {
			cancel()
			return nil, errors.Join(fmt.Errorf("serve %s queue: %w", one.lane, err), s.Stop(ctx))
		}
		s.servers = append(s.servers, server)
	}
	if !q.Embedded() {
		s.hearing.Go(func() { q.hear(s.stop) })
	}
	return s, nil
}

func (q *Queue) poller(lane campaign.Lane, stop <-chan struct{}) *poller {
	p := &poller{UniversalClient: q.redis, wake: q.wake[lane], stop: stop, every: pollRedis}
	if q.Embedded() {
		p.every = pollEmbedded
	}
	if q.options.poll > 0 {
		p.every = q.options.poll
	}
	return p
}

func (q *Queue) config(lane campaign.Lane, workers int) asynq.Config {
	level := asynq.InfoLevel
	if q.log.Enabled(context.Background(), slog.LevelDebug) {
		level = asynq.DebugLevel
	}
	return asynq.Config{
		Concurrency:       workers,
		Queues:            map[string]int{q.name(lane): 1},
		TaskCheckInterval: pollAsynq,
		ShutdownTimeout:   q.options.grace,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration {
			return 10*time.Second + rand.N(20*time.Second)
		},
		Logger:   logger{q.log.With("lane", string(lane))},
		LogLevel: level,
	}
}

// task is a handler as asynq wants it. asynq's own context is left alone when we
// stop, and the handler gets one that ends: on the end of its own asynq puts the
// task back at once, while the handler is still at it.
func (s *Server) task(base context.Context, lane campaign.Lane, handle Handler) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) (err error) {
		s.handling.Add(1)
		defer s.handling.Done()
		slice, err := decode(t.Payload())
		if err != nil {
			s.queue.log.Error("a task cannot be read, and is dropped", "lane", string(lane), "error", err.Error())
			return nil
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(base, cancel)()
		if err := s.handle(ctx, lane, slice, handle); err != nil {
			level := slog.LevelError
			if base.Err() != nil && errors.Is(err, context.Canceled) {
				level = slog.LevelInfo // we have stopped it
			}
			s.queue.log.Log(ctx, level, "a slice comes again later", "lane", string(lane), "slice", slice, "error", err.Error())
			// What an error says is for the log; Redis keeps ids only.
			return fmt.Errorf("slice %d", slice)
		}
		fault.Point("worker.before_ack")
		return nil
	})
}

// handle calls a handler and makes an error of a panic.
func (s *Server) handle(ctx context.Context, lane campaign.Lane, slice int64, handle Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.queue.log.Error("handler panicked", "lane", string(lane), "slice", slice, "stack", string(debug.Stack()))
			err = fmt.Errorf("handler panicked with a %T", p)
		}
	}()
	return handle(ctx, slice)
}

// Stop takes no further tasks, ends the handlers' contexts and waits for the
// handlers, until ctx ends at the latest, even if Redis hangs. What is still at
// work then runs again elsewhere after a minute or two. A second Stop waits as
// the first does.
func (s *Server) Stop(ctx context.Context) error {
	s.once.Do(func() {
		close(s.stop)
		s.cancel()
		go s.shutdown()
	})
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-s.stopped:
		return nil
	default:
		return fmt.Errorf("stop queue: %w", ctx.Err())
	}
}

// shutdown may take as long as Redis does.
func (s *Server) shutdown() {
	defer close(s.stopped)
	var all sync.WaitGroup
	for _, server := range s.servers {
		all.Go(server.Shutdown)
	}
	all.Wait()
	// asynq gives up on handlers that outstay their grace; we do not.
	s.handling.Wait()
	s.hearing.Wait()
	s.queue.serving.Add(-1)
}
