// Package bench measures what the evaluator costs, on a history that it makes up,
// beside the SQL that one would write by hand.
package bench

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/store"
	"tidings/scheduler"
)

//go:embed workspace
var workspace embed.FS

// Options say how much is measured.
type Options struct {
	DatabaseURL       string
	Customers, Events int
	Runs              int          // of which the median counts; 0: 5
	Explain           bool         // add the plans of the statements
	Tell              func(string) // is told what goes on; nil: nobody
}

// Figures are what was measured, in seconds; medians.
type Figures struct {
	Engine    string  `json:"engine"`
	Customers int     `json:"customers"`
	Events    int     `json:"events"`
	Load      float64 `json:"load_seconds"`
	// Segment is the list of members by three behavioural conditions, Count their
	// number; Hand the best statement written by hand for the list, of Forms.
	Segment  float64            `json:"segment_seconds"`
	Count    float64            `json:"count_seconds"`
	Hand     float64            `json:"hand_seconds"`
	Ratio    float64            `json:"segment_to_hand"`
	Forms    map[string]float64 `json:"hand_forms_seconds"`
	Members  int                `json:"members"`
	History  float64            `json:"history_seconds"` // the segment's sizes of 30 days
	Ticks    []Tick             `json:"ticks"`
	Backtest float64            `json:"backtest_seconds"`
	Entered  int                `json:"backtest_entered"`
	Plans    []string           `json:"plans,omitempty"`
}

// Tick is what a tick costs after so many new events.
type Tick struct {
	Events  int     `json:"events"`
	Seconds float64 `json:"seconds"`
	Entered int     `json:"entered"` // by the last of its runs
}

// Evaluate makes a history up, measures, and removes it again.
func Evaluate(ctx context.Context, o Options) (Figures, error) {
	if o.Runs == 0 {
		o.Runs = 5
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	p, err := newPlace(ctx, o.DatabaseURL)
	if err != nil {
		return Figures{}, err
	}
	defer p.close()
	cat, err := catalog()
	if err != nil {
		return Figures{}, err
	}
	m := &measure{Options: o, place: p, cat: cat, eval: audience.New(p.engine, cat), shop: newShop(o.Customers), clock: end}
	m.out = Figures{Engine: p.engine.String(), Customers: o.Customers, Events: o.Events, Forms: map[string]float64{}}
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"load", m.load}, {"segment", m.segment}, {"ticks", m.ticks}, {"backtest", m.backtest}} {
		begun := time.Now()
		if err := part.do(ctx); err != nil {
			return m.out, fmt.Errorf("measure %s: %w", part.name, err)
		}
		o.Tell(fmt.Sprintf("%s: %.1f s", part.name, time.Since(begun).Seconds()))
	}
	return m.out, nil
}

func catalog() (*campaign.Catalog, error) {
	files, err := fs.Sub(workspace, "workspace")
	if err != nil {
		return nil, err
	}
	cat, problems := content.Load(files)
	for _, p := range problems {
		if !p.Warning {
			return nil, fmt.Errorf("the benchmark's own workspace: %v", p)
		}
	}
	return cat, nil
}

// measure is one run of the benchmark.
type measure struct {
	Options
	place *place
	cat   *campaign.Catalog
	eval  *audience.Evaluator
	shop  *shop
	clock time.Time // of the simulation
	out   Figures
}

