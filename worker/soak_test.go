package worker_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/intake"
	"tidings/internal/mail"
	"tidings/internal/mail/smtptest"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
	"tidings/worker"
)

// dice are drawn from by all goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) percent(p int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(100) < p
}

func (d *dice) of(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// shaky is a store that fails now and then, before or after it has committed.
type shaky struct {
	*store.Store
	dice *dice
	on   bool
}

var errShaky = errors.New("the database went away")

func (s *shaky) Claim(ctx context.Context, slice int64, n int, now time.Time) ([]campaign.Outgoing, error) {
	if s.on && s.dice.percent(3) {
		return nil, errShaky
	}
	out, err := s.Store.Claim(ctx, slice, n, now)
	if s.on && s.dice.percent(2) {
		return nil, errShaky
	}
	return out, err
}

func (s *shaky) Commit(ctx context.Context, b worker.Batch, now time.Time) (map[campaign.Claim]bool, error) {
	if s.on && s.dice.percent(4) {
		return nil, errShaky
	}
	admitted, err := s.Store.Commit(ctx, b, now)
	if s.on && s.dice.percent(3) {
		return nil, errShaky
	}
	return admitted, err
}

// plain renders a mail that says which message it is; some can't be rendered.
type plain struct{}

func (plain) Render(o campaign.Outgoing) (campaign.Email, error) {
	if o.ID%37 == 0 {
		return campaign.Email{}, errors.New("no first_name")
	}
	body := fmt.Sprintf("%s: %d\r\nSubject: Hello\r\n\r\nHello\r\n", smtptest.IDHeader, o.ID)
	return campaign.Email{From: "hello@mail.kape.example", To: o.Customer.Email, Body: []byte(body)}, nil
}

// pool is the mail pool as the worker wants it.
type pool struct{ *mail.Pool }

func (p pool) Get(ctx context.Context) (worker.Conn, error) {
	c, err := p.Pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	return smtpConn{c}, nil
}

func (p pool) Put(c worker.Conn) { p.Pool.Put(c.(smtpConn).Conn) }

type smtpConn struct{ *mail.Conn }

func (c smtpConn) FinishBegin(ctx context.Context, next campaign.Email) (worker.Ending, error) {
	done, err := c.Conn.FinishBegin(ctx, next)
	return worker.Ending(done), err
}

// tasks is a queue that forgets some of what it is given, and delivers some of
// it twice.
type tasks struct {
	dice   *dice
	on     bool
	slices []int64
}

func (q *tasks) Enqueue(_ context.Context, _ campaign.Lane, slice int64) error {
	switch {
	case q.on && q.dice.percent(5):
		return errors.New("the queue went away")
	case q.on && q.dice.percent(5):
		return nil
	case q.on && q.dice.percent(10):
		q.slices = append(q.slices, slice)
	}
	q.slices = append(q.slices, slice)
	return nil
}

func (q *tasks) Epoch(context.Context) (string, error) { return "one", nil }

// Whatever fails, nothing is lost, and nothing is sent twice without saying so.
func TestSoak(t *testing.T) {
	t.Parallel()
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("sqlite/", seed), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			soak(t, "sqlite:"+path, "sqlite", "file:"+path+"?_pragma=busy_timeout(15000)", seed)
		})
		t.Run(fmt.Sprint("postgres/", seed), func(t *testing.T) {
			address := storetest.PostgresURL(t)
			soak(t, address, "pgx", address, seed)
		})
	}
}

const soakMessages = 200

func soak(t *testing.T, address, driver, dsn string, seed uint64) {
	ctx := t.Context()
	s, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	rnd := &dice{r: rand.New(rand.NewPCG(seed, 42))}
	server := smtptest.New(t)
	smtpServer, err := mail.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	line := mail.New(smtpServer, mail.WithConnections(4), mail.WithRecycling(9, time.Minute))
	defer func() {
		if err := line.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	clock, log := now, slog.New(slog.NewTextHandler(io.Discard, nil))
	db, queue := &shaky{Store: s, dice: rnd, on: true}, &tasks{dice: rnd, on: true}
	sched := &scheduler.Scheduler{
		Store: s, Queue: queue, Catalog: soakCatalog(t), Log: log,
		Relay: scheduler.RelayOptions{MaxQueued: 120, SliceSize: 15, Workers: 4},
	}
	s.Use(sched.Catalog)
	if _, err := sched.Tick(ctx, clock); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Minute)
	soakFacts(t, s, clock)
	w := worker.New(worker.Options{
		Ledger: db, Renderer: plain{}, Line: pool{line}, Log: log, ClaimSize: 4, Pause: func(context.Context, time.Duration) {},
		Clock: func(context.Context) (time.Time, error) { return clock, nil },
	})
	server.Fault(mishaps(rnd))
	for round := 0; ; round++ {
		if round == 40 { // the weather clears
			server.Fault(nil)
			db.on, queue.on = false, false
		}
		if _, err := sched.Tick(ctx, clock); err != nil {
			t.Fatal(err)
		}
		if _, err := sched.RelayDue(ctx, clock); err != nil && round >= 40 {
			t.Fatal(err)
		}
		runSlices(ctx, w, queue, rnd, round < 40)
		total, err := s.Totals(ctx, clock)
		if err != nil {
			t.Fatal(err)
		}
		if round > 40 && total.Moving+total.Uncertain == 0 && total.Accepted+total.Failed+total.Unresolved+cancelled(total) == soakMessages {
			break
		}
		if round > 400 {
			t.Fatalf("not at rest: %+v", total)
		}
		clock = clock.Add(3 * time.Minute)
	}
	raw, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	soakEnds(t, raw, server)
}

