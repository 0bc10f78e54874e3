package cli

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/inbox"
	"tidings/internal/intake"
	"tidings/internal/render"
	"tidings/internal/store"
	"tidings/internal/token"
	"tidings/scheduler"
	"tidings/worker"
)

// trialBench makes the stores that tests are played in: each is a copy of one
// that was migrated once.
type trialBench struct {
	rt    *runtime
	dir   string
	empty []byte
	n     int
}

func newTrialBench(rt *runtime) (*trialBench, error) {
	dir, err := os.MkdirTemp("", "tidings-test-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the tests: %w", err)
	}
	b := &trialBench{rt: rt, dir: dir}
	path := filepath.Join(dir, "empty.db")
	s, err := store.Open(rt.ctx, "sqlite:"+path, store.Options{Throwaway: true})
	if err == nil {
		err = s.Migrate(rt.ctx)
		if err == nil {
			err = s.Fix(rt.ctx, store.Simulated)
		}
		s.Close()
	}
	if err == nil {
		b.empty, err = os.ReadFile(path)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *trialBench) close() { _ = os.RemoveAll(b.dir) }

func (b *trialBench) store(ctx context.Context) (*store.Store, error) {
	b.n++
	path := filepath.Join(b.dir, strconv.Itoa(b.n)+".db")
	if err := os.WriteFile(path, b.empty, 0o600); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, "sqlite:"+path, store.Options{Throwaway: true})
	if err != nil {
		return nil, err
	}
	return s, s.Migrate(ctx)
}

// quietAfter is how long after the last thing that a test names the clock runs
// on, as long as something is still to come; a campaign that something begins
// again and again by itself is only watched for restless.
const (
	quietAfter = 400 * 24 * time.Hour
	restless   = time.Hour
)

// maxMoments bounds how often a test looks.
const maxMoments = 10_000

// trial is one test being played.
type trial struct {
	store    *store.Store
	campaign *campaign.Campaign
	sched    *scheduler.Scheduler
	worker   *worker.Worker
	queue    *handQueue
	seen     *observed
	now      time.Time
	ids      map[string]string // the shop's id of each customer, by name
}

// observed is what a campaign did in a test.
type observed struct {
	store.Trail
	mails map[int64]inbox.Mail // by message
	names map[string]string    // of customers, by id
	steps map[string]string    // templates by step
	held  map[string]int       // candidates that did not enter, by reason
}

// play runs one test to its end.
func (b *trialBench) play(ctx context.Context, cat *campaign.Catalog, renderer *render.Renderer, suite content.Suite, one content.Case) (*observed, error) {
	s, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	t, err := b.trial(s, cat, renderer, suite)
	if err != nil {
		return nil, err
	}
	begin, end := playtime(t.campaign, one)
	t.now = begin
	if err := t.introduce(ctx, suite); err != nil {
		return nil, err
	}
	if err := t.run(ctx, one, end); err != nil {
		return nil, err
	}
	if t.seen.Trail, err = s.Trail(ctx); err != nil {
		return nil, err
	}
	return t.seen, nil
}

