package bench

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os/exec"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/store"
	"tidings/scheduler"
)

//go:embed mailing
var mailing embed.FS

// Mailing is the workspace of Send: one letter to everybody.
func Mailing() (fs.FS, error) { return fs.Sub(mailing, "mailing") }

// SendOptions say what is sent, and how.
type SendOptions struct {
	DatabaseURL, RedisURL string
	Messages, Connections int
	Workers               int // processes that send
	SMTPURL               string
	TLS                   bool          // of the sink
	Delay                 time.Duration // added to each round trip to the database
	Bare                  int           // mails of the bare loop
	// Self makes a process of this program: a sink, a bare loop, a sender.
	Self func(args ...string) *exec.Cmd
	Tell func(string)
}

// SendFigures are what was measured.
type SendFigures struct {
	Engine      string  `json:"engine"`
	Queue       string  `json:"queue"`
	Messages    int     `json:"messages"`
	Connections int     `json:"connections"`
	Workers     int     `json:"workers"`
	MailBytes   int     `json:"mail_bytes"`
	Seconds     float64 `json:"seconds"` // from the first look for due mails until the last was recorded
	PerSecond   float64 `json:"per_second"`
	// Peak is the largest sending process.
	Peak     int64        `json:"peak_rss_bytes"`
	CPU      SendCPU      `json:"cpu_seconds"`
	Micros   SendCPU      `json:"cpu_us_per_mail"`
	Baseline BareFigures  `json:"baseline"`
	Decided  DecidedIn    `json:"decided"`
	Each     []EachSender `json:"each"`
	// Proof is what the sink counted; without a sink of our own only the ledger is
	// looked at.
	Accepted int    `json:"accepted"` // in the ledger
	Proof    *Taken `json:"taken,omitempty"`
}

// SendCPU is processor time: of the sending processes together, of the tick that
// decided, of the database's for our connections, of the sink's.
type SendCPU struct {
	Worker   float64            `json:"worker"`
	Tick     float64            `json:"tick"`
	Database float64            `json:"database"`
	Sink     float64            `json:"sink"`
	Parts    map[string]float64 `json:"by_part"` // of worker and tick
}

// BareFigures are those of the bare loop.
type BareFigures struct {
	Messages  int     `json:"messages"`
	PerSecond float64 `json:"per_second"`
	Micros    float64 `json:"cpu_us_per_mail"`
	Sink      float64 `json:"sink_cpu_us_per_mail"`
}

// DecidedIn is what the tick took that decided all mails.
type DecidedIn struct {
	Seconds float64 `json:"seconds"`
}

// EachSender is one sending process.
type EachSender struct {
	Messages  int     `json:"messages"`
	PerSecond float64 `json:"per_second"`
	CPU       float64 `json:"cpu_seconds"`
	Peak      int64   `json:"peak_rss_bytes"`
}

// Send decides so many mails, sends them by the machine itself to a sink, and
// proves that each arrived once.
func Send(ctx context.Context, o SendOptions) (SendFigures, error) {
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	p, err := newPlace(ctx, o.DatabaseURL)
	if err != nil {
		return SendFigures{}, err
	}
	defer p.close()
	m := &mailingRun{SendOptions: o, place: p}
	m.out = SendFigures{Engine: p.engine.String(), Queue: "in process", Messages: o.Messages, Connections: o.Connections, Workers: o.Workers}
	if o.RedisURL != "" {
		m.out.Queue = "redis"
	}
	defer m.stop()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"decide", m.decide}, {"sink", m.startSink}, {"bare loop", m.bare}, {"send", m.send}, {"check", m.check}} {
		begun := time.Now()
		if err := part.do(ctx); err != nil {
			return m.out, fmt.Errorf("%s: %w", part.name, err)
		}
		o.Tell(fmt.Sprintf("%s: %.1f s", part.name, time.Since(begun).Seconds()))
	}
	return m.out, nil
}

// mailingRun is one run of Send.
type mailingRun struct {
	SendOptions
	place *place
	sink  *child
	all   []*child
	out   SendFigures
}

