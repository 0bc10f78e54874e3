package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"tidings/internal/bench"
	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/render"
	"tidings/internal/store"
	"tidings/internal/token"
	"tidings/scheduler"
	"tidings/worker"
)

type benchSendCmd struct {
	Messages    int           `help:"Mails to send." default:"100000"`
	Connections int           `help:"Connections to the mail server, of all processes together." default:"50"`
	Workers     int           `help:"Processes that send." default:"1"`
	SMTP        string        `help:"Send to this server, on this machine, instead of one of the benchmark's own." placeholder:"URL"`
	TLS         bool          `help:"The benchmark's own mail server speaks TLS." name:"tls"`
	Delay       time.Duration `help:"Add this to each round trip to the database." default:"0s"`
	Bare        int           `help:"Mails of the bare go-mail loop beside it; 0: none." default:"20000"`
}

// Run measures in a schema, or a file, of its own beside DATABASE_URL's.
func (c *benchSendCmd) Run(rt *runtime) error {
	if c.Messages < 1 || c.Connections < c.Workers || c.Workers < 1 || c.Bare < 0 {
		return usage("there is nothing to measure; take 1 message or more, and at least as many connections as workers")
	}
	if c.Workers > 1 && (rt.cfg.SQLite() || rt.cfg.RedisURL == "") {
		return usage("several workers need PostgreSQL (DATABASE_URL) and Redis (REDIS_URL)")
	}
	if c.SMTP != "" {
		server, err := mail.ParseURL(c.SMTP)
		if err != nil {
			return usage("%v", err)
		}
		if !server.Loopback() {
			return usage("%s is not this machine; what the benchmark makes up is sent to nobody else", server.Host)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	f, err := bench.Send(rt.ctx, bench.SendOptions{
		DatabaseURL: rt.cfg.DatabaseURL, RedisURL: rt.cfg.RedisURL, Messages: c.Messages, Connections: c.Connections / c.Workers,
		Workers: c.Workers, SMTPURL: c.SMTP, TLS: c.TLS, Delay: c.Delay, Bare: c.Bare,
		Self: func(args ...string) *exec.Cmd { return exec.CommandContext(rt.ctx, self, args...) },
		Tell: func(text string) { fmt.Fprintln(rt.stderr, text) },
	})
	if err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(f)
	}
	rt.printf("%s, queue %s: %s mails of %d bytes in %.1f s: %s a second, %.0f MB at most\n",
		f.Engine, f.Queue, thousands(f.Messages), f.MailBytes, f.Seconds, thousands(int(f.PerSecond)), float64(f.Peak)/1e6)
	rt.printf("  processor, µs a mail: worker %.1f, deciding tick %.1f, database %.1f, mail server %.1f\n", f.Micros.Worker, f.Micros.Tick, f.Micros.Database, f.Micros.Sink)
	for _, name := range sortedKeys(f.Micros.Parts) {
		rt.printf("    %-10s %6.1f\n", name, f.Micros.Parts[name])
	}
	if len(f.Each) > 1 {
		for i, e := range f.Each {
			rt.printf("  worker %d   %s mails, %s a second, %.0f MB\n", i+1, thousands(e.Messages), thousands(int(e.PerSecond)), float64(e.Peak)/1e6)
		}
	}
	if b := f.Baseline; b.Messages > 0 {
		rt.printf("  bare go-mail loop: %s a second, %.1f µs a mail (mail server %.1f); ratio %.2f\n", thousands(int(b.PerSecond)), b.Micros, b.Sink, f.PerSecond/b.PerSecond)
	}
	return nil
}

type benchSinkCmd struct {
	TLS bool `name:"tls"`
}

// Run is a mail server until its orders end.
func (c *benchSinkCmd) Run(rt *runtime) error {
	var config *tls.Config
	scheme := "smtp"
	if c.TLS {
		var err error
		if config, err = bench.SinkCertificate(); err != nil {
			return err
		}
		scheme = "smtps"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for mail: %w", err)
	}
	sink, r := bench.NewSink(), bench.NewReporter(os.Stdin, rt.stdout)
	failed := make(chan error, 1)
	go func() { failed <- sink.Serve(l, config) }()
	if err := r.Say(bench.Report{Address: scheme + "://" + l.Addr().String()}); err != nil {
		return err
	}
	for r.Await("tell") == nil {
		taken := sink.Taken()
		if err := r.Say(bench.Report{Taken: &taken}); err != nil {
			return err
		}
	}
	_ = l.Close()
	return <-failed
}

type benchBareCmd struct {
	SMTP        string
	Messages    int
	Connections int
}

// Run sends rendered letters by go-mail alone.
func (c *benchBareCmd) Run(rt *runtime) error {
	_, renderer, err := mailing()
	if err != nil {
		return err
	}
	signer, err := token.New([]string{"the key of the benchmark's bare loop"})
	if err != nil {
		return err
	}
	var letters []bench.Letter
	for i := range 100 {
		now := time.Now()
		e, err := renderer.Render(campaign.Outgoing{
			ID: int64(i + 1), Campaign: "letter", Step: "letter", Now: now, Trigger: []byte("{}"), Anchor: now,
			Customer: campaign.Customer{ID: int64(i + 1), ExternalID: fmt.Sprint("c", i+1), Email: fmt.Sprintf("c%d@kape.example", i+1), Attributes: map[string]any{"first_name": fmt.Sprint("Maria ", i+1)}},
		}, render.Settings{PublicURL: rt.cfg.PublicURL, Signer: signer, StoreID: "bare"})
		if err != nil {
			return err
		}
		letter, err := bench.ReadLetter(e.Body)
		if err != nil {
			return err
		}
		letters = append(letters, letter)
	}
	r := bench.NewReporter(strings.NewReader(""), rt.stdout)
	return r.Bare(rt.ctx, c.SMTP, letters, c.Messages, c.Connections)
}

func mailing() (*campaign.Catalog, *render.Renderer, error) {
	files, err := bench.Mailing()
	if err != nil {
		return nil, nil, err
	}
	cat, renderer, problems := load(files)
	if cat == nil {
		return nil, nil, fmt.Errorf("the benchmark's own workspace: %v", problems)
	}
	return cat, renderer, nil
}

type benchSenderCmd struct {
	Relay     bool
	Delay     time.Duration
	TrustSink bool
}

// senderParts tell what a stack of the sender was doing.
var senderParts = [][2]string{
	{"tidings/scheduler.(*Scheduler).Tick", "evaluate"},
	{"tidings/scheduler.(*Scheduler).RelayDue", "relay"},
	{"tidings/worker.(*lane).claim", "claim"},
	{"tidings/worker.(*Committer)", "ledger"},
	{"tidings/worker.", "other"},
	{"tidings/internal/render.", "render"},
	{"tidings/internal/mail.", "smtp"},
	{"github.com/hibiken/asynq", "queue"},
	{"github.com/redis", "queue"},
	{"github.com/alicebob", "queue"},
}

// Run is a live process as `tidings worker`, with the scheduler beside it if told
// so.
func (c *benchSenderCmd) Run(rt *runtime) (err error) {
	r := bench.NewReporter(os.Stdin, rt.stdout)
	cat, renderer, err := mailing()
	if err != nil {
		return err
	}
	s, err := store.Open(rt.ctx, rt.cfg.DatabaseURL, store.Options{MaxConns: rt.cfg.DBMaxConns, Delay: c.Delay})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Ready(rt.ctx); err != nil {
		return err
	}
	if err := rt.fix(s, store.Live); err != nil {
		return err
	}
	m, err := rt.newMachine(s, cat, renderer, s.Now)
	if err != nil {
		return err
	}
	if c.Relay && !m.queue.Embedded() {
		defer rt.forget(s.ID())
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	pool, err := rt.newPool(rt.cfg.SMTPURL, mail.WithTLS(bench.TrustSink(c.TrustSink)))
	if err != nil {
		return err
	}
	defer closePool(pool)
	if err := r.Say(bench.Report{Ready: true}); err != nil {
		return err
	}
	if err := r.Await("go"); err != nil {
		return err
	}
	if err := r.Begin(); err != nil {
		return err
	}
	stop, err := c.work(rt, m, pool, r)
	if err != nil {
		return err
	}
	quiet := r.Tell()
	err = r.Await("end")
	quiet()
	stop()
	if err != nil {
		return err
	}
	var raw io.Writer
	if path := os.Getenv("BENCH_PROFILE"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		raw = f
	}
	if err := r.End(senderParts, raw); err != nil {
		return err
	}
	// The connections to the database stay until their processes were looked at.
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// work sets the sender to work; stop ends it.
func (c *benchSenderCmd) work(rt *runtime, m *machine, pool *mail.Pool, r *bench.Reporter) (stop func(), err error) {
	ctx, cancel := context.WithCancel(rt.ctx)
	room := make(chan struct{}, 1)
	w := m.workerOver(counting{m.store, r}, pool, func() { wake(room) })
	server, err := m.serve(context.WithoutCancel(ctx), w.Slice)
	if err != nil {
		cancel()
		return nil, err
	}
	done := make(chan error, 1)
	if c.Relay {
		go func() {
			done <- m.scheduler().Run(ctx, scheduler.RunOptions{
				Clock: m.store.Now, Room: room, Leader: func(context.Context) (bool, error) { return true, nil },
			})
		}()
	} else {
		close(done)
	}
	return func() {
		cancel()
		<-done
		grace, cancel := context.WithTimeout(context.Background(), m.rt.cfg.StopGrace)
		defer cancel()
		_ = server.Stop(grace)
	}, nil
}

// counting tells the reporter of every mail that the ledger has as accepted.
type counting struct {
	worker.Ledger
	r *bench.Reporter
}

func (c counting) Commit(ctx context.Context, b worker.Batch, now time.Time) (map[campaign.Claim]bool, error) {
	admitted, err := c.Ledger.Commit(ctx, b, now)
	if err == nil {
		n := 0
		for _, one := range b.Results {
			if one.Verdict == campaign.WasAccepted {
				n++
			}
		}
		c.r.Sent(n, time.Now())
	}
	return admitted, err
}

// forget deletes what a store of the benchmark has left in Redis.
func (rt *runtime) forget(storeID string) {
	o, err := redis.ParseURL(rt.cfg.RedisURL)
	if err != nil {
		return
	}
	c := redis.NewClient(o)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for keys := c.Scan(ctx, 0, "*"+storeID+"*", 1000).Iterator(); keys.Next(ctx); {
		c.Del(ctx, keys.Val())
	}
	c.SRem(ctx, "asynq:queues", "bulk-"+storeID, "transactional-"+storeID)
}
