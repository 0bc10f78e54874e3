package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/inbox"
	"tidings/internal/mail"
	"tidings/internal/store"
	"tidings/internal/web"
	"tidings/scheduler"
)

type (
	runCmd       struct{}
	webCmd       struct{}
	schedulerCmd struct{}
	workerCmd    struct{}
)

// parts are what a live process does of the whole.
type parts struct{ web, scheduler, worker bool }

// Run is all in one process, and migrates by itself.
func (*runCmd) Run(rt *runtime) error {
	return rt.live(parts{web: true, scheduler: true, worker: true})
}

// Run serves HTTP.
func (*webCmd) Run(rt *runtime) error { return rt.live(parts{web: true}) }

// Run ticks and relays.
func (*schedulerCmd) Run(rt *runtime) error { return rt.live(parts{scheduler: true}) }

// Run sends.
func (*workerCmd) Run(rt *runtime) error { return rt.live(parts{worker: true}) }

func (p parts) all() bool { return p.web && p.scheduler && p.worker }

// live runs parts until the context ends. The port is bound before anything
// else, as platforms ask; until the rest is there it answers 503.
func (rt *runtime) live(p parts) error {
	if err := rt.servable(p); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(rt.ctx)
	defer cancel()
	cat, renderer, err := rt.catalog()
	if err != nil {
		return err
	}
	l := &live{rt: rt, parts: p, failed: make(chan error, 4), poke: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	if p.web || rt.cfg.PortGiven {
		if err := l.listen(ctx, cat); err != nil {
			return err
		}
	}
	err = l.start(ctx, func(s *store.Store) (*machine, error) {
		if p.scheduler || p.worker {
			return rt.newMachine(s, cat, renderer, s.Now)
		}
		return rt.newMachineWithoutQueue(s, cat, renderer, s.Now)
	})
	if err == nil {
		select {
		case <-ctx.Done():
			rt.log.Info("stopping")
		case err = <-l.failed:
		}
	}
	cancel()
	return errors.Join(err, l.stop())
}

// servable refuses what a platform would break.
func (rt *runtime) servable(p parts) error {
	if err := rt.cfg.Durable(); err != nil {
		return usage("%v", err)
	}
	if err := rt.cfg.Servable(); err != nil {
		return usage("%v", err)
	}
	if !p.all() {
		if err := rt.separable(p); err != nil {
			return err
		}
	}
	if p.worker && rt.cfg.SMTPURL == "" && !(p.all() && rt.private()) {
		return usage("SMTP_URL is not set; the built-in inbox, which would swallow the mails, is only for `tidings run` on a machine of its own, listening on 127.0.0.1 with PORT not set. Set SMTP_URL to smtp://user:password@host:587")
	}
	return nil
}

// private tells whether nobody but this machine reaches the process.
func (rt *runtime) private() bool {
	ip := net.ParseIP(rt.cfg.Host)
	return rt.cfg.Platform == "" && ip != nil && ip.IsLoopback()
}

// separable tells what parts of their own lack to share.
func (rt *runtime) separable(p parts) error {
	if rt.cfg.SQLite() {
		return usage("web, scheduler and worker as separate processes need PostgreSQL (DATABASE_URL); `tidings run` is all in one and takes SQLite")
	}
	if rt.cfg.RedisURL == "" && !p.web {
		return usage("scheduler and worker as separate processes need Redis (REDIS_URL); `tidings run` is all in one and needs none")
	}
	return nil
}

// live is a process at work.
type live struct {
	rt     *runtime
	parts  parts
	failed chan error
	poke   chan struct{} // facts came in
	room   chan struct{} // a worker of this process is done with mails

	store    *store.Store
	machine  *machine
	pool     *mail.Pool
	inbox    *inbox.Inbox
	web      *web.Server
	webDone  chan struct{}
	shutdown []func(context.Context)
}

// listen binds the port and answers from then on.
func (l *live) listen(ctx context.Context, cat *campaign.Catalog) error {
	ln, err := net.Listen("tcp", l.rt.cfg.Addr())
	if err != nil {
		return fmt.Errorf("listen on %s: %w", l.rt.cfg.Addr(), err)
	}
	keys := l.rt.cfg.WriteKeys
	l.web, err = web.NewServer(web.Config{
		Log: l.rt.log, Now: time.Now, Workspace: cat.Workspace, WriteKeys: keys,
		AdminPassword: l.rt.cfg.AdminPassword, Proxies: l.rt.cfg.TrustedProxies, MaxTickAge: 5 * time.Minute,
	})
	if err != nil {
		return err
	}
	l.webDone = make(chan struct{})
	go func() {
		defer close(l.webDone)
		if err := l.web.Run(ctx, ln); err != nil {
			l.failed <- fmt.Errorf("serve http: %w", err)
		}
	}()
	return nil
}

// start opens the store and sets the parts to work.
func (l *live) start(ctx context.Context, machine func(*store.Store) (*machine, error)) error {
	s, err := l.rt.open()
	if err != nil {
		return err
	}
	l.store = s
	if l.parts.all() {
		err = s.Migrate(ctx)
	} else {
		err = s.Ready(ctx)
	}
	if err != nil {
		return err
	}
	if err := l.rt.fix(s, store.Live); err != nil {
		return err
	}
	if l.machine, err = machine(s); err != nil {
		return err
	}
	if err := l.rightWorkspace(ctx); err != nil {
		return err
	}
	if err := l.startWorker(ctx); err != nil {
		return err
	}
	if l.parts.scheduler {
		l.startScheduler(ctx)
	}
	return l.openWeb(ctx)
}

// rightWorkspace refuses to decide by the files of another folder.
func (l *live) rightWorkspace(ctx context.Context) error {
	if !l.parts.scheduler {
		return nil
	}
	err := l.store.CheckWorkspace(ctx, l.machine.catalog)
	var wrong *store.RemovalError
	if errors.As(err, &wrong) {
		return usage("%v", wrong)
	}
	return err
}

func (l *live) startWorker(ctx context.Context) error {
	if !l.parts.worker {
		return nil
	}
	address := l.rt.cfg.SMTPURL
	if address == "" {
		var err error
		if l.inbox, address, err = l.rt.startInbox(ctx, time.Now); err != nil {
			return err
		}
		l.rt.log.Info("SMTP_URL is not set: mails go to the built-in inbox and leave this machine for nobody", "inbox", l.rt.cfg.PublicURL+"/inbox/")
	}
	pool, err := l.rt.newPool(address)
	if err != nil {
		return err
	}
	l.pool = pool
	// Hand-overs outlive ctx, which ends with the first signal.
	server, err := l.machine.serve(context.WithoutCancel(ctx), l.machine.worker(pool, func() { wake(l.room) }).Slice)
	if err != nil {
		return err
	}
	l.shutdown = append(l.shutdown, func(ctx context.Context) {
		if err := l.machine.stopSending(ctx, server, pool); err != nil {
			l.rt.log.Error("worker not stopped in time", "error", err)
		}
	})
	return nil
}

// wake tells the scheduler of this process, if it has one, of facts.
func (l *live) wake() { wake(l.poke) }

// wake wakes a reader that has not been woken yet.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// leaderLease is how long a scheduler leads without saying so again.
const (
	leaderName  = "scheduler"
	leaderLease = 30 * time.Second
)

// leader asks for the lease, and prolongs it, but not in each of ten rounds a second:
// one that was just given holds for a while. Two that lead for a moment do no harm.
func leader(s *store.Store, owner string) scheduler.Leader {
	var given time.Time
	return func(ctx context.Context) (bool, error) {
		if !given.IsZero() && time.Since(given) < leaderLease/10 {
			return true, nil
		}
		given = time.Time{}
		asked := time.Now()
		now, err := s.Now(ctx)
		if err != nil {
			return false, err
		}
		leads, err := s.Lead(ctx, leaderName, owner, now, leaderLease)
		if leads && err == nil {
			given = asked
		}
		return leads, err
	}
}

func (l *live) startScheduler(ctx context.Context) {
	owner := fmt.Sprintf("%s-%d", l.rt.cfg.Platform, time.Now().UnixNano())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer l.resign(ctx, owner)
		err := l.machine.scheduler().Run(ctx, scheduler.RunOptions{
			Clock: l.store.Now, Poke: l.poke, Room: l.room, Leader: leader(l.store, owner),
		})
		if err != nil {
			l.failed <- err
		}
	}()
	go l.store.Listen(ctx, l.wake, l.rt.log)
	l.shutdown = append(l.shutdown, func(ctx context.Context) {
		select {
		case <-done:
		case <-ctx.Done():
		}
	})
}

