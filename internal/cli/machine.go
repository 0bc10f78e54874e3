package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/config"
	"tidings/internal/dkim"
	"tidings/internal/fault"
	"tidings/internal/hook"
	"tidings/internal/mail"
	"tidings/internal/queue"
	"tidings/internal/render"
	"tidings/internal/store"
	"tidings/internal/token"
	"tidings/scheduler"
	"tidings/worker"
)

// machine is the scheduler and the worker of one store, wired.
type machine struct {
	rt       *runtime
	store    *store.Store
	catalog  *campaign.Catalog
	renderer *render.Renderer
	signer   *token.Signer
	dkim     *dkim.Signer // nil: mails are not signed here
	queue    *queue.Queue // nil when neither decides nor sends
	clock    func(ctx context.Context) (time.Time, error)
	public   string // PUBLIC_URL
}

// maxQueued and maxSlices bound the messages of a lane, and the tasks that carry
// them, that are in the queue or claimed; sliceSize the messages of one task.
const (
	maxQueued = 10_000
	maxSlices = 1_000
	sliceSize = 200
)

// newMachine opens what the scheduler and the worker share. Close it.
func (rt *runtime) newMachine(s *store.Store, cat *campaign.Catalog, renderer *render.Renderer, clock func(context.Context) (time.Time, error)) (*machine, error) {
	m, err := rt.newMachineWithoutQueue(s, cat, renderer, clock)
	if err == nil {
		err = m.openQueue()
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// newMachineWithoutQueue is all that web needs: it serves without Redis.
func (rt *runtime) newMachineWithoutQueue(s *store.Store, cat *campaign.Catalog, renderer *render.Renderer, clock func(context.Context) (time.Time, error)) (*machine, error) {
	s.Use(cat)
	signer, err := rt.signer(s)
	if err != nil {
		return nil, err
	}
	keys, err := rt.dkimSigner()
	if err != nil {
		return nil, err
	}
	return &machine{rt: rt, store: s, catalog: cat, renderer: renderer, signer: signer, dkim: keys, clock: clock, public: rt.cfg.PublicURL}, nil
}

func (m *machine) openQueue() (err error) {
	m.queue, err = queue.Open(m.rt.ctx, m.rt.cfg.RedisURL, m.store.ID(), m.rt.log,
		queue.WithTLSVerify(verify(m.rt.cfg), m.rt.cfg.Platform == "Heroku"))
	return err
}

func verify(cfg config.Config) queue.TLSVerify {
	if cfg.RedisTLSVerify == "" {
		return queue.VerifyAuto
	}
	return queue.TLSVerify(cfg.RedisTLSVerify)
}

// Close closes the queue.
func (m *machine) Close() error {
	if m.queue == nil {
		return nil
	}
	return m.queue.Close()
}

// signer signs links with SECRET_KEY, or with a key that the store keeps.
func (rt *runtime) signer(s *store.Store) (*token.Signer, error) {
	keys := rt.cfg.SecretKeys
	if len(keys) == 0 {
		key, err := s.Secret(rt.ctx, "links")
		if err != nil {
			return nil, err
		}
		keys = []string{key}
	}
	signer, err := token.New(keys)
	if err != nil {
		return nil, usage("SECRET_KEY: %v", err)
	}
	return signer, nil
}

// scheduler is the deciding half.
func (m *machine) scheduler() *scheduler.Scheduler {
	return &scheduler.Scheduler{
		Store: m.store, Queue: m.queue, Catalog: m.catalog, Log: m.rt.log,
		Relay: scheduler.RelayOptions{MaxQueued: maxQueued, MaxSlices: maxSlices, SliceSize: sliceSize, Workers: m.rt.cfg.Connections},
	}
}

// worker is the sending half, over connections of pool. settled may be nil.
func (m *machine) worker(pool *mail.Pool, settled func()) *worker.Worker {
	return m.workerOver(m.store, pool, settled)
}

// lightGC lets a process that sends collect its garbage less often: it makes that
// of a mail for each mail and keeps next to nothing, so that it costs a few tens of
// megabytes. GOGC wins over it.
func lightGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
}

// workerOver is worker with another ledger before the store.
func (m *machine) workerOver(ledger worker.Ledger, pool *mail.Pool, settled func()) *worker.Worker {
	lightGC()
	clock := worker.Clock(m.clock)
	if m.store.Live() {
		// A live store takes the time by itself, within the transaction: nobody asks for
		// it besides.
		clock = func(context.Context) (time.Time, error) { return time.Now(), nil }
	}
	return worker.New(worker.Options{
		Ledger: ledger, Line: line{pool}, Clock: clock, Log: m.rt.log, Settled: settled,
		Renderer: renderer{m.renderer, render.Settings{PublicURL: m.public, Signer: m.signer, StoreID: m.store.ID(), ReturnAddress: m.rt.cfg.ReturnAddress, Reference: hook.HeaderFor(smtpHost(m.rt.cfg.SMTPURL)), Catalogue: m.products()}, m.dkim},
	})
}

// line is the mail pool as the worker wants it.
type line struct{ *mail.Pool }

func (l line) Get(ctx context.Context) (worker.Conn, error) {
	c, err := l.Pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	return smtpConn{c}, nil
}

func (l line) Put(c worker.Conn) { l.Pool.Put(c.(smtpConn).Conn) }

type smtpConn struct{ *mail.Conn }

func (c smtpConn) FinishBegin(ctx context.Context, next campaign.Email) (worker.Ending, error) {
	done, err := c.Conn.FinishBegin(ctx, next)
	return worker.Ending(done), err
}

// transactionalWorkers are how many slices of transactional mail are sent at
// once, on connections of their own, beside n slices of bulk.
func transactionalWorkers(n int) int { return max(1, n/4) }

// newPool makes the connections to SMTP_URL: as many as slices can be worked on,
// each of which keeps one, so that transactional mail never waits for bulk's.
func (rt *runtime) newPool(smtpURL string, options ...mail.Option) (*mail.Pool, error) {
	server, err := mail.ParseURL(smtpURL)
	if err != nil {
		return nil, usage("%v", err)
	}
	if fault.Armed() && !server.Loopback() {
		return nil, usage("TIDINGS_FAULT is set, and %s is not on this machine; faults are for tests, which mail nobody. Unset it", server.Addr())
	}
	n := rt.cfg.Connections
	return mail.New(server, append([]mail.Option{
		mail.WithConnections(n + transactionalWorkers(n)), mail.WithHelo(rt.heloName()),
		mail.WithTimeouts(mail.Timeouts{Reply: worker.ReplyLimit}),
	}, options...)...), nil
}

// serve works the queue off in this process until the server is stopped.
func (m *machine) serve(ctx context.Context, handle queue.Handler) (*queue.Server, error) {
	if m.queue.Embedded() {
		// Nobody else sends from this store.
		now, err := m.clock(ctx)
		if err == nil {
			err = m.store.TakeOver(ctx, now)
		}
		if err != nil {
			return nil, err
		}
	}
	n := m.rt.cfg.Connections
	s, err := m.queue.Serve(ctx, queue.Handlers{
		Transactional: handle, TransactionalWorkers: transactionalWorkers(n), Bulk: handle, BulkWorkers: n,
	})
	if err != nil {
		return nil, fmt.Errorf("serve the queue: %w", err)
	}
	return s, nil
}
