package bench

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/store"
	"tidings/scheduler"
)

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