// decide makes customers up who all want mail, lets the same happen to each, and
// ticks.
func (m *mailingRun) decide(ctx context.Context) error {
	files, err := Mailing()
	if err != nil {
		return err
	}
	cat, problems := content.Load(files)
	for _, p := range problems {
		if !p.Warning {
			return fmt.Errorf("the benchmark's own workspace: %v", p)
		}
	}
	s := m.place.store
	s.Use(cat)
	if err := s.Fix(ctx, store.Live); err != nil {
		return err
	}
	sched := &scheduler.Scheduler{Store: s, Catalog: cat, Log: slog.New(slog.DiscardHandler)}
	tick := func() (map[string]scheduler.Decided, error) {
		now, err := s.Now(ctx)
		if err != nil {
			return nil, err
		}
		return sched.Tick(ctx, now)
	}
	// The first sets the campaign up: what was before it counts for nothing.
	if _, err := tick(); err != nil {
		return err
	}
	if err := m.load(ctx); err != nil {
		return err
	}
	begun, cpu := time.Now(), processorTime()
	decided, err := tick()
	if err != nil {
		return err
	}
	m.out.Decided.Seconds = time.Since(begun).Seconds()
	m.out.CPU.Tick = (processorTime() - cpu).Seconds()
	if n := decided["letter"].Entered; n != m.Messages {
		return fmt.Errorf("the tick let %d customers in, not %d", n, m.Messages)
	}
	_, err = m.place.db.ExecContext(ctx, "ANALYZE")
	return err
}

// load fills the place with customers and one event of each.
func (m *mailingRun) load(ctx context.Context) error {
	series := fmt.Sprintf("generate_series(1, %d) AS s(i)", m.Messages)
	if m.place.engine == audience.SQLite {
		series = fmt.Sprintf("(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < %d) SELECT i FROM r) s", m.Messages)
	}
	attributes := `'{"first_name": "Maria ' || i || '", "city": "Iloilo"}'`
	if m.place.engine == audience.Postgres {
		attributes = "(" + attributes + ")::jsonb"
	}
	for _, statement := range []string{
		`INSERT INTO customers (external_id, email, email_hash, attributes)
			SELECT 'c' || i, 'c' || i || '@kape.example', 'h' || i, ` + attributes + ` FROM ` + series,
		"INSERT INTO consents (customer_id, topic, given, at, recorded_at, source) SELECT i, 'offers', TRUE, 0, 0, 'bench' FROM " + series,
	} {
		if _, err := m.place.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("load customers: %w", err)
		}
	}
	at := campaign.Micros(time.Now())
	if err := m.place.add(ctx, func(yield func(event) bool) {
		for i := range m.Messages {
			if !yield(event{uid: fmt.Sprint("d", i+1), customer: i + 1, name: "Letter Due", at: at, properties: "{}"}) {
				return
			}
		}
	}); err != nil {
		return err
	}
	_, err := m.place.db.ExecContext(ctx, "ANALYZE")
	return err
}

func (m *mailingRun) startSink(ctx context.Context) error {
	if m.SMTPURL != "" {
		return nil
	}
	args := []string{"sink"}
	if m.TLS {
		args = append(args, "--tls")
	}
	c, err := m.start(ctx, nil, args...)
	if err != nil {
		return err
	}
	m.sink = c
	first, err := c.next(ctx)
	if err != nil {
		return err
	}
	m.SMTPURL = first.Address
	return nil
}

// bare measures the bare loop against the same sink.
func (m *mailingRun) bare(ctx context.Context) error {
	if m.Bare == 0 || m.TLS {
		return nil
	}
	before := m.sink.cpu()
	c, err := m.start(ctx, nil, "bare", "--smtp", m.SMTPURL, "--messages", fmt.Sprint(m.Bare), "--connections", fmt.Sprint(m.Connections))
	if err != nil {
		return err
	}
	told, err := c.next(ctx)
	if err != nil {
		return err
	}
	n := float64(m.Bare)
	m.out.Baseline = BareFigures{Messages: m.Bare, PerSecond: n / told.Seconds, Micros: told.Usage.CPU / n * 1e6, Sink: (m.sink.cpu() - before) / n * 1e6}
	return c.wait()
}

// quietFor is how long nothing may be sent before the run is given up.
const quietFor = 90 * time.Second