// trial wires a scheduler and a worker that share this thread, over a store.
func (b *trialBench) trial(s *store.Store, cat *campaign.Catalog, renderer *render.Renderer, suite content.Suite) (*trial, error) {
	own := *cat
	original, _ := cat.Campaign(suite.Campaign)
	c := *original
	c.Status, c.Holdout, c.ActiveFrom, c.ActiveUntil = campaign.Active, 0, time.Time{}, time.Time{}
	// How fast mail goes out is not what a test is about.
	c.Rate, own.Workspace.Providers = campaign.Pace{}, nil
	t := &trial{store: s, campaign: &c, queue: &handQueue{}, ids: map[string]string{},
		seen: &observed{mails: map[int64]inbox.Mail{}, names: map[string]string{}, steps: map[string]string{}, held: map[string]int{}}}
	t.assign(cat.Workspace.Name, suite)
	own.Campaigns = []*campaign.Campaign{&c}
	s.Use(&own)
	for _, n := range c.Program.Nodes {
		if n.Send != nil {
			t.seen.steps[n.ID] = n.Send.Template
		}
	}
	signer, err := token.New([]string{"a key for tests, which nobody outside ever sees"})
	if err != nil {
		return nil, err
	}
	log := b.rt.log
	t.sched = &scheduler.Scheduler{Store: s, Queue: t.queue, Catalog: &own, Log: log,
		Relay: scheduler.RelayOptions{MaxQueued: maxQueued, MaxSlices: maxSlices, SliceSize: sliceSize, Workers: 1}}
	t.worker = worker.New(worker.Options{
		Ledger: s, Line: shelf{}, Log: log,
		Clock: func(context.Context) (time.Time, error) { return t.now, nil },
		Renderer: keeping{renderer: renderer, seen: t.seen,
			settings: render.Settings{PublicURL: "https://mail.example.com", Signer: signer, StoreID: s.ID()}},
	})
	return t, nil
}

// assign names the customers to the store. Who is held out is drawn by the id, so
// where somebody is to be, the others' ids are chosen to fall outside.
func (t *trial) assign(workspace string, suite content.Suite) {
	some := false
	for _, who := range suite.Customers {
		some = some || who.HeldOut
	}
	if some {
		t.campaign.Holdout = 0.5
	}
	for _, who := range suite.Customers {
		id := who.Name
		for i := 2; some && campaign.HeldOut(t.campaign.Holdout, workspace, t.campaign.Name, id) != who.HeldOut; i++ {
			id = fmt.Sprintf("%s-%d", who.Name, i)
		}
		t.ids[who.Name], t.seen.names[id] = id, who.Name
	}
}

// playtime is from when to when the clock of a test runs. What is due at or before
// the campaign's first look never starts it, so that lies a minute earlier.
func playtime(c *campaign.Campaign, one content.Case) (begin, end time.Time) {
	note := func(t time.Time) {
		if begin.IsZero() || t.Before(begin) {
			begin = t
		}
		if t.After(end) {
			end = t
		}
	}
	for _, h := range one.Happen {
		note(h.At)
	}
	for _, e := range one.Expect {
		note(e.At)
	}
	if !one.Until.IsZero() {
		note(one.Until)
	}
	begin = begin.Add(-time.Minute)
	if !one.Until.IsZero() {
		return begin, one.Until
	}
	if len(c.Trigger.AnchorNames()) == 0 {
		return begin, end.Add(restless)
	}
	return begin, end.Add(quietAfter)
}

// introduce makes the suite's customers known, from the beginning of time.
func (t *trial) introduce(ctx context.Context, suite content.Suite) error {
	for i, who := range suite.Customers {
		attributes := maps.Clone(who.Attributes)
		if _, given := attributes["email"]; !given {
			attributes["email"] = who.Name + "@example.com"
		}
		row := intake.CustomerRow{Line: i + 1, Traits: campaign.Traits{Customer: campaign.Ref{ID: t.ids[who.Name]}, Attributes: attributes}}
		o := store.ImportOptions{Now: t.now, Topics: who.Topics}
		if len(who.Topics) > 0 {
			o.Consent = "the test says so"
		}
		if _, err := t.store.ImportCustomers(ctx, single(row), o); err != nil {
			return err
		}
	}
	return nil
}

func single[T any](row T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) { yield(row, nil) }
}

// run goes from one moment at which something happens to the next.
func (t *trial) run(ctx context.Context, one content.Case, end time.Time) error {
	left := one.Happen
	for n := 0; ; n++ {
		if n == maxMoments {
			return fmt.Errorf("the test is still busy after %d moments, at %s; say with until: where it is to end", n, t.now.Format(time.RFC3339))
		}
		for len(left) > 0 && !left[0].At.After(t.now) {
			if err := t.happen(ctx, left[0], len(one.Happen)-len(left)); err != nil {
				return err
			}
			left = left[1:]
		}
		if err := t.settle(ctx); err != nil {
			return err
		}
		limit := end
		if len(left) > 0 && left[0].At.Before(limit) {
			limit = left[0].At
		}
		next, err := t.next(ctx, limit)
		if err != nil {
			return err
		}
		if !next.After(t.now) {
			return nil
		}
		t.now = next
	}
}