// resign lets another scheduler lead at once, as at a deploy.
func (l *live) resign(ctx context.Context, owner string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := l.store.Resign(ctx, leaderName, owner); err != nil {
		l.rt.log.Warn("lease not given up; it runs out by itself", "error", err)
	}
}

// openWeb lets the listening server answer.
func (l *live) openWeb(ctx context.Context) error {
	if l.web == nil {
		return nil
	}
	var box http.Handler
	if l.inbox != nil {
		var err error
		if box, err = l.inbox.Handler("/inbox"); err != nil {
			return err
		}
	}
	if err := l.writeKeys(ctx); err != nil {
		return err
	}
	hooks, err := l.hooks()
	if err != nil {
		return err
	}
	l.rt.log.Info("listening", "address", l.rt.cfg.Addr(), "report", l.rt.cfg.PublicURL+"/report")
	return l.web.Open(web.Backend{
		Tokens: l.machine.signer, Intake: poking{l.store, l.wake}, Tracker: newTracking(l.store, l.wake), Subscriptions: l.store,
		Preferences: poking{l.store, l.wake}, Confirmations: poking{l.store, l.wake}, Links: l.machine.signer,
		Reporter: l.store, Health: l.store, Inbox: box, Hooks: hooks,
	})
}

// writeKeys fills in a key that the store keeps when the environment gives none.
func (l *live) writeKeys(ctx context.Context) error {
	if len(l.rt.cfg.WriteKeys) > 0 {
		return nil
	}
	if l.rt.cfg.Platform != "" {
		l.rt.log.Warn("WRITE_KEY is not set: no events are taken in over HTTP")
		return nil
	}
	key, err := l.store.Secret(ctx, "write")
	if err != nil {
		return err
	}
	l.web.WriteKeys = []string{key}
	if l.rt.terminal {
		l.rt.say("write key for /v1 (WRITE_KEY is not set): %s\n", key)
	}
	return nil
}

// stop ends what was started, the hand-overs under way first.
func (l *live) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.rt.cfg.StopGrace+cutGrace)
	defer cancel()
	for _, f := range l.shutdown {
		f(ctx)
	}
	if l.webDone != nil {
		select {
		case <-l.webDone:
		case <-ctx.Done():
		}
	}
	var err error
	if l.machine != nil {
		err = l.machine.Close()
	}
	if l.store != nil {
		// All that was to be kept is committed: a connection that the server cut
		// before we closed it makes no stop a failure.
		if cerr := l.store.Close(); cerr != nil {
			l.rt.log.Warn("the database's connections did not close in order", "error", cerr)
		}
	}
	return err
}