// median times f.
func (m *measure) median(f func() error) (float64, error) {
	var all []float64
	for range m.Runs {
		begun := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(begun).Seconds())
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

func (m *measure) load(ctx context.Context) error {
	begun := time.Now()
	if err := m.place.load(ctx, m.Customers, m.shop.spread(m.Events, end.Add(-history), end)); err != nil {
		return err
	}
	m.out.Load = time.Since(begun).Seconds()
	return nil
}

func (m *measure) segment(ctx context.Context) error {
	in := campaign.InSegment{Segment: "keen"}
	var members []int64
	var err error
	if m.out.Segment, err = m.median(func() (err error) {
		members, err = m.eval.Members(ctx, m.place.db, in, end)
		return err
	}); err != nil {
		return err
	}
	m.out.Members = len(members)
	if m.out.Count, err = m.median(func() error {
		_, err := m.eval.Count(ctx, m.place.db, in, end)
		return err
	}); err != nil {
		return err
	}
	if m.out.History, err = m.median(func() error { return m.history(ctx, in) }); err != nil {
		return err
	}
	for name, statement := range handWritten(m.place.engine) {
		var found []int64
		took, err := m.median(func() (err error) {
			found, err = ids(m.place.db.QueryContext(ctx, statement, daysAgo(365), daysAgo(90), daysAgo(30)))
			return err
		})
		if err != nil {
			return fmt.Errorf("hand-written %s: %w", name, err)
		}
		if !slices.Equal(found, members) {
			return fmt.Errorf("hand-written %s finds %d members, the evaluator %d", name, len(found), len(members))
		}
		m.out.Forms[name] = took
		if m.out.Hand == 0 || took < m.out.Hand {
			m.out.Hand = took
		}
	}
	m.out.Ratio = m.out.Segment / m.out.Hand
	if m.Explain {
		x := &explainer{place: m.place}
		if _, err := m.eval.Members(ctx, x, in, end); err != nil {
			return err
		}
		m.out.Plans = append(m.out.Plans, x.plans...)
	}
	return nil
}

func daysAgo(n int) int64 { return campaign.Micros(end.AddDate(0, 0, -n)) }

// handWritten are ways to write the segment keen by hand, of which the best
// counts.
func handWritten(engine audience.Engine) map[string]string {
	total := "(e.properties ->> 'total')::numeric"
	if engine == audience.SQLite {
		total = "(e.properties ->> 'total')"
	}
	const viewed = "e.name = 'Product Viewed' AND e.occurred_at > $2"
	const checkout = "e.name = 'Checkout Started' AND e.occurred_at > $3"
	orders := "SELECT e.customer_id FROM events e WHERE e.name = 'Order Completed' AND e.occurred_at > $1 GROUP BY e.customer_id HAVING sum(" + total + ") >= 100"
	views := "SELECT e.customer_id FROM events e WHERE " + viewed + " GROUP BY e.customer_id HAVING count(*) >= 3"
	return map[string]string{
		"in and exists": "SELECT c.id FROM customers c WHERE c.id IN (" + orders + ") AND c.id IN (" + views + ") AND NOT EXISTS (SELECT 1 FROM events e WHERE e.customer_id = c.id AND " + checkout + ") ORDER BY c.id",
		"joined sets": "SELECT o.customer_id FROM (" + orders + ") o JOIN (" + views + ") v ON v.customer_id = o.customer_id LEFT JOIN (SELECT DISTINCT e.customer_id FROM events e WHERE " + checkout +
			") k ON k.customer_id = o.customer_id WHERE k.customer_id IS NULL ORDER BY o.customer_id",
		"set operators": orders + " INTERSECT " + views + " EXCEPT SELECT e.customer_id FROM events e WHERE " + checkout + " ORDER BY 1",
	}
}

func ids(rows *sql.Rows, err error) ([]int64, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// tickEvery is the time that a tick looks back on.
const tickEvery = 15 * time.Second

// ticks measures whole ticks of four campaigns, after 1 k, 10 k and 100 k new
// events.
func (m *measure) ticks(ctx context.Context) error {
	s := m.place.store
	s.Use(m.cat)
	if err := s.Fix(ctx, store.Simulated); err != nil {
		return err
	}
	sched := &scheduler.Scheduler{Store: s, Catalog: m.cat, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	// The first two set the campaigns up.
	for range 2 {
		m.clock = m.clock.Add(tickEvery)
		if _, err := sched.Tick(ctx, m.clock); err != nil {
			return err
		}
	}
	for _, events := range []int{1000, 10_000, 100_000} {
		if events*10 > m.Events {
			break
		}
		t := Tick{Events: events}
		var all []float64
		for range m.Runs {
			if err := m.place.add(ctx, m.shop.spread(events, m.clock, m.clock.Add(tickEvery/2))); err != nil {
				return err
			}
			m.clock = m.clock.Add(tickEvery)
			begun := time.Now()
			decided, err := sched.Tick(ctx, m.clock)
			if err != nil {
				return err
			}
			all = append(all, time.Since(begun).Seconds())
			t.Entered = 0
			for _, d := range decided {
				t.Entered += d.Entered
			}
		}
		slices.Sort(all)
		t.Seconds = all[len(all)/2]
		m.out.Ticks = append(m.out.Ticks, t)
	}
	return nil
}

// backtest plays past_purchase through the whole history.
func (m *measure) backtest(ctx context.Context) error {
	c, _ := m.cat.Campaign("purchase")
	f := &scheduler.Forecaster{Store: m.place.store, Catalog: m.cat}
	begun := time.Now()
	found, err := f.Backtest(ctx, c, end.Add(-history), end)
	if err != nil {
		return err
	}
	m.out.Backtest, m.out.Entered = time.Since(begun).Seconds(), found.Most.Entered
	return nil
}

// explainer notes the plan of each query before it runs it.
type explainer struct {
	place *place
	plans []string
}

func (x *explainer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	explain, columns := "EXPLAIN ", 1
	if x.place.engine == audience.SQLite {
		explain, columns = "EXPLAIN QUERY PLAN ", 4
	}
	rows, err := x.place.db.QueryContext(ctx, explain+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		values := make([]any, columns)
		for i := range values {
			values[i] = new(string)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		x.plans = append(x.plans, *values[columns-1].(*string))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return x.place.db.QueryContext(ctx, query, args...)
}