// send starts the senders, lets them go together, and waits until all is sent.
func (m *mailingRun) send(ctx context.Context) error {
	app := m.place.name + "_sender"
	env := []string{"DATABASE_URL=" + m.place.named(app), "REDIS_URL=" + m.RedisURL, "SMTP_URL=" + m.SMTPURL, fmt.Sprint("SMTP_CONNECTIONS=", m.Connections)}
	var senders []*child
	for i := range m.Workers {
		args := []string{"sender", "--delay", m.Delay.String()}
		if i == 0 {
			args = append(args, "--relay")
		}
		if m.TLS {
			args = append(args, "--trust-sink")
		}
		c, err := m.start(ctx, env, args...)
		if err != nil {
			return err
		}
		senders = append(senders, c)
	}
	for _, c := range senders {
		if _, err := c.next(ctx); err != nil {
			return err
		}
	}
	database, sink, begun := m.place.backends(ctx, app), m.sink.cpu(), time.Now()
	for _, c := range senders {
		if err := c.order("go"); err != nil {
			return err
		}
	}
	last, sent, err := m.watch(ctx, senders)
	if err != nil {
		return err
	}
	for _, c := range senders {
		if err := c.order("end"); err != nil {
			return err
		}
	}
	m.out.Seconds = last.Sub(begun).Seconds()
	m.out.PerSecond = float64(m.Messages) / m.out.Seconds
	m.out.CPU.Parts = map[string]float64{"evaluate": m.out.CPU.Tick}
	for i, c := range senders {
		told, err := c.usage(ctx)
		if err != nil {
			return err
		}
		m.out.CPU.Worker += told.CPU
		m.out.Peak = max(m.out.Peak, told.Peak)
		for name, seconds := range told.Parts {
			m.out.CPU.Parts[name] += seconds
		}
		m.out.Each = append(m.out.Each, EachSender{Messages: sent[i], PerSecond: float64(sent[i]) / m.out.Seconds, CPU: told.CPU, Peak: told.Peak})
	}
	m.out.CPU.Sink = m.sink.cpu() - sink
	for pid, now := range m.place.backends(ctx, app) {
		m.out.CPU.Database += now - database[pid]
	}
	n := float64(m.Messages) / 1e6
	each := m.out.CPU
	each.Parts = map[string]float64{}
	for name, seconds := range m.out.CPU.Parts {
		each.Parts[name] = seconds / n
	}
	each.Worker, each.Tick, each.Database, each.Sink = each.Worker/n, each.Tick/n, each.Database/n, each.Sink/n
	m.out.Micros = each
	for _, c := range senders {
		if err := c.wait(); err != nil {
			return err
		}
	}
	return nil
}

// watch waits until all is sent, and tells when, and by whom how many.
func (m *mailingRun) watch(ctx context.Context, senders []*child) (last time.Time, sent []int, err error) {
	sent = make([]int, len(senders))
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	heard := time.Now()
	for total := 0; total < m.Messages; {
		select {
		case <-look.C:
		case <-ctx.Done():
			return last, sent, ctx.Err()
		}
		for i, c := range senders {
			for len(c.lines) > 0 {
				line, err := c.next(ctx)
				if err != nil {
					return last, sent, err
				}
				total += line.Sent - sent[i]
				sent[i] = line.Sent
				if at := time.UnixMicro(line.At); at.After(last) {
					last = at
				}
				heard = time.Now()
			}
			if c.over.Load() && len(c.lines) == 0 {
				return last, sent, c.fault()
			}
		}
		if time.Since(heard) > quietFor {
			return last, sent, fmt.Errorf("%d of %d mails were sent, and then none for %s", total, m.Messages, quietFor)
		}
	}
	return last, sent, nil
}

// check proves that the ledger has every mail as accepted, and that the sink has
// had each of them once.
func (m *mailingRun) check(ctx context.Context) error {
	var ids, sum, twice int64
	err := m.place.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(id), 0), coalesce(sum(CASE WHEN duplicate THEN 1 ELSE 0 END), 0)
		FROM messages WHERE state = 'accepted' AND smtp_code = 250`).Scan(&ids, &sum, &twice)
	if err != nil {
		return err
	}
	m.out.Accepted = int(ids)
	if int(ids) != m.Messages || twice != 0 {
		return fmt.Errorf("the ledger has %d mails as accepted, %d of them sent again; %d were decided", ids, twice, m.Messages)
	}
	if m.sink == nil {
		return nil
	}
	if err := m.sink.order("tell"); err != nil {
		return err
	}
	told, err := m.sink.next(ctx)
	if err != nil {
		return err
	}
	t := told.Taken
	m.out.Proof = t
	m.out.MailBytes = int(t.Bytes / int64(max(1, t.Mails+t.Other)))
	if len(t.Refused) > 0 {
		return fmt.Errorf("the sink was told what it does not understand: %v", t.Refused)
	}
	if t.Mails != m.Messages || t.IDs != m.Messages || t.Sum != sum {
		return fmt.Errorf("the sink took %d mails of %d ids; the ledger has %d", t.Mails, t.IDs, ids)
	}
	return nil
}

// stop ends what still runs.
func (m *mailingRun) stop() {
	for _, c := range m.all {
		c.kill()
	}
}

var errEnded = errors.New("a process of the benchmark ended early")