func cancelled(t store.Totals) (n int) {
	for _, one := range t.Cancelled {
		n += one
	}
	return n
}

// runSlices works the queue off on four connections; now and then the process
// is told to stop in the middle.
func runSlices(ctx context.Context, w *worker.Worker, q *tasks, rnd *dice, faults bool) {
	work := make(chan int64, len(q.slices))
	for _, slice := range q.slices {
		work <- slice
	}
	close(work)
	q.slices = nil
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for slice := range work {
				if faults && rnd.percent(10) {
					stop()
				}
				// The error is the database's: the sweep finds what it left.
				_ = w.Slice(ctx, slice)
			}
		})
	}
	wg.Wait()
}

// mishaps are what mail servers do.
func mishaps(rnd *dice) smtptest.Plan {
	drop := smtptest.Fault{Drop: true}
	all := map[smtptest.Point][]smtptest.Fault{
		smtptest.Greeting: {drop, {Reply: "421 4.3.2 closing"}},
		smtptest.Mail:     {drop, {Reply: "421 4.7.0 enough"}, {Reply: "451 4.7.1 later"}},
		smtptest.Rcpt:     {drop, {Reply: "450 4.2.1 later"}, {Reply: "550 5.1.1 unknown"}},
		smtptest.Data:     {drop, {Reply: "451 4.3.0 later"}},
		smtptest.Body:     {drop},
		smtptest.Dot:      {drop, {Reply: "451 4.3.0 later"}, {Reply: "554 5.6.0 no"}},
		smtptest.Taken:    {drop},
	}
	return func(m smtptest.Moment) *smtptest.Fault {
		if here := all[m.Point]; len(here) > 0 && rnd.percent(4) {
			return &here[rnd.of(len(here))]
		}
		return nil
	}
}

func soakCatalog(t *testing.T) *campaign.Catalog {
	t.Helper()
	cat, problems := content.Load(fstest.MapFS{
		"tidings.yaml":       {Data: []byte("name: K\nzone: UTC\nlocales: [en]\ncurrency: EUR\nbrand: { address: a }\nsenders: { hello: { from: hello@mail.kape.example } }\ntopics: { offers: {} }\ndefaults: { from: hello }\n")},
		"campaigns/x.yaml":   {Data: []byte("status: active\ntopic: offers\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n")},
		"campaigns/z.yaml":   {Data: []byte("status: active\ntransactional: true\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n")},
		"templates/one.html": {Data: []byte("---\nsubject: Hello\n---\n<p>Hello</p>\n")},
	})
	for _, p := range problems {
		if !p.Warning {
			t.Fatal(p)
		}
	}
	return cat
}

// soakFacts gives every customer two messages.
func soakFacts(t *testing.T, s *store.Store, at time.Time) {
	t.Helper()
	var all []intake.Item
	for i := range soakMessages / 2 {
		for kind, body := range map[string]string{
			"identify": `{"userId":"c%d","traits":{"email":"c%[1]d@kape.example"}}`,
			"batch":    `{"batch":[{"type":"track","userId":"c%d","event":"Subscribed"},{"type":"track","userId":"c%[1]d","event":"Go"}]}`,
		} {
			items, err := intake.ParseCall(kind, fmt.Appendf(nil, body, i), at)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, items...)
		}
	}
	if err := s.Accept(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

// ended is a message as the ledger has it in the end.
type ended struct {
	id        int64
	state     campaign.State
	reason    string
	duplicate bool
	uncertain int
}

// wrong tells what does not fit a message that the server took n times.
func (m ended) wrong(n int) string {
	done := m.state == campaign.Failed || m.state == campaign.Cancelled
	switch {
	case n > 1 && !m.duplicate:
		return "is no duplicate"
	case n > campaign.MaxUncertain:
		return "was sent too often"
	case m.state == campaign.Accepted && n == 0:
		return "was never seen by the server"
	case done && m.reason == "":
		return "has no reason"
	case done && n > 0 && !m.duplicate:
		return "was taken after all"
	case m.state == campaign.Uncertain && m.uncertain != campaign.MaxUncertain:
		return "is left uncertain"
	case !m.state.Terminal() && m.state != campaign.Uncertain:
		return "is not at rest"
	}
	return ""
}

// soakEnds compares what the ledger says with what the server took.
func soakEnds(t *testing.T, db *sql.DB, server *smtptest.Server) {
	t.Helper()
	rows, err := db.Query(`SELECT id, state, reason, duplicate, uncertain FROM messages ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	states, twice, messages := map[campaign.State]int{}, 0, 0
	taken := server.Counts()
	for rows.Next() {
		var m ended
		if err := rows.Scan(&m.id, &m.state, &m.reason, &m.duplicate, &m.uncertain); err != nil {
			t.Fatal(err)
		}
		n := taken[strconv.FormatInt(m.id, 10)]
		delete(taken, strconv.FormatInt(m.id, 10))
		if wrong := m.wrong(n); wrong != "" {
			t.Errorf("message %d, %s for %q, taken %d times, %s", m.id, m.state, m.reason, n, wrong)
		}
		if n > 1 {
			twice++
		}
		messages++
		states[m.state]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if messages != soakMessages || len(taken) != 0 {
		t.Errorf("%d messages in the ledger; the server took %v besides", messages, taken)
	}
	if states[campaign.Accepted] < soakMessages/2 {
		t.Errorf("too few are accepted: %v", states)
	}
	t.Logf("%v, %d taken twice", states, twice)
}