// happen stores what a test says, known at once. A fact of the catalogue has no
// customer.
func (t *trial) happen(ctx context.Context, h content.Happening, n int) error {
	who := campaign.Ref{ID: t.ids[h.Who]}
	item := intake.Item{}
	if h.Set != nil {
		item.Traits = &campaign.Traits{Customer: who, At: h.At, KnownAt: h.At, Attributes: h.Set}
	} else {
		item.Event = &campaign.Event{UID: fmt.Sprintf("test:%d", n), Customer: who, Name: h.Event, OccurredAt: h.At, KnownAt: h.At, Properties: h.Properties}
	}
	return t.store.Accept(ctx, []intake.Item{item})
}

// settle ticks and sends at this moment until nothing moves any more.
func (t *trial) settle(ctx context.Context) error {
	for {
		decided, err := t.sched.Tick(ctx, t.now)
		if err != nil {
			return err
		}
		for reason, n := range decided[t.campaign.Name].Held {
			t.seen.held[reason] += n
		}
		n, err := t.sched.RelayDue(ctx, t.now)
		if err != nil {
			return err
		}
		for _, slice := range t.queue.take() {
			if err := t.worker.Slice(ctx, slice); err != nil {
				return err
			}
		}
		if n == 0 && !moved(decided) {
			return nil
		}
	}
}

// next is the first moment after now, at most limit, at which the campaign may
// have something to do if nothing else happens; now when there is none.
func (t *trial) next(ctx context.Context, limit time.Time) (time.Time, error) {
	next := limit
	if at, ok, err := t.store.NextWake(ctx, t.now); err != nil {
		return next, err
	} else if ok && at.Before(next) {
		next = at
	}
	err := t.store.InCampaign(ctx, t.campaign, t.now, func(b scheduler.Books) error {
		found, err := b.Candidates(ctx, scheduler.Window{From: t.now, To: next, LateFrom: t.now})
		for _, c := range found {
			if c.AsOf.After(t.now) && c.AsOf.Before(next) {
				next = c.AsOf
			}
		}
		return err
	})
	return next, err
}

// handQueue is a queue whose tasks are taken by hand, in order.
type handQueue struct{ slices []int64 }

func (q *handQueue) Enqueue(_ context.Context, _ campaign.Lane, slice int64) error {
	q.slices = append(q.slices, slice)
	return nil
}

func (q *handQueue) Epoch(context.Context) (string, error) { return "test", nil }

func (q *handQueue) take() []int64 {
	slices := q.slices
	q.slices = nil
	return slices
}

// keeping renders mails and keeps them for the test to look at.
type keeping struct {
	renderer *render.Renderer
	settings render.Settings
	seen     *observed
}

func (k keeping) Render(o campaign.Outgoing) (campaign.Email, error) {
	e, err := k.renderer.Render(o, k.settings)
	if err == nil {
		k.seen.mails[o.ID] = inbox.Parse(e.Body)
	}
	return e, err
}

// shelf takes every mail: a test has no mail server.
type shelf struct{}

func (shelf) Get(context.Context) (worker.Conn, error) { return shelf{}, nil }
func (shelf) Put(worker.Conn)                          {}

func (shelf) Begin(context.Context, campaign.Email) error { return nil }
func (shelf) Finish(context.Context) (campaign.Reply, error) {
	return campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "kept for the test"}, nil
}
func (s shelf) FinishBegin(ctx context.Context, _ campaign.Email) (worker.Ending, error) {
	reply, err := s.Finish(ctx)
	return worker.Ending{Reply: reply, Err: err}, nil
}
func (shelf) Abort() {}
