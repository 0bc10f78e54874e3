package store_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A hit takes one connection: as many at once as there are connections must not
// wait for each other.
func TestHitsOnOneConnection(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "a.db") },
		"postgres": func(t *testing.T) string { return storetest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s, err := store.Open(ctx, url(t), store.Options{MaxConns: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Migrate(ctx); err != nil {
				t.Fatal(err)
			}
			d := newDesk(t, s, map[string]string{"x": "name: X\nstatus: active\ntopic: offers\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n"})
			d.join("ana")
			d.track("ana", "Go", "")
			d.tick(time.Minute)
			var message int64
			if err := store.RawDB(s).QueryRowContext(ctx, `SELECT id FROM messages`).Scan(&message); err != nil {
				t.Fatal(err)
			}
			if _, err := store.RawDB(s).ExecContext(ctx, `INSERT INTO links (id, url) VALUES (5, 'https://kape.example/a')`); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					hit := campaign.Hit{At: d.now, UserAgent: person}
					if err := s.Clicked(ctx, message, 5, hit); err != nil {
						t.Errorf("click %d: %v", i, err)
					}
					if err := s.Opened(ctx, message, hit); err != nil {
						t.Errorf("open %d: %v", i, err)
					}
				})
			}
			wg.Wait()
			var clicks int
			if err := store.RawDB(s).QueryRowContext(ctx, `SELECT count(*) FROM hits WHERE kind = 'click' AND link_id = 5`).Scan(&clicks); err != nil {
				t.Fatal(err)
			}
			if clicks != 20 {
				t.Errorf("%d of 20 clicks are stored", clicks)
			}
		})
	}
}
